"""Objects that are read in blocks."""
import io
import os
import zlib

import pytest
from expref.objstore.errors import Corrupt, NotFound
from expref.objstore.ids import SHA1
from expref.objstore.stores import streams
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.stores.streams import open_loose

from tests.packmaker import Entry, blob, delta_entry, oid, write_pack

CONTENTS = [b"", b"x", b"text " * 1000, os.urandom(5000), bytes(100_000)]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store; blocks are small, so that few bytes are many of them."""
    monkeypatch.setattr(streams, "BLOCK", 100)
    return ObjectStore(str(tmp_path), SHA1, PRIVATE)


def read(store, id_):
    with store.open_blob(id_) as reader:
        blocks = list(reader)
    assert all(len(block) <= 100 for block in blocks)
    assert sum(map(len, blocks)) == reader.size
    return b"".join(blocks)


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_a_blob_comes_in_blocks_from_a_file_and_from_a_pack(store, tmp_path, content):
    loose = store.write("blob", content)
    assert read(store, loose) == content
    write_pack(tmp_path / "pack", blob(content + b"packed"), blob(b"other"))
    assert read(store, blob(content + b"packed").id) == content + b"packed"


def test_a_blob_that_is_a_delta_is_made_whole(store, tmp_path):
    base = b"base " * 100
    write_pack(tmp_path / "pack", blob(base), delta_entry(base, base + b"!", 0))
    with store.open_blob(blob(base + b"!").id) as reader:
        assert (list(reader), reader.size) == ([base + b"!"], len(base) + 1)


def test_a_reader_can_be_read_as_a_file_and_written_elsewhere(store, tmp_path):
    content = os.urandom(1234)
    id_ = store.write("blob", content)
    other = ObjectStore(str(tmp_path / "other"), SHA1, PRIVATE)
    with store.open_blob(id_) as reader:
        assert other.write_blob(reader, reader.size) == id_
    with other.open_blob(id_) as reader:
        parts = list(iter(lambda: reader.read(70), b""))
    assert b"".join(parts) == content
    assert max(map(len, parts)) == 70


def test_what_is_not_here_or_no_blob_is_refused_before_anything_is_read(store):
    with pytest.raises(NotFound, match=str(oid(1))):
        store.open_blob(oid(1))
    tree = store.write("tree", b"")
    with pytest.raises(Corrupt, match="a tree, where a blob is needed"):
        store.open_blob(tree)
    assert store.open(tree).kind == "tree"


def put(tmp_path, content):
    path = tmp_path / oid(1).hex()[:2] / oid(1).hex()[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return oid(1)


@pytest.mark.parametrize(("content", "why"), [
    (b"", "cut off"), (b"junk", "broken zlib data"), (zlib.compress(b"blob 500\0" + b"x" * 500), "another object"),
    (zlib.compress(b"blob 500\0" + b"x" * 499), "size that it promises"), (zlib.compress(b"junk"), "not the header"),
    (zlib.compress(b"blob 500\0" + bytes(1 << 20)), "size that it promises"), (zlib.compress(b"blob 900\0" + bytes(900))[:-9], "cut off"),
])
def test_a_broken_file_is_corrupt_at_the_end_at_the_latest(store, tmp_path, content, why):
    id_ = put(tmp_path, content)
    with pytest.raises(Corrupt, match=why), store.open_blob(id_) as reader:
        assert sum(map(len, reader)) <= 600


def test_a_broken_entry_of_a_pack_is_corrupt_at_the_end_at_the_latest(store, tmp_path):
    path = write_pack(tmp_path / "pack", blob(b"x" * 1000), Entry(oid(1), 3, b"wrong" * 1000))
    with pytest.raises(Corrupt, match="another object"):
        read(store, oid(1))
    content = bytearray(open(path + ".pack", "rb").read())  # noqa: SIM115
    content[25] ^= 0xFF
    with open(path + ".pack", "wb") as file:
        file.write(content)
    with pytest.raises(Corrupt):
        read(ObjectStore(str(tmp_path), SHA1, PRIVATE), blob(b"x" * 1000).id)


def test_a_reader_that_is_left_early_closes_its_file(store):
    id_ = store.write("blob", os.urandom(10_000))
    before = os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd") else None
    with store.open_blob(id_) as reader:
        next(iter(reader))
    assert before is None or os.listdir("/proc/self/fd") == before


def test_a_file_that_has_gone_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="is gone"):
        open_loose(str(tmp_path / "none"))


def test_a_file_that_is_packed_while_it_is_looked_for_is_found_in_the_pack(store, tmp_path, monkeypatch):
    """`git gc` between the question where it is and the opening of the file."""
    id_ = store.write("blob", b"moved")

    def open_late(path):
        write_pack(tmp_path / "pack", blob(b"moved"))
        os.remove(path)
        return open_loose(path)

    monkeypatch.setattr("expref.objstore.stores.streams.open_loose", open_late)
    assert read(store, id_) == b"moved"


@pytest.mark.parametrize("size", [0, 10, streams.WHOLE + 1])
def test_what_is_kept_from_elsewhere_is_written_again_and_verified(tmp_path, size):
    content = os.urandom(size)
    other = ObjectStore(str(tmp_path / "other"), SHA1, PRIVATE)
    id_ = other.write("blob", content)
    own = ObjectStore(str(tmp_path / "own"), SHA1, PRIVATE, alternates=[str(tmp_path / "other")])
    own.keep(id_)
    assert ObjectStore(str(tmp_path / "own"), SHA1, PRIVATE).get(id_).content == content
    bad = ObjectStore(str(tmp_path / "bad"), SHA1, PRIVATE)
    wrong = tmp_path / "other" / id_.hex()[:2] / id_.hex()[2:]
    wrong.chmod(0o644)
    wrong.write_bytes(zlib.compress(b"blob %d\0%s" % (size + 1, content + b"!"), 0))
    bad = ObjectStore(str(tmp_path / "bad"), SHA1, PRIVATE, alternates=[str(tmp_path / "other")])
    with pytest.raises(Corrupt, match="that of another object"):
        bad.keep(id_)
    assert not list((tmp_path / "bad").glob("*/*"))


def test_many_blobs_through_one_reader_each(store):
    ids = [store.write_blob(io.BytesIO(b"%d" % number), len(b"%d" % number)) for number in range(20)]
    assert [read(store, id_) for id_ in ids] == [b"%d" % number for number in range(20)]
