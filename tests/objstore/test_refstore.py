"""Refs in files: what is special about them. What every way of keeping refs can do is in tests/conformance."""
import os
import stat

import pytest
from expref.objstore.errors import Conflict, Corrupt, GitError
from expref.objstore.formats.refs import SymbolicRef
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE, Sharing
from expref.objstore.stores.refstore import FilesRefStore, Ref, RefUpdate

from tests.packmaker import oid

ONE, TWO, THREE = oid(1), oid(2), oid(3)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "refs").mkdir()
    return tmp_path


@pytest.fixture
def store(folder):
    return FilesRefStore(str(folder), str(folder), SHA1, PRIVATE)


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) and len(content) != 20 else content.hex().encode() + b"\n")


def pack(folder, **refs):
    lines = [f"{id_} refs/{name.replace('_', '/')}\n" for name, id_ in refs.items()]
    (folder / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines))


def set_ref(store, name, new, expected="any"):
    store.update([RefUpdate(name, new, expected)])


def test_a_loose_ref_hides_a_packed_one(folder, store):
    pack(folder, heads_a=ONE, heads_b=TWO)
    write(folder, "refs/heads/a", THREE)
    assert store.get("refs/heads/a") == THREE
    assert list(store.refs("refs/")) == [Ref("refs/heads/a", THREE, None), Ref("refs/heads/b", TWO, None)]


def test_a_packed_ref_is_updated_by_a_loose_one(folder, store):
    pack(folder, heads_a=ONE)
    before = (folder / "packed-refs").read_bytes()
    set_ref(store, "refs/heads/a", TWO, ONE)
    assert (folder / "refs/heads/a").read_text() == f"{TWO}\n"
    assert (folder / "packed-refs").read_bytes() == before
    with pytest.raises(Conflict, match="exists already"):
        set_ref(store, "refs/heads/a", ONE, "absent")


def test_a_ref_that_is_packed_between_two_looks_is_found(folder, store, monkeypatch):
    """`git pack-refs` may do it after we looked for the loose ref, or undo it after we looked into packed-refs."""
    def packed_then_loose(prefix, look=store._packed_refs):
        found = list(look(prefix))
        write(folder, "refs/heads/a", ONE)
        return iter(found)

    monkeypatch.setattr(store, "_packed_refs", packed_then_loose)
    assert store.read("refs/heads/a") == ONE


@pytest.mark.parametrize("content", [b"", b"junk\n", b"0" * 40 + b"\n", b"ref: refs/../x\n"])
def test_a_broken_loose_ref_is_corrupt_when_read_and_told_when_listed(folder, store, content):
    write(folder, "refs/heads/bad", content)
    write(folder, "refs/heads/good", ONE)
    with pytest.raises(Corrupt, match="refs/heads/bad:0"):
        store.get("refs/heads/bad")
    bad, good = store.refs("refs/heads/")
    assert good == Ref("refs/heads/good", ONE, None)
    assert bad.id is None
    assert bad.name in bad.broken


def test_a_broken_ref_is_never_overwritten(folder, store):
    write(folder, "refs/heads/bad", b"junk")
    for expected in ("any", "absent", ONE):
        with pytest.raises(Corrupt):
            set_ref(store, "refs/heads/bad", ONE, expected)
    assert (folder / "refs/heads/bad").read_bytes() == b"junk"
    assert os.listdir(folder / "refs/heads") == ["bad"]


def test_broken_packed_refs_are_told_one_by_one(folder, store):
    (folder / "packed-refs").write_text(f"{oid(0)} refs/heads/none\n{ONE} refs/heads/a..b\n{ONE} refs/heads/c\n")
    broken = {ref.name: ref.broken for ref in store.refs("refs/heads/")}
    assert broken["refs/heads/none"] == "its id is all zeros"
    assert "holds '..'" in broken["refs/heads/a..b"]
    assert broken["refs/heads/c"] is None
    with pytest.raises(Corrupt, match="packed-refs: refs/heads/none"):
        store.read("refs/heads/none")


def test_files_that_git_does_not_take_for_refs_are_no_refs(folder, store):
    for name in (".hidden", "a.lock", "b/.x", "c"):
        write(folder, f"refs/heads/{name}", ONE)
    assert [ref.name for ref in store.refs("refs/")] == ["refs/heads/c"]


