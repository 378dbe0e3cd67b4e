"""What a snapshot holds besides the tracked files: what `git add` of the same paths adds in an index of its own."""
import os
import random
import shutil
import subprocess
import sys
import time

import pytest
from expref.objstore import scan, worktree
from expref.objstore.errors import BadName, GitError, NotFound
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.status import Status
from expref.objstore.trees import get_entry
from expref.objstore.worktree import Change, changes, snapshot, store

from tests.against_git.test_snapshot import Walk, check_objects, fill, git_tree, make_old
from tests.conftest import needs
from tests.gitrepo import users_files

pytestmark = needs("git")


@pytest.fixture(autouse=True)
def small_scale(monkeypatch):
    """No syncs: nothing here loses power. What large repositories make worth while is done for few files too."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for name, value in {"_WORTH": 0, "_COMPARING": 1 << 30, "_MANY": 0, "BULK": 2}.items():
        monkeypatch.setattr(worktree, name, value)
    for name, value in {"WORTH_A_FORK": 2, "RUN": 3}.items():
        monkeypatch.setattr(scan, name, value)


@pytest.fixture
def filled(repo):
    return fill(repo)


def gits(repo, tmp_path, extra):
    """The tree that git makes and the environment that sees it; None if it refuses one of the paths."""
    _, env = git_tree(repo, tmp_path)
    for path in extra:
        if not os.path.lexists(repo.path / os.fsdecode(path)):
            continue  # the removal is in the index already
        forced = [] if (repo.path / os.fsdecode(path)).is_dir() else ["-f"]
        done = repo.try_git("add", "--sparse", *forced, "--", os.fsdecode(path) or ".", env=env | {"GIT_LITERAL_PATHSPECS": "1"})
        if done.returncode:
            return None, env
    return repo.git("write-tree", env=env), env


def agree(repo, tmp_path, *extra):
    """Assert that git makes the same tree or refuses too, with and without a copy of the index. Returns the tree."""
    (expected, env), before = gits(repo, tmp_path, extra), users_files(repo.path)
    opened = repo.open()
    copy = IndexCopy(str(tmp_path / "copy"), opened.object_format, opened.sharing)
    for options in ({}, {"copy": copy}, {"copy": copy, "workers": 2}):
        if expected is None:
            with pytest.raises(GitError):
                snapshot(opened, extra=extra, **options)
        else:
            tree = str(snapshot(opened, extra=extra, **options))
            difference = "" if tree == expected else repo.git("diff-tree", "-r", tree, expected, env=env)
            assert tree == expected, f"{extra}, {options}, ours → git's:\n{difference}"
    assert users_files(repo.path) == before
    return expected


def test_a_file_a_folder_and_everything(filled, tmp_path):
    for name in ("new", "dir/new", "dir/sub/new", "untracked/deep/er/1", "untracked/2", "x y", "-dash", "*"):
        filled.write(name, name.encode())
    (filled.path / "untracked/link").symlink_to("../new")
    filled.write("untracked/run", b"#!", mode=0o755)
    found = {agree(filled, tmp_path, *extra) for extra in (
        (), (b"new",), (b"dir",), (b"dir/",), (b"untracked/deep",), (b"untracked", b"new"), (b"",), (b"new", b"a"), (b"x y", b"*"),
        (b"-dash",), (b"dir/sub/new", b"dir/sub"), (b"dir/sub",), (b"untracked/link",), (b"untracked/run", b"run.sh"),
    )}
    assert len(found) == 11
    assert agree(filled, tmp_path, b".") == agree(filled, tmp_path, b"./untracked/..".partition(b"untracked")[0])
    check_objects(filled)


def test_an_ignored_file_is_taken_if_it_is_named_and_not_with_its_folder(filled, tmp_path):
    filled.write(".gitignore", b"*.log\nout/\n!dir/keep.log\n")
    for name in ("1.log", "dir/2.log", "dir/keep.log", "out/3", "dir/new"):
        filled.write(name, name.encode())
    for extra in ((b"1.log",), (b"dir",), (b"out/3",), (b"",), (b"dir", b"dir/2.log"), (b"dir/2.log",)):
        assert agree(filled, tmp_path, *extra)
    assert agree(filled, tmp_path, b"out") is None
    filled.git("add", "-f", "out/3")
    filled.write("out/4", b"4")
    assert agree(filled, tmp_path, b"out") is None
    assert agree(filled, tmp_path, b"out/3", b"out/4")


def test_other_repositories_are_opaque(filled, tmp_path):
    inner, empty = filled.other("repo/nested/inner").init(), filled.other("repo/hollow").init()
    inner.write("f", b"f")
    inner.commit()
    filled.write("nested/own", b"own")
    for extra in ((b"nested",), (b"nested/inner",), (b"nested/own",), (b"nested/inner/",)):
        assert agree(filled, tmp_path, *extra)
    for extra in ((b"hollow",), (b"",)):
        assert agree(filled, tmp_path, *extra) is None
    with pytest.raises(BadName, match="nested/inner/f lies in another repository, nested/inner"):
        snapshot(filled.open(), extra=[b"nested/inner/f"])
    shutil.rmtree(empty.path)
    assert agree(filled, tmp_path, b"")
    inner.write("f", b"changed")
    inner.commit()
    assert agree(filled, tmp_path, b"nested")


@pytest.mark.parametrize(("path", "error", "message"), [
    (b"missing", NotFound, "missing: No such file"), (b"a/x", BadName, "a/x lies behind a, which is no folder"),
    (b"../up", BadName, "no path in the work tree"), (b"/etc/passwd", BadName, "no path in the work tree"),
    (b".git/config", BadName, "no path in the work tree"), (b"linked/b", BadName, "lies behind linked, which is no folder"),
    (b"fifo", GitError, "fifo is no file, symbolic link or folder"), (b"x\0y", BadName, "no path in the work tree"),
])  # fmt: skip
def test_what_cannot_be_included_is_refused_by_name(filled, path, error, message):
    (filled.path / "linked").symlink_to("dir")
    os.mkfifo(filled.path / "fifo")
    with pytest.raises(error, match=message):
        snapshot(filled.open(), extra=[path])


def test_a_tracked_path_is_nothing_more(filled, tmp_path):
    plain = agree(filled, tmp_path)
    for path in (b"a", b"dir", b"dir/sub/c", b"link", b"empty"):
        assert agree(filled, tmp_path, path) == plain
    (filled.path / "a").unlink()
    shutil.rmtree(filled.path / "dir")
    assert agree(filled, tmp_path, b"a", b"dir") == agree(filled, tmp_path)


def test_in_the_place_of_what_is_tracked(filled, tmp_path):
    (filled.path / "a").unlink()
    filled.write("a/x/y", b"in the place of a file")
    shutil.rmtree(filled.path / "dir")
    filled.write("dir", b"in the place of a folder")
    for extra in ((b"a",), (b"dir",), (b"a/x/y", b"dir"), (b"",)):
        assert agree(filled, tmp_path, *extra)


def test_included_files_are_converted(filled, tmp_path):
    filled.write(".gitattributes", b"*.txt text\n*.bin -text\n")
    for name in ("n/1.txt", "n/2.bin", "n/3"):
        filled.write(name, b"1\r\n2\r\n")
    assert agree(filled, tmp_path, b"n", b".gitattributes")
    filled.git("config", "core.autocrlf", "true")
    assert agree(filled, tmp_path, b"n")


def test_without_a_commit_and_without_an_index(repo, tmp_path):
    repo.write("d/f", b"1")
    assert agree(repo, tmp_path, b"d") == agree(repo, tmp_path, b"")


@pytest.mark.parametrize("changed", [["late"], ["-early", "late"], ["-before/x", "late"], ["dir/b"], ["-early", "-before/x"]])
def test_a_deleted_attributes_file_counts_until_git_comes_to_it(filled, tmp_path, changed):
    """Git goes through its index in order: attributes asked for before `.gitattributes` is reached are still those."""
    for first in ("", "-before/"):
        filled.write(f"{first}.gitattributes", b"* text\n")
    for name in ("-early", "-before/x", "late", "dir/b"):
        filled.write(name, b"1\n")
    filled.git("add", "--all")
    settle_down(filled)  # what is racy is compared before all that
    for name in changed:
        filled.write(name, b"crlf\r\n")
    for name in ("-before/.gitattributes", ".gitattributes"):
        (filled.path / name).unlink()
        assert agree(filled, tmp_path)


def settle_down(repo):
    """Make everything older than the index by far."""
    make_old(repo)
    now = time.time()
    os.utime(repo.path / ".git/index", (now + 5, now + 5))


SPELLINGS = [f"{first}/{second}" for first in ("d", "D") for second in ("e", "E")]


@pytest.mark.parametrize("seed", range(12))
def test_where_case_makes_no_difference_folders_are_spelled_as_they_are_tracked(repo, tmp_path, seed):
    """All spellings of a file are links to one, as they would be where case makes no difference."""
    generator = random.Random(seed)
    repo.git("config", "core.ignoreCase", "true")
    for number, folder in enumerate(generator.sample([*SPELLINGS, "d", "D", "x"], generator.randrange(1, 5))):
        repo.write(f"{folder}/tracked{number}", b"%d" % number)
    repo.commit()
    first = repo.write(f"{SPELLINGS[0]}/new", b"new")
    for folder in SPELLINGS[1:]:
        (repo.path / folder).mkdir(parents=True, exist_ok=True)
        os.link(first, repo.path / folder / "new")
    for folder in SPELLINGS:
        agree(repo, tmp_path, f"{folder}/new".encode())
    if number == 0:  # else git gives tracked files a second name
        agree(repo, tmp_path, *(folder.encode() for folder in SPELLINGS))
    repo.git("config", "core.ignoreCase", "false")
    agree(repo, tmp_path, b"d/e/new", b"D/e/new")


def test_where_case_makes_a_difference_after_all_no_file_takes_the_place_of_another(filled):
    filled.git("config", "core.ignoreCase", "true")
    filled.write("DIR/new", b"one")
    assert b"DIR/new" in names(filled, b"DIR/new")
    filled.write("dir/new", b"the other")
    assert {b"DIR/new", b"dir/new"} <= names(filled, b"DIR", b"dir")


def test_a_path_in_another_case_may_have_gone(filled):
    filled.git("config", "core.ignoreCase", "true")
    shutil.rmtree(filled.path / "dir")
    for path in (b"DIR", b"DIR/B", b"dir/Sub"):
        assert not {each for each in names(filled, path) if each.lower().startswith(b"dir/")}
    with pytest.raises(NotFound, match="dir/other"):
        snapshot(filled.open(), extra=[b"dir/other"])


def names(repo, *extra):
    tree = str(snapshot(repo.open(), extra=extra))
    return set(repo.git_bytes("ls-tree", "-rz", "--name-only", tree).split(b"\0"))


class Includes(Walk):
    """Random changes, ignore rules among them, and random paths to include."""

    def extra(self):
        paths = [b"", b"d", b"d/e", b"f", b"d-", *(b"%s%c" % (f, n) for f in (b"", b"d/", b"d/e/", b"d-/") for n in b"xyz")]
        there = [path for path in paths if os.path.lexists(self.path / os.fsdecode(path))]
        return self.random.sample(there, min(self.random.randrange(4), len(there)))

    def do_ignore(self, path):
        rules = ["x", "d/", "/d/x", "!x", "*", "!d/", "y", "e/"]
        (path.parent / ".gitignore").write_text("\n".join(self.random.sample(rules, self.random.randrange(3))))


@pytest.mark.parametrize("seed", range(15))
def test_random_paths(repo, tmp_path, seed):
    walk = Includes(repo, seed)
    for name in ("x", "d/x", "d/y", "d/e/x", "f/z", "d-/y"):
        repo.write(name, name.encode())
    repo.commit()
    for _ in range(10):
        walk.step()
        agree(repo, tmp_path, *walk.extra())
        still_untracked(repo, tmp_path)
    check_objects(repo)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(15, 300))
def test_many_random_paths(repo, tmp_path, seed):
    test_random_paths(repo, tmp_path, seed)


def still_untracked(repo, tmp_path):
    """What a look with a copy finds untracked is what `git status` lists, and it costs the copy nothing."""
    opened = repo.open()
    copy = IndexCopy(str(tmp_path / "names"), opened.object_format, opened.sharing)
    listed = repo.git_bytes("-c", "core.quotePath=off", "status", "--porcelain", "-z", "--no-renames").split(b"\0")
    theirs = sorted(line[3:] for line in listed if line.startswith(b"??"))
    for workers in (1, 2):
        seen = Status(opened, copy=copy, workers=workers, names=True)
        if not seen.unmerged:
            store(seen)
        assert list(seen.untracked()) == theirs


def test_names_that_come_and_go_are_seen_with_a_copy(filled, tmp_path):
    filled.git("write-tree")
    for number in range(6):
        still_untracked(filled, tmp_path)
        time.sleep(0.05)  # so that folders are old enough to be remembered
        still_untracked(filled, tmp_path)
        filled.write(f"dir/sub/new{number % 2}", b"")
        still_untracked(filled, tmp_path)
        if number % 2:
            (filled.path / "dir/sub/new0").unlink()
        if number == 3:
            (filled.path / "dir/sub/c").rename(filled.path / "dir/sub/moved")


def test_what_is_included_is_not_untracked_and_is_again_later(filled, tmp_path):
    filled.write("n/1", b"1")
    filled.write("n/2", b"2")
    opened = filled.open()
    copy = IndexCopy(str(tmp_path / "copy"), opened.object_format, opened.sharing)
    for extra, left in {(b"n/1",): [b"n/2"], (b"n",): [], (): [b"n/"], (b"n/2",): [b"n/1"], (b"",): []}.items():
        for _ in range(2):
            seen = Status(opened, extra=extra, copy=copy, names=True)
            store(seen)
            assert list(seen.untracked()) == left


READS = """
import os, sys
from expref.objstore import worktree
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.repository import Repository
from expref.objstore.worktree import snapshot
read = set()
def hook(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):
        read.add(os.fsdecode(arguments[0]))
