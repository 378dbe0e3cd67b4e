"""Notes as values: two of them make the same one, whoever merges them; nothing is lost that is no such document."""

import json

import pytest
from expref.exps.formats.note import decode, encode, merge
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=5)
TIMES = st.integers(0, 3)  # often the same
ENTRIES = st.fixed_dictionaries({"at": TIMES, "value": JSON})
TAGS = st.fixed_dictionaries({"at": TIMES, "value": st.lists(st.sampled_from("abc"), unique=True).map(sorted)})
NOTES = st.dictionaries(st.sampled_from(["text", "star", "x"]), ENTRIES) | st.fixed_dictionaries({"tags": TAGS})
ANY = NOTES.map(encode) | st.binary(max_size=30) | st.sampled_from([None, b"a\nb\n", b"b\nc\n", b"[]", b"{}"])


@given(NOTES)
def test_what_is_written_is_read(note):
    assert decode(encode(note)) == note
    assert encode(note).count(b"\n") == 1 and list(json.loads(encode(note))) == sorted(note)


@given(ANY, ANY)
def test_both_sides_come_to_the_same(mine, theirs):
    assert merge(mine, theirs) == merge(theirs, mine)


@given(ANY, ANY)
def test_merging_again_changes_nothing(mine, theirs):
    both = merge(mine, theirs)
    assert merge(both, mine) == both and merge(both, theirs) == both


@given(NOTES, NOTES, NOTES)
def test_the_order_does_not_matter(a, b, c):
    a, b, c = map(encode, (a, b, c))
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


def entry(at, value):
    return {"at": at, "value": value}


@pytest.mark.parametrize("mine, theirs, both", [
    ({"text": entry(1, "old")}, {"text": entry(2, "new")}, {"text": entry(2, "new")}),
    ({"text": entry(1, "a")}, {"star": entry(1, True)}, {"text": entry(1, "a"), "star": entry(1, True)}),
    ({"tags": entry(1, ["x"])}, {"tags": entry(2, ["y"])}, {"tags": entry(2, ["x", "y"])}),
    ({"tags": entry(1, "x")}, {"tags": entry(2, ["y"])}, {"tags": entry(2, ["y"])}),
    ({"text": entry(1, "a")}, {"text": entry(1, "b")}, {"text": entry(1, "b")}),
    ({}, {"text": entry(1, "a")}, {"text": entry(1, "a")}),
])  # fmt: skip
def test_the_newer_value_wins_and_tags_are_joined(mine, theirs, both):
    assert decode(merge(encode(mine), encode(theirs))) == both


@pytest.mark.parametrize("mine, theirs, both", [
    (b"x\n", None, b"x\n"), (None, None, None), (b"b\na\n", b"c\na\n", b"a\nb\nc\n"), (b"text", b'{"a": 1}', b'text\n{"a": 1}\n'),
    (b"\xff\n", b"a\n", b"a\n\xff\n"), (b"same", b"same", b"same"),
])  # fmt: skip
def test_other_texts_merge_line_by_line(mine, theirs, both):
    assert merge(mine, theirs) == both


@pytest.mark.parametrize("content", [
    b"", b"[]", b"1", b'{"a": 1}', b'{"a": {"at": 1}}', b'{"a": {"value": 1}}', b'{"a": {"at": true, "value": 1}}', b"\xff",
    b"[" * 100_000, b'{"a": {"at": "x", "value": 1}}', b" " * (2 << 20) + b"{}",
])  # fmt: skip
def test_what_is_no_such_document_is_none(content):
    assert decode(content) is None


def test_half_a_character_is_no_obstacle():
    assert decode(encode({"text": entry(1, "\ud800")})) == {"text": entry(1, "?")}
