"""Packs that we write, as git sees them; and what a killed writer leaves."""
import io
import os
import random

import pytest
from expref.objstore import capture, filecontents, worktree
from expref.objstore.ids import OBJECT_FORMATS
from expref.objstore.packing import BulkWriter, PackWriter
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.worktree import snapshot

from tests.conftest import needs
from tests.crash import crashes
from tests.gitrepo import GitRepo

pytestmark = needs("git")


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Nothing here loses power, and a sync takes longer than all the rest."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def files(repo, place="pack"):
    folder = repo.path / ".git/objects" / place
    return sorted(os.listdir(folder)) if folder.exists() else []


def loose_ids(repo):
    folders = (name for name in os.listdir(repo.path / ".git/objects") if len(name) == 2)
    return {folder + name for folder in folders for name in files(repo, folder)}


def is_whole(repo):
    """Assert that git finds nothing wrong, in the pack neither."""
    done = repo.try_git("fsck", "--strict", "--no-dangling")
    messages = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(b"notice: ")]
    assert (done.returncode, messages) == (0, [])
    for name in files(repo):
        if name.endswith(".idx"):
            repo.git("verify-pack", "-v", f".git/objects/pack/{name}")
    return True


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_git_reads_all_that_is_in_a_pack(tmp_path, git_env, form):
    repo = GitRepo(tmp_path / "repo", git_env).init(f"--object-format={form}")
    rng = random.Random(3)
    objects = ObjectStore(f"{repo.path}/.git/objects", OBJECT_FORMATS[form], PRIVATE)
    contents = [b"", b"x", *(rng.randbytes(rng.choice([14, 15, 16, 2047, 2048, 70_000])) for _ in range(40)), b"z" * 300_000]
    with PackWriter(f"{repo.path}/.git/objects/pack", objects.form, objects.sharing) as out:
        ids = [out.add("blob", content) for content in contents]
        ids += [out.add_blob(io.BytesIO(content), len(content)) for content in (*contents, b"stream" * 500_000)]
        tree = out.add("tree", b"100644 f\0" + ids[1])
        line = b"A U Thor <a@example.com> 1700000000 +0000\n"
        commit = out.add("commit", b"tree %s\nauthor %scommitter %s\nx\n" % (str(tree).encode(), line, line))
        tag = out.add("tag", b"object %s\ntype commit\ntag t\ntagger %s\nx\n" % (str(commit).encode(), line))
        path = out.finish()
    repo.git("update-ref", "refs/tags/t", str(tag))
    assert is_whole(repo)
    assert repo.git("index-pack", "--verify", "--strict", f"{path}.pack") == ""
    for id_, content in zip(ids, [*contents, *contents, b"stream" * 500_000], strict=True):
        assert repo.git_bytes("cat-file", "blob", str(id_)) == content
    assert repo.git("cat-file", "-p", "t^{commit}:f") == "x"
    theirs = repo.path / "theirs.idx"
    repo.git("index-pack", "-o", theirs, f"{path}.pack")
    with open(f"{path}.idx", "rb") as ours:
        assert theirs.read_bytes() == ours.read()


def fill(repo, count):
    for number in range(count):
        repo.write(f"d{number % 7}/f{number}", b"%d" % number)
    repo.commit()
    repo.git("gc", "-q")
    for number in range(count):
        repo.write(f"d{number % 7}/f{number}", b"changed %d" % number)


@pytest.mark.parametrize(("count", "packs"), [(worktree.BULK, 1), (worktree.BULK + 1, 2)])
def test_a_snapshot_of_many_changes_makes_one_pack(repo, count, packs):
    fill(repo, count)
    tree = str(snapshot(repo.open()))
    assert len([name for name in files(repo) if name.endswith(".pack")]) == packs
    assert bool(loose_ids(repo)) == (packs == 1)
    repo.git("add", "--update")
    assert repo.git("write-tree") == tree
    assert is_whole(repo)
    before = files(repo), loose_ids(repo)
    assert str(snapshot(repo.open())) == tree
    assert (files(repo), loose_ids(repo)) == before


def test_a_snapshot_of_many_changes_writes_no_object_twice(repo, monkeypatch):
    monkeypatch.setattr(worktree, "BULK", 3)
    for module in (capture, filecontents):
        monkeypatch.setattr(module, "STREAMED", 9)
    fill(repo, 9)
    repo.git("hash-object", "-w", "d0/f0", "d1/f1")
    before = loose_ids(repo)
    first, second = snapshot(repo.open()), snapshot(repo.open())
    assert first == second
    assert loose_ids(repo) == before
    packed = [line.split()[0] for name in files(repo) if name.endswith(".idx")
              for line in repo.git("verify-pack", "-v", f".git/objects/pack/{name}").splitlines() if " blob " in line]
    assert len(set(packed)) == len(packed) == 9 + 7
    assert not before & set(packed)


WRITE = """
import os, io
from expref.objstore import packing
from expref.objstore.repository import Repository
packing.BLOCK = 64
os.urandom = lambda size: bytes(range(size))
with packing.BulkWriter(Repository.discover(".", os.environ).objects) as out:
    for number in range(3):
        out.write("blob", os.fsencode("%d" % number) * 50)
    out.write_blob(io.BytesIO(b"stream" * 20), 120)
"""


def test_a_writer_that_is_killed_leaves_nothing_that_git_minds(repo, tmp_path, child_env):
    repo.write("f", b"x")
    repo.commit()
    (tmp_path / "copies").mkdir()
    environ = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    seen = set()
    for crash in crashes(WRITE, source=repo.path, copies=tmp_path / "copies", env=environ):
        left = GitRepo(crash.folder, repo.environ)
        names = files(left)
        seen |= {crash.event, *(name.split("_")[0] + name[-5:] for name in names)}
        kinds = {name: name.startswith(("tmp_pack_", "tmp_idx_")) for name in names}
        packs = {name for name, temporary in kinds.items() if not temporary}
        assert {name.rpartition(".")[2] for name in packs} in (set(), {"pack"}, {"pack", "idx"}), crash
        assert is_whole(left)
        with BulkWriter(left.open().objects) as out:  # once more, to the end
            for number in range(3):
                out.write("blob", b"%d" % number * 50)
            out.write_blob(io.BytesIO(b"stream" * 20), 120)
        assert left.git("cat-file", "blob", str(out.write("blob", b"2" * 50))) == "2" * 50
        assert is_whole(left)
        left.git("prune", "--expire=now")
        assert not [name for name in files(left) if name.startswith("tmp_")]
    assert {"os.link", "open", "os.remove"} <= seen
