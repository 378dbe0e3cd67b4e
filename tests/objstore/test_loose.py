"""Loose objects."""
import io
import os
import stat
import zlib

import pytest
from expref.objstore.errors import Conflict, Corrupt
from expref.objstore.ids import SHA1, ObjectId
from expref.objstore.stores import loose
from expref.objstore.stores.files import PRIVATE, Sharing
from expref.objstore.stores.loose import LooseStore, StoredObject, read_header

from tests.packmaker import oid


@pytest.fixture
def store(tmp_path):
    return LooseStore(str(tmp_path / "objects"), SHA1, PRIVATE)


@pytest.fixture
def put(tmp_path):
    """Write the bytes of a loose object file; returns the id to ask for."""

    def write(content, id_=oid(1)):
        path = tmp_path / "objects" / id_.hex()[:2] / id_.hex()[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return id_

    return write


def files_in(folder):
    return [os.path.join(above, name) for above, _, names in os.walk(folder) for name in names]


@pytest.mark.parametrize("content", [b"", b"x", bytes(100_000), b"blob 5\0abc"])
@pytest.mark.parametrize("kind", ["blob", "tree", "commit", "tag"])
def test_what_is_written_is_read_again(store, kind, content):
    id_ = store.write(kind, content)
    assert id_ == SHA1.name_object(kind, content)
    assert store.get(id_) == StoredObject(kind, content)
    assert store.size(id_) == len(content)
    assert store.has(id_)
    assert list(store.ids()) == [id_]


def test_what_is_not_here_is_none(store):
    assert store.get(oid(1)) is None
    assert store.size(oid(1)) is None
    assert not store.has(oid(1))
    assert not store.freshen(oid(1))
    assert list(store.ids()) == []


def test_an_object_is_a_read_only_file_and_no_temporary_one_remains(store, tmp_path):
    store.write("blob", b"x")
    store.write_blob(io.BytesIO(b"yy"), 2)
    paths = files_in(tmp_path)
    assert len(paths) == 2
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in paths} == {0o444}


def test_an_object_is_written_once_and_freshened_then(store, tmp_path):
    store.write("blob", b"x")
    path, = files_in(tmp_path)
    os.utime(path, (1, 1))
    before = os.stat(path).st_ino
    store.write("blob", b"x")
    assert os.stat(path).st_ino == before
    assert os.stat(path).st_mtime > 1


def test_who_stored_an_object_first_wins(store, tmp_path, monkeypatch):
    id_ = store.write("blob", b"x")
    path, = files_in(tmp_path)
    before = os.stat(path).st_ino
    monkeypatch.setattr(LooseStore, "freshen", lambda self, id_: False)
    assert store.write("blob", b"x") == id_
    assert os.stat(path).st_ino == before
    assert files_in(tmp_path) == [path]


def test_without_hard_links_the_file_is_renamed(store, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "link")
    id_ = store.write("blob", b"x")
    assert store.get(id_) == StoredObject("blob", b"x")
    assert len(files_in(tmp_path)) == 1


def test_a_folder_that_a_gc_removes_meanwhile_is_made_again(store, tmp_path, monkeypatch):
    link = os.link

    def link_late(temporary, path):
        monkeypatch.setattr(os, "link", link)
        os.rmdir(os.path.dirname(path))
        link(temporary, path)

    monkeypatch.setattr(os, "link", link_late)
    id_ = store.write_blob(io.BytesIO(b"12345"), 5)
    assert store.get(id_).content == b"12345" and len(files_in(tmp_path)) == 1


def test_a_write_that_fails_leaves_nothing(store, tmp_path, monkeypatch):
    def fail(fd):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        store.write("blob", b"x")
    assert files_in(tmp_path) == []


def test_a_shared_repository_gets_shared_objects(tmp_path):
    LooseStore(str(tmp_path / "objects"), SHA1, Sharing("0640")).write("blob", b"x")
    assert stat.S_IMODE(os.stat(files_in(tmp_path)[0]).st_mode) == 0o440


@pytest.mark.parametrize("size", [0, 1, loose.BLOCK, 2 * loose.BLOCK + 3])
def test_a_blob_is_stored_from_a_stream_in_blocks(store, size):
    content = bytes(size)
    id_ = store.write_blob(io.BytesIO(content), size)
    assert id_ == SHA1.name_object("blob", content)
    assert store.get(id_).content == content


@pytest.mark.parametrize("size", [0, 4, 6, 100])
def test_a_stream_of_another_size_is_a_conflict_and_leaves_nothing(store, tmp_path, size):
    with pytest.raises(Conflict, match=f"{size} bytes changed its size"):
        store.write_blob(io.BytesIO(b"12345"), size)
    assert files_in(tmp_path) == []


def test_a_blob_that_is_here_is_not_stored_again(store, tmp_path):
    id_ = store.write_blob(io.BytesIO(b"12345"), 5)
    files = files_in(tmp_path)
    assert store.write_blob(io.BytesIO(b"12345"), 5) == id_
    assert files_in(tmp_path) == files


def test_every_zlib_level_is_read(store, put):
    for level in range(10):
        id_ = put(zlib.compress(b"blob 5\0hello", level), oid(level))
        assert store.get(id_) == StoredObject("blob", b"hello")
        assert store.size(id_) == 5


@pytest.mark.parametrize(("content", "why"), [
    (b"", "not the header of an object"), (b"junk", "broken zlib data"), (zlib.compress(b"blob 5\0hello")[:-3], "inflate"),
    (zlib.compress(b"blob 5\0hell"), "5 bytes it promises"), (zlib.compress(b"blob 5\0hello!"), "5 bytes it promises"),
    (zlib.compress(b"blob 5\0hello") + b"x", "something follows"), (zlib.compress(b"blob 0\0" + bytes(100)), "0 bytes"),
    (zlib.compress(b"blob 99999999999999999999\0"), "more than the file can hold"),
    (zlib.compress(b"blob 9999999999\0" + bytes(1000)), "more than the file can hold"),
    (zlib.compress(b"blob 10\0" + bytes(1 << 26)), "10 bytes it promises"),
])
def test_a_broken_file_is_corrupt(store, put, content, why):
    with pytest.raises(Corrupt, match=why):
        store.get(put(content))


@pytest.mark.parametrize("start", [
    b"", b"blob", b"blob 5", b"blob 05\0", b"blob -5\0", b"blob +5\0", b"blob 5 \0", b"blob  5\0", b"blob \0", b"blub 5\0",
    b"Blob 5\0", b" 5\0", b"\0", b"blob\0005", b"blob " + b"1" * 30 + b"\0", "blob ٣\0".encode(),
])
def test_a_header_of_another_form_is_corrupt(start):
    with pytest.raises(Corrupt, match="f:0: not the header of an object"):
        read_header(start, "f")


def test_other_files_among_the_objects_are_no_objects(store, tmp_path):
    id_ = store.write("blob", b"x")
    for name in ("pack/pack-1.pack", "info/packs", "17/tmp_obj_abc", "17/tooshort", "zz/" + "0" * 38, "aa", "17/" + "G" * 38):
        path = tmp_path / "objects" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert list(store.ids()) == [id_]
    assert isinstance(next(store.ids()), ObjectId)
