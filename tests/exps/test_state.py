"""The state folder: useful, never needed, with the permissions of the repository."""
import os
import stat
import subprocess
import sys

import pytest
from expref.exps.state import State

from tests.conftest import needs
from tests.projects import open_project

pytestmark = needs("git")


def test_what_is_written_can_be_read_and_removed(repo):
    state = State.shared(repo.open())
    assert state.get("rows") is None
    state.write("rows", b"1")
    state.write("rows", b"22")
    assert state.get("rows") == b"22"
    state.remove("rows")
    state.remove("rows")
    assert state.get("rows") is None
    assert os.listdir(repo.path / ".git/exps") == []


def test_it_is_not_seen_by_git(trained):
    open_project(trained).state.write("rows", b"1")
    assert trained.git("status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize("sharing", ["umask", "group", "all", "0640", "0660"])
def test_it_has_the_permissions_that_git_gives_its_own_files(repo, sharing):
    shared = repo.other(f"shared-{sharing}").init(f"--shared={sharing}")
    shared.write("file", b"content")
    before = os.umask(0o027)
    try:
        State.shared(shared.open()).write("rows", b"1")
        shared.git("add", "file")
        shared.git("update-ref", "refs/judge/ref", shared.git("hash-object", "-w", "file"))
    finally:
        os.umask(before)
    ours, theirs = shared.path / ".git/exps", shared.path / ".git/refs/judge"
    assert oct(ours.stat().st_mode) == oct(theirs.stat().st_mode)
    assert oct((ours / "rows").stat().st_mode) == oct((theirs / "ref").stat().st_mode)


@pytest.mark.parametrize("obstacle", ["a file", "a folder in its place", "a broken link"])
def test_where_nothing_can_be_written_nothing_happens(repo, obstacle):
    folder = repo.path / ".git/exps"
    match obstacle:
        case "a file":
            folder.touch()
        case "a folder in its place":
            (folder / "rows/x").mkdir(parents=True)
        case "a broken link":
            folder.symlink_to("nowhere")
    state = State.shared(repo.open())
    state.write("rows", b"1")
    assert state.get("rows") is None
    state.remove("rows")
    assert not list(repo.path.glob(".git/**/*.tmp"))


@pytest.mark.skipif(os.geteuid() != 0, reason="a user without rights is needed, and root to become one")
def test_a_folder_of_somebody_else_is_no_reason_to_fail(repo, child_env):
    code = """
import os, sys
from expref.exps.state import State
from expref.objstore.repository import Repository
repository = Repository.discover(sys.argv[1], {"GIT_CONFIG_NOSYSTEM": "1"})
os.setuid(65534)
state = State.shared(repository)
state.write("rows", b"1")
assert state.get("rows") is None
state.remove("rows")
"""
    subprocess.run([sys.executable, "-c", code, str(repo.path)], env=child_env, check=True)
    assert not (repo.path / ".git/exps").exists()
    assert stat.S_IMODE((repo.path / ".git").stat().st_mode) == 0o755
