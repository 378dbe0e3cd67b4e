"""A push into a path and a fetch from one, killed at any file event: nothing is lost, and it can simply be repeated."""

import subprocess
import sys

import pytest

from tests.conftest import needs
from tests.crash import crashes
from tests.gitrepo import GitRepo

pytestmark = needs("git")
OPEN = """
import os, sys
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.transport.local import LocalRemote
from expref.objstore.transport.receive import IncomingPack, check_connected
from expref.objstore.transport.send import objects_to_send, pack_stream
from expref.objstore.transport.values import PushCommand

here = Repository.discover("here", os.environ)
remote = LocalRemote("there.git", os.environ, here.object_format, signature=b"A <a@x> 1 +0000")
unpack_below = int(sys.argv[1])
"""
PUSH = (
    OPEN
    + """
there = {ref.name: ref.id for ref in remote.advertised().refs}
commands = [PushCommand(ref.name, ref.id, there.get(ref.name)) for ref in here.refs.refs("refs/exps/")]
outgoing = objects_to_send(here, [each.new for each in commands], there.values())
results = remote.push(commands, pack_stream(here, outgoing))
assert {each.status for each in results} <= {"ok", "up to date"}, results
"""
)
FETCH = (
    OPEN
    + """
wanted = [ref for ref in remote.list_refs(["refs/exps/"]) if here.refs.get(ref.name) != ref.id]
haves = [ref.id for ref in here.refs.refs("refs/")]
with IncomingPack(here.objects) as incoming:
    if wanted:
        remote.fetch_pack([ref.id for ref in wanted], haves, into=incoming)
        received = incoming.finish(unpack_below=unpack_below)
        here.objects.rescan()
        check_connected(here, [ref.id for ref in wanted], haves, received)
        for ref in wanted:
            here.refs.update([RefUpdate(ref.name, ref.id, here.refs.get(ref.name) or "absent", "fetch")])
        received.release()
"""
)


@pytest.fixture
def pair(repo, child_env, tmp_path):
    """A folder with `here` and `there.git`, where one has experiments that the other has not."""
    environ = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    top = tmp_path / "pair"
    top.mkdir()
    here, there = GitRepo(top / "here", environ).init(), GitRepo(top / "there.git", environ)
    here.write("params.yaml", b"lr: 0.1\n")
    here.write("d/file", b"x\n" * 50)
    base = here.commit("baseline")
    here.git("clone", "-q", "--bare", "--no-local", here.path, there.path)
    return top, environ, here, there, base


def experiment(repo, base, number):
    tree = repo.git(
        "mktree",
        stdin=b"100644 blob %s\tparams.yaml\n"
        % repo.git_bytes("hash-object", "-w", "--stdin", stdin=b"lr: %d\n" % number).strip(),
    )
    commit = repo.git("commit-tree", "-m", f"exp {number}", "-p", base, tree)
    repo.git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/exp-{number}", commit)


def refs_of(repo):
    return dict(
        line.split()[::-1]
        for line in repo.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    )


def check(source, target):
    """git finds nothing wrong in either, and what refs there are in the target are the right ones."""
    for repo in (source, target):
        done = repo.try_git("fsck", "--strict", "--no-dangling")
        assert (done.returncode, done.stdout) == (0, b""), done.stdout + done.stderr
    found, wanted = refs_of(target), refs_of(source)
    assert found.items() <= wanted.items()
    return len(found)


def clear_away(repo):
    """What a user removes after a crash: locks; `git gc` removes the rest, but for packs that a `.keep` holds."""
    folder = repo.path if (repo.path / "HEAD").exists() else repo.path / ".git"
    for lock in folder.rglob("*.lock"):
        lock.unlink()
    repo.git("gc", "-q", "--prune=now")
    left = [path.name for path in (folder / "objects").rglob("*") if path.name.startswith("tmp_")]
    assert not left


def again(code, top, environ, *arguments):

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=top, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def run(code, pair, tmp_path, source, target, *arguments):
    top, environ, *_ = pair
    (tmp_path / "copies").mkdir()
    states = set()
    for crash in crashes(code, *arguments, source=top, copies=tmp_path / "copies", env=environ):
        folders = [GitRepo(crash.folder / name, environ) for name in (source, target)]
        states.add(check(*folders))
        clear_away(folders[1])
        again(code, crash.folder, environ, *arguments)
        assert check(*folders) == len(refs_of(folders[0]))
    assert {0, len(refs_of(GitRepo(top / source, environ)))} <= states


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["1", "100"])
def test_a_push_that_was_killed(pair, tmp_path, limit):
    _, _, here, there, base = pair
    for number in range(2):
        experiment(here, base, number)
    there.git("config", "receive.unpackLimit", limit)
    run(PUSH, pair, tmp_path, "here", "there.git", limit)


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["1", "100"])
def test_a_fetch_that_was_killed(pair, tmp_path, limit):
    _, _, _, there, base = pair
    for number in range(2):
        experiment(there, base, number)
    run(FETCH, pair, tmp_path, "there.git", "here", limit)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "source", "target"), [(FETCH, "there.git", "here")])
def test_a_small_one_that_was_killed(pair, tmp_path, code, source, target):
    """One commit, whose tree is there already."""
    top, environ, _, _, base = pair
    repo = GitRepo(top / source, environ)
    repo.git("update-ref", "refs/exps/x/y/z", repo.git("commit-tree", "-m", "x", "-p", base, f"{base}^{{tree}}"))
    run(code, pair, tmp_path, source, target, "1")
