"""What every way of keeping an index can do: one suite, run by each implementation of `IndexStore`."""
import os

import pytest
from expref.objstore.errors import Corrupt, Unsupported
from expref.objstore.formats.index import key_of
from expref.objstore.ids import SHA1
from expref.objstore.stores.indexfile import IndexFile

from tests.conftest import needs
from tests.indexmaker import Entry, extension, make_index
from tests.packmaker import oid


class InOneFile:
    """An index in one file."""

    def __init__(self, folder):
        self.path = folder / "index"

    def store(self):
        return IndexFile(str(self.path), SHA1)

    def fill(self, *entries, **options):
        self.path.write_bytes(make_index(*entries, **options))

    def damage(self):
        self.path.write_bytes(self.path.read_bytes()[:-30])


@pytest.fixture(params=[InOneFile])
def kept(request, tmp_path):
    return request.param(tmp_path)


def test_without_an_index_nothing_is_tracked(kept):
    index = kept.store().read()
    assert len(index) == 0
    assert index.tree is None
    assert not index.written_ns


def test_what_is_tracked_is_read_anew_each_time(kept):
    store = kept.store()
    for names in ([b"a", b"b/c"], [b"a"], []):
        kept.fill(*map(Entry, names))
        index = store.read()
        assert [index.path(number) for number in range(len(index))] == names


def test_every_entry_says_what_it_is(kept):
    kept.fill(Entry(b"a", 0o100755, oid(1), times=(1, 2, 3, 4), ino=5, owner=(6, 7), size=8))
    row = kept.store().read().row(0)
    assert (row.mode, row.id, row.ctime, row.mtime, row.ino, row.uid, row.gid, row.size) == (
        0o100755, oid(1), (1, 2), (3, 4), 5, 6, 7, 8,
    )


@pytest.mark.parametrize("entries", [(), (Entry(b"a"), Entry(b"b/c"))])
def test_the_key_is_that_of_the_bytes(kept, entries):
    assert kept.store().key() == key_of(kept.store().read_bytes()[0], SHA1)
    kept.fill(*entries)
    assert kept.store().key() == key_of(kept.store().read_bytes()[0], SHA1)


def test_when_it_was_written_is_known(kept, tmp_path):
    kept.fill()
    os.utime(kept.path, ns=(5, 7_000_000_005))
    assert kept.store().read().written_ns == 7_000_000_005


def test_reading_changes_nothing(kept, tmp_path):
    kept.fill(Entry(b"a"))
    before = kept.path.read_bytes(), sorted(os.listdir(tmp_path)), kept.path.stat().st_mtime_ns
    kept.store().read()
    assert (kept.path.read_bytes(), sorted(os.listdir(tmp_path)), kept.path.stat().st_mtime_ns) == before


def test_a_lock_of_others_does_not_keep_us_from_reading(kept):
    kept.fill(Entry(b"a"))
    (kept.path.parent / "index.lock").touch()
    assert len(kept.store().read()) == 1


def test_damage_is_named_with_its_file(kept):
    kept.fill(Entry(b"a"), Entry(b"b"))
    kept.damage()
    with pytest.raises(Corrupt, match=str(kept.path)):
        kept.store().read()


def test_what_must_be_understood_is_refused_by_name(kept):
    kept.fill(extensions=extension(b"link", b"1"))
    with pytest.raises(Unsupported, match=f"{kept.path}: a split index is not supported"):
        kept.store().read()


@needs("git")
@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_an_index_of_git_is_read(repo, version):
    for name in ("a", "dir/b", "dir/sub/c", "é"):
        repo.write(name, name.encode())
    repo.commit()
    repo.git("update-index", "--index-version", version)
    repo.git("update-index", "--skip-worktree", "a")
    tree = repo.git("write-tree")
    index = repo.open().index.read()
    lines = repo.git_bytes("ls-files", "--stage", "--debug", "-z")
    for number in range(len(index)):
        row = index.row(number)
        assert f"{row.mode:o} {row.id} {row.stage}\t".encode() + index.path(number) in lines
        for time in (row.ctime, row.mtime):
            assert b"%d:%d\n" % time in lines
        for field in (f"ino: {row.ino}\n", f"uid: {row.uid}\t", f"size: {row.size}\t"):
            assert field.encode() in lines
    assert index.tree.entries == 4
    assert str(index.tree.id) == tree