def test_files_with_names_that_no_ref_has_are_told(folder, store):
    write(folder, "refs/heads/a b", ONE)
    ref, = store.refs("refs/")
    assert ref.id is None
    assert "holds ' '" in ref.broken


def test_names_that_are_not_utf_8_are_kept(folder, store):
    name = "refs/heads/\udcff\udcfe"
    set_ref(store, name, ONE)
    assert os.listdir(os.fsencode(folder / "refs/heads")) == [b"\xff\xfe"]
    assert list(store.refs("refs/")) == [Ref(name, ONE, None)]


def test_a_symbolic_link_to_a_ref_is_a_symbolic_ref_and_stays_one(folder, store):
    (folder / "HEAD").symlink_to("refs/heads/main")
    assert store.read("HEAD") == SymbolicRef("refs/heads/main")
    assert store.get("HEAD") is None
    set_ref(store, "HEAD", ONE, "absent")
    assert os.readlink(folder / "HEAD") == "refs/heads/main"
    assert (folder / "refs/heads/main").read_text() == f"{ONE}\n"


def test_any_other_symbolic_link_is_read_through(folder, store):
    write(folder, "elsewhere", ONE)
    write(folder, "refs/heads/x", TWO)
    (folder / "refs/heads/a").symlink_to("../../elsewhere")
    (folder / "refs/heads/b").symlink_to("nowhere")
    (folder / "refs/heads/c").symlink_to(".")
    (folder / "refs/heads/d").symlink_to("d")
    assert store.read("refs/heads/a") == ONE
    assert store.read("refs/heads/b") is None
    assert store.read("refs/heads/c") is None
    assert [(ref.name, ref.id) for ref in store.refs("refs/")] == [
        ("refs/heads/a", ONE), ("refs/heads/d", None), ("refs/heads/x", TWO),
    ]
    with pytest.raises(GitError, match="refs/heads/d: Too many levels"):
        store.read("refs/heads/d")


def test_empty_folders_that_git_leaves_are_removed(folder, store):
    (folder / "refs/heads/a/b/c").mkdir(parents=True)
    (folder / "refs/heads/a/d").mkdir()
    assert store.read("refs/heads/a") is None
    set_ref(store, "refs/heads/a", ONE)
    assert store.read("refs/heads/a") == ONE


def test_a_folder_with_files_of_others_is_in_the_way(folder, store):
    write(folder, "refs/heads/a/b.lock", b"")
    with pytest.raises(Conflict, match="a folder that is not empty"):
        set_ref(store, "refs/heads/a", ONE)
    assert (folder / "refs/heads/a/b.lock").exists()


def test_work_trees_share_refs_except_their_own(tmp_path):
    common, linked = tmp_path / "common", tmp_path / "common/worktrees/w"
    linked.mkdir(parents=True)
    main = FilesRefStore(str(common), str(common), SHA1, PRIVATE)
    other = FilesRefStore(str(linked), str(common), SHA1, PRIVATE)
    for name in ("refs/heads/a", "refs/exps/x/y/z"):
        set_ref(other, name, ONE)
        assert main.get(name) == ONE
    for name in ("refs/bisect/a", "refs/worktree/a", "refs/rewritten/a", "ORIG_HEAD"):
        set_ref(other, name, ONE)
        assert main.read(name) is None
    set_ref(main, "refs/bisect/mine", TWO)
    assert [ref.name for ref in other.refs("refs/")] == [
        "refs/bisect/a", "refs/exps/x/y/z", "refs/heads/a", "refs/rewritten/a", "refs/worktree/a",
    ]
    assert [ref.name for ref in other.refs("refs/bisect/")] == ["refs/bisect/a"]
    assert [ref.name for ref in main.refs("refs/")] == ["refs/bisect/mine", "refs/exps/x/y/z", "refs/heads/a"]


def test_a_ref_of_a_shared_repository_is_shared(folder):
    before = os.umask(0o077)
    try:
        set_ref(FilesRefStore(str(folder), str(folder), SHA1, Sharing("group")), "refs/exps/a", ONE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(folder / "refs/exps/a").st_mode) == 0o660
    assert stat.S_IMODE(os.stat(folder / "refs/exps").st_mode) == 0o2770
