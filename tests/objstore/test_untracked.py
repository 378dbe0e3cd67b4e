"""Untracked files: what is read to find them. Which they are: against_git."""
import os

import pytest
from expref.objstore.errors import GitError
from expref.objstore.repository import Repository
from expref.objstore.untracked import untracked, untracked_files

from tests.conftest import needs


@pytest.fixture
def tracked(repo):
    """Three folders with two tracked files each; TREE is written."""
    for folder in ("a", "a/b", "c"):
        for name in ("x", "y"):
            repo.write(f"{folder}/{name}")
    repo.write(".gitignore", b"ignored/\n*.log\n")
    repo.commit()
    return repo


@pytest.fixture
def listed(tracked, monkeypatch):
    """The folders that are listed, relative to the work tree, in order."""
    found = []
    for name in ("scandir", "listdir"):
        def note(path, original=getattr(os, name)):
            found.append(os.path.relpath(os.fsdecode(path), tracked.path))
            return original(path)

        monkeypatch.setattr(os, name, note)
    return found


@needs("git")
def test_a_folder_with_the_right_number_of_names_is_listed_once(tracked, listed):
    ours = tracked.open()
    listed.clear()
    assert list(untracked(ours, gone=[])) == []
    assert sorted(listed) == [".", "a", "a/b", "c"]


@needs("git")
def test_a_folder_that_lacks_a_tracked_file_is_compared_by_names(tracked, listed):
    (tracked.path / "a/b/x").rename(tracked.path / "a/b/z")
    assert list(untracked(tracked.open(), gone=[b"a/b/x"])) == [b"a/b/z"]
    assert list(untracked(tracked.open())) == [b"a/b/z"], "and so is every folder where nothing is known"


@needs("git")
def test_a_folder_that_lacks_a_folder_is_compared_by_names(tracked):
    for name in ("x", "y"):
        (tracked.path / "a/b" / name).unlink()
    (tracked.path / "a/b").rmdir()
    tracked.write("a/z")
    assert list(untracked(tracked.open(), gone=[b"a/b/x", b"a/b/y"])) == [b"a/z"]


@needs("git")
@pytest.mark.parametrize("fold", [False, True], ids=["exact", "folded"])
@pytest.mark.parametrize("with_folders", [False, True], ids=["files", "with folders"])
@pytest.mark.parametrize("few", [1, 40, 100])
def test_any_number_of_names_that_are_not_tracked(few, with_folders, fold, repo):
    """However many there are, and however many are tracked: the ways to find them give the same."""
    repo.git("config", "core.ignoreCase", str(fold).lower())
    for number in range(few):
        repo.write(f"a/f{number:03}{'/x' if with_folders and number % 3 else ''}")
    repo.commit()
    ours, expected = repo.open(), []
    for number in range(100):
        if number in (0, 1, 31, 32, 33, 99):
            assert list(untracked(ours, gone=[])) == list(untracked(ours)) == sorted(expected)
        repo.write(f"a/f{number:03}n{'/y' if number % 5 == 1 else ''}")
        expected.append(b"a/f%03dn" % number + (b"/" if number % 5 == 1 else b""))


@needs("git")
def test_ignored_folders_and_other_repositories_are_not_entered(tracked, listed):
    tracked.write("ignored/1")
    tracked.write("a/ignored/2/3")
    tracked.write("c/other/4")
    tracked.other("repo/c/other").init()
    tracked.write("new/ignored/5")
    tracked.write("new/6.log")
    assert list(untracked(tracked.open(), gone=[])) == [b"c/other/"]
    assert list(untracked_files(tracked.open(), gone=[])) == [b"c/other/"]
    assert not {path for path in listed if "ignored" in path or "other" in path}


@needs("git")
def test_one_untracked_file_settles_a_folder(tracked, listed):
    for number in range(3000):
        tracked.write(f"new/{number}")
    tracked.write("new/sub/file")
    assert list(untracked(tracked.open(), gone=[])) == [b"new/"]
    assert "new/sub" not in listed


@needs("git")
def test_an_index_that_is_at_hand_is_not_read_again(tracked):
    ours = tracked.open()
    index = ours.index.read()
    tracked.git("rm", "-r", "--cached", "--quiet", ".")
    assert list(untracked(ours, index, gone=[])) == []
    assert list(untracked(ours)) == [b".gitignore", b"a/", b"c/"]


def test_without_an_index_nothing_is_tracked(tmp_path):
    ours = Repository.init(str(tmp_path), {"HOME": str(tmp_path)})
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").touch()
    (tmp_path / "empty/er").mkdir(parents=True)
    assert (list(untracked(ours)), list(untracked_files(ours))) == ([b"a/"], [b"a/b/c"])


def test_a_folder_that_cannot_be_read_counts_as_empty(tmp_path, monkeypatch):
    ours = Repository.init(str(tmp_path), {"HOME": str(tmp_path)})
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").touch()
    (tmp_path / "c").touch()

    def refuse(path, original=os.scandir):
        if path.endswith(b"a/"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert list(untracked(ours)) == [b"c"]


def test_a_bare_repository_has_no_work_tree(tmp_path):
    ours = Repository.init(str(tmp_path), {})
    with open(f"{ours.git_dir}/config", "a") as file:
        file.write("[core]\n\tbare = true\n")
    with pytest.raises(GitError, match="is a bare repository"):
        untracked(Repository.discover(ours.git_dir, {}))
