"""All objects of a repository: its own, loose and packed, and borrowed ones."""
import io
import os
import zlib

import pytest
from expref.objstore.errors import Conflict, Corrupt, NotFound
from expref.objstore.formats.objects import FILE, Commit, TreeEntry, encode_commit, encode_tree
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.loose import StoredObject
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.stores.remembered import RememberingStore

from tests.packmaker import Entry, blob, delta_entry, make_midx, oid, write_pack

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
    has = store.has_of_many()
    assert all(map(has, [*ids, EMPTY_TREE])) and not has(oid(1)) and not has(ids[0][:1] + oid(1)[1:])


def test_where_an_object_is_that_is_at_hand_is_found_without_its_file(store, tmp_path):
    write_pack(tmp_path / "objects" / "pack", blob(b"packed"))
    loose = store.write("blob", b"loose")
    remembering = RememberingStore(store, {id_: store.find(id_) for id_ in (loose, blob(b"packed").id)})
    os.unlink(tmp_path / "objects" / str(loose)[:2] / str(loose)[2:])
    assert remembering.get_place(loose) == len(b"loose")
    assert remembering.get_place(blob(b"packed").id) == store.get_place(blob(b"packed").id)
    assert remembering.get_place(oid(1)) is None


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


# Copies that are broken, packs that come and go


def damage(path):
    content = bytearray(open(path, "rb").read())  # noqa: SIM115
    content[-25] ^= 0xFF
    os.chmod(path, 0o644)
    with open(path, "wb") as file:
        file.write(content)


def test_a_broken_copy_is_passed_over_where_there_is_another(store, tmp_path):
    content = os.urandom(300)
    path = write_pack(tmp_path / "objects" / "pack", blob(content))
    damage(path + ".pack")
    with pytest.raises(Corrupt, match="pack-test.pack"):
        store.find(blob(content).id)
    write_pack(tmp_path / "objects" / "pack", blob(content), name="pack-z")
    assert store_at(tmp_path / "objects").find(blob(content).id).content == content
    os.remove(path[: -len("test")] + "z.pack")
    store.write("blob", b"another")
    store_at(tmp_path / "other").write("blob", content)
    again = ObjectStore(str(tmp_path / "objects"), SHA1, PRIVATE, alternates=[str(tmp_path / "other")])
    assert again.find(blob(content).id).content == content
    assert again.find_size(blob(content).id) == 300


def test_an_object_that_is_missing_may_be_in_a_pack_that_is_broken(store, tmp_path):
    path = write_pack(tmp_path / "objects" / "pack", blob(b"x"))
    with open(path + ".idx", "wb") as file:
        file.write(b"junk")
    id_ = store.write("blob", b"here")
    assert store.find(id_).content == b"here"
    assert not store.freshen(oid(1))
    for look in (store.find, store.has, store.get, store.find_kind, store.open_blob):
        with pytest.raises(Corrupt, match=f"{path}.idx"):
            look(oid(1))


def test_what_a_multi_pack_index_hides_is_found(store, tmp_path):
    folder = tmp_path / "objects" / "pack"
    for name in (b"one", b"two"):
        write_pack(folder, blob(name), name=f"pack-{name.decode()}")
    (folder / "multi-pack-index").write_bytes(make_midx({"pack-one.idx": [], "pack-two.idx": [oid(5)]}))
    assert store.find(blob(b"two").id).content == b"two"
    assert store.has(blob(b"one").id)
    assert not store.has(oid(5))


def test_a_pack_that_goes_after_the_folder_was_listed_is_looked_for_again(store, tmp_path, monkeypatch):
    """Each time the folder is read, what it names has been repacked before it can be opened; in the end it has not."""
    folder, left = tmp_path / "objects" / "pack", [6]
    write_pack(folder, blob(b"x"), name="pack-0")
    listdir = os.listdir

    def list_then_repack(path):
        names = listdir(path)
        if path == str(folder) and left[0]:
            left[0] -= 1
            for name in names:
                os.remove(folder / name)
            write_pack(folder, blob(b"x"), name=f"pack-{6 - left[0]}")
        return names

    monkeypatch.setattr(os, "listdir", list_then_repack)
    assert store.find(blob(b"x").id).content == b"x"
    assert left == [0]


