"""Many objects in one pack. What git says of such a pack is in tests/against_git/test_packing.py."""
import io
import os
import re
import stat
import zlib
from struct import pack, unpack

import pytest
from expref.objstore import packing
from expref.objstore.errors import Conflict
from expref.objstore.formats.packindex import PackIndex
from expref.objstore.ids import SHA1, SHA256
from expref.objstore.packing import BulkWriter, PackWriter, encode_index
from expref.objstore.stores import packfile
from expref.objstore.stores.files import PRIVATE, Sharing
from expref.objstore.stores.loose import StoredObject
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.stores.packs import PackStore

from tests.packmaker import oid

CONTENTS = [b"", b"x", b"y" * 5000, bytes(range(256)) * 40, b"tree-like\0"]


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "objects" / "pack"


@pytest.fixture
def store(tmp_path):
    return ObjectStore(str(tmp_path / "objects"), SHA1, PRIVATE)


def writer(folder, form=SHA1, sharing=PRIVATE):
    return PackWriter(str(folder), form, sharing)


def names(folder):
    return sorted(os.listdir(folder)) if folder.exists() else []


def loose(store):
    return {str(id_) for id_ in store.loose_ids()}


def age(path):
    """Put a file back in time; returns the time that it has now."""
    os.utime(path, (1_000_000, 1_000_000))
    return os.stat(path).st_mtime


@pytest.mark.parametrize("form", [SHA1, SHA256])
def test_what_was_added_is_read_again(folder, form):
    with writer(folder, form) as out:
        ids = [out.add("blob", content) for content in CONTENTS] + [out.add("commit", b"x")]
        assert len(out) == 6
        assert all(id_ in out for id_ in ids)
        path = out.finish()
    assert names(folder) == [os.path.basename(path) + suffix for suffix in (".idx", ".pack")]
    found = PackStore(str(folder), form)
    assert ids == [form.name_object("blob", content) for content in CONTENTS] + [form.name_object("commit", b"x")]
    assert [found.get(id_) for id_ in ids] == [*(StoredObject("blob", content) for content in CONTENTS), StoredObject("commit", b"x")]


def test_what_was_added_already_is_not_added_again(folder):
    with writer(folder) as out:
        first = out.add("blob", b"x" * 100)
        assert out.add("blob", b"x" * 100) == out.add_blob(io.BytesIO(b"x" * 100), 100) == first
        second = out.add("blob", b"after")
        assert len(out) == 2
        path = out.finish()
    found = PackStore(str(folder), SHA1)
    assert (found.get(first).content, found.get(second).content) == (b"x" * 100, b"after")
    assert os.path.getsize(path + ".pack") < 100


def test_without_objects_there_is_no_pack(folder):
    with writer(folder) as out:
        assert out.finish() is None
        assert len(out) == 0
    assert names(folder) == []


def test_without_finish_there_is_no_pack(folder):
    with writer(folder) as out:
        out.add("blob", b"x")
        assert re.fullmatch(r"tmp_pack_[0-9a-f]{12}", *names(folder))
    assert names(folder) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_nothing(folder, store, error):
    for out in (writer(folder), BulkWriter(store)):
        with pytest.raises(error), out:
            (out.add if isinstance(out, PackWriter) else out.write)("blob", b"x")
            raise error
    assert names(folder) == []


@pytest.mark.parametrize("failing", ["publish", "encode_index", "fsync_folder"])
def test_a_failure_at_the_end_leaves_no_temporary_file(folder, store, failing, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packing, failing, fail)
    with pytest.raises(OSError, match="No space left"), BulkWriter(store) as out:
        out.write("blob", b"x")
    assert not [name for name in names(folder) if name.startswith("tmp_")]


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_a_blob_from_a_stream_is_what_one_in_memory_is(folder, monkeypatch, block):
    monkeypatch.setattr(packing, "BLOCK", block)
    calls = []

    class Counting:
        def advance(self, items, size_bytes):
            calls.append(size_bytes)

    content = os.urandom(100) + b"x" * 400
    with writer(folder) as out:
        before = out.add("blob", b"before")
        ids = [out.add_blob(io.BytesIO(content), 500, Counting()), out.add_blob(io.BytesIO(), 0), out.add("blob", b"after")]
        out.finish()
    found = PackStore(str(folder), SHA1)
    assert [found.get(id_).content for id_ in (before, *ids)] == [b"before", content, b"", b"after"]
    assert ids[0] == SHA1.name_object("blob", content)
    assert sum(calls) == 500


@pytest.mark.parametrize("size", [0, 4, 6, 1 << 21])
def test_a_stream_of_another_size_is_refused_and_leaves_nothing(folder, size):
    with writer(folder) as out:
        first = out.add("blob", b"first")
        with pytest.raises(Conflict, match=f"a file of {size} bytes changed its size"):
            out.add_blob(io.BytesIO(b"12345"), size)
        assert len(out) == 1
        last = out.add("blob", b"last")
        path = out.finish()
    found = PackStore(str(folder), SHA1)
    assert [found.get(id_).content for id_ in (first, last)] == [b"first", b"last"]
    assert os.path.getsize(path + ".pack") == 12 + sum(1 + len(zlib.compress(each, 1)) for each in (b"first", b"last")) + 20


def test_files_are_for_reading_only(folder):
    old = os.umask(0o022)
    try:
        with writer(folder) as out:
            out.add("blob", b"x")
            path = out.finish()
    finally:
        os.umask(old)
    assert [stat.S_IMODE(os.stat(path + end).st_mode) for end in (".pack", ".idx")] == [0o444, 0o444]


