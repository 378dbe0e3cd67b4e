"""All folders below one: what `os.walk` finds, and deeper."""

import os

import pytest
from expref.objstore.walking import walk

from tests.deepfolder import deep_folder, write_in


@pytest.fixture
def filled(tmp_path):
    for name in ("a/b/c", "a/d", "e/.git/f", "x y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "nowhere").symlink_to("missing")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    return tmp_path


@pytest.mark.parametrize("kind", [os.fsdecode, os.fsencode])
def test_it_finds_what_the_standard_one_finds_in_the_same_order(filled, kind):
    assert list(walk(kind(filled))) == list(os.walk(kind(filled)))


def test_what_the_caller_takes_out_is_not_entered(filled):
    found = []
    for folder, folders, _ in walk(str(filled)):
        found.append(os.path.relpath(folder, filled))
        folders[:] = [name for name in folders if name not in {".git", "b"}]
    assert sorted(found) == [".", "a", "e", "empty"]


def test_what_is_no_folder_has_nothing(filled):
    assert list(walk(str(filled / "missing"))) == list(walk(str(filled / "x y"))) == []


def test_folders_may_be_deeper_than_python_recurses(tmp_path):
    with deep_folder(tmp_path, 1500) as last:
        write_in(last, "f", b"")
        folder, _, names = list(walk(os.fsencode(tmp_path)))[-1]
    assert (folder.count(b"/d"), names) == (1500, [b"f"])


def test_a_link_to_itself_hides_nothing_beside_it(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "endless").symlink_to("endless")
    assert [sorted(names) for _, _, names in walk(str(tmp_path))] == [["endless", "file"]]
