"""Packs that arrive, good and hostile: each class of attack is refused, and nothing of it stays."""

import hashlib
import os
import resource
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from expref.objstore.errors import Conflict, Corrupt, NotFound, Unsupported
from expref.objstore.ids import SHA1, ObjectId
from expref.objstore.repository import Repository
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.keepmarks import release_left_over
from expref.objstore.stores.lockmarks import mark
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.transport import indexing, receive
from expref.objstore.transport.receive import IncomingPack, check_connected

from tests.packmaker import OFS_DELTA, REF_DELTA, Entry, blob, copy_instruction, delta_entry, make_pack, number

OLD = b"".join(b"line %d of the first version\n" % at for at in range(40))
NEW = OLD + b"and one more\n"


@pytest.fixture
def store(tmp_path):
    """An empty object store."""
    return ObjectStore(str(tmp_path / "objects"), SHA1, PRIVATE)


def packed(*entries):
    return make_pack(*entries)[0]


def resealed(pack):
    """A pack whose content was changed, with a checksum that fits."""
    return pack[:-20] + hashlib.sha1(pack[:-20]).digest()


def take(store, pack, *, block=7, largest=0, **options):
    """Receive the bytes of a pack in small blocks."""
    with IncomingPack(store, largest=largest) as incoming:
        for at in range(0, len(pack), block):
            incoming.write(pack[at : at + block])
        return incoming.finish(**options)


def files_in(store):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(store.path) for name in names)


def refused(store, pack, error, match, **options):
    """The pack is refused, and nothing of it is on the disk."""
    before = files_in(store)
    with pytest.raises(error, match=match):
        take(store, pack, **options)
    assert files_in(store) == before


def test_a_small_pack_becomes_loose_objects(store):
    received = take(store, packed(blob(OLD), delta_entry(OLD, NEW, 0)))
    assert (received.objects, received.keep) == (2, None)
    assert store.find(SHA1.name_object("blob", NEW)).content == NEW
    assert not os.path.exists(f"{store.path}/pack")


def test_a_pack_with_many_objects_is_kept_with_an_index_and_held_until_it_is_released(store):
    entries = [blob(b"%d" % at) for at in range(100)]
    received = take(store, packed(*entries))
    (pack,) = (name[:-5] for name in os.listdir(f"{store.path}/pack") if name.endswith(".pack"))
    assert sorted(os.listdir(f"{store.path}/pack")) == [pack + end for end in (".idx", ".keep", ".pack")]
    with open(received.keep) as keep:
        assert keep.read() == mark().decode()
    received.release()
    received.release()
    assert not os.path.exists(received.keep)
    assert all(store.find(entry.id).content == entry.content for entry in entries)
    assert {os.stat(path).st_mode & 0o777 for path in files_in(store)} == {0o444}


def test_a_pack_with_one_object_can_be_kept_too(store):
    received = take(store, packed(blob(OLD)), unpack_below=0)
    assert received.keep.endswith(".keep")


def test_the_keep_that_a_crash_left_is_ours_and_any_other_is_not(store):
    for content, is_ours in ((mark(), True), (b"a user's\n", False)):
        received = take(store, packed(blob(OLD)), unpack_below=0)
        with open(f"{store.path}/pack/keep", "wb") as file:
            file.write(content)
        path = received.keep
        os.replace(f"{store.path}/pack/keep", path)
        again = take(store, packed(blob(OLD)), unpack_below=0)
        assert again.keep == (path if is_ours else None)
        again.release()
        assert os.path.exists(path) != is_ours


def test_what_somebody_else_keeps_meanwhile_stays(store):
    received = take(store, packed(blob(OLD)), unpack_below=0)
    os.unlink(received.keep)
    Path(received.keep).write_bytes(b"a user's\n")
    received.release()
    assert os.path.exists(received.keep)


