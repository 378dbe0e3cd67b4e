"""A repository: found, opened, made. What git refuses is in tests/against_git/test_repository.py."""

import os

import pytest
from expref.objstore.errors import Conflict, Corrupt, GitError, NotFound, Unsupported
from expref.objstore.repository import Head, Repository

from tests.packmaker import oid


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def made(tmp_path, environ):
    return Repository.init(str(tmp_path / "repo"), environ)


def folders(repository):
    return repository.git_dir, repository.common_dir, repository.work_tree


def configure(repository, text):
    with open(f"{repository.common_dir}/config", "a") as file:
        file.write(text)


def set_version(repository, version):
    path = f"{repository.common_dir}/config"
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("repositoryformatversion = 0", f"repositoryformatversion = {version}"))


def test_a_new_repository_is_empty_and_on_its_branch(made, tmp_path):
    assert folders(made) == (f"{tmp_path}/repo/.git", f"{tmp_path}/repo/.git", f"{tmp_path}/repo")
    assert made.head() == Head("main", None)
    assert list(made.refs.refs("refs/")) == []
    assert len(made.index.read()) == 0


def test_a_repository_is_made_once_and_where_the_path_says(tmp_path, environ, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Repository.init("new/repo", environ, branch="trunk")
    assert folders(made)[0] == f"{tmp_path}/new/repo/.git"
    assert made.head().branch == "trunk"
    with pytest.raises(Conflict, match="exists already"):
        Repository.init("new/repo", environ)


def test_a_repository_is_found_from_below_and_not_from_beside(made, tmp_path, environ):
    (tmp_path / "repo/a/b").mkdir(parents=True)
    assert folders(Repository.discover(str(tmp_path / "repo/a/b"), environ)) == folders(made)
    with pytest.raises(NotFound, match="is not inside a Git repository"):
        Repository.discover(str(tmp_path), environ)


def test_inside_of_the_git_folder_there_is_no_work_tree(made, environ):
    assert Repository.discover(f"{made.git_dir}/refs", environ).work_tree is None


def test_at_looks_at_one_folder_only(made, tmp_path, environ):
    (tmp_path / "repo/sub/.git").mkdir(parents=True)
    (tmp_path / "repo/a").mkdir()
    assert folders(Repository.at(str(tmp_path / "repo"), environ)) == folders(made)
    assert Repository.at(str(tmp_path / "repo/a"), environ) is None
    with pytest.raises(NotFound, match=r"repo/sub/\.git is not a Git folder"):
        Repository.at(str(tmp_path / "repo/sub"), environ)


def test_the_search_ends_where_the_environment_says(made, tmp_path, environ):
    (tmp_path / "repo/a/b").mkdir(parents=True)
    for ceiling, found in (("repo", False), ("repo/a", False), ("repo/a/b", True), ("other", True), ("", True)):
        named = f"relative:{tmp_path}/x:{tmp_path / ceiling}" if ceiling else ""
        search = environ | {"GIT_CEILING_DIRECTORIES": named}
        if found:
            Repository.discover(str(tmp_path / "repo/a/b"), search)
        else:
            with pytest.raises(NotFound, match="looked up to"):
                Repository.discover(str(tmp_path / "repo/a/b"), search)


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="/proc is no file system of its own")
def test_the_search_ends_at_the_edge_of_a_file_system(environ):
    for across, edge in (("0", "/proc, where another file system begins; GIT_DISCOVERY_A"), ("1", "/")):
        with pytest.raises(NotFound, match=rf"\(looked up to {edge}"):
            Repository.discover("/proc/self/fd", environ | {"GIT_DISCOVERY_ACROSS_FILESYSTEM": across})


def test_head_is_a_branch_or_a_commit(made):
    with open(f"{made.git_dir}/refs/heads/main", "w") as file:
        file.write(f"{oid(1)}\n")
    assert made.head() == Head("main", oid(1))
    with open(f"{made.git_dir}/HEAD", "w") as file:
        file.write(f"{oid(2)}\n")
    assert made.head() == Head(None, oid(2))
    with open(f"{made.git_dir}/HEAD", "w") as file:
        file.write("ref: refs/remotes/o/x\n")
    assert made.head() == Head("refs/remotes/o/x", None)


def test_a_head_that_is_missing_or_broken_is_corrupt(made):
    with open(f"{made.git_dir}/HEAD", "w") as file:
        file.write("junk")
    with pytest.raises(Corrupt, match="HEAD"):
        made.head()
    os.remove(f"{made.git_dir}/HEAD")
    with pytest.raises(Corrupt, match="HEAD: it is missing"):
        made.head()


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("[core]\n\trepositoryFormatVersion = 2\n", "version 2"),
        ("[core]\n\trepositoryFormatVersion = x\n", "version x"),
        ("[core]\n\trepositoryFormatVersion\n", "version None"),
        ("[extensions]\n\tobjectFormat = sha256\n", "objectformat = sha256"),
        ("[extensions]\n\trefStorage = reftable\n", "refstorage = reftable"),
    ],
)
def test_a_format_that_is_not_ours_is_refused_by_name(made, tmp_path, environ, text, feature):
    configure(made, text)
    with pytest.raises(Unsupported, match=feature):
        Repository.discover(str(tmp_path / "repo"), environ)


@pytest.mark.parametrize("content", [b"", b"junk", b"gitdir:", b"GITDIR: x"])
def test_a_file_in_the_place_of_the_git_folder_must_name_one(tmp_path, environ, content):
    (tmp_path / ".git").write_bytes(content)
    with pytest.raises(Corrupt, match=r"\.git:0: not a Git folder"):
        Repository.discover(str(tmp_path), environ)


def test_a_file_that_names_nothing_is_told(tmp_path, environ):
    (tmp_path / ".git").write_bytes(b"gitdir: ../nowhere\n")
    with pytest.raises(NotFound, match=r"nowhere, which is not a Git folder"):
        Repository.discover(str(tmp_path), environ)


def test_a_bad_setting_is_an_error_and_no_guess(made, tmp_path, environ):
    configure(made, "[core]\n\tsharedRepository = sometimes\n")
    with pytest.raises(GitError, match="core.sharedRepository"):
        Repository.discover(str(tmp_path / "repo"), environ)