@pytest.mark.parametrize(("setting", "expected"), [("group", 0o440), ("all", 0o444), ("0640", 0o440), ("umask", 0o400)])
def test_permissions_are_those_that_the_repository_shares(folder, setting, expected):
    old = os.umask(0o077)
    try:
        with writer(folder, sharing=Sharing(setting)) as out:
            out.add("blob", b"x")
            path = out.finish()
    finally:
        os.umask(old)
    assert [stat.S_IMODE(os.stat(path + end).st_mode) for end in (".pack", ".idx")] == [expected] * 2


def test_the_same_pack_written_twice_is_there_once_and_young(folder):
    def make():
        with writer(folder) as out:
            out.add("blob", b"x")
            return out.finish()

    path = make()
    inode, before = os.stat(path + ".pack").st_ino, age(path + ".pack")
    assert make() == path
    assert len(names(folder)) == 2
    assert os.stat(path + ".pack").st_ino == inode
    assert os.stat(path + ".pack").st_mtime > before


def test_a_pack_whose_index_a_crash_prevented_becomes_visible(folder):
    for _ in range(2):
        with writer(folder) as out:
            id_ = out.add("blob", b"x")
            path = out.finish()
        assert PackStore(str(folder), SHA1).get(id_).content == b"x"
        os.unlink(path + ".idx")


def test_without_hard_links_files_are_renamed(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with writer(folder) as out:
        id_ = out.add("blob", b"x")
        out.finish()
    assert PackStore(str(folder), SHA1).get(id_).content == b"x"
    assert len(names(folder)) == 2


def test_bulk_writing_makes_one_pack_that_is_seen_at_once(store, folder):
    assert store.get(SHA1.name_object("blob", b"0")) is None
    with BulkWriter(store) as out:
        ids = [out.write("blob", b"%d" % number) for number in range(300)]
        streamed = out.write_blob(io.BytesIO(b"stream"), 6)
    assert [store.get(id_).content for id_ in ids] == [b"%d" % number for number in range(300)]
    assert store.get(streamed) == StoredObject("blob", b"stream")
    assert len(names(folder)) == 2
    assert not loose(store)


@pytest.mark.parametrize("where", ["loose", "packed"])
def test_what_is_there_is_freshened_and_not_written_again(store, folder, where, monkeypatch):
    monkeypatch.setattr(packfile, "FRESH_S", 0)
    if where == "loose":
        id_ = store.write("blob", b"known")
        path = f"{store.path}/{str(id_)[:2]}/{str(id_)[2:]}"
    else:
        with BulkWriter(store) as out:
            out.write("blob", b"known")
        path = f"{folder}/{next(name for name in names(folder) if name.endswith('.pack'))}"
    files = names(folder)
    for write in (lambda out: out.write("blob", b"known"), lambda out: out.write_blob(io.BytesIO(b"known"), 5)):
        before = age(path)
        with BulkWriter(store) as out:
            assert write(out) == SHA1.name_object("blob", b"known")
        assert os.stat(path).st_mtime > before
        assert names(folder) == files


@pytest.mark.parametrize("how", ["unlinked", "cruft"])
def test_what_cannot_be_freshened_is_written_again(store, folder, how):
    id_ = store.write("blob", b"known")
    with BulkWriter(store) as out:
        out.write("blob", b"packed")
    packed = next(name for name in names(folder) if name.endswith(".pack"))
    (folder / f"{packed[:-5]}.mtimes").touch()
    with BulkWriter(store) as out:
        if how == "unlinked":
            os.unlink(f"{store.path}/{str(id_)[:2]}/{str(id_)[2:]}")
            out.write("blob", b"known")
        else:
            out.write("blob", b"packed")
            out.write("blob", b"more")  # the same pack would be the cruft pack itself
    assert len([name for name in names(folder) if name.endswith(".pack")]) == 2


def test_offsets_above_two_gigabytes_have_a_table_of_their_own():
    rows = {bytes(oid(number << 150)): (number, offset) for number, offset in enumerate(
        [1 << 40, 12, (1 << 31) - 1, 1 << 31, 1 << 32, 5_000_000_000], 1)}
    content = encode_index({id_: pack(">IQ", *row) for id_, row in rows.items()}, bytes(range(20)), SHA1)
    index = PackIndex(memoryview(content), 20, "idx")
    assert {bytes(id_): index.get(id_) for id_ in index.ids()} == {id_: offset for id_, (_, offset) in rows.items()}
    assert list(index.offsets()) == [rows[bytes(id_)][1] for id_ in index.ids()]
    assert unpack(">6I", content[1032 + 120 : 1032 + 144]) == tuple(rows[id_][0] for id_ in sorted(rows))
    assert len(content) == 1032 + 6 * 28 + 4 * 8 + 40
    assert content[-40:-20] == bytes(range(20))
    assert content[-20:] == SHA1.hasher(content[:-20]).digest()


def test_an_index_finds_ids_with_every_first_byte():
    rows = {bytes([first]) + bytes(19): pack(">IQ", 0, first) for first in range(256)}
    index = PackIndex(memoryview(encode_index(rows, bytes(20), SHA1)), 20, "idx")
    assert [index.get(id_) for id_ in rows] == list(range(256))
    assert index.get(b"\x07" + b"\x01" * 19) is None
