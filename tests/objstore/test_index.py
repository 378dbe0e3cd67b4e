"""The index as bytes."""
import hashlib
import random

import pytest
from expref.objstore.errors import Corrupt, GitError, Unsupported
from expref.objstore.formats.cachetree import CachedTree, decode_tree_cache, encode_tree_cache
from expref.objstore.formats.index import (
    INTENT_TO_ADD,
    SKIP_WORKTREE,
    Index,
    IndexRow,
    edit,
    encode_index,
    expand,
    key_of,
)
from expref.objstore.formats.objects import EXECUTABLE, FILE
from expref.objstore.ids import SHA1, SHA256, ObjectId

from tests.conftest import needs
from tests.indexmaker import Entry, extension, make_index, tree_extension
from tests.packmaker import oid

ENTRIES = [Entry(b"a"), Entry(b"dir/b", EXECUTABLE), Entry(b"dir/" + b"c" * 5000), Entry(b"\xff", extended=SKIP_WORKTREE)]


def index_of(*entries, **options):
    return Index(make_index(*entries, **options), SHA1, "index", 99)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_paths_are_found_whatever_their_length_and_flags(version):
    index = index_of(*ENTRIES, version=version)
    assert len(index) == 4
    assert [index.path(number) for number in range(4)] == [entry.path for entry in ENTRIES]
    assert [index.find(entry.path) for entry in ENTRIES] == [0, 1, 2, 3]
    assert [index.find(path) for path in (b"", b"b", b"dir", b"dir/", b"\xff\xff")] == [None] * 5


@pytest.mark.parametrize("length", range(1, 18))
def test_every_padding_is_skipped(length):
    index = index_of(Entry(b"a" * length), Entry(b"b" * length, extended=0), Entry(b"c"))
    assert [index.path(number) for number in range(3)] == [b"a" * length, b"b" * length, b"c"]


def test_a_row_is_what_the_entry_says():
    row = index_of(*ENTRIES).row(1)
    assert row == IndexRow((1, 2), (3, 4), 5, EXECUTABLE, 6, 7, 8, oid(7), 5, 0)
    assert isinstance(row.id, ObjectId)
    assert index_of(Entry(b"x", flags=0x2000)).row(0).stage == 2
    assert index_of(Entry(b"x", extended=INTENT_TO_ADD)).row(0).extended == INTENT_TO_ADD


def test_paths_that_share_their_start_are_put_together():
    paths = sorted({b"a" * length + end for length in (0, 1, 127, 128, 300, 20_000) for end in (b"b", b"/x", b"/y/z")})
    entries = [Entry(path, id=oid(number), extended=(None, 0x4000)[number % 2]) for number, path in enumerate(paths)]
    index = index_of(*entries, version=4, extensions=extension(b"REUC", b"content"))
    assert [(index.path(number), index.row(number).id) for number in range(len(index))] == [
        (entry.path, entry.id) for entry in entries
    ]
    assert [bool(index.row(number).extended) for number in range(len(index))] == [
        bool(entry.extended) for entry in entries
    ]
    assert index.extension(b"REUC") == b"content"


def test_more_of_a_path_than_there_is_cannot_be_shared():
    content = make_index(Entry(b"ab"), version=4)
    damaged = content[:-20].replace(b"\0ab\0", b"\x01ab\0")
    with pytest.raises(Corrupt, match="an entry does not end"):
        Index(damaged + hashlib.sha1(damaged).digest(), SHA1, "index")


def test_of_several_stages_the_lowest_is_found():
    assert index_of(Entry(b"a"), *(Entry(b"x", flags=stage << 12) for stage in (1, 2, 3)), Entry(b"y")).find(b"x") == 1


def test_when_it_was_written_is_kept():
    assert index_of().written_ns == 99


@pytest.mark.parametrize("version", [0, 1, 5, 99])
def test_other_versions_are_refused_by_name(version):
    with pytest.raises(Unsupported, match=f"index version {version} is not supported"):
        index_of(version=version)


@pytest.mark.parametrize(("name", "feature"), [
    (b"link", "a split index"), (b"sdir", "a sparse index"), (b"what", "the index extension 'what'"), (b"\xff\0\0\0", "the index extension"),
])
def test_extensions_that_must_be_understood_are_refused_by_name(name, feature):
    with pytest.raises(Unsupported, match=feature):
        index_of(extensions=extension(name, b"anything"))


