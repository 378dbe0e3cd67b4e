"""Deltas that we make: each makes what it should, and is as short as the change."""

import pytest
from expref.objstore.formats.delta import apply_delta
from expref.objstore.formats.deltaencode import common_prefix, common_suffix, encode_delta
from hypothesis import given
from hypothesis import strategies as st

COMMIT = b"""tree %s
parent 2222222222222222222222222222222222222222
author A U Thor <author@example.com> %d +0000
committer A U Thor <author@example.com> %d +0000

exps: save exp-%d
"""
KINDS = st.sampled_from(["blob", "tree", "commit", "tag"])
texts = st.lists(
    st.sampled_from([b"one\n", b"two two\n", b"a line that is longer\n", b"\n", b"x", b"100644 f\0" + bytes(20)])
).map(b"".join)


def tree(changed=()):
    names = (b"100644 file-%03d\0" % at for at in range(100))
    return b"".join(name + (b"%020d" % (10**9 if at in changed else at)) for at, name in enumerate(names))


@given(texts | st.binary(), texts | st.binary(), KINDS)
def test_a_delta_makes_its_content(base, content, kind):
    assert apply_delta(base, encode_delta(base, content, kind)) == content


@given(st.binary(max_size=50), st.binary(max_size=50), st.binary(max_size=50))
def test_what_two_contents_begin_and_end_with(start, middle, end):
    one, other = start + end, start + middle + end
    prefix = common_prefix(one, other)
    suffix = common_suffix(one, other, len(one) - prefix)
    assert prefix + suffix == len(one)
    assert common_prefix(one, one) == len(one)


@pytest.mark.parametrize(
    ("changed", "longest"), [([50], 34), ([0], 34), ([99], 34), ([10, 90], 80), ([1, 2, 3, 50], 140)]
)
def test_a_tree_costs_what_changed_in_it(changed, longest):
    base, content = tree(), tree(changed)
    delta = encode_delta(base, content, "tree")
    assert apply_delta(base, delta) == content
    assert len(delta) <= longest


def test_a_commit_costs_its_tree_and_its_dates():
    base, content = (COMMIT % (b"%040x" % at, at, at, at) for at in (10**30, 10**31 + 7))
    assert len(encode_delta(base, content, "commit")) < 150
    base, content = (COMMIT % (b"%040x" % (at << 99), 1700000000 + at, 1700000000 + at, at) for at in (1, 2))
    assert len(encode_delta(base, content, "commit")) < 100


def test_lines_that_were_moved_are_found():
    lines = [b"this is line number %d\n" % at for at in range(50)]
    base, content = b"".join(lines), b"".join([b"new\n", *lines[20:], b"between\n", *lines[:20], b"end\n"])
    assert len(encode_delta(base, content)) < 60


def test_long_copies_are_cut_as_git_cuts_them():
    base = bytes(range(256)) * 1000
    delta = encode_delta(base, base + b"!")
    assert apply_delta(base, delta) == base + b"!"
    assert len(delta) < 40


def test_contents_that_have_nothing_in_common():
    base, content = bytes(300), b"\1" * 1000
    assert apply_delta(base, encode_delta(base, content)) == content
    assert apply_delta(b"", encode_delta(b"", content)) == content
    assert apply_delta(content, encode_delta(content, b"")) == b""
