"""What is known of an untracked folder before it is listed. That it is right is tested in tests/exps/test_plan.py."""

import os
import shutil
import time

import pytest
from expref.objstore import worktree
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.recalled import Recalled
from expref.objstore.status import Status
from expref.objstore.worktree import store

from tests.conftest import needs

pytestmark = needs("git")


@pytest.fixture(autouse=True)
def always_a_copy(monkeypatch):
    """What large repositories make worth while is done for few files too."""
    monkeypatch.setattr(worktree, "_WORTH", 0)
    monkeypatch.setattr(worktree, "_LISTING", 1 << 30)


@pytest.fixture
def saved(repo, tmp_path):
    """A repository in which the untracked folder `data` was included twice, so that its folders are remembered."""
    repo.write("tracked/f", b"1")
    repo.commit()
    for name in ("data/a", "data/deep/b", "data/deep/er/c"):
        repo.write(name, name.encode())
    make_old(repo.path / "data")
    opened = repo.open()
    copy = IndexCopy(str(tmp_path / "copy"), opened.object_format, opened.sharing)
    for _ in range(2):
        store(Status(opened, extra=[b"data"], copy=copy, names=True))
    return repo


def make_old(folder):
    """Wait until what changes from now on has other times than the folders, which are then sure to be remembered."""
    while time.time_ns() - max(os.stat(each).st_ctime_ns for each, _, _ in os.walk(folder)) < 200_000_000:
        time.sleep(0.02)


def below(repo, tmp_path, folder=b"data/"):
    opened = repo.open()
    recalled = Recalled(opened, IndexCopy(str(tmp_path / "copy"), opened.object_format, opened.sharing))
    found = recalled.below(folder)
    return recalled.known.entries.paths(found.start, found.stop)


def test_a_folder_as_it_was_is_known_with_all_in_it(saved, tmp_path):
    assert below(saved, tmp_path) == [b"data/a", b"data/deep/b", b"data/deep/er/c"]
    assert below(saved, tmp_path, b"data/deep/") == [b"data/deep/b", b"data/deep/er/c"]
    saved.write("data/a", b"its content is not what this is about")
    assert len(below(saved, tmp_path)) == 3


@pytest.mark.parametrize("folder", [b"", b"tracked/", b"nowhere/", b"data/a/", b"dat/", b"data/deep/e/"])
def test_of_other_folders_nothing_is_known(saved, tmp_path, folder):
    assert below(saved, tmp_path, folder) == []


def inner_repository(path):
    for name in ("objects", "refs"):
        (path / "data/deep/.git" / name).mkdir(parents=True)
    (path / "data/deep/.git/HEAD").write_text("ref: refs/heads/main\n")


def linked(path):
    (path / "data").rename(path / "elsewhere")
    (path / "data").symlink_to("elsewhere")


def replaced(path):
    (path / "data/deep/b").unlink()
    (path / "data/deep/new").write_bytes(b"")


@pytest.mark.parametrize("change", [
    lambda path: (path / "data/deep/er/new").write_bytes(b""), lambda path: (path / "data/a").unlink(), replaced, linked,
    lambda path: (path / "data/deep/new").mkdir(), lambda path: shutil.rmtree(path / "data"), inner_repository,
    lambda path: (path / "data/deep/b").rename(path / "data/deep/moved"), lambda path: (path / "data/deep").rename(path / "deep"),
])  # fmt: skip
def test_after_a_change_of_names_nothing_is_known(saved, tmp_path, change):
    change(saved.path)
    assert below(saved, tmp_path) == []


def test_of_a_folder_with_something_tracked_nothing_is_known(saved, tmp_path):
    saved.git("add", "data/a")
    assert below(saved, tmp_path) == []


def test_where_names_have_several_spellings_nothing_is_known(saved, tmp_path):
    saved.git("config", "core.ignoreCase", "true")
    assert below(saved, tmp_path) == []


def test_without_a_copy_it_is_the_users_index(repo):
    repo.write("f", b"1")
    repo.commit()
    recalled = Recalled(repo.open())
    assert recalled.is_new and recalled.known.entries is recalled.users and recalled.users.path(0) == b"f"
    assert not recalled.below(b"f/")
