"""Several refs are changed and deleted at once, and the process is killed at any file event: each ref is old or new."""
from itertools import pairwise

import pytest

from tests.conftest import needs
from tests.crash import crashes
from tests.gitrepo import GitRepo

pytestmark = needs("git")
CHANGE = """
import os, sys
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate

repository = Repository.discover(".", os.environ)
updates = []
for line in sys.argv[1].splitlines():
    name, old, new = line.split()
    parse = repository.object_format.parse_id
    updates.append(RefUpdate(name, None if new == "-" else parse(new), "absent" if old == "-" else parse(old), "moved"))
repository.refs.update(updates, signature=b"A U Thor <author@example.com> 1700000000 +0000")
"""


@pytest.fixture
def child(repo, child_env):
    return repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}


def prepare(repo, changes):
    """A repository with the refs that are to be changed; they are packed, loose, or loose above an older packed one."""
    ids = [repo.commit(str(number)) for number in range(3)]
    repo.git("tag", "-a", "-m", "annotated", "v1.0")
    script, states = [], {}
    for name, (state, new) in changes.items():
        old = {"absent": "-"}.get(state, ids[1])
        if state in ("packed", "both"):
            repo.git("update-ref", "--create-reflog", name, ids[0 if state == "both" else 1])
        states[name] = (old, "-" if new is None else ids[new])
        script.append(f"{name} {' '.join(states[name])}")
    repo.git("pack-refs", "--all")
    for name, (state, _) in changes.items():
        if state in ("loose", "both"):
            repo.git("update-ref", "--create-reflog", name, ids[1])
    return "\n".join(script), states


def look(repo, states):
    """Assert that git finds nothing wrong; return the refs that are new."""
    done = repo.try_git("fsck", "--strict", "--no-dangling")
    assert (done.returncode, done.stdout) == (0, b""), done.stdout + done.stderr
    listed = repo.try_git("for-each-ref", "--format=%(refname) %(objectname)")
    assert listed.stderr == b""
    found = dict(line.split() for line in listed.stdout.decode().splitlines())
    for name, allowed in states.items():
        assert found.get(name, "-") in allowed, name
    return {name for name, (_, new) in states.items() if found.get(name, "-") == new}


def clear_away(repo):
    """Remove what a user removes; assert that it is all there is, and that git works on then."""
    for lock in repo.path.glob(".git/**/*.lock"):
        lock.unlink()
    left = [path.name for path in repo.path.glob(".git/*") if path.is_file()]
    assert {name for name in left if name.startswith("packed")} == {"packed-refs"}
    assert all(path.stat().st_size for path in repo.path.glob(".git/refs/**/*") if path.is_file())
    repo.git("update-ref", "-d", "refs/tags/v1.0")
    repo.git("pack-refs", "--all")
    repo.git("reflog", "expire", "--all")


SMALL = {"refs/exps/a/x": ("loose", 2), "refs/exps/b/y": ("both", None)}
LARGE = SMALL | {
    "refs/exps/c/new": ("absent", 2), "refs/exps/d/z": ("packed", None), "refs/heads/e": ("packed", 0), "refs/heads/f": ("loose", None),
    "refs/heads/main": ("packed", 0), "refs/heads/g/h": ("both", 2),
}


TOGETHER = {f"refs/exps/c/{name}": ("absent", 2) for name in "xyz"} | SMALL
FROM_THREE_ON = """
from expref.objstore.stores import refglance, reftransaction
refglance.MANY = reftransaction.MANY = 3
"""


def test_many_refs_are_made_all_or_none_by_a_process_that_is_killed_anywhere(repo, tmp_path, child):
    """They go into packed-refs together: there is no moment in which some of them are there."""
    script, states = prepare(repo, TOGETHER)
    (tmp_path / "copies").mkdir()
    counts = []
    for crash in crashes(FROM_THREE_ON + CHANGE, script, source=repo.path, copies=tmp_path / "copies", env=child):
        broken = GitRepo(crash.folder, repo.environ)
        found = look(broken, states)
        clear_away(broken)
        assert look(broken, states) == found
        counts.append(sum("/c/" in name for name in found))
    assert set(counts) == {0, 3} and counts == sorted(counts)


@pytest.mark.parametrize("changes", [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)])
def test_refs_are_changed_by_a_process_that_is_killed_anywhere(repo, tmp_path, child, changes):
    script, states = prepare(repo, changes)
    (tmp_path / "copies").mkdir()
    seen = []
    for crash in crashes(CHANGE, script, source=repo.path, copies=tmp_path / "copies", env=child):
        broken = GitRepo(crash.folder, repo.environ)
        seen.append(look(broken, states))
        clear_away(broken)
        assert look(broken, states) == seen[-1], "what was changed stays so when git has packed the refs"
    assert all(before <= after for before, after in pairwise(seen)), "once new, it stays new"
    assert seen[0] == set() and len(seen) > 10