@pytest.mark.parametrize("name", [b"REUC", b"UNTR", b"FSMN", b"EOIE", b"IEOT", b"ZZZZ"])
def test_extensions_that_need_not_be_understood_are_skipped(name):
    index = index_of(Entry(b"a"), extensions=extension(name, b"anything") + tree_extension((b"", 1, 0, oid(3))))
    assert index.tree == CachedTree(1, oid(3), {})


@pytest.mark.parametrize("flag", [0x8000, 0x1000, 0x0001])
def test_unknown_flags_of_an_entry_are_refused_by_name(flag):
    with pytest.raises(Unsupported, match=f"extended flag {flag:#06x}"):
        index_of(Entry(b"a", extended=flag))


@pytest.mark.parametrize("content", [b"", b"DIRC", b"JUNK" + bytes(40), make_index()[:-1]])
def test_what_is_no_index_is_corrupt(content):
    with pytest.raises(Corrupt, match="index:"):
        Index(content, SHA1, "index")


def test_a_wrong_checksum_is_corrupt_and_one_of_zeros_was_not_computed():
    content = make_index(*ENTRIES)
    with pytest.raises(Corrupt, match="checksum"):
        Index(content[:-1] + b"!", SHA1, "index")
    assert len(Index(content[:-20] + bytes(20), SHA1, "index")) == 4


@pytest.mark.parametrize("count", [5, 1000, 0xFFFFFFFF])
def test_more_entries_than_there_are_is_corrupt(count):
    with pytest.raises(Corrupt, match="an entry does not end"):
        index_of(*ENTRIES, count=count)


def test_an_entry_without_its_padding_is_corrupt():
    content = make_index(Entry(b"a"))[:-22]
    with pytest.raises(Corrupt, match="index:12: an entry does not end"):
        Index(content + hashlib.sha1(content).digest(), SHA1, "index")


def test_an_extension_that_does_not_end_is_corrupt():
    with pytest.raises(Corrupt, match="extension b'TREE' does not end"):
        index_of(extensions=b"TREE\0\0\1\0abc")


def test_the_cached_trees_are_a_tree():
    content = tree_extension((b"", 3, 2, oid(1)), (b"a", -1, 1, None), (b"b\n", 1, 0, oid(2)), (b"c", 1, 0, oid(3)))[8:]
    below = {b"a": CachedTree(-1, None, {b"b\n": CachedTree(1, oid(2), {})}), b"c": CachedTree(1, oid(3), {})}
    assert decode_tree_cache(content, SHA1) == CachedTree(3, oid(1), below)
    assert decode_tree_cache(b"", SHA1) is None


@pytest.mark.parametrize("content", [
    b"x", b"\0", b"\n", b"\n\0", b"\0" + b"1 0", b"\0" + b"1\n", b"\0" + b"1 0 0\n" + oid(1), b"\0" + b"a b\n" + oid(1),
    b"\0" + b"1 0\n" + oid(1)[:19], b"\0" + b"1 -1\n" + oid(1), b"\0" + b"1 1\n" + oid(1),
    b"\0" + b"1 0\n" + oid(1) + b"a\0" + b"1 0\n" + oid(2), b"\0" + b"9" * 5000 + b" 0\n" + oid(1),
])
def test_broken_cached_trees_are_none_at_all(content):
    assert decode_tree_cache(content, SHA1) is None
    assert index_of(Entry(b"a"), extensions=extension(b"TREE", content)).tree is None


def test_cached_trees_may_be_very_deep():
    folders = [(b"", -1, 1, None), *[(b"d", 1, 1, oid(1))] * 20_000, (b"d", 1, 0, oid(1))]
    tree, depth = decode_tree_cache(tree_extension(*folders)[8:], SHA1), 0
    while tree.children:
        tree, depth = tree.children[b"d"], depth + 1
    assert depth == 20_001


@pytest.mark.parametrize("form", [SHA1, SHA256])
def test_what_is_encoded_is_read_again(form):
    rows = [
        (path, IndexRow((1, 2), (3, 4), 5 << 32 | 5, FILE, 6, 7, 8, ObjectId(bytes(range(form.width))), len(path), 0))
        for path in (b"a", b"b/c", b"\xc3\xa9" * 100)
    ]
    index = Index(encode_index(rows, form), form, "index")
    assert [(index.path(number), index.row(number)) for number in range(3)] == [
        (path, row._replace(ino=5)) for path, row in rows
    ]


