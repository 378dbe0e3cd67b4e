"""Ignore rules: the text of a file, and when and how files are read. Which paths rules fit: against_git."""
import os

import pytest
from expref.objstore import ignore
from expref.objstore.errors import GitError
from expref.objstore.formats.ignore import MAX_SIZE, Rule, RuleList, parse
from expref.objstore.ignore import IgnoreRules
from expref.objstore.repository import Repository


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def repository(tmp_path, environ):
    return Repository.init(str(tmp_path / "repo"), environ)


def write(repository, name, content):
    path = os.path.join(repository.work_tree, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def ignored(rules, *paths):
    """Which of `paths` are ignored; a "/" at the end makes it a folder."""
    return [path for path in paths if rules.ignored(path.removesuffix("/").encode(), path.endswith("/"))]


@pytest.mark.parametrize("line, expected", [
    (b"a", Rule(b"a", False, False, 1)), (b"!a", Rule(b"a", True, False, 1)), (b"a/", Rule(b"a", False, True, 1)),
    (b"!/a/b/", Rule(b"/a/b", True, True, 1)), (b"!!a", Rule(b"!a", True, False, 1)), (b"\\!a", Rule(b"\\!a", False, False, 1)),
    (b"\\#a", Rule(b"\\#a", False, False, 1)), (b" #a", Rule(b" #a", False, False, 1)), (b"!#a", Rule(b"#a", True, False, 1)),
    (b"a  ", Rule(b"a", False, False, 1)), (b"a\\ ", Rule(b"a\\ ", False, False, 1)), (b"a\\  ", Rule(b"a\\ ", False, False, 1)),
    (b"a\\\\  ", Rule(b"a\\\\", False, False, 1)), (b"a\t", Rule(b"a\t", False, False, 1)), (b"a \r", Rule(b"a", False, False, 1)),
    (b"a\r\r", Rule(b"a\r", False, False, 1)), (b"a/ ", Rule(b"a", False, True, 1)), (b"a//", Rule(b"a/", False, True, 1)),
    (b"a\0b", Rule(b"a", False, False, 1)), (b"\xef\xbb\xbfa", Rule(b"a", False, False, 1)),
    (b"\n\na", Rule(b"a", False, False, 3)), (b"\n\xef\xbb\xbfa", Rule(b"\xef\xbb\xbfa", False, False, 2)),
])  # fmt: skip
def test_a_line(line, expected):
    assert parse(line) == parse(line + b"\n") == [expected]


@pytest.mark.parametrize("text", [b"", b"\n", b"#a", b"\xef\xbb\xbf#a", b" ", b"  \n\t\r\n"[:2], b"!", b"/", b"!/", b"//", b"\r\n", b"\0a"])
def test_lines_without_a_rule(text):
    assert parse(text) == []


def test_what_is_in_an_ignored_folder_cannot_be_taken_back(repository):
    write(repository, ".gitignore", b"fo*\n!*.txt\n!foo/a\n")
    write(repository, "foo/.gitignore", b"!*\n")
    rules = IgnoreRules(repository)
    assert ignored(rules, "foo/", "foo/a", "foo/b.txt", "foo/c/d", "fo.txt") == ["foo/", "foo/a", "foo/b.txt", "foo/c/d"]


def test_the_nearest_file_decides_first(repository, tmp_path):
    write(repository, "../home/.config/git/ignore", b"user\nboth\n")
    write(repository, ".git/info/exclude", b"own\n!both\n")
    write(repository, ".gitignore", b"!own\ntop\n")
    write(repository, "sub/.gitignore", b"!top\nuser\n/only\n")
    rules = IgnoreRules(repository)
    assert ignored(rules, "user", "both", "own", "top", "only") == ["user", "top"]
    assert ignored(rules, "sub/user", "sub/top", "sub/only", "sub/below/only", "sub/below/top") == ["sub/user", "sub/only"]


def test_files_of_another_name_have_nothing_to_do_with_those_of_git(repository):
    write(repository, ".git/info/exclude", b"*\n")
    write(repository, ".gitignore", b"*\n")
    write(repository, "data/.dvcignore", b"*.tmp\nraw/\n")
    rules = IgnoreRules(repository, file_name=b".dvcignore")
    assert ignored(rules, "data/a.tmp", "data/a.csv", "data/raw/", "data/raw/b/c", "a.tmp") == ["data/a.tmp", "data/raw/", "data/raw/b/c"]


def test_a_file_is_read_once_and_only_if_a_path_leads_there(repository, monkeypatch):
    read = []

    def note(path, *args, original=os.open):
        if os.fsdecode(path).endswith(".gitignore"):
            read.append(os.path.relpath(os.fsdecode(path), repository.work_tree))
        return original(path, *args)

    for folder in ("a/b", "c"):
        write(repository, f"{folder}/.gitignore", b"x\n")
    monkeypatch.setattr(os, "open", note)
    rules = IgnoreRules(repository)
    assert read == []
    assert ignored(rules, "a/x", "a/b/x", "a/b/c/x") == ["a/b/x", "a/b/c/x"]
    assert read == [".gitignore", "a/.gitignore", "a/b/.gitignore", "a/b/c/.gitignore"]
    assert ignored(rules, "a/b/d/x") == ["a/b/d/x"]
    assert read[4:] == ["a/b/d/.gitignore"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no FIFOs")
def test_nothing_waits_for_the_writer_of_a_fifo(repository):
    os.mkfifo(os.path.join(repository.work_tree, ".gitignore"))
    os.makedirs(f"{repository.git_dir}/info", exist_ok=True)
    os.mkfifo(f"{repository.git_dir}/info/exclude")
    assert ignored(IgnoreRules(repository), "a") == []


@pytest.mark.parametrize("flag", [ignore.NOFOLLOW, 0], ids=["as it is", "without O_NOFOLLOW"])
def test_a_link_is_not_followed(flag, repository, monkeypatch):
    monkeypatch.setattr(ignore, "NOFOLLOW", flag)
    write(repository, "rules", b"x\n")
    os.symlink("rules", os.path.join(repository.work_tree, ".gitignore"))
    assert ignored(IgnoreRules(repository), "x") == []
    os.makedirs(f"{repository.git_dir}/info", exist_ok=True)
    os.symlink("../../rules", f"{repository.git_dir}/info/exclude")
    assert ignored(IgnoreRules(repository), "x") == ["x"], "a file of the user's may be a link"


def test_a_file_that_is_too_large_has_no_rules(repository):
    os.truncate(write(repository, ".gitignore", b"x\n"), MAX_SIZE)
    assert ignored(IgnoreRules(repository), "x") == []
    os.truncate(write(repository, ".git/info/exclude", b"x\n"), MAX_SIZE)
    with pytest.raises(GitError, match=r"info/exclude: an ignore file has to be smaller than 104857600 bytes"):
        ignored(IgnoreRules(repository), "x")


def test_a_bare_repository_has_no_work_tree(repository, environ):
    with open(f"{repository.git_dir}/config", "a") as file:
        file.write("[core]\n\tbare = true\n")
    with pytest.raises(GitError, match="is a bare repository"):
        IgnoreRules(Repository.discover(repository.git_dir, environ))


def test_names_in_any_case_come_back_as_they_are_spelled(repository, environ):
    with open(f"{repository.git_dir}/config", "a") as file:
        file.write("[core]\n\tignoreCase = true\n")
    write(repository, ".gitignore", b"*.LOG\n!Keep.log\n/Sub/x\n")
    rules = IgnoreRules(Repository.discover(repository.work_tree, environ)).folder(b"")
    assert sorted(rules.kept_files([b"A.log", b"a.Log", b"KEEP.LOG", b"keep.log", b"B"])) == [b"B", b"KEEP.LOG", b"keep.log"]
    assert rules.kept_folders([b"SUB"]) == [b"SUB"]


def test_a_folder_is_asked_only_about_rules_that_may_fit_there():
    rules = RuleList(parse(b"".join(b"/d%d/*.tmp\n/d%d/x\n/e%d/**/z\n" % (n, n, n) for n in range(1000))))
    steps = {folder: rules.steps(folder, is_dir=False) for folder in (b"", b"a/", b"d7/", b"d7/a/", b"e7/", b"e7/a/")}
    assert [len(found) for found in steps.values()] == [0, 0, 1, 0, 1, 1]
    assert steps[b"d7/"][0].fitting([b"x", b"a.tmp", b"y"]) == {b"x", b"a.tmp"}
    assert steps[b"e7/a/"][0].fitting([b"x", b"z"]) == {b"z"}
