"""Packs on disk."""
import os
import subprocess
import sys
import zlib

import pytest
from expref.objstore.errors import Corrupt, Unsupported
from expref.objstore.ids import SHA1
from expref.objstore.stores import packfile
from expref.objstore.stores.loose import StoredObject
from expref.objstore.stores.packfile import DeltaBases, Pack
from expref.objstore.stores.packs import PackStore

from tests.packmaker import OFS_DELTA, REF_DELTA, Entry, blob, delta_entry, make_delta, make_midx, oid, write_pack

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
    monkeypatch.setattr(packfile, "LONGEST_CHAIN", 300)
    delta = make_delta(BASE, BASE)
    chain = [Entry(oid(number), OFS_DELTA, delta, number - 1) for number in range(1, 302)]
    write_pack(folder, blob(BASE), *chain)
    assert store.get(oid(300)).content == BASE
    fresh = PackStore(str(folder), SHA1)
    with pytest.raises(Corrupt, match="a chain of deltas does not end"):
        fresh.get(oid(301))


def test_what_is_remembered_of_bases_is_bounded(folder):
    path = write_pack(folder, *(blob(bytes([number]) * 300) for number in range(5)))
    pack, bases = Pack(path, SHA1, None), DeltaBases(limit=6000)
    for offset in range(1000):
        bases.add((pack, offset), StoredObject("blob", bytes([offset & 255]) * 300))
        assert bases.get((pack, offset))
    kept = [offset for offset in range(1000) if bases.get((pack, offset))]
    assert kept[-3:] == [997, 998, 999] and 10 < len(kept) <= 20  # of 300 bytes each
    bases.add((pack, 1001), StoredObject("blob", bytes(5001)))
    assert bases.get((pack, 1001)) is None and [each for each in kept if bases.get((pack, each))] == kept
    bases.add((pack, 1001), StoredObject("blob", bytes(4000)))
    assert bases.get((pack, 1001)) and sum(bool(bases.get((pack, each))) for each in kept) < 7


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
    (".idx", b"", "empty"), (".pack", b"", "empty"), (".idx", b"junk", "fan-out table is cut off"),
    (".idx", b"junk" * 999, "not a pack index"),
    (".pack", b"PACK\0\0\0\2\0\0\0\5" + bytes(30), "as many objects as its index"), (".pack", b"junk", "not a pack file"),
])
def test_a_broken_pack_is_corrupt_and_named(folder, store, suffix, content, why):
    path = write_pack(folder, blob(b"one"))
    with open(path + suffix, "wb") as file:
        file.write(content)
    assert store.get(blob(b"one").id) is None
    assert path in str(store.fault)
    with pytest.raises(Corrupt, match=f"{path}{suffix}:.*{why}"):
        Pack(path, SHA1, DeltaBases()).find(blob(b"one").id)


def test_an_index_of_another_version_is_noted_by_name(folder, store):
    path = write_pack(folder, blob(b"one"))
    with open(path + ".idx", "wb") as file:
        file.write(b"\xfftOc\0\0\0\3" + bytes(2000))
    assert store.get(blob(b"one").id) is None
    assert isinstance(store.fault, Unsupported)
    assert "pack-test.idx: pack index version 3" in str(store.fault)


def test_a_broken_pack_hides_no_other_one(folder, store):
    broken = [write_pack(folder, blob(b"%d" % number), name=f"pack-{number}") for number in range(4)]
    for path, suffix in zip(broken, (".idx", ".pack"), strict=False):
        with open(path + suffix, "wb") as file:
            file.write(b"junk" * 20_000)
    assert [store.get(blob(b"%d" % number).id) is None for number in range(4)] == [True, True, False, False]
    write_pack(folder, blob(b"0"), name="pack-0")
    assert store.get(blob(b"0").id).content == b"0"  # closed after the fault, so it is read anew


def test_a_pack_that_is_not_the_one_of_its_index_is_corrupt(folder, store):
    path, other = (write_pack(folder, blob(content), name=name) for content, name in ((b"one", "pack-a"), (b"two", "pack-b")))
    os.replace(other + ".pack", path + ".pack")
    with pytest.raises(Corrupt, match="not the pack that its index is for"):
        Pack(path, SHA1, DeltaBases()).find(blob(b"one").id)


@pytest.mark.parametrize("big", [False, True])
def test_more_packs_than_descriptors(folder, child_env, big):
    """Small packs are read at once; of large ones those that are not in use are closed."""
    for number in range(120):
        content = b"%d " % number + (os.urandom(packfile.SMALL_FILE) if big else b"")
        write_pack(folder, blob(content), name=f"pack-{number}")
    script = """
import resource, sys
from expref.objstore.ids import SHA1
from expref.objstore.stores.packs import PackStore
store = PackStore(sys.argv[1], SHA1)
ids = [id_ for first in range(256) for id_ in store.ids_starting_with(f"{first:02x}")]
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
for _ in range(2):
    print(len({store.get(id_).content[:4] for id_ in ids}))
"""
    done = subprocess.run([sys.executable, "-c", script, folder], env=child_env, capture_output=True, text=True)
    assert done.stdout.split() == ["120", "120"], done.stderr