def test_an_extension_is_found_by_its_name():
    parts = extension(b"REUC", b"one") + extension(b"ZZZZ") + extension(b"EXPS", b"two\0")
    index = index_of(*ENTRIES, extensions=parts)
    assert [index.extension(name) for name in (b"REUC", b"ZZZZ", b"EXPS", b"TREE", b"")] == [b"one", b"", b"two\0", None, None]


def test_the_entries_alone_make_an_index():
    alone = bytes(index_of(*ENTRIES, extensions=extension(b"REUC", b"x")).entries_bytes())
    assert alone + hashlib.sha1(alone).digest() == make_index(*ENTRIES)
    assert Index(encode_index((), SHA256), SHA256, "index").entries_bytes() == b"DIRC\0\0\0\2" + bytes(4)


@pytest.mark.parametrize("form", [SHA1, SHA256])
def test_the_key_of_an_index_does_not_depend_on_its_trailer(form):
    content = encode_index((), form)
    assert key_of(content, form) == content[-form.width :]
    assert key_of(content[: -form.width] + bytes(form.width), form) == content[-form.width :]
    assert key_of(b"!" + content[1:], form) != content[-form.width :]


def shallow(*names, count=1):
    return CachedTree(count, oid(count), {name: CachedTree(1, oid(9), {}) for name in names})


@pytest.mark.parametrize("tree", [
    CachedTree(0, oid(1), {}), CachedTree(-1, None, {}), shallow(b"b", b"a", b"\xff\n"),
    CachedTree(-1, None, {b"x": shallow(b"y"), b"a": CachedTree(-1, None, {b"z": shallow(b"z", count=3)})}),
])
def test_cached_trees_that_are_encoded_are_read_again(tree):
    found = decode_tree_cache(encode_tree_cache(tree), SHA1)
    assert found == tree
    assert list(found.children) == list(tree.children)


def test_a_cached_tree_that_is_half_known_is_written_as_unknown():
    for half in (CachedTree(-1, oid(1), {}), CachedTree(4, None, {})):
        assert decode_tree_cache(encode_tree_cache(half), SHA1) == CachedTree(-1, None, {})


def test_very_deep_cached_trees_are_encoded():
    content = tree_extension(*[(b"d", 1, 1, oid(1))] * 20_000, (b"d", 1, 0, oid(1)))[8:].replace(b"d", b"", 1)
    assert encode_tree_cache(decode_tree_cache(content, SHA1)) == content


def random_paths(seed):
    """Paths that share long beginnings, in bytes of every kind, some longer than the flags can say."""
    rng, deep = random.Random(seed), (b"d" * 199 + b"/") * 21
    paths = [b"a", b"a-", deep + b"x", deep + b"xy", deep + b"z/" + b"l" * 200]
    for _ in range(60):
        base = rng.choice(paths)
        end = bytes(rng.choice(b"ab/\xff\x80\xc3\x01 \n") for _ in range(rng.choice([1, 3, 130, 250])))
        parts = (base[: rng.randrange(len(base) + 1)] + end).split(b"/")
        paths.append(b"/".join(part[:250] for part in parts if part) or b"b")
    files = set(paths)
    return sorted(path for path in files if not any(path[:at] in files for at, byte in enumerate(path) if byte == 0x2F))


@needs("git")
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_version_4_of_git_says_what_its_others_do(repo, seed, marked):
    paths = random_paths(seed)
    id_ = repo.git_bytes("hash-object", "-w", "--stdin", stdin=b"x").strip()
    repo.git("update-index", "-z", "--index-info", stdin=b"".join(b"100644 %s 0\t%s\0" % (id_, path) for path in paths))
    if marked:
        repo.git("update-index", "--skip-worktree", paths[0])
        repo.git("update-index", "--assume-unchanged", paths[-1])
    repo.git("write-tree")
    contents = []
    for version in "24":
        repo.git("update-index", "--index-version", version)
        contents.append((repo.path / ".git/index").read_bytes())
    assert [content[7] for content in contents] == [3 if marked else 2, 4]
    plain, short = (Index(content, SHA1, "index", 7) for content in contents)
    assert [short.path(number) for number in range(len(short))] == paths
    assert [short.row(number) for number in range(len(short))] == [plain.row(number) for number in range(len(plain))]
    assert [short.find(path) for path in paths] == list(range(len(paths)))
    assert short.tree == plain.tree is not None
    assert (short.find(b"no such path"), short.written_ns) == (None, 7)


