"""Patterns: any bytes can be matched, the time is bounded, and what follows from the rules. What git says: against_git."""
import re
import subprocess
import sys
import warnings

import pytest
from expref.objstore.formats.wildmatch import LONGEST, name_matcher, path_matcher
from hypothesis import given
from hypothesis import strategies as st

texts = st.lists(st.sampled_from([b"a", b"b", b"A", b"/", b"*", b"]", b"\\", b".", b"\xff", b"ab"]), max_size=12).map(b"".join)
special = [b"*", b"**", b"**/", b"/**", b"?", b"[", b"]", b"[!", b"[^]", b"-", b"\\", b"[[:alpha:]]", b"[:", b":]", b"[a-b]"]
patterns = st.lists(st.sampled_from([*special, b"a", b"b", b"A", b"/", b"\xff", b"&&", b"--", b"~~", b"||"]), max_size=10).map(b"".join)


def quoted(text):
    return re.sub(rb"([*?[\\])", rb"\\\1", text)


@given(pattern=st.one_of(patterns, st.binary(max_size=40)), text=texts)
@pytest.mark.parametrize("fold", [False, True])
def test_any_pattern_is_read_without_a_word(fold, pattern, text):
    with warnings.catch_warnings(action="error"):
        for matcher in (path_matcher, name_matcher):
            matcher(pattern, fold=fold)(text)


@given(text=texts, other=texts)
def test_a_quoted_text_fits_itself_only(text, other):
    assert path_matcher(quoted(text))(text)
    assert name_matcher(quoted(text))(text)
    assert bool(path_matcher(quoted(text))(other)) == (text == other)


@given(pattern=patterns, text=texts)
def test_a_star_takes_anything_in_a_name_and_two_in_a_path(pattern, text):
    assert name_matcher(b"*")(text)
    assert path_matcher(b"**")(text)
    assert bool(path_matcher(b"*")(text)) == (b"/" not in text)
    if path_matcher(pattern)(text):
        assert path_matcher(b"**/" + pattern)(text)
        assert path_matcher(b"**/" + pattern)(b"a/b/" + text)


@given(pattern=patterns, text=texts.filter(lambda text: b"/" not in text))
def test_without_slashes_names_and_paths_are_the_same(pattern, text):
    if b"/" not in pattern:
        assert bool(path_matcher(pattern)(text)) == bool(name_matcher(pattern)(text))


@given(pattern=patterns, text=texts)
def test_folded_the_case_of_the_text_makes_no_difference(pattern, text):
    for matcher in (path_matcher, name_matcher):
        fits = matcher(pattern, fold=True)
        assert bool(fits(text.lower())) == bool(fits(text.upper())) == bool(fits(text))


@given(parts=st.lists(st.sampled_from([b"a", b"b", b"ab"]), min_size=1, max_size=5), text=texts)
def test_stars_between_parts_find_them_in_order(parts, text):
    found = re.match(b".*".join(parts) + rb"\Z", text, re.DOTALL)
    assert bool(name_matcher(b"*".join(parts))(text)) == bool(found)


def test_a_pattern_that_needs_more_than_the_longest_text_fits_nothing():
    assert name_matcher(b"a" * LONGEST)(b"a" * LONGEST)
    assert not name_matcher(b"a" * LONGEST + b"b")(b"a" * LONGEST + b"b")


ADVERSARIES = {  # pattern, text: exponential, or at least cubic, for a matcher that goes back
    "stars": ('b"*a" * 2000 + b"*b"', 'b"a" * 4000'),
    "stars and any": ('b"*?" * 2000 + b"b"', 'b"a" * 4000'),
    "stars in components": ('b"**/*a*a*a*a*a/" * 300 + b"b"', 'b"aaaaaaa/" * 500'),
    "folders": ('b"**/a/" * 2000 + b"b"', 'b"a/" * 4000'),
    "quoted folders": (r'b"**\\/" * 2000 + b"b"', 'b"a/" * 4000'),
    "one star": ('b"*" + b"a" * 2000 + b"b"', 'b"a" * 4000'),
    "one folder": ('b"**/" + b"a/" * 1000 + b"b"', 'b"a/" * 2000'),
    "only stars": ('b"*" * 1_000_000', 'b"a" * 4000'),
    "only folders": ('b"**/" * 300_000', 'b"a" * 4000'),
    "a long set": ('b"[" + b"a-z" * 100_000 + b"]"', 'b"a" * 4000'),
    "a set without an end": ('b"[" + b"[:" * 200_000', 'b"a" * 4000'),
    "a long pattern": ('b"*?" * 1_000_000', 'b"a" * 4000'),
}
MATCH = """
from expref.objstore.formats.wildmatch import name_matcher, path_matcher
pattern, text = {pattern}, {text}
path_matcher(pattern)(text), name_matcher(pattern)(text), path_matcher(pattern, fold=True)(text)
"""


@pytest.mark.parametrize("pattern, text", ADVERSARIES.values(), ids=ADVERSARIES)
def test_no_pattern_takes_long(pattern, text, child_env):
    script = MATCH.format(pattern=pattern, text=text)
    subprocess.run([sys.executable, "-c", script], env=child_env, check=True, timeout=120)
