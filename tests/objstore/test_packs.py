"""Packs on disk."""
import os
import zlib

import pytest
from expref.objstore.errors import Corrupt, Unsupported
from expref.objstore.ids import SHA1
from expref.objstore.stores import packs
from expref.objstore.stores.loose import StoredObject
from expref.objstore.stores.packs import DeltaBases, Pack, PackStore

from tests.packmaker import OFS_DELTA, REF_DELTA, Entry, blob, delta_entry, make_delta, oid, write_pack

BASE, NEXT, LAST = b"base " * 100, b"base " * 90 + b"next", b"base " * 80 + b"last"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "pack"


@pytest.fixture
def store(folder):
    return PackStore(str(folder), SHA1)


def test_objects_are_found_in_any_pack(folder, store):
    write_pack(folder, blob(b"one"), blob(b"two"), name="pack-a")
    write_pack(folder, blob(b"three"), name="loose-b")
    for content in (b"one", b"three", b"two", b"three"):
        assert store.get(blob(content).id) == StoredObject("blob", content)
    assert store.get(oid(9)) is None
    assert store.locate(oid(9)) is None


def test_without_a_folder_there_is_nothing(store):
    assert store.get(oid(1)) is None
    assert not store.rescan()


@pytest.mark.parametrize("references", [(0, 1), (blob(BASE).id, blob(NEXT).id), (0, blob(NEXT).id)])
def test_deltas_are_applied_one_upon_the_other(folder, store, references):
    entries = [blob(BASE), delta_entry(BASE, NEXT, references[0]), delta_entry(NEXT, LAST, references[1])]
    write_pack(folder, *entries)
    for entry, content in zip(entries * 2, [BASE, NEXT, LAST] * 2, strict=True):
        assert store.get(entry.id) == StoredObject("blob", content)
        pack, offset = store.locate(entry.id)
        assert pack.size(offset) == len(content)


def test_a_base_may_come_after_its_delta(folder, store):
    write_pack(folder, delta_entry(BASE, NEXT, blob(BASE).id), blob(BASE))
    assert store.get(blob(NEXT).id).content == NEXT


def test_a_base_that_is_not_in_the_pack_is_corrupt(folder, store):
    write_pack(folder, delta_entry(BASE, NEXT, oid(77)))
    with pytest.raises(Corrupt, match=f"the base {oid(77)} of a delta is not in this pack"):
        store.get(blob(NEXT).id)


def test_deltas_in_a_circle_are_corrupt(folder, store):
    delta = make_delta(BASE, BASE)
    write_pack(folder, *(Entry(oid(a), REF_DELTA, delta, oid(b)) for a, b in ((1, 2), (2, 3), (3, 1), (4, 4))))
    for number in range(1, 5):
        with pytest.raises(Corrupt, match="a chain of deltas does not end"):
            store.get(oid(number))


def test_a_chain_may_be_long_but_not_endless(folder, store, monkeypatch):
    monkeypatch.setattr(packs, "LONGEST_CHAIN", 300)
    delta = make_delta(BASE, BASE)
    chain = [Entry(oid(number), OFS_DELTA, delta, number - 1) for number in range(1, 302)]
    write_pack(folder, blob(BASE), *chain)
    assert store.get(oid(300)).content == BASE
    fresh = PackStore(str(folder), SHA1)
    with pytest.raises(Corrupt, match="a chain of deltas does not end"):
        fresh.get(oid(301))


def test_what_is_remembered_of_bases_is_bounded(folder):
    bases = DeltaBases(limit=1000)
    path = write_pack(folder, *(blob(bytes([number]) * 300) for number in range(5)))
    pack = Pack(path, SHA1, bases)
    for offset in range(5):
        bases.add(pack, offset, StoredObject("blob", bytes([offset]) * 300))
        bases.get(pack, 0)
    assert [bool(bases.get(pack, offset)) for offset in range(5)] == [True, False, False, True, True]
    bases.add(pack, 9, StoredObject("blob", bytes(2000)))
    bases.add(pack, 9, StoredObject("blob", bytes(10)))
    bases.add(pack, 9, StoredObject("blob", bytes(10)))
    assert bases.get(pack, 9).content == bytes(10)