@pytest.mark.parametrize("limit", [600, 2500])
def test_nothing_stays_of_a_pack_for_which_the_disk_is_too_small(store, monkeypatch, limit):
    """The pack has 1.3 kB, its index 3.9."""
    monkeypatch.setattr(receive, "SPOOLED", 100)
    pack, limits = packed(*(blob(b"%d" % at) for at in range(100))), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            take(store, pack)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_in(store) == []


def test_only_what_dead_processes_kept_is_released(store):
    def marked(pid):
        return mark().replace(b" %d " % os.getpid(), b" %d " % pid)

    release_left_over(f"{store.path}/pack")
    dead = subprocess.Popen(["true"])
    dead.wait()
    received = take(store, packed(blob(OLD)), unpack_below=0)
    for name, content in (("dead", marked(dead.pid)), ("living", marked(os.getppid())), ("user", b""), ("host", b"expref 1 x -\n")):
        Path(store.path, "pack", f"pack-{name}.keep").write_bytes(content)
    release_left_over(f"{store.path}/pack")
    left = {name for name in os.listdir(f"{store.path}/pack") if name.endswith(".keep")}
    assert left == {os.path.basename(received.keep), "pack-living.keep", "pack-user.keep", "pack-host.keep"}


def test_an_empty_pack_leaves_nothing(store):
    received = take(store, packed(), unpack_below=100)
    assert (received.objects, received.keep, files_in(store)) == (0, None, [])


def test_a_thin_pack_gets_the_base_that_it_lacks(store):
    base = store.write("blob", OLD)
    received = take(store, packed(delta_entry(OLD, NEW, base)), unpack_below=0)
    alone = ObjectStore(store.path, SHA1, PRIVATE)
    os.unlink(f"{store.path}/{str(base)[:2]}/{str(base)[2:]}")
    assert received.objects == 1
    assert alone.find(SHA1.name_object("blob", NEW)).content == NEW
    assert alone.find(base).content == OLD


def test_a_delta_whose_base_comes_later(store):
    base = SHA1.name_object("blob", OLD)
    take(store, packed(delta_entry(OLD, NEW, base), blob(OLD)))
    assert store.find(SHA1.name_object("blob", NEW)).content == NEW


def test_a_delta_on_a_delta_that_comes_later(store):
    newest = NEW + b"another\n"
    middle = SHA1.name_object("blob", NEW)
    entries = delta_entry(NEW, newest, middle), delta_entry(OLD, NEW, SHA1.name_object("blob", OLD)), blob(OLD)
    take(store, packed(*entries), unpack_below=0)
    assert store.find(SHA1.name_object("blob", newest)).content == newest


def test_bases_that_were_forgotten_are_made_again(store, monkeypatch):
    monkeypatch.setattr(indexing, "REMEMBERED", 3000)
    versions = [OLD + b"%d\n" % at for at in range(30)]
    chain = [blob(versions[0])] + [delta_entry(versions[at - 1], versions[at], at - 1) for at in range(1, 30)]
    late = [delta_entry(versions[at], versions[at] + b"!", at) for at in (0, 3, 29)]
    take(store, packed(*chain, *late), unpack_below=0)
    for content in [*versions, *(versions[at] + b"!" for at in (0, 3, 29))]:
        assert store.find(SHA1.name_object("blob", content)).content == content


def test_a_large_blob_is_not_held_in_memory_and_can_be_a_base(store, monkeypatch):
    monkeypatch.setattr(indexing, "WHOLE", 100)
    entries = blob(OLD), delta_entry(OLD, NEW, 0)
    received = take(store, packed(*entries), unpack_below=0)
    assert received.objects == 2
    assert store.find(SHA1.name_object("blob", NEW)).content == NEW


def test_a_pack_that_outgrows_its_place_in_memory_goes_to_the_disk(store, monkeypatch):
    monkeypatch.setattr(receive, "SPOOLED", 50)
    take(store, packed(blob(OLD), delta_entry(OLD, NEW, 0)), unpack_below=0)
    assert store.find(SHA1.name_object("blob", NEW)).content == NEW
    assert not [name for name in os.listdir(f"{store.path}/pack") if name.startswith("tmp")]


