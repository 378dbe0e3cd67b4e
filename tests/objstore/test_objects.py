"""Trees, commits and identities."""
import pytest
from expref.objstore.errors import BadName, Corrupt
from expref.objstore.formats.objects import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    TREE,
    Commit,
    Signature,
    TreeEntry,
    decode_commit,
    decode_tree,
    encode_commit,
    encode_signature,
    encode_tree,
    find_bad_path,
    is_entry_name,
    parse_signature,
)
from expref.objstore.ids import SHA1

from tests.packmaker import oid

AUTHOR = b"A U Thor <a@example.com> 1700000000 +0100"


def commit(**changes):
    return Commit(oid(1), (oid(2), oid(3)), AUTHOR, AUTHOR, b"message\n")._replace(**changes)


def test_a_tree_is_sorted_as_if_folders_ended_with_a_slash():
    entries = [TreeEntry(TREE, b"a", oid(1)), TreeEntry(FILE, b"a.c", oid(2)), TreeEntry(FILE, b"a0", oid(3))]
    assert [entry.name for entry in decode_tree(encode_tree(reversed(entries)), SHA1)] == [b"a.c", b"a", b"a0"]


def test_a_tree_holds_the_five_modes():
    entries = [TreeEntry(mode, b"%o" % mode, oid(mode)) for mode in (EXECUTABLE, FILE, SYMLINK, GITLINK, TREE)]
    assert encode_tree(entries).startswith(b"100644 100644\0")
    assert sorted(decode_tree(encode_tree(entries), SHA1)) == sorted(entries)


@pytest.mark.parametrize("name", [b"", b".", b"..", b".git", b".GiT", b"a/b", b"/", b"a\0b"])
def test_a_name_that_no_tree_may_hold_is_not_written(name):
    assert not is_entry_name(name)
    with pytest.raises(BadName, match="cannot hold"):
        encode_tree([TreeEntry(FILE, name, oid(1))])


@pytest.mark.parametrize("name", [b".gitmodules", b".GITMODULES", b".gitmodules. ", b".git\xe2\x80\x8dmodules"])
def test_where_submodules_are_is_read_through_no_link(name):
    with pytest.raises(BadName, match="as a symbolic link"):
        encode_tree([TreeEntry(SYMLINK, name, oid(1))])
    assert name in encode_tree([TreeEntry(FILE, name, oid(1)), TreeEntry(SYMLINK, b".gitattributes", oid(1))])


def test_of_many_paths_the_first_bad_one_is_found():
    good = [b"a/b", b".gitignore", b"c/.github/d", b"\xe2\x80\x94/e", b"..."]
    assert find_bad_path(good) is None
    assert find_bad_path([]) is None
    for bad in (b"", b"a//b", b"/a", b"a/", b"./a", b"a/..", b"a/.Git/b", b"git~1/b", b"a\0b", b"a/.g\xe2\x80\x8cit"):
        assert find_bad_path([*good, bad, b"x/.git"]) == bad
        assert find_bad_path([bad]) == bad


@pytest.mark.parametrize("names", [[(FILE, b"a"), (FILE, b"a")], [(FILE, b"a"), (FILE, b"a.b"), (TREE, b"a")]])
def test_a_tree_never_holds_a_name_twice(names):
    with pytest.raises(BadName, match="twice|as file and as folder"):
        encode_tree([TreeEntry(mode, name, oid(1)) for mode, name in names])


def test_a_mode_that_git_does_not_write_is_read_but_not_written():
    for text, mode in ((b"100664", 0o100664), (b"040000", TREE)):
        assert decode_tree(text + b" a\0" + oid(1), SHA1) == [TreeEntry(mode, b"a", oid(1))]
    with pytest.raises(BadName, match="mode 100664"):
        encode_tree([TreeEntry(0o100664, b"a", oid(1))])


@pytest.mark.parametrize("mode", [b"", b"8", b"-1", b"+7", b"0o100", b"1_0", b"100644\t"])
def test_a_mode_that_is_not_octal_is_corrupt(mode):
    with pytest.raises(Corrupt, match=r"bad mode|does not end"):
        decode_tree(mode + b" a\0" + oid(1), SHA1)


@pytest.mark.parametrize("content", [b"100644", b"100644 a", b"100644 a\0", b"100644 a\0" + bytes(19), bytes(40)])
def test_a_tree_entry_that_does_not_end_is_corrupt(content):
    with pytest.raises(Corrupt, match="tree:0: a tree entry does not end"):
        decode_tree(content, SHA1)


