"""Refs as text."""
import mmap

import pytest
from expref.objstore.errors import BadName, Corrupt
from expref.objstore.formats.refs import (
    Ref,
    SymbolicRef,
    check_name,
    decode_loose,
    decode_packed,
    encode_loose,
    find_packed,
    without_packed,
)
from expref.objstore.ids import SHA1

from tests.packmaker import oid

ONE, TWO = oid(1), oid(2)
HEADER = b"# pack-refs with: peeled fully-peeled sorted "


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
    ("refs/a\x7f", r"holds '\\x7f'"), ("refs/\ud800", r"holds '\\ud800'"), ("refs/\udd00", "holds"), *((f"refs/{char}", "holds") for char in "~^:?*[\\"),
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
    ) == [Ref("refs/heads/a", ONE, None), Ref("refs/tags/t", TWO, None), Ref("refs/\udcff", ONE, None)]


def test_only_packed_refs_below_a_prefix_are_read():
    lines = [line(ONE, b"refs/heads/a"), line(TWO, b"refs/tags/t"), b"^" + ONE.hex().encode(), line(ONE, b"refs/tagsoup")]
    for content in (b"\n".join([*lines, b""]), b"\n".join([HEADER, *lines, b""]), b"\n".join([*lines[::-1], b""])):
        assert decode_packed(content.replace(b"^" + ONE.hex().encode() + b"\n", b""), SHA1, "p", "refs/tags/") == [
            Ref("refs/tags/t", TWO, None)
        ]
    assert decode_packed(b"", SHA1, "p", "refs/") == []


@pytest.mark.parametrize(("lines", "number"), [
    ([b"junk"], 1), ([line(ONE, b"refs/a"), b""], 2), ([HEADER, b"z" * 40 + b" refs/a"], 2), ([b"# c"], 1),
    ([ONE.hex().encode() + b"\trefs/a"], 1), ([line(ONE, b"refs/a"), b"^" + b"1" * 39], 2), ([b"^" + b"1" * 40], 1),
    ([line(ONE, b"refs/a"), b"# pack-refs with: "], 2), ([line(ONE, b"refs/a"), b"1" * 41 + b" refs/b"], 2),
])
def test_a_bad_line_of_packed_refs_is_named_by_its_number(lines, number):
    with pytest.raises(Corrupt, match=f"packed-refs:{number}: "):
        packed(*lines)


def test_packed_refs_without_a_line_end_are_corrupt():
    with pytest.raises(Corrupt, match="packed-refs:1: the last line does not end"):
        list(decode_packed(line(ONE, b"refs/a"), SHA1, "packed-refs"))


def many(count):
    """Names in order, plain ones and odd ones, every third of an annotated tag; and the lines of a file of them."""
    names = sorted(f"refs/{kind}/{number:03d}{end}" for number in range(count) for kind, end in [("t", ""), ("é", ".x@")])
    lines = []
    for number, name in enumerate(names):
        lines.append(line(oid(number + 1), name.encode()) + (b"\n^" + ONE.hex().encode() if number % 3 == 0 else b""))
    return names, lines


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_every_packed_ref_is_found_and_nothing_else(count):
    names, lines = many(count)
    for start, order in (([HEADER], 1), ([], 1), ([], -1), ([b"# pack-refs with: peeled "], -1)):
        content = b"\n".join([*start, *lines[::order], b""])
        for number, name in enumerate(names):
            assert find_packed(content, name, SHA1, "p") == Ref(name, oid(number + 1), None)
            for other in (name[:-1], name + "x", name + "/x", name.replace("/", "/a", 1)):
                assert find_packed(content, other, SHA1, "p") is None
        assert [ref.name for ref in decode_packed(content, SHA1, "p")] == names


def test_a_packed_ref_is_found_in_a_memory_map(tmp_path):
    names, lines = many(20)
    path = tmp_path / "packed-refs"
    path.write_bytes(b"\n".join([HEADER, *lines, b""]))
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert find_packed(content, names[7], SHA1, "p") == Ref(names[7], oid(8), None)
        assert [ref.name for ref in decode_packed(content, SHA1, "p", "refs/t/")] == [name for name in names if "/t/" in name]


def test_a_name_inside_of_a_packed_line_is_not_the_ref():
    content = b"\n".join([b"1" * 30 + line(ONE, b"refs/b") + b" refs/a", line(TWO, b"refs/c"), b""])
    assert find_packed(content, "refs/a", SHA1, "p") is None


def test_packed_refs_are_taken_out_with_what_their_tags_point_to_and_all_else_stays():
    names, lines = many(10)
    for start in ([HEADER], [], [b"# pack-refs with: of-tomorrow "]):
        content = b"\n".join([*start, *lines, b""])
        out = [names[0], names[3], names[4], names[-1], "refs/none"]
        left = [each for number, each in enumerate(lines) if names[number] not in out]
        assert without_packed(content, out, SHA1, "p") == b"\n".join([*start, *left, b""])
        assert without_packed(content, ["refs/none"], SHA1, "p") == content
        assert without_packed(content, names, SHA1, "p") == b"\n".join([*start, b""] if start else [])


def test_a_ref_that_is_packed_twice_is_taken_out_twice():
    content = b"\n".join([line(ONE, b"refs/a"), line(TWO, b"refs/b"), line(TWO, b"refs/a"), b""])
    assert without_packed(content, ["refs/a"], SHA1, "p") == line(TWO, b"refs/b") + b"\n"


@pytest.mark.parametrize("end", [0, 1, 46])
def test_packed_refs_that_were_cut_are_not_written_anew(end):
    content = line(ONE, b"refs/a") + b"\n" + line(TWO, b"refs/b")[:end]
    if end:
        with pytest.raises(Corrupt, match="p:2: the last line does not end"):
            without_packed(content, ["refs/a"], SHA1, "p")
    else:
        assert without_packed(content, ["refs/a"], SHA1, "p") == b""