def test_small_objects_in_a_large_number_of_bytes_stay_in_their_pack(store, monkeypatch):
    monkeypatch.setattr(receive, "LARGEST_UNPACKED", 1000)
    assert take(store, packed(blob(OLD))).keep


def test_what_is_here_already_may_come_again(store):
    id_ = store.write("blob", OLD)
    take(store, packed(blob(OLD)))
    assert store.find(id_).content == OLD


# Hostile packs.


@pytest.mark.parametrize("length", range(0, 64, 3))
def test_a_pack_that_is_cut_off(store, length):
    refused(store, packed(blob(b"some content"), blob(b"more"))[:length], Corrupt, "checksum|cut off")


@pytest.mark.parametrize("length", [12, 20, 40, 60])
def test_a_pack_that_is_cut_off_and_sealed(store, length):
    pack = packed(blob(OLD), blob(NEW))
    refused(store, resealed(pack[:length] + bytes(20)), Corrupt, "cut off|cannot hold|promises|inflate")


def test_a_wrong_checksum(store):
    pack = packed(blob(OLD))
    refused(store, pack[:-1] + bytes([pack[-1] ^ 1]), Corrupt, "checksum")


def test_what_is_no_pack(store):
    refused(store, resealed(b"PACK\0\0\0\4\0\0\0\0" + bytes(20)), Corrupt, "version 2 or 3")
    refused(store, resealed(b"KCAP\0\0\0\2\0\0\0\0" + bytes(20)), Corrupt, "not a pack")
    refused(store, b"", Corrupt, "checksum|cut off")


def test_something_behind_the_last_object(store):
    pack = packed(blob(OLD))
    refused(store, resealed(pack[:-20] + b"x" + bytes(20)), Corrupt, "something follows")


@pytest.mark.parametrize("promised", [0, 1, 3, 1000, 0xFFFFFFFF])
def test_a_number_of_objects_that_is_a_lie(store, promised):
    pack = bytearray(packed(blob(OLD), blob(NEW)))
    pack[8:12] = struct.pack(">I", promised)
    refused(store, resealed(bytes(pack)), Corrupt, "follows|cannot hold|cut off|reserved|broken|lies")


def entry_with(size, data, kind=3):
    first, rest = size & 15, size >> 4
    header = bytearray([kind << 4 | first | (0x80 if rest else 0)])
    while rest:
        header.append(rest & 0x7F | (0x80 if rest >> 7 else 0))
        rest >>= 7
    return bytes(header) + data


def sealed(*entries):
    pack = b"PACK" + struct.pack(">II", 2, len(entries)) + b"".join(entries)
    return pack + hashlib.sha1(pack).digest()


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [0, 99, 101, 5000, 1 << 20, 3 << 20, 1 << 40, 1 << 62])
def test_a_size_that_is_a_lie(store, size, kind):
    entry = entry_with(size, zlib.compress(bytes(100)), kind)
    refused(store, sealed(entry), (Corrupt, Unsupported), "promises|inflate|no blob")


def test_a_bomb_costs_neither_memory_nor_time(store):
    """Ten megabytes of zeros, deflated, promised as a hundred bytes."""
    refused(store, sealed(entry_with(100, zlib.compress(bytes(10 << 20)))), Corrupt, "inflate")


def test_an_object_that_must_be_in_memory_and_is_too_large(store, monkeypatch):
    monkeypatch.setattr(indexing, "LARGEST_HELD", 1000)
    refused(store, sealed(entry_with(1001, zlib.compress(bytes(1001)), 2)), Unsupported, "no blob")


def test_a_delta_that_makes_too_much(store, monkeypatch):
    monkeypatch.setattr(indexing, "LARGEST_HELD", 10_000)
    bomb = number(len(OLD)) + number(1 << 40) + copy_instruction(0, 100) * 3
    entry = Entry(bytes(20), OFS_DELTA, bomb, 0)
    refused(store, packed(blob(OLD), entry), Unsupported, "a delta that makes")


