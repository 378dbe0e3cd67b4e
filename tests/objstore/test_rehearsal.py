"""An object store that keeps nothing."""
import io
import os

import pytest
from expref.objstore.errors import Conflict
from expref.objstore.ids import SHA1
from expref.objstore.rehearsal import Rehearsal
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore


@pytest.fixture
def real(tmp_path):
    (tmp_path / "objects").mkdir()
    return ObjectStore(str(tmp_path / "objects"), SHA1, PRIVATE)


def test_ids_are_those_of_a_real_store_and_nothing_is_written(real, tmp_path):
    rehearsal = Rehearsal(real)
    blob = rehearsal.write("blob", b"content")
    assert rehearsal.write_blob(io.BytesIO(b"content"), 7) == blob == SHA1.name_object("blob", b"content")
    tree = rehearsal.write("tree", b"100644 f\0" + blob)
    assert [entry.name for entry in rehearsal.find_tree(tree)] == [b"f"]
    assert rehearsal.get(blob) is None
    assert real.get(tree) is None
    assert os.listdir(tmp_path / "objects") == []


def test_what_is_there_is_seen(real):
    id_ = real.write("blob", b"there")
    assert Rehearsal(real).find(id_).content == b"there"


@pytest.mark.parametrize("size", [6, 8])
def test_a_stream_of_another_size_is_a_conflict(real, size):
    with pytest.raises(Conflict, match=f"{size} bytes changed its size"):
        Rehearsal(real).write_blob(io.BytesIO(b"content"), size)
