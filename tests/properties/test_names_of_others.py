"""Dates, searches and lists of alternates: whatever the text, an answer or one of our errors."""

import re

import pytest
from expref.objstore.errors import Unsupported
from expref.objstore.formats.alternates import decode_alternates
from expref.objstore.formats.dates import parse_date
from expref.objstore.formats.searches import compile_search
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_700_000_000
ESCAPES = {b"\\": b"\\\\", b'"': b'\\"', b"\n": b"\\n", b"\t": b"\\t"}


def quoted(path):
    return (
        b'"'
        + b"".join(ESCAPES.get(bytes([byte]), b"\\%03o" % byte if byte > 126 else bytes([byte])) for byte in path)
        + b'"'
    )


@given(st.lists(st.binary(min_size=1), max_size=5), st.sampled_from([b"\n", b":", b";"]))
def test_quoted_paths_are_read_again(paths, separator):
    assert list(decode_alternates(separator.join(map(quoted, paths)), separator)) == paths


@given(st.lists(st.binary(min_size=1).filter(lambda path: path[:1] not in b'#"' and b":" not in path), max_size=5))
def test_plain_paths_are_read_again(paths):
    assert list(decode_alternates(b"::".join(paths) + b":", b":")) == paths


@given(st.binary() | st.lists(st.sampled_from([b'"', b"\\", b":", b"#", b"a", b"0", b"7", b"n"])).map(b"".join))
def test_any_bytes_are_a_list_of_paths(text):
    assert all(decode_alternates(text, b":"))


@pytest.mark.parametrize("text", [b'"' + b"\\\\" * 100_000, b'"a":' * 100_000, b'"' * 100_000, b'":' * 100_000])
def test_a_long_list_takes_no_longer_than_it_is_long(text):
    assert len(list(decode_alternates(text, b":"))) <= len(text)


words = st.sampled_from(
    [
        "now",
        "yesterday",
        "1",
        "999999999",
        "day",
        "weeks",
        "months",
        "years",
        "ago",
        ".",
        " ",
        "-",
        ":",
        "T",
        "Z",
        "2023",
        "31",
        "+",
    ]
)


@given(st.lists(words, max_size=8).map("".join) | st.text())
def test_any_text_is_a_date_or_refused(text):
    try:
        when = parse_date(text, NOW)
    except (Unsupported, OverflowError, ValueError) as error:
        assert isinstance(error, Unsupported), text
    else:
        assert isinstance(when, int)


@given(st.integers(100_000_000, 1 << 39))
def test_seconds_are_themselves(when):
    assert parse_date(str(when), NOW) == when


pieces = st.sampled_from(
    [
        "a",
        "é",
        ".",
        "*",
        "+",
        "?",
        "(",
        ")",
        "|",
        "[",
        "]",
        "^",
        "$",
        "\\",
        "-",
        "{",
        "}",
        "&&",
        "~",
        "\n",
        " ",
        "[^",
        "[]",
    ]
)


@given(st.lists(pieces, max_size=8).map("".join) | st.text(st.characters(codec="utf-8")))
def test_any_pattern_is_searched_with_or_refused(pattern):
    try:
        found = compile_search(pattern)
    except Unsupported as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(found.search("a é\n".encode()), re.Match | None)


@given(st.text(st.sampled_from("abé -_/:@&~,'\"=<>#%!;"), min_size=1))
def test_plain_text_is_searched_for_as_it_is(text):
    assert compile_search(text).search(f"x{text}y".encode())
