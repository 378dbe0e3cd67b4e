"""The copy of an index that remembers what was read. What it saves a snapshot is in tests/against_git/test_snapshot.py."""
import os
from array import array

import pytest
from expref.objstore.formats.cachetree import CachedTree
from expref.objstore.formats.index import Index, key_of
from expref.objstore.formats.objects import FILE
from expref.objstore.ids import SHA1
from expref.objstore.indexcopy import COLUMNS, EXTENSION, IndexCopy, Remembered
from expref.objstore.stores.files import PRIVATE

from tests.indexmaker import Entry, extension, make_index, tree_extension
from tests.packmaker import oid

ENTRIES = [Entry(b"a"), Entry(b"dir/b"), Entry(b"dir/c", extended=0), Entry(b"x/y/z")]
TREE = CachedTree(4, oid(20), {b"dir": CachedTree(2, oid(21), {}), b"x": CachedTree(-1, None, {})})


def decides(folders):
    """A stand-in for what attributes and settings say of these folders."""
    return SHA1.hasher(b"|".join(folders)).digest()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "state" / "index"


@pytest.fixture
def copy(place):
    return IndexCopy(str(place), SHA1, PRIVATE)


def users(version=2, extensions=b""):
    """The user's index: (bytes, key)."""
    content = make_index(*ENTRIES, version=version, extensions=extensions)
    return content, key_of(content, SHA1)


def write(copy, key, index, looked, began_ns, included=()):
    """Write a copy of an index or of what a copy gave."""
    remembered = index if isinstance(index, Remembered) else Remembered(index, array("I", included))
    copy.write(key, remembered, looked, tree=TREE, began_ns=began_ns, fingerprint=decides)


def fill(copy, tmp_path, version=2, extensions=tree_extension((b"", 4, 0, oid(9)))):
    """Write a copy in which entry 1 was looked at and entry 3 must be; returns (key, what lstat said)."""
    content, key = users(version, extensions)
    (tmp_path / "file").write_bytes(b"12345")
    found = os.lstat(tmp_path / "file")
    write(copy, key, Index(content, SHA1, "index"), {1: ((FILE, oid(42)), found), 3: None}, 77)
    return key, found


@pytest.mark.parametrize("version", [2, 3, 4])
def test_what_was_looked_at_is_remembered(copy, tmp_path, version):
    key, found = fill(copy, tmp_path, version)
    index, before = copy.get(key, decides).entries, Index(users(version)[0], SHA1, "index")
    assert [index.path(number) for number in range(4)] == [entry.path for entry in ENTRIES]
    assert [index.row(number) for number in (0, 2)] == [before.row(number) for number in (0, 2)]
    row = index.row(1)
    assert (row.id, row.mode, row.flags, row.size) == (oid(42), FILE, before.row(1).flags, 5)
    assert (row.ctime, row.mtime) == (divmod(found.st_ctime_ns, 10**9), divmod(found.st_mtime_ns, 10**9))
    assert (row.ino, row.uid, row.gid) == (found.st_ino & 0xFFFFFFFF, found.st_uid, found.st_gid)
    assert index.row(3) == before.row(3)._replace(size=0)
    assert (index.tree, index.written_ns) == (TREE, 77)


def test_other_extensions_are_left_out(copy, tmp_path):
    key, _ = fill(copy, tmp_path, extensions=extension(b"UNTR", b"x" * 1000) + extension(b"REUC", b"y"))
    index = copy.get(key, decides).entries
    assert [index.extension(name) is None for name in (b"UNTR", b"REUC", b"TREE", EXTENSION)] == [True, True, False, False]


def test_a_copy_of_a_copy_keeps_what_the_first_one_knew(copy, tmp_path):
    key, found = fill(copy, tmp_path)
    write(copy, key, copy.get(key, decides), {0: ((FILE, oid(43)), found)}, 88)
    index = copy.get(key, decides).entries
    assert [index.row(number).id for number in (0, 1)] == [oid(43), oid(42)]
    assert index.row(3).size == 0
    assert index.written_ns == 88
    asked = []
    copy.get(key, lambda folders: asked.extend(folders) or b"")
    assert asked == [b"", b"dir/", b"x/y/"]