def test_deltas_that_make_too_much_together(store, monkeypatch):
    monkeypatch.setattr(indexing, "LARGEST_TOTAL", 10 * len(OLD))
    monkeypatch.setattr(indexing, "TOTAL_RATIO", 1)
    entries = [delta_entry(OLD, OLD + b"%d" % at, 0) for at in range(20)]
    refused(store, packed(blob(OLD), *entries), Unsupported, "times its size")


def test_a_result_that_is_not_what_the_delta_promises(store):
    delta = number(len(OLD)) + number(200) + copy_instruction(0, 100)
    refused(store, packed(blob(OLD), Entry(bytes(20), OFS_DELTA, delta, 0)), Corrupt, "makes 100 bytes instead of 200")


def test_a_copy_from_outside_the_base(store):
    delta = number(len(OLD)) + number(100) + copy_instruction(len(OLD) - 50, 100)
    refused(store, packed(blob(OLD), Entry(bytes(20), OFS_DELTA, delta, 0)), Corrupt, "past the end")


def test_deltas_on_each_other(store):
    one, other = (ObjectId(bytes([at]) * 20) for at in (1, 2))
    circle = [
        Entry(one, REF_DELTA, number(3) + number(3) + copy_instruction(0, 3), other),
        Entry(other, REF_DELTA, number(3) + number(3) + copy_instruction(0, 3), one),
    ]
    refused(store, packed(*circle), Corrupt, "2 deltas cannot be made")


def test_a_delta_on_itself(store):
    refused(
        store,
        packed(Entry(bytes(20), REF_DELTA, number(3) + number(3) + copy_instruction(0, 3), bytes(20))),
        Corrupt,
        "cannot be made",
    )


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_deltas_on_each_other_through_an_object_that_is_here(store, monkeypatch, is_forgotten):
    """What is borrowed for the first delta is itself in the pack: a delta on what the first one makes."""
    monkeypatch.setattr(indexing, "REMEMBERED", 3 * len(NEW))
    base, made = store.write("blob", OLD), SHA1.name_object("blob", NEW)
    circle = [delta_entry(OLD, NEW, base), delta_entry(NEW, OLD, made)]
    others = [blob(os.urandom(3 * len(NEW))), delta_entry(NEW, NEW + b"!", 0)] if is_forgotten else []
    refused(store, packed(*circle, *others), Corrupt, "made on each other", unpack_below=0)


@pytest.mark.parametrize("again", [blob(OLD), delta_entry(NEW + b"!", OLD, 0)])
def test_a_base_that_is_here_may_come_in_the_pack_too(store, again):
    base, made = store.write("blob", OLD), SHA1.name_object("blob", NEW)
    take(store, packed(blob(NEW + b"!"), delta_entry(OLD, NEW, base), again), unpack_below=0)
    os.unlink(f"{store.path}/{str(base)[:2]}/{str(base)[2:]}")
    alone = ObjectStore(store.path, SHA1, PRIVATE)
    assert (alone.find(base).content, alone.find(made).content) == (OLD, NEW)


def test_a_base_that_is_nowhere(store):
    missing = SHA1.name_object("blob", OLD)
    refused(store, packed(delta_entry(OLD, NEW, missing)), Corrupt, str(missing))


@pytest.mark.parametrize("back", [0, 1, 5, 1000])
def test_a_base_where_no_entry_starts(store, back):
    first = entry_with(len(OLD), zlib.compress(OLD))
    distance = bytes([back]) if back < 128 else bytes([0x86, 0x68])
    delta = number(len(OLD)) + number(100) + copy_instruction(0, 100)
    second = entry_with(len(delta), distance + zlib.compress(delta), 6)
    refused(store, sealed(first, second), Corrupt, "no entry starts|outside the pack")


def test_a_chain_of_deltas_that_is_too_long(store, monkeypatch):
    monkeypatch.setattr(indexing, "LONGEST_CHAIN", 10)
    chain = [blob(OLD)] + [delta_entry(OLD + b"x" * at, OLD + b"x" * (at + 1), at) for at in range(11)]
    refused(store, packed(*chain), Corrupt, "more than 10 deltas")


