"""All objects of a repository: its own, loose and packed, and borrowed ones."""
import io
import os

import pytest
from expref.objstore.errors import Conflict, Corrupt, NotFound, Unsupported
from expref.objstore.formats.objects import FILE, Commit, TreeEntry, encode_commit, encode_tree
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.loose import StoredObject
from expref.objstore.stores.objectstore import DEEPEST_ALTERNATE, ObjectStore, alternates

from tests.packmaker import blob, oid, write_pack

EMPTY_TREE = SHA1.name_object("tree", b"")


def store_at(path):
    path.mkdir(exist_ok=True)
    return ObjectStore(str(path), SHA1, PRIVATE)


@pytest.fixture
def store(tmp_path):
    return store_at(tmp_path / "objects")


def borrow(folder, *lines):
    (folder / "info").mkdir(parents=True, exist_ok=True)
    (folder / "info" / "alternates").write_bytes(b"".join(os.fsencode(line) + b"\n" for line in lines))


def loose_files(folder):
    return [name for _, _, names in os.walk(folder) for name in names if len(name) == 38]


def test_an_object_is_found_wherever_it_is(store, tmp_path):
    write_pack(tmp_path / "objects" / "pack", blob(b"packed"))
    write_pack(tmp_path / "other" / "pack", blob(b"packed elsewhere"))
    borrow(tmp_path / "objects", tmp_path / "other")
    ids = [store.write("blob", b"loose"), blob(b"packed").id, blob(b"packed elsewhere").id,
           store_at(tmp_path / "other").write("blob", b"loose elsewhere")]
    for id_, content in zip(ids, [b"loose", b"packed", b"packed elsewhere", b"loose elsewhere"], strict=True):
        assert store.find(id_) == StoredObject("blob", content)
        assert store.find_size(id_) == len(content)
        assert store.has(id_)


def test_an_object_that_is_nowhere_is_none_or_not_found(store, tmp_path):
    assert store.get(oid(1)) is None
    assert not store.has(oid(1))
    assert not store.freshen(oid(1))
    for find in (store.find, store.find_size, store.find_tree, store.find_commit, store.keep):
        with pytest.raises(NotFound, match=f"object {oid(1)} is missing from {tmp_path}/objects"):
            find(oid(1))


def test_the_empty_tree_is_always_there(store, tmp_path):
    assert store.find_tree(EMPTY_TREE) == []
    assert store.has(EMPTY_TREE)
    assert loose_files(tmp_path) == []
    store.keep(EMPTY_TREE)
    assert len(loose_files(tmp_path)) == 1


def test_packs_that_come_meanwhile_are_found(store, tmp_path):
    folder = tmp_path / "objects" / "pack"
    for number, look in enumerate([store.get, store.has, store.freshen, store.find_size]):
        assert store.get(oid(1)) is None
        write_pack(folder, blob(b"%d" % number), name=f"pack-{number}")
        assert look(blob(b"%d" % number).id)


def test_what_is_there_is_freshened_and_not_written_again(store, tmp_path):
    path = write_pack(tmp_path / "objects" / "pack", blob(b"packed")) + ".pack"
    os.utime(path, (1, 1))
    assert store.write("blob", b"packed") == blob(b"packed").id
    store.keep(blob(b"packed").id)
    assert os.stat(path).st_mtime > 1
    assert loose_files(tmp_path) == []


@pytest.mark.parametrize("save", [
    lambda store: store.write("blob", b"x"), lambda store: store.write_blob(io.BytesIO(b"x"), 1),
    lambda store: store.keep(blob(b"x").id),
])
def test_what_git_gc_may_take_is_written_again(store, tmp_path, save):
    path = write_pack(tmp_path / "objects" / "pack", blob(b"x"))
    open(path + ".mtimes", "wb").close()
    save(store)
    assert len(loose_files(tmp_path)) == 1


def test_what_is_only_borrowed_is_written_to_our_own_folder(store, tmp_path):
    store_at(tmp_path / "other").write("blob", b"x")
    borrow(tmp_path / "objects", "../other")
    store.keep(blob(b"x").id)
    assert len(loose_files(tmp_path / "objects")) == 1


def test_a_stream_of_another_size_is_a_conflict(store):
    with pytest.raises(Conflict):
        store.write_blob(io.BytesIO(b"x"), 2)


def test_trees_and_commits_are_decoded(store):
    entries = [TreeEntry(FILE, b"a", oid(1))]
    tree = store.write("tree", encode_tree(entries))
    commit = Commit(tree, (), b"a <b> 1 +0000", b"a <b> 1 +0000", b"m")
    id_ = store.write("commit", encode_commit(commit))
    assert store.find_tree(tree) == entries
    assert store.find_commit(id_) == commit
    with pytest.raises(Corrupt, match=f"object {tree}: a tree, where a commit is needed"):
        store.find_commit(tree)
    with pytest.raises(Corrupt, match=f"object {id_}: a commit, where a tree is needed"):
        store.find_tree(id_)


def test_a_broken_tree_is_named(store):
    id_ = store.write("tree", b"junk")
    with pytest.raises(Corrupt, match=f"tree {id_}:0: "):
        store.find_tree(id_)


def test_alternates_may_be_relative_commented_missing_and_circular(tmp_path):
    for name in "abcd":
        (tmp_path / name).mkdir()
    borrow(tmp_path / "a", "# comment", "", "../b", tmp_path / "none", tmp_path / "c")
    borrow(tmp_path / "b", "../a", "../c", "../d/")
    assert alternates(str(tmp_path / "a")) == [str(tmp_path / name) for name in "bcd"]


def test_alternates_of_alternates_are_followed_as_deep_as_git_does(tmp_path):
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        borrow(tmp_path / str(number), f"../{number + 1}")
    assert len(alternates(str(tmp_path / "0"))) == DEEPEST_ALTERNATE


def test_a_quoted_alternate_is_refused_by_name(store, tmp_path):
    borrow(tmp_path / "objects", '"/some\\tpath"')
    with pytest.raises(Unsupported, match=r"info/alternates: the quoted path"):
        store.has(oid(1))