def test_the_entries_of_untracked_files_are_told_from_the_others(copy):
    content, key = users()
    for included in ((1, 3), (), (0, 1, 2, 3)):
        write(copy, key, Index(content, SHA1, "index"), {}, 1, included)
        found = copy.get(key, decides)
        assert (tuple(found.included), len(found.entries)) == (included, 4)


def test_where_entries_start_is_known_without_a_look_at_them(copy, tmp_path, monkeypatch):
    key, _ = fill(copy, tmp_path)
    monkeypatch.setattr(Index, "_find_entries", None)
    index = copy.get(key, decides).entries
    assert [index.path(number) for number in range(4)] == [entry.path for entry in ENTRIES]
    assert index.extension(COLUMNS)


def test_numbers_that_do_not_fit_are_kept_modulo_2_to_the_32(copy):
    content, key = users()
    times = {"st_mtime_ns": -1, "st_ctime_ns": ((1 << 32) + 1) * 10**9}
    found = os.stat_result((0o100644, (5 << 32) + 6, 0, 1, 1 << 32, 7, (1 << 33) + 8, 0, -1, 0), times)
    write(copy, key, Index(content, SHA1, "index"), {0: ((FILE, oid(42)), found)}, 1)
    row = copy.get(key, decides).entries.row(0)
    assert (row.ino, row.uid, row.gid, row.size) == (6, 0, 7, 8)
    assert (row.ctime, row.mtime) == ((1, 0), (0xFFFFFFFF, 999_999_999))


def test_without_a_copy_there_is_none(copy):
    assert copy.get(users()[1], decides) is None


def test_it_is_believed_for_no_other_index(copy, tmp_path):
    key, _ = fill(copy, tmp_path)
    assert copy.get(key, decides)
    assert copy.get(key_of(make_index(*ENTRIES[:3]), SHA1), decides) is None
    assert copy.get(b"", decides) is None


def test_it_is_not_believed_when_conversions_are_others(copy, tmp_path):
    key, _ = fill(copy, tmp_path)
    assert copy.get(key, lambda folders: oid(1)) is None
    assert copy.get(key, decides)


@pytest.mark.parametrize("zero", [False, True], ids=["checksum", "zeros"])
def test_a_copy_cut_at_any_byte_is_none(copy, place, tmp_path, zero):
    key, _ = fill(copy, tmp_path)
    content = place.read_bytes()
    for end in range(len(content)):
        place.write_bytes(content[:end] + (bytes(len(content) - end) if zero else b""))
        assert copy.get(key, decides) is None


def test_a_copy_with_one_byte_changed_is_none(copy, place, tmp_path):
    key, _ = fill(copy, tmp_path)
    content = place.read_bytes()
    for at in range(len(content)):
        place.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        assert copy.get(key, decides) is None


@pytest.mark.parametrize("content", [
    b"", b"junk" * 100, users()[0], users(4)[0], make_index(version=9), make_index(extensions=extension(b"link", b"x")),
    make_index(extensions=extension(EXTENSION)), make_index(extensions=extension(EXTENSION, users()[1] + bytes(27))),
])
def test_a_foreign_file_is_no_copy(copy, place, content):
    place.parent.mkdir()
    place.write_bytes(content)
    assert copy.get(users()[1], decides) is None


@pytest.mark.parametrize("obstacle", ["folder", "file above", "link to nowhere", "fifo"])
def test_what_is_in_the_way_is_no_reason_to_fail(copy, place, tmp_path, obstacle):
    place.parent.mkdir()
    if obstacle == "folder":
        place.mkdir()
    elif obstacle == "file above":
        place.parent.rmdir()
        place.parent.write_bytes(b"")
    elif obstacle == "link to nowhere":
        place.symlink_to("nowhere")
    else:
        os.mkfifo(place)
    assert copy.get(users()[1], decides) is None
    key, _ = fill(copy, tmp_path)
    assert bool(copy.get(key, decides)) == (obstacle in ("link to nowhere", "fifo"))
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]