def test_a_size_comes_from_the_headers(folder, store):
    big = os.urandom(100) * 10_000
    write_pack(folder, blob(big), Entry(oid(1), OFS_DELTA, make_delta(big, b"") + b"\x01", 0),
               Entry(oid(2), OFS_DELTA, b"\xff" * 30, 0))
    for id_, size in ((blob(big).id, len(big)), (oid(1), 0)):
        pack, offset = store.locate(id_)
        assert pack.size(offset) == size
    pack, offset = store.locate(oid(2))
    with pytest.raises(Corrupt, match=rf"pack-test\.pack:{offset}: a length does not end"):
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
    pack, _ = PackStore(str(folder), SHA1).locate(blob(b"one").id)
    assert not pack.freshen()
    assert os.stat(path + ".pack").st_mtime == 1


@pytest.mark.parametrize(("seconds", "times"), [(3600, 1), (0, 2)])
def test_a_pack_is_freshened_once_for_many_objects_and_again_later(folder, store, monkeypatch, seconds, times):
    monkeypatch.setattr(packfile, "FRESH_S", seconds)
    path = write_pack(folder, blob(b"one"), blob(b"two"))
    for number, content in enumerate((b"one", b"two"), 1):
        os.utime(path + ".pack", (1, 1))
        assert store.locate(blob(content).id)[0].freshen()
        assert (os.stat(path + ".pack").st_mtime > 1) == (number <= times)


# Multi-pack-indexes


def guided(folder, packs, content=None):
    """Packs with a blob each, and a multi-pack-index over them. Returns the store."""
    for name in packs:
        write_pack(folder, blob(name.encode()), name=name)
    ids = {f"{name}.idx": [blob(name.encode()).id] for name in packs}
    (folder / "multi-pack-index").write_bytes(make_midx(ids) if content is None else content)
    return PackStore(str(folder), SHA1)


def test_only_the_pack_that_a_multi_pack_index_names_is_opened(folder):
    names = [f"pack-{number}" for number in range(9)]
    store = guided(folder, names)
    for name in names[3:6]:
        assert store.get(blob(name.encode()).id).content == name.encode()
    assert [os.path.basename(pack.path) for pack in store.packs() if "index" in vars(pack)] == names[3:6]


def test_packs_that_are_in_no_multi_pack_index_are_asked_too(folder):
    store = guided(folder, ["pack-a", "pack-b"])
    write_pack(folder, blob(b"new"), name="pack-0")
    assert store.get(blob(b"new").id).content == b"new"
    assert store.get(blob(b"pack-a").id).content == b"pack-a"


def test_a_multi_pack_index_that_names_packs_which_have_gone_is_stale(folder):
    store = guided(folder, ["pack-a", "pack-b", "pack-c"])
    write_pack(folder, blob(b"pack-a"), blob(b"pack-b"), name="pack-new")
    for name in ("pack-a", "pack-b"):
        for suffix in (".pack", ".idx"):
            os.remove(folder / f"{name}{suffix}")
    for name in (b"pack-a", b"pack-b", b"pack-c"):
        assert store.get(blob(name).id).content == name


def test_what_a_multi_pack_index_does_not_know_is_found_by_a_search(folder):
    right = {f"pack-{name}.idx": [blob(b"pack-%s" % name.encode()).id] for name in "ab"}
    for wrong in (right | {"pack-b.idx": [oid(1)]}, {"pack-a.idx": right["pack-b.idx"], "pack-b.idx": right["pack-a.idx"]}):
        store = guided(folder, ["pack-a", "pack-b"], make_midx(wrong))
        assert store.get(blob(b"pack-b").id) is None
        assert store.is_guided()
        assert [pack.read(offset).content for pack, offset in store.search(blob(b"pack-b").id)] == [b"pack-b"]


@pytest.mark.parametrize("content", [b"", b"MIDX", b"junk" * 1000, make_midx({}), make_midx({"pack-a.idx": []}, version=2)])
def test_a_multi_pack_index_that_is_broken_is_passed_over(folder, content):
    store = guided(folder, ["pack-a", "pack-b"], content)
    for name in (b"pack-a", b"pack-b"):
        assert store.get(blob(name).id).content == name
    assert store.fault is None


def test_a_chain_of_multi_pack_indexes_is_read(folder):
    names = [f"pack-{letter}" for letter in "abcd"]
    store = guided(folder, names)
    os.remove(folder / "multi-pack-index")
    chain = folder / "multi-pack-index.d"
    chain.mkdir()
    for number, pair in enumerate((names[:2], names[2:])):
        ids = {f"{name}.idx": [blob(name.encode()).id] for name in pair}
        (chain / f"multi-pack-index-{oid(number)}.midx").write_bytes(make_midx(ids))
    lines = f"{oid(0)}\n{oid(1)}\n{oid(2)}\n../../../etc/passwd\n"
    (chain / "multi-pack-index-chain").write_text(lines)
    for name in names[1:3]:
        assert store.get(blob(name.encode()).id).content == name.encode()
    assert sum("index" in vars(pack) for pack in store.packs()) == 2