repository = Repository.discover(".", os.environ)
copy = IndexCopy(".git/copy", repository.object_format, repository.sharing)
sys.addaudithook(hook)
tree = snapshot(repository, extra=[b"data"], copy=copy, workers=int(sys.argv[1]))
print(tree, sum("/data/" in path and "/f" in path.rpartition("/data/")[2] for path in read))
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_included_files_are_not_read_again(repo, child_env, workers):
    for number in range(300):
        repo.write(f"data/{number % 7}/f{number}", b"%d" % number)
    environ = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    time.sleep(0.1)
    found = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", READS, workers], cwd=repo.path, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.split())
    assert found[0][0] == found[1][0]
    assert int(found[0][1]) > 0
    assert found[1][1] == "0"


def test_two_processes_make_the_same_pack_as_one(filled, tmp_path):
    generator = random.Random(1)
    for number in range(400):
        content = generator.choice([b"%d\n" % number * 50, b"the same\n", generator.randbytes(generator.randrange(5000))])
        filled.write(f"n/{number % 9}/{number}", content)
    packs = []
    for workers in (1, 2):
        other = filled.other(f"copy{workers}")
        subprocess.run(["cp", "-a", filled.path, other.path], check=True)
        assert snapshot(other.open(), extra=[b"n"], workers=workers)
        packs.append({path.name: path.read_bytes() for path in (other.path / ".git/objects/pack").iterdir()})
        other.git("fsck", "--strict")
    assert packs[0] == packs[1]


