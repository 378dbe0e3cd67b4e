"""Questions about trees."""
import pytest
from expref.objstore.errors import NotFound
from expref.objstore.formats.objects import FILE, GITLINK, SYMLINK, TREE, TreeEntry, encode_tree
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.trees import Difference, additions, differences, get_blob, get_entry

from tests.packmaker import Entry, oid, write_pack


@pytest.fixture
def objects(tmp_path):
    return ObjectStore(str(tmp_path), SHA1, PRIVATE)


@pytest.fixture
def make(objects):
    """Store a tree: a dict is a folder, bytes a file, an entry itself."""

    def tree(content):
        entries = []
        for name, value in content.items():
            if isinstance(value, dict):
                value = TreeEntry(TREE, b"", tree(value))
            elif isinstance(value, bytes):
                value = TreeEntry(FILE, b"", objects.write("blob", value))
            entries.append(value._replace(name=name))
        return objects.write("tree", encode_tree(entries))

    return tree


def test_what_is_at_a_path_is_found(objects, make):
    tree = make({b"a": {b"b": {b"c": b"content"}, b"l": TreeEntry(SYMLINK, b"", objects.write("blob", b"b/c"))}})
    assert get_entry(objects, tree, b"a/b/c") == TreeEntry(FILE, b"c", SHA1.name_object("blob", b"content"))
    assert get_entry(objects, tree, b"a/b").mode == TREE
    assert get_blob(objects, tree, b"a/b/c") == b"content"
    assert get_blob(objects, tree, b"a/l") == b"b/c"


@pytest.mark.parametrize("path", [b"x", b"a/x", b"a/f/x", b"", b"a/", b"/a", b"s/x"])
def test_where_nothing_is_there_is_none(objects, make, path):
    tree = make({b"a": {b"f": b""}, b"s": TreeEntry(GITLINK, b"", oid(1))})
    assert get_entry(objects, tree, path) is None
    assert get_blob(objects, tree, path) is None


def test_folders_and_submodules_are_no_blobs(objects, make):
    tree = make({b"a": {b"f": b""}, b"s": TreeEntry(GITLINK, b"", oid(1))})
    assert get_blob(objects, tree, b"a") is None
    assert get_blob(objects, tree, b"s") is None
    assert get_entry(objects, tree, b"s").id == oid(1)


def test_a_blob_that_is_missing_is_not_found(objects, make):
    tree = make({b"f": TreeEntry(FILE, b"", oid(1))})
    with pytest.raises(NotFound, match=str(oid(1))):
        get_blob(objects, tree, b"f")


def test_differences_are_told_with_both_sides_and_folders_first(objects, make):
    old = {b"same": {b"x": b"1"}, b"d": {b"changed": b"1", b"gone": b"2"}, b"swap": {b"in": b"3"}}
    new = {b"same": {b"x": b"1"}, b"d": {b"changed": b"9", b"new": b"2"}, b"swap": b"file"}
    found = list(differences(objects, make(old), make(new)))
    paths = [each.path for each in found]
    assert sorted(paths) == [b"d", b"d/changed", b"d/gone", b"d/new", b"swap", b"swap/in"]
    assert paths.index(b"d") < paths.index(b"d/new")
    told = {each.path: each for each in found}
    assert told[b"d/gone"].new is None
    assert told[b"d/new"].old is None
    assert (told[b"swap"].old.mode, told[b"swap"].new.mode) == (TREE, FILE)
    blob = SHA1.name_object("blob", b"2")
    assert told[b"d/gone"] == Difference(b"d/gone", TreeEntry(FILE, b"gone", blob), None)


def test_nothing_differs_from_itself_and_everything_from_nothing(objects, make):
    tree = make({b"d": {b"a": b"1"}})
    assert list(differences(objects, tree, tree)) == []
    assert list(differences(objects, None, None)) == []
    assert {each.path for each in differences(objects, None, tree)} == {b"d", b"d/a"}
    assert {each.path for each in differences(objects, tree, None)} == {b"d", b"d/a"}


def test_folders_that_are_the_same_are_not_read(objects, make):
    missing = TreeEntry(TREE, b"", oid(1))
    old, new = make({b"big": missing, b"f": b"1"}), make({b"big": missing, b"f": b"2"})
    assert [each.path for each in differences(objects, old, new)] == [b"f"]


def test_a_changed_mode_is_a_difference_and_submodules_are_not_entered(objects, make):
    old = make({b"s": TreeEntry(GITLINK, b"", oid(1)), b"x": TreeEntry(FILE, b"", oid(3))})
    new = make({b"s": TreeEntry(GITLINK, b"", oid(2)), b"x": TreeEntry(0o100755, b"", oid(3))})
    assert sorted(each.path for each in differences(objects, old, new)) == [b"s", b"x"]


def test_very_deep_trees_are_walked(objects, make, tmp_path):
    trees, packed = [make({b"f": b"1"}), make({b"f": b"2"})], []
    for _ in range(3000):
        contents = [encode_tree([TreeEntry(TREE, b"d", tree)]) for tree in trees]
        trees = [SHA1.name_object("tree", content) for content in contents]
        packed += (Entry(*pair) for pair in zip(trees, (2, 2), contents, strict=True))
    write_pack(tmp_path / "pack", *packed)
    assert len(list(differences(objects, *trees))) == 3001
    assert get_blob(objects, trees[0], b"d/" * 3000 + b"f") == b"1"


def test_additions_are_what_no_other_tree_has_there(objects, make):
    first, second = make({b"a": b"1", b"d": {b"x": b"1", b"y": b"1"}}), make({b"a": b"2", b"d": {b"x": b"2"}})
    new = {b"a": b"2", b"b": b"1", b"d": {b"x": b"1", b"y": b"3"}, b"e": {b"f": b"1"}, b"s": TreeEntry(GITLINK, b"", oid(1))}
    tree = make(new)
    found = [path for path, _ in additions(objects, (first, second), tree)]
    assert sorted(found) == [b"b", b"d", b"d/y", b"e", b"e/f", b"s"]
    assert found.index(b"d") < found.index(b"d/y") and found.index(b"e") < found.index(b"e/f")
    assert {path for path, _ in additions(objects, (), tree)} == {b"a", b"d/x", *found}
    assert not list(additions(objects, (first, tree), tree))


def test_additions_leave_out_what_is_known_with_all_in_it(objects, make):
    inner = make({b"f": TreeEntry(FILE, b"", oid(7))})
    tree = make({b"d": TreeEntry(TREE, b"", inner), b"f": TreeEntry(FILE, b"", oid(7)), b"g": TreeEntry(FILE, b"", oid(8))})
    assert [path for path, _ in additions(objects, (), tree, {inner, oid(8)})] == [b"f"]
    assert [path for path, _ in additions(objects, (make({}),), tree, {inner, oid(7), oid(8)})] == []