SHORT = make_index(
    Entry(b"dir/a" * 30), Entry(b"dir/a" * 30 + b"b", extended=0), Entry(b"e"), version=4, extensions=extension(b"REUC", b"12345"),
)[:-20]


@pytest.mark.parametrize("zero", [False, True], ids=["checksum", "zeros"])
def test_version_4_cut_at_every_byte_is_corrupt(zero):
    for end in range(len(SHORT)):
        cut = SHORT[:end]
        content = cut + (bytes(20) if zero else hashlib.sha1(cut).digest())
        if 0 <= end - (len(SHORT) - 13) < 8:  # all entries, and less than the header of an extension
            assert len(Index(content, SHA1, "index")) == 3
            continue
        with pytest.raises(Corrupt):
            Index(content, SHA1, "index")


def test_version_4_with_one_bit_flipped_raises_only_our_errors():
    for at in range(len(SHORT)):
        for bit in range(8):
            changed = bytearray(SHORT)
            changed[at] ^= 1 << bit
            try:
                index = Index(bytes(changed) + bytes(20), SHA1, "index")
                rows = [(index.path(number), index.row(number)) for number in range(len(index))]
            except GitError:
                continue
            assert len(rows) == 3


@pytest.mark.parametrize("cut", [b"\1", b"\x80\0", b"\xff" * 30 + b"\0", b"\xff" * 30])
def test_a_number_in_version_4_that_is_too_large_is_corrupt(cut):
    content = make_index(Entry(b"ab"), version=4)[:-20].replace(b"\0ab\0", cut + b"ab\0")
    with pytest.raises(Corrupt, match="an entry does not end"):
        Index(content + bytes(20), SHA1, "index")


def test_version_4_with_a_wrong_checksum_is_corrupt():
    with pytest.raises(Corrupt, match="checksum"):
        Index(SHORT + bytes(19) + b"!", SHA1, "index")
    assert expand(SHORT + bytes(20), SHA1, "index") == expand(SHORT + hashlib.sha1(SHORT).digest(), SHA1, "index")


PATHS = [b"a", b"a-b", b"a/b", b"b/c/d", b"z"]


@pytest.mark.parametrize("seed", range(20))
def test_an_edited_index_is_the_one_with_these_paths(seed):
    generator = random.Random(seed)
    before = sorted(generator.sample([b"%c/%c" % pair for pair in [(a, b) for a in b"abc" for b in b"xyz"]] + PATHS, 8))
    index = index_of(*(Entry(path, ino=number) for number, path in enumerate(before)), extensions=tree_extension((b"", 8, 0, oid(1))))
    dropped = sorted(generator.sample(range(8), 3))
    added = sorted({b"new%d" % number for number in range(3)} | {b"0", b"zz"} | {b"b/\xff"})
    edited = edit(index, dropped, added)
    kept = [path for number, path in enumerate(before) if number not in dropped]
    assert edited.paths(0, len(edited)) == sorted([*kept, *added])
    assert [edited.row(edited.find(path)).ino for path in kept] == [before.index(path) for path in kept]
    row = edited.row(edited.find(b"new1"))
    assert (row.mode, row.id, row.size, row.flags) == (FILE, bytes(20), 0, 4)
    assert edited.tree == CachedTree(-1, None, {})
    assert Index(bytes(edited.entries_bytes()) + bytes(20), SHA1, "index").paths(0, 99) == edited.paths(0, 99)


def test_single_fields_are_those_of_the_row():
    index = index_of(Entry(b"a", EXECUTABLE, oid(3)), Entry(b"b", flags=0x8000), Entry(b"c", extended=0), version=3)
    for number in range(3):
        row = index.row(number)
        assert (index.id(number), index.mode(number), index.has_flags(number)) == (row.id, row.mode, bool(row.flags & 0xF000))