def test_what_would_change_is_told_and_nothing_is_written(filled, tmp_path):
    def objects():
        return sorted(os.walk(filled.path / ".git"))

    filled.write("dir/b", b"modified")
    filled.write("staged", b"staged!")
    filled.git("add", "staged")
    filled.write("both", b"1")
    filled.git("add", "both")
    filled.write("both", b"now other")
    (filled.path / "empty").unlink()
    filled.git("rm", "-q", "--cached", "a")
    (filled.path / "run.sh").chmod(0o644)
    filled.write("untracked", b"x" * 33)
    filled.write("left out", b"")
    before = objects(), users_files(filled.path)
    told = list(changes(Status(filled.open(), extra=[b"untracked"])))
    assert told == [
        Change(b"a", "deleted", 0), Change(b"both", "new", 9), Change(b"dir/b", "modified", 8), Change(b"empty", "deleted", 0),
        Change(b"run.sh", "modified", 10), Change(b"staged", "staged", 7), Change(b"untracked", "included", 33),
    ]  # fmt: skip
    assert (objects(), users_files(filled.path)) == before
    opened = filled.open()
    tree = snapshot(opened, extra=[b"untracked"])
    listed = filled.git("diff-tree", "-r", "--name-only", "HEAD", str(tree)).splitlines()
    assert listed == [os.fsdecode(change.path) for change in told]
    assert get_entry(opened.objects, tree, b"untracked")