def test_alternates_that_are_named_later_are_found(store, tmp_path):
    id_ = store_at(tmp_path / "other").write("blob", b"x")
    assert not store.has(id_)
    borrow(tmp_path / "objects", "../other")
    assert store.has(id_)


def test_folders_can_be_given_to_borrow_from(tmp_path):
    id_ = store_at(tmp_path / "other").write("blob", b"x")
    store = ObjectStore(str(tmp_path / "objects"), SHA1, PRIVATE, alternates=[str(tmp_path / "other")])
    assert store.find(id_).content == b"x"
    store.keep(id_)
    assert loose_files(tmp_path / "objects")


def test_a_missing_object_of_a_partial_clone_can_be_fetched_and_the_error_says_how(store, tmp_path):
    path = write_pack(tmp_path / "objects" / "pack", blob(b"x"))
    with pytest.raises(NotFound) as plain:
        store.find(oid(1))
    open(path + ".promisor", "wb").close()
    with pytest.raises(NotFound, match="this is a partial clone, its remote has it") as promised:
        store.find(oid(1))
    assert (plain.value.hint, promised.value.hint) == ("", f"`git cat-file -e {oid(1)}` fetches it")


# What is checked against its id


def test_trees_commits_and_tags_are_what_their_ids_say(store, tmp_path):
    line = b"a <b> 1 +0000"
    commit = encode_commit(Commit(EMPTY_TREE, (), line, line, b"m"))
    for find, kind, content in ((store.find_commit, 1, commit), (store.find_tree, 2, b"100644 a\0" + bytes(20)),
                                (store.find_tag, 4, b"object %s\ntype commit\ntag t\n\n" % (b"1" * 40))):
        write_pack(tmp_path / "objects" / "pack", Entry(oid(kind), kind, content), name=f"pack-{kind}")
        assert store.find(oid(kind)).content == content
        with pytest.raises(Corrupt, match=f"object {oid(kind)}: its content is that of another object"):
            find(oid(kind))


# Everything


def test_every_object_comes_once_bases_first(store, tmp_path):
    base, other = b"base " * 50, tmp_path / "other"
    write_pack(tmp_path / "objects" / "pack", blob(base), delta_entry(base, base + b"!", 0), name="pack-a")
    write_pack(tmp_path / "objects" / "pack", blob(base), blob(b"packed"), name="pack-b")
    write_pack(other / "pack", blob(b"packed"), blob(b"borrowed"))
    borrow(tmp_path / "objects", other)
    for where in (store, store_at(other)):
        for content in (b"loose", b"packed"):
            where._loose.write("blob", content)
    found = list(store.each_object())
    contents = [each.content for each in found]
    assert sorted(contents) == sorted([base, base + b"!", b"packed", b"borrowed", b"loose"])
    assert contents.index(base) < contents.index(base + b"!")
    assert contents[-1] == b"loose"
    assert all(blob(each.content).id == each.id for each in found)
    assert [sorted(each.content for each in store.walk(pack)) for pack in store.packs()] == [
        sorted([base, base + b"!"]), sorted([base, b"packed"]), sorted([b"packed", b"borrowed"])]


def test_a_loose_object_that_is_not_what_its_id_says_is_found_out(store, tmp_path):
    id_ = store.write("blob", b"x")
    path = tmp_path / "objects" / id_.hex()[:2] / id_.hex()[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 1\0y"))
    with pytest.raises(Corrupt, match=f"object {id_}"):
        list(store.each_object())


def test_packs_that_come_while_all_are_walked_are_walked_too(store, tmp_path):
    folder = tmp_path / "objects" / "pack"
    for name in (b"one", b"two"):
        write_pack(folder, blob(name), name=f"pack-{name.decode()}")
    found = []
    for each in store.each_object():
        found.append(each.content)
        if len(found) == 1:  # repacked
            write_pack(folder, blob(b"one"), blob(b"two"), blob(b"three"), name="pack-new")
            for name in ("one", "two"):
                for suffix in (".pack", ".idx"):
                    os.remove(folder / f"pack-{name}{suffix}")
    assert sorted(found) == [b"one", b"three", b"two"]


def test_a_pack_of_which_only_the_index_is_left_is_walked_around(store, tmp_path):
    os.remove(write_pack(tmp_path / "objects" / "pack", blob(b"x")) + ".pack")
    store.write("blob", b"y")
    assert [each.content for each in store.each_object()] == [b"y"]