def test_a_tree_entry_without_a_name_is_corrupt():
    with pytest.raises(Corrupt, match="abc:28: a tree entry has no name"):
        decode_tree(b"40000 a\0" + bytes(20) + b"100644 \0" + bytes(20), SHA1, "abc")


def test_a_commit_keeps_headers_that_are_unknown_in_order_and_with_all_their_lines():
    signed = commit(extra=((b"encoding", b"latin-1"), (b"gpgsig", b"-----BEGIN\n\n end"), (b"mergetag", b"a\nb")))
    assert b"gpgsig -----BEGIN\n \n  end\nmergetag a\n b\n\nmessage" in encode_commit(signed)
    assert decode_commit(encode_commit(signed), SHA1) == signed


@pytest.mark.parametrize("message", [b"", b"\n", b"\n\nx", b"no newline", b"tree of life\n\nparent " + b"0" * 40, b"\xff"])
def test_a_message_is_kept_byte_for_byte(message):
    assert decode_commit(encode_commit(commit(message=message)), SHA1).message == message


def test_a_commit_without_a_message_and_empty_line_is_read():
    content = encode_commit(commit(message=b"")).removesuffix(b"\n")
    assert decode_commit(content, SHA1) == commit(message=b"")


@pytest.mark.parametrize("missing", [b"tree", b"author", b"committer"])
def test_a_commit_without_a_needed_header_is_corrupt(missing):
    lines = encode_commit(commit()).split(b"\n")
    with pytest.raises(Corrupt, match="c: a commit without " + missing.decode()):
        decode_commit(b"\n".join(line for line in lines if not line.startswith(missing)), SHA1, "c")


@pytest.mark.parametrize("header", ["tree", "parent"])
def test_a_commit_with_a_bad_id_is_corrupt(header):
    content = encode_commit(commit()).replace(header.encode() + b" 0", header.encode() + b" z", 1)
    with pytest.raises(Corrupt, match="bad object id"):
        decode_commit(content, SHA1)


def test_of_a_header_that_is_there_twice_the_first_counts():
    content = encode_commit(commit()).replace(b"committer", b"author x <y> 1 +0000\ncommitter")
    assert decode_commit(content, SHA1).author == AUTHOR


@pytest.mark.parametrize("changes", [
    {"message": b"a\0b"}, {"author": b"a\nparent b"}, {"committer": b"a\0"}, {"extra": ((b"a\nb", b""),)},
])
def test_what_would_change_the_meaning_of_a_commit_is_not_written(changes):
    with pytest.raises(BadName, match="cannot hold"):
        encode_commit(commit(**changes))


@pytest.mark.parametrize(("name", "line"), [
    (b"A U Thor", b"A U Thor <a@b> 5 +0000"),
    (b" .A <x>, Jr.;\n", b"A x, Jr <a@b> 5 +0000"),
    (b"a\n<>\0b", b"ab <a@b> 5 +0000"),
])
def test_what_git_drops_from_a_name_is_dropped(name, line):
    assert encode_signature(Signature(name, b"<a@b>", 5, 0)) == line


@pytest.mark.parametrize("name", [b"", b" ", b"<>", b".,;'\""])
def test_a_name_of_which_nothing_is_left_is_refused(name):
    with pytest.raises(BadName, match="no character"):
        encode_signature(Signature(name, b"a@b", 5, 0))


@pytest.mark.parametrize(("minutes", "text"), [(0, b"+0000"), (90, b"+0130"), (-570, b"-0930"), (-30, b"-0030")])
def test_a_time_zone_is_hours_and_minutes(minutes, text):
    line = encode_signature(Signature(b"a", b"b", 7, minutes))
    assert line.endswith(text)
    assert parse_signature(line) == Signature(b"a", b"b", 7, minutes)


@pytest.mark.parametrize(("line", "expected"), [
    (b"a <b> 5", Signature(b"a", b"b", 5, 0)),
    (b"<> 5 +0000", Signature(b"", b"", 5, 0)),
    (b"a <b <c> 5 -0100", Signature(b"a", b"b <c", 5, -60)),
    (b"a <b>", None), (b"a b 5 +0000", None), (b"", None), (b"a <b> x +0000", None), (b"a <b> 5 x", None),
    (b"a <b> " + b"9" * 5000, None),
])
def test_an_odd_signature_is_read_or_is_none(line, expected):
    assert parse_signature(line) == expected