def test_without_a_commit_everything_would_be_new(repo):
    repo.write("f", b"1")
    repo.write("g", b"22")
    repo.git("add", "f")
    assert list(changes(Status(repo.open(), extra=[b"g"]))) == [Change(b"f", "staged", 1), Change(b"g", "included", 2)]


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_is_untracked_beside_a_file_that_git_must_not_look_at_is_found(filled, tmp_path, flag):
    """There are as many names in the folder as are tracked."""
    filled.write("alone/f", b"1")
    filled.commit()
    filled.git("update-index", flag, "alone/f")
    filled.git("write-tree")
    (filled.path / "alone/f").rename(filled.path / "alone/new")
    still_untracked(filled, tmp_path)
    (filled.path / "alone/f").mkdir()
    filled.write("alone/f/in", b"1")
    (filled.path / "alone/new").unlink()
    still_untracked(filled, tmp_path)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_an_included_file_takes_the_place_of_what_git_must_not_look_at(filled, tmp_path, flag):
    filled.write("alone/f", b"1")
    filled.commit()
    filled.git("update-index", flag, "alone/f", "a")
    shutil.rmtree(filled.path / "alone")
    (filled.path / "alone").symlink_to("dir")
    (filled.path / "a").unlink()
    filled.write("a/b", b"2")
    assert len({agree(filled, tmp_path, *extra) for extra in ((), (b"alone",), (b"a/b",), (b"a", b"alone"))}) == 4