def test_an_object_that_is_there_twice(store):
    refused(store, packed(blob(OLD), blob(NEW), blob(OLD)), Corrupt, "there twice")


@pytest.mark.parametrize("kind", [0, 5])
def test_a_reserved_type(store, kind):
    refused(store, sealed(entry_with(3, zlib.compress(b"abc"), kind)), Corrupt, "reserved")


@pytest.mark.parametrize("whole", [1 << 20, 10])
def test_another_content_of_an_id_that_is_here(store, monkeypatch, whole):
    """A collision cannot be made here, so the object that is here is replaced by another one of that id."""
    id_ = store.write("blob", OLD)
    path = f"{store.path}/{str(id_)[:2]}/{str(id_)[2:]}"
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(zlib.compress(b"blob %d\0" % len(OLD) + OLD[::-1]))
    monkeypatch.setattr(indexing, "WHOLE", whole)
    refused(store, packed(blob(OLD)), Conflict, f"{id_} is here with another content")


def test_a_pack_above_the_limit(store):
    refused(store, packed(blob(os.urandom(500))), Unsupported, "more than 300 bytes", largest=300)


def test_every_flipped_bit_is_noticed(store):
    pack = packed(blob(b"0123456789"), delta_entry(b"0123456789", b"0123456789abc", 0))
    good = {SHA1.name_object("blob", content) for content in (b"0123456789", b"0123456789abc")}
    for at in range(8 * (len(pack) - 20)):
        flipped = bytearray(pack)
        flipped[at // 8] ^= 1 << at % 8
        try:
            received = take(store, resealed(bytes(flipped)), block=1000)
        except (Corrupt, Unsupported):
            continue
        assert set(received.contents) & good or received.objects == 2  # another object, under its own name
        for id_, found in received.contents.items():
            assert SHA1.name_object(*found) == id_


def test_the_memory_for_a_pack_of_many_deltas_is_bounded(store):
    """A bomb of deltas, each on the same base: only so much is remembered."""
    base = bytes(1 << 20)
    copy = number(len(base)) + number(len(base) + 2) + copy_instruction(0, len(base))
    entries = [Entry(bytes(20), OFS_DELTA, copy + b"\x02%02d" % at, 0) for at in range(60)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    received = take(store, packed(blob(base), *entries), block=1 << 16, unpack_below=0)
    assert received.objects == 61
    assert sum(len(each.content) for each in received.contents.values()) <= indexing.REMEMBERED
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10


# What refs need is there.


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "work").mkdir()
    return Repository.init(str(tmp_path / "work"), {})


def test_what_is_connected_is_accepted_and_what_is_not_is_named(repository):
    write = repository.objects.write
    content = write("blob", OLD)
    tree = write("tree", b"100644 a\0" + content)
    lines = b"author A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nm\n"
    commit = write("commit", b"tree %s\n" % str(tree).encode() + lines)
    check_connected(repository, [commit], [])
    lost = ObjectId(b"\7" * 20)
    for content in (
        b"tree %s\n" % str(lost).encode() + lines,
        b"tree %s\nparent %s\n" % (str(tree).encode(), str(lost).encode()) + lines,
        b"tree %s\n" % str(write("tree", b"100644 a\0" + lost)).encode() + lines,
        b"tree %s\n" % str(write("tree", b"40000 a\0" + lost)).encode() + lines,
    ):
        with pytest.raises(NotFound, match=str(lost)):
            check_connected(repository, [commit, write("commit", content)], [commit])
    with pytest.raises(NotFound, match=str(lost)):
        check_connected(repository, [lost], [commit])


def test_submodules_need_not_be_there(repository):
    write = repository.objects.write
    tree = write("tree", b"160000 sub\0" + b"\7" * 20)
    lines = b"author A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nm\n"
    check_connected(repository, [write("commit", b"tree %s\n" % str(tree).encode() + lines)], [])
