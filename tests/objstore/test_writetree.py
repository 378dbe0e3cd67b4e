"""The trees of an index with some entries changed."""
import pytest
from expref.objstore.errors import BadName
from expref.objstore.formats.index import INTENT_TO_ADD, Index
from expref.objstore.formats.objects import EXECUTABLE, FILE, GITLINK, SYMLINK, TREE, TreeEntry, encode_tree
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.trees import get_entry
from expref.objstore.writetree import write_tree

from tests.indexmaker import Entry, make_index, tree_extension
from tests.packmaker import oid

PATHS = [b"a", b"b-", b"b/c/x", b"b/c/y", b"b/d", b"b0", b"e/f"]


@pytest.fixture
def objects(tmp_path):
    return ObjectStore(str(tmp_path), SHA1, PRIVATE)


def root_of(objects, index, changes):
    return write_tree(objects, objects, index, changes).root.id


def index_of(*entries, **options):
    return Index(make_index(*entries, **options), SHA1, "index")


def entries(*paths):
    return [Entry(path, id=oid(number + 100)) for number, path in enumerate(paths)]


def flat(objects, tree, prefix=b""):
    """{path: (mode, id)} of everything but folders."""
    found = {}
    for entry in objects.find_tree(tree):
        path = prefix + entry.name
        found |= flat(objects, entry.id, path + b"/") if entry.mode == TREE else {path: (entry.mode, entry.id)}
    return found


def test_the_trees_hold_what_the_index_holds(objects):
    tree = root_of(objects, index_of(*entries(*PATHS)), {})
    assert flat(objects, tree) == {path: (FILE, oid(number + 100)) for number, path in enumerate(PATHS)}
    assert [entry.name for entry in objects.find_tree(tree)] == [b"a", b"b-", b"b", b"b0", b"e"]


def test_an_empty_index_makes_the_empty_tree(objects):
    assert root_of(objects, index_of(), {}) == SHA1.name_object("tree", b"")


def test_changes_are_put_in_and_taken_out(objects):
    changes = {0: (EXECUTABLE, oid(1)), 2: None, 3: (SYMLINK, oid(2)), 6: (GITLINK, oid(3))}
    found = flat(objects, root_of(objects, index_of(*entries(*PATHS)), changes))
    assert found == {
        b"a": (EXECUTABLE, oid(1)), b"b-": (FILE, oid(101)), b"b/c/y": (SYMLINK, oid(2)), b"b/d": (FILE, oid(104)),
        b"b0": (FILE, oid(105)), b"e/f": (GITLINK, oid(3)),
    }


def test_a_folder_of_which_nothing_is_left_is_left_out(objects):
    tree = root_of(objects, index_of(*entries(*PATHS)), {2: None, 3: None, 4: None, 6: None})
    assert [entry.name for entry in objects.find_tree(tree)] == [b"a", b"b-", b"b0"]


def test_what_is_only_intended_to_be_added_is_left_out_unless_it_changes(objects):
    index = index_of(Entry(b"a", extended=INTENT_TO_ADD), Entry(b"b", extended=INTENT_TO_ADD), version=3)
    assert flat(objects, root_of(objects, index, {0: (FILE, oid(1))})) == {b"a": (FILE, oid(1))}


def stored_tree(objects, *names):
    """A tree that is nowhere in the index: where it shows up it was taken from TREE."""
    return objects.write("tree", encode_tree([TreeEntry(FILE, name, oid(9)) for name in names]))


def with_tree(objects, *, count=3, id_=None, changes=None, inner=(b"c", 2)):
    known = id_ or stored_tree(objects, b"known")
    extensions = tree_extension(
        (b"", -1, 2, None), (b"b", count, 1, known), (*inner, 0, stored_tree(objects, b"inner")), (b"e", -1, 0, None)
    )
    index = index_of(*entries(*PATHS), extensions=extensions)
    tree = root_of(objects, index, changes or {})
    entry = get_entry(objects, tree, b"b/c")
    if get_entry(objects, tree, b"b/known"):
        return "b"
    return "b/c" if entry and [each.name for each in objects.find_tree(entry.id)] == [b"inner"] else "made"


def test_a_known_tree_is_taken_where_nothing_below_has_changed(objects):
    assert with_tree(objects) == "b"
    assert with_tree(objects, changes={0: None, 1: None, 5: None}) == "b"


def test_below_a_folder_that_has_changed_known_trees_are_still_taken(objects):
    assert with_tree(objects, changes={4: None}) == "b/c"
    assert with_tree(objects, changes={2: (FILE, oid(1)), 4: None}) == "made"
    assert with_tree(objects, changes={3: (FILE, oid(1))}) == "made"


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 99, 1 << 40])
def test_a_known_tree_of_another_number_of_entries_is_not_taken(objects, count):
    assert with_tree(objects, count=count) == "b/c"


def test_a_known_tree_that_does_not_exist_is_not_taken(objects):
    assert with_tree(objects, id_=oid(77)) == "b/c"


@pytest.mark.parametrize("inner", [(b"x", 2), (b"c/", 2), (b"", 2), (b"c", 1)])
def test_a_known_tree_of_another_name_is_not_taken(objects, inner):
    assert with_tree(objects, id_=oid(77), inner=inner) == "made"


def test_folders_may_be_deeper_than_python_recurses(objects, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda fd: None)
    paths = [b"d/" * 1500 + b"a", b"d/" * 1500 + b"b", b"d/" * 700 + b"x"]
    tree = root_of(objects, index_of(*entries(*paths)), {})
    assert get_entry(objects, tree, paths[1]).id == oid(101)


@pytest.mark.parametrize("paths", [
    [b"../x"], [b"/x"], [b"a//x"], [b""], [b"a/"], [b".git/config"], [b"a/.GIT/x"], [b"a/./x"], [b"x", b"x"], [b"a", b"a/x"],
    [b"a/x", b"b", b"a/y"],
])
def test_an_index_that_no_tree_can_hold_is_refused(objects, paths):
    with pytest.raises(BadName, match="cannot hold"):
        root_of(objects, index_of(*entries(*paths)), {})


def test_an_index_with_a_mode_that_no_tree_holds_is_refused(objects):
    with pytest.raises(BadName, match="mode 100600"):
        root_of(objects, index_of(Entry(b"a", 0o100600)), {})


def test_complete_are_trees_in_which_all_was_stored_now(objects):
    index = index_of(*entries(b"a/b/x", b"a/b/y", b"a/c", b"d/e/z", b"f"))
    changed = {number: (FILE, oid(number)) for number in (0, 1, 3, 4)}
    made = write_tree(objects, objects, index, changed, stored=changed)
    found = {name: str(get_entry(objects, made.root.id, name).id) for name in (b"a", b"a/b", b"d", b"d/e")}
    assert set(map(str, made.complete)) == {found[b"a/b"], found[b"d"], found[b"d/e"]}
    assert write_tree(objects, objects, index, changed).complete == []
    everything = {number: (FILE, oid(number)) for number in range(5)}
    assert write_tree(objects, objects, index, everything, stored=everything).complete[-1] == root_of(objects, index, everything)
