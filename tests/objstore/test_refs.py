"""Refs as text."""
import pytest
from expref.objstore.errors import BadName, Corrupt
from expref.objstore.formats.refs import PackedRef, SymbolicRef, check_name, decode_loose, decode_packed, encode_loose
from expref.objstore.ids import SHA1

from tests.packmaker import oid

ONE, TWO = oid(1), oid(2)


def packed(*lines):
    return list(decode_packed(b"".join(line + b"\n" for line in lines), SHA1, "packed-refs"))


def line(id_, name):
    return b"%s %s" % (id_.hex().encode(), name)


@pytest.mark.parametrize("name", [
    "HEAD", "FETCH_HEAD", "refs/heads/main", "refs/x", "refs/exps/ab/" + "c" * 38 + "/puffy-daks", "refs/a/@", "refs/a/é.b",
    "refs/a/\udcff", "refs/-/-", "refs/a/b.lock.c", "refs/a/{}", "refs/a/b@c", "refs/tags/v1.0",
])
def test_a_name_that_git_takes_is_taken(name):
    check_name(name)


@pytest.mark.parametrize(("name", "why"), [
    ("", "start with 'refs/'"), ("main", "start with 'refs/'"), ("config", "start with 'refs/'"),
    ("hooks/pre-commit", "start with 'refs/'"), ("../refs/a", "start with 'refs/'"), ("refs", "start with 'refs/'"),
    ("refs/", "empty"), ("refs//a", "empty"), ("refs/a/", "empty"), ("/refs/a", "start with"),
    ("refs/.a", "starts with '.'"), ("refs/a/../b", "starts with '.'"), ("refs/a.lock", "ends with '.lock'"),
    ("refs/a.lock/b", "ends with '.lock'"), ("refs/a..b", "holds '..'"), ("refs/a@{b", "holds '@{'"),
    ("refs/a.", "ends with '.'"), ("refs/a b", "holds ' '"), ("refs/a\nb", r"holds '\\n'"), ("refs/a\0", r"holds '\\x00'"),
    ("refs/a\x7f", r"holds '\\x7f'"), *((f"refs/{char}", "holds") for char in "~^:?*[\\"),
])
def test_a_name_that_breaks_a_rule_is_refused_with_the_rule(name, why):
    with pytest.raises(BadName, match=why):
        check_name(name)


@pytest.mark.parametrize("end", [b"\n", b"", b" ", b"\r\n", b"\n\n", b"\t\tbranch 'main' of somewhere\n"])
def test_a_loose_ref_is_an_id_and_what_follows_after_white_space_is_ignored(end):
    assert decode_loose(ONE.hex().encode() + end, SHA1, "f") == ONE
    assert decode_loose(encode_loose(ONE), SHA1, "f") == ONE


@pytest.mark.parametrize("content", [b"ref: refs/heads/x\n", b"ref:refs/heads/x", b"ref: \t refs/heads/x \r\n"])
def test_a_symbolic_ref_names_another(content):
    assert decode_loose(content, SHA1, "f") == SymbolicRef("refs/heads/x")


@pytest.mark.parametrize("content", [
    b"", b"\n", b"0" * 39, b"0" * 40, b"1" * 41, b"z" * 40, b" " + b"1" * 40, b"1" * 64, b"ref: ", b"ref: config",
    b"ref: refs/../config", b"ref: refs/a\nb", b"\0" * 40, b"\xff" * 40, b"1" * 40 + b"\0",
])
def test_a_loose_ref_that_is_neither_is_corrupt(content):
    with pytest.raises(Corrupt, match="f:0: "):
        decode_loose(content, SHA1, "f")


def test_packed_refs_come_in_order_and_with_what_tags_point_to():
    assert packed(
        b"# pack-refs with: peeled fully-peeled sorted ",
        line(ONE, b"refs/heads/a"), line(TWO, b"refs/tags/t"), b"^" + ONE.hex().encode(), line(ONE, b"refs/\xff"),
    ) == [PackedRef("refs/heads/a", ONE, None), PackedRef("refs/tags/t", TWO, ONE), PackedRef("refs/\udcff", ONE, None)]


def test_only_packed_refs_below_a_prefix_are_read():
    lines = [line(ONE, b"refs/heads/a"), line(TWO, b"refs/tags/t"), b"^" + ONE.hex().encode(), line(ONE, b"refs/tagsoup")]
    content = b"\n".join(lines) + b"\n"
    assert [ref.name for ref in decode_packed(content, SHA1, "p", "refs/tags/")] == ["refs/tags/t"]
    assert list(decode_packed(b"", SHA1, "p", "refs/")) == []


@pytest.mark.parametrize(("lines", "number"), [
    ([b"junk"], 1), ([line(ONE, b"refs/a"), b""], 2), ([b"# c", b"z" * 40 + b" refs/a"], 2),
    ([ONE.hex().encode() + b"\trefs/a"], 1), ([line(ONE, b"refs/a"), b"^" + b"1" * 39], 1),
])
def test_a_bad_line_of_packed_refs_is_named_by_its_number(lines, number):
    with pytest.raises(Corrupt, match=f"packed-refs:{number}: "):
        packed(*lines)


def test_packed_refs_without_a_line_end_are_corrupt():
    with pytest.raises(Corrupt, match="packed-refs:1: the last line does not end"):
        list(decode_packed(line(ONE, b"refs/a"), SHA1, "packed-refs"))
