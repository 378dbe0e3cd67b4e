"""A save that is killed at any file event leaves a repository that git finds nothing wrong with, and the ref old or new."""
import os
import subprocess
import sys

import pytest

from tests.conftest import needs
from tests.crash import crashes
from tests.gitrepo import GitRepo

pytestmark = needs("git")
SAVE = """
import os, sys
from expref.objstore.formats.objects import Commit, encode_commit
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.worktree import snapshot

repository = Repository.discover(".", os.environ)
line = b"A U Thor <author@example.com> 1700000000 +0000"
commit = Commit(snapshot(repository), (repository.head().id,), line, line, b"saved")
id_ = repository.objects.write("commit", encode_commit(commit))
repository.refs.update([RefUpdate(sys.argv[1], id_, "any")])
"""


@pytest.fixture
def child(repo, child_env):
    return repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}


def prepare(repo, state, files):
    """A repository with changed files, and the ref absent, loose or packed. Returns its id before, or None."""
    for number in range(files):
        repo.write(f"dir{number % 3}/f{number}", b"%d" % number)
    repo.commit()
    repo.git("gc", "-q")
    before = None
    if state != "absent":
        repo.git("update-ref", "refs/exps/a/b/x", before := repo.git("rev-parse", "HEAD"))
    if state == "packed":
        repo.git("pack-refs", "--all")
    for number in range(files):
        repo.write(f"dir{number % 3}/f{number}", b"changed %d" % number)
    return before


def look(repo, before):
    """Assert that git finds nothing wrong; return whether the ref is new."""
    done = repo.try_git("fsck", "--strict", "--no-dangling")
    assert (done.returncode, done.stdout) == (0, b""), done.stdout + done.stderr
    repo.git("log", "--all", "--stat")
    found = repo.try_git("rev-parse", "-q", "--verify", "refs/exps/a/b/x").stdout.decode().strip() or None
    if found != before:
        assert repo.git("show", f"{found}:dir0/f0") == "changed 0"
        assert repo.git("diff", "--name-only", found) == ""
    return found != before


def clear_away(repo):
    """What a user and `git gc` do after a crash; assert that nothing of ours is left behind then."""
    for lock in repo.path.glob(".git/**/*.lock"):
        lock.unlink()
    for temporary in repo.path.glob(".git/objects/**/tmp_*"):
        os.utime(temporary, (1, 1))
    repo.git("gc", "-q", "--prune=now")
    left = [path.name for path in repo.path.glob(".git/**/*") if "tmp" in path.name or path.suffix == ".lock"]
    assert left == []


@pytest.mark.parametrize(("state", "files"), [
    ("loose", 1), ("absent", 120), pytest.param("absent", 3, marks=pytest.mark.slow),
    pytest.param("packed", 4, marks=pytest.mark.slow),
])
def test_a_save_that_is_killed_anywhere(repo, tmp_path, child, state, files):
    before = prepare(repo, state, files)
    (tmp_path / "copies").mkdir()
    seen = []
    for crash in crashes(SAVE, "refs/exps/a/b/x", source=repo.path, copies=tmp_path / "copies", env=child):
        broken = GitRepo(crash.folder, repo.environ)
        seen.append(look(broken, before))
        if len(seen) % 8 == 0:
            clear_away(broken)
            subprocess.run([sys.executable, "-c", SAVE, "refs/exps/a/b/x"], cwd=crash.folder, env=child, check=True)
            assert look(broken, before)
    assert sorted(seen) == seen, "once it is new, it stays new"
    assert not seen[0]
    assert len(seen) > 10
