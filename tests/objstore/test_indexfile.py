"""The index file. What every way of keeping an index can do is in tests/conformance."""
import os

import pytest
from expref.objstore.errors import Conflict, Corrupt
from expref.objstore.formats.index import IndexRow
from expref.objstore.formats.objects import FILE
from expref.objstore.ids import SHA1
from expref.objstore.stores.indexfile import IndexFile

from tests.packmaker import oid

ROW = IndexRow((1, 2), (3, 4), 5, FILE, 6, 7, 8, oid(1), 1, 0)


def test_a_new_index_is_made_once(tmp_path):
    store = IndexFile(str(tmp_path / "index"), SHA1)
    store.make([(b"a", ROW)])
    assert store.read().row(0) == ROW
    before = (tmp_path / "index").read_bytes()
    with pytest.raises(Conflict, match="index exists already"):
        store.make([])
    assert (tmp_path / "index").read_bytes() == before
    assert os.listdir(tmp_path) == ["index"]


def test_when_the_file_was_written_comes_with_it(tmp_path):
    store = IndexFile(str(tmp_path / "index"), SHA1)
    store.make([])
    os.utime(tmp_path / "index", ns=(1, 123_456_789_000))
    assert store.read().written_ns == 123_456_789_000


@pytest.mark.parametrize("harm", [lambda path: path.mkdir(), os.mkfifo, lambda path: path.write_bytes(b"x" * 99)])
def test_what_is_no_index_says_what_to_do(tmp_path, harm):
    harm(tmp_path / "index")
    with pytest.raises(Corrupt) as caught:
        IndexFile(str(tmp_path / "index"), SHA1).read()
    assert "git reset" in caught.value.hint
