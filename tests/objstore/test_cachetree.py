"""Which trees have to be made anew. The bytes of the extension are in test_index.py."""
from expref.objstore.formats.cachetree import CachedTree, forget_above

from tests.packmaker import oid


def tree():
    leaf = CachedTree(1, oid(3), {})
    return CachedTree(5, oid(1), {b"a": CachedTree(2, oid(2), {b"b": leaf}), b"c": CachedTree(2, oid(4), {})})


def test_folders_above_a_path_are_forgotten_and_no_others():
    found = forget_above(tree(), [b"a/x"])
    assert found == CachedTree(-1, None, {b"a": CachedTree(-1, None, {b"b": CachedTree(1, oid(3), {})}), b"c": tree().children[b"c"]})


def test_a_path_in_a_folder_that_is_not_known_forgets_those_above():
    assert forget_above(tree(), [b"a/b/new/x"]).children[b"a"].children[b"b"] == CachedTree(-1, None, {})
    assert forget_above(tree(), [b"x", b"c/y"]).children[b"c"] == CachedTree(-1, None, {})


def test_the_root_is_always_forgotten():
    assert forget_above(tree(), []) == tree()._replace(entries=-1, id=None)
