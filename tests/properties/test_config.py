"""Configuration files: any bytes are read or refused, what is written is read again, by us and by git."""
import os
import subprocess
import tempfile

import pytest
from expref.objstore.errors import Ambiguous, Corrupt, GitError
from expref.objstore.formats.config import (
    as_bool,
    as_int,
    canonical_name,
    parse,
    parse_parameters,
    quote,
    with_value,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import needs

SAMPLE = b"""\xef\xbb\xbf# comment
[a] b = 1
[a "B \\"c"]\r
\tkey = one \\
 two "  three ; \\n" # comment
\tno-value
[x.y]
\tz = "\xc3\xa9\xff"
"""
PIECES = [
    b"[", b"]", b'"', b"\\", b"\n", b"\r", b" ", b"\t", b"=", b"#", b";", b".", b"k", b"K-1", b"[s]\n", b"\0", b"\xff",
    b"\xef",
]
texts = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)
files = texts | texts.map(lambda text: b"[s]\n" + text) | st.binary()
LINES = [
    "[a]", '[a "b"]', "[A.b] k = 1", "[a][c] # d", "k = v", "K", "j", "k = v \\", '  j = "v" ; w', "", "# k \\", "\r",
    "é = 1",
]
orderly = st.builds(
    lambda start, lines, ends: (start + "".join(map("".join, zip(lines, ends, strict=False)))).encode(),
    st.sampled_from(["", "\ufeff", "[a]\n", "[a]\r\n"]),
    st.lists(st.sampled_from(LINES[:-1]) | st.sampled_from(LINES), max_size=8),
    st.lists(st.sampled_from(["\n", "\n", "\r\n", ""]), min_size=8, max_size=8),
)
values = st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("\r\n\t\b \"\\#;=[]"))
words = st.text("abcXYZ019-", min_size=1, max_size=5)
keys = words.map(lambda word: "k" + word)
characters = st.characters(codec="utf-8", exclude_characters="\0\n") | st.sampled_from('"\\].[ \r#')
subsections = st.text(characters, max_size=8)
names = st.builds("{}.{}".format, words, keys) | st.builds("{}.{}.{}".format, words, subsections, keys)


@given(files)
def test_any_bytes_are_settings_or_corrupt(text):
    try:
        found = parse(text, "config")
    except Corrupt as error:
        assert 1 <= error.offset <= text.count(b"\n") + 1
    else:
        lines = [each.line for each in found]
        assert lines == sorted(lines)
        assert all(each.name == canonical_name(each.name) for each in found)


@pytest.mark.parametrize("length", range(len(SAMPLE) + 1))
def test_cut_at_every_byte(length):
    whole = parse(SAMPLE, "config")
    try:
        found = parse(SAMPLE[:length], "config")
    except Corrupt:
        return
    assert [each.name for each in found[:-1]] == [each.name for each in whole[: len(found) - 1 if found else 0]]


@given(st.binary(max_size=60), st.integers(0, len(SAMPLE)))
def test_one_piece_replaced(piece, at):
    try:
        parse(SAMPLE[:at] + piece + SAMPLE[at + len(piece) :], "config")
    except Corrupt as error:
        assert str(error).startswith("config:")


@given(values)
def test_a_quoted_value_reads_as_itself(value):
    assert parse(b"[a]\nb = " + quote(value).encode() + b"\nc", "config")[0].value == value


def pairs(text):
    return [(each.name, each.value) for each in parse(text, "config")]


@settings(max_examples=300)
@given(files | orderly, names | st.sampled_from(["a.k", "a.b.K", "a.j", "a.B.k", "c.k"]), values | st.none())
def test_an_edit_changes_one_value_and_nothing_else(text, name, value):
    try:
        before = pairs(text)
        after = pairs(with_value(text, name, value))
    except (Corrupt, Ambiguous):
        return
    canonical = canonical_name(name)
    assert [value for found, value in after if found == canonical] == ([] if value is None else [value])
    assert [pair for pair in after if pair[0] != canonical] == [pair for pair in before if pair[0] != canonical]


@given(st.lists(st.tuples(names, values | st.none()), min_size=1, max_size=6))
def test_a_file_made_of_edits_holds_the_last_values(edits):
    text, expected = b"", {}
    for name, value in edits:
        text = with_value(text, name, value)
        expected[canonical_name(name)] = value
    assert dict(pairs(text)) == {name: value for name, value in expected.items() if value is not None}


@needs("git")
@settings(max_examples=60, deadline=None)
@given(st.dictionaries(names, values, min_size=1, max_size=5))
def test_git_reads_what_was_written(wanted):
    text = b""
    for name, value in wanted.items():
        text = with_value(text, name, value)
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        command = ["git", "config", "--file", file.name, "--list", "-z"]
        environ = {"PATH": os.environ["PATH"], "HOME": "/", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": ""}
        listed = subprocess.run(command, env=environ, capture_output=True, check=True).stdout
    found = [tuple(entry.split("\n", 1)) for entry in listed.decode().split("\0")[:-1]]
    assert dict(found) == {canonical_name(name): value for name, value in wanted.items()}


@given(st.text())
def test_any_text_has_a_meaning_or_none(text):
    assert as_bool(text) in (True, False, None)
    number = as_int(text)
    assert number is None or -(1 << 63) <= number < 1 << 63


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_every_number_reads_as_itself(number):
    assert as_int(str(number)) == number == as_int(hex(number))


@given(st.text("'\\!= \n.ab") | st.text())
def test_any_parameters_are_read_or_refused(text):
    try:
        list(parse_parameters(text))
    except GitError:
        return


@given(st.lists(st.tuples(names, values | st.none())))
def test_parameters_read_as_git_writes_them(wanted):
    def single_quoted(text):
        return "'" + text.replace("'", "'\\''").replace("!", "'\\!'") + "'"

    pieces = [single_quoted(name) + "=" + ("" if value is None else single_quoted(value)) for name, value in wanted]
    assert list(parse_parameters(" ".join(pieces))) == wanted