def test_a_pack_is_found_when_looked_for_again(folder, store):
    write_pack(folder, blob(b"one"), name="pack-a")
    assert store.get(blob(b"two").id) is None
    write_pack(folder, blob(b"two"), name="pack-b")
    assert store.get(blob(b"two").id) is None
    assert store.rescan()
    assert store.get(blob(b"two").id).content == b"two"
    assert not store.rescan()


def test_an_open_pack_stays_readable_when_it_is_removed(folder, store):
    path = write_pack(folder, blob(b"one"))
    pack, offset = store.locate(blob(b"one").id)
    os.remove(path + ".idx")
    os.remove(path + ".pack")
    assert pack.read(offset).content == b"one"
    assert not pack.freshen()
    assert not store.rescan()
    assert store.get(blob(b"one").id) is None


def test_a_pack_without_its_other_half_is_no_pack(folder, store):
    os.remove(write_pack(folder, blob(b"one"), name="pack-a") + ".pack")
    os.remove(write_pack(folder, blob(b"two"), name="pack-b") + ".idx")
    assert store.get(blob(b"one").id) is None
    assert store.get(blob(b"two").id) is None


@pytest.mark.parametrize(("suffix", "content", "why"), [
    (".idx", b"", "empty"), (".pack", b"", "empty"), (".idx", b"junk", "not a pack index"),
    (".pack", b"PACK\0\0\0\2\0\0\0\5" + bytes(30), "as many objects as its index"), (".pack", b"junk", "not a pack file"),
])
def test_a_broken_pack_is_corrupt_and_named(folder, store, suffix, content, why):
    path = write_pack(folder, blob(b"one"))
    with open(path + suffix, "wb") as file:
        file.write(content)
    with pytest.raises(Corrupt, match=f"{path}{suffix}:.*{why}"):
        store.get(oid(1))


def test_an_old_index_is_refused_by_name(folder, store):
    path = write_pack(folder, blob(b"one"))
    with open(path + ".idx", "wb") as file:
        file.write(bytes(255 * 4) + b"\0\0\0\1" + bytes(24) + bytes(40))
    with pytest.raises(Unsupported, match=r"pack-test.idx: a pack index of version 1"):
        store.get(oid(1))


def test_a_size_comes_from_the_headers(folder, store):
    big = os.urandom(100) * 10_000
    write_pack(folder, blob(big), Entry(oid(1), OFS_DELTA, make_delta(big, b"") + b"\x01", 0),
               Entry(oid(2), OFS_DELTA, b"\xff" * 30, 0))
    for id_, size in ((blob(big).id, len(big)), (oid(1), 0)):
        pack, offset = store.locate(id_)
        assert pack.size(offset) == size
    pack, offset = store.locate(oid(2))
    with pytest.raises(Corrupt, match="a length does not end"):
        pack.size(offset)


def test_a_delta_that_is_no_zlib_data_is_corrupt(folder, store):
    path = write_pack(folder, blob(BASE), Entry(oid(1), OFS_DELTA, b"delta", 0))
    content = open(path + ".pack", "rb").read()  # noqa: SIM115
    with open(path + ".pack", "wb") as file:
        file.write(content.replace(zlib.compress(b"delta", 1), b"\xff" * len(zlib.compress(b"delta", 1))))
    pack, offset = store.locate(oid(1))
    with pytest.raises(Corrupt, match="broken zlib data"):
        pack.size(offset)
    with pytest.raises(Corrupt, match="broken zlib data"):
        pack.read(offset)


def test_a_pack_is_freshened_and_a_cruft_pack_is_not(folder, store):
    path = write_pack(folder, blob(b"one"))
    os.utime(path + ".pack", (1, 1))
    pack, _ = store.locate(blob(b"one").id)
    assert pack.freshen()
    assert os.stat(path + ".pack").st_mtime > 1
    os.utime(path + ".pack", (1, 1))
    open(path + ".mtimes", "wb").close()
    assert not pack.freshen()
    assert os.stat(path + ".pack").st_mtime == 1
