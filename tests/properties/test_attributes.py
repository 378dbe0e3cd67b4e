"""Attributes files: any text is read, what is written is read again. Conversion: any content is cleaned or refused."""
import re

import pytest
from expref.objstore.conversion import _CODECS, Cleaner, LineEnds
from expref.objstore.errors import GitError
from expref.objstore.formats.attributes import BUILT_IN, decode_blob, decode_file, look_up
from hypothesis import example, given, settings
from hypothesis import strategies as st

SAMPLE = b"""\xef\xbb\xbf# comment
* text=auto !eol\r
*.txt\ttext -crlf
"a b\\"\\303\\244" filter=x working-tree-encoding=UTF-16
[attr]mine text eol=lf
/a/**/b mine
"""
PIECES = [
    b"*", b"**", b"/", b"a", b"f.txt", b'"', b"\\", b"\\0", b"\\101", b"\n", b"\r\n", b" ", b"\t", b"=", b"-", b"!",
    b"#", b"[attr]", b"[", b"]", b"text", b" text", b" m", b"* ", b"m", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xc3\xa4",
    b" " * 2040,
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)
names = st.from_regex(r"(?!builtin_)[A-Za-z0-9_.][-A-Za-z0-9_.]{0,9}", fullmatch=True)
values = st.text(st.characters(codec="utf-8", exclude_characters=" \t\r\n\0"), max_size=6)
states = st.lists(st.tuples(names, st.none() | st.booleans() | values), max_size=5).map(tuple)
patterns = st.binary(min_size=1, max_size=12).map(lambda text: text.replace(b"\0", b"x").replace(b"/", b"y"))
rules = st.lists(st.tuples(patterns.filter(lambda pattern: pattern[:1] not in (b"!", b"[")), states), max_size=6)


def spelled(pattern, said):
    """A line with a quoted pattern."""
    words = [b'"%b"' % re.sub(rb'[\x00-\x1f"\\\x7f-\xff]', lambda byte: b"\\%03o" % byte[0][0], pattern)]
    for name, state in said:
        word = {True: name, False: f"-{name}", None: f"!{name}"}.get(state, f"{name}={state}")
        words.append(word.encode())
    return b" ".join(words)


@given(texts | st.binary())
@example(SAMPLE)
def test_any_text_says_something_or_nothing(text):
    for decode in (decode_file, decode_blob):
        file = decode(text)
        assert len(file.rules) + len(file.macros) <= text.count(b"\n") + 1
        for name in look_up(b"a/b/f.txt", [(2, file), (0, file)], BUILT_IN | file.macros):
            assert re.fullmatch(r"[\w.][-\w.]*", name, re.ASCII)


@pytest.mark.parametrize("length", range(len(SAMPLE) + 1))
def test_cut_at_every_byte(length):
    whole = [(rule.pattern, rule.states) for rule in reversed(decode_file(SAMPLE).rules)]
    cut = [(rule.pattern, rule.states) for rule in reversed(decode_file(SAMPLE[:length]).rules)]
    complete = [each for each in cut if each in whole]
    assert complete == whole[: len(complete)] and len(cut) <= len(complete) + 1


@pytest.mark.parametrize("at", range(len(SAMPLE)))
def test_one_bit_flipped(at):
    for bit in range(8):
        changed = bytearray(SAMPLE)
        changed[at] ^= 1 << bit
        assert len(decode_file(bytes(changed)).rules) <= 5


@given(rules)
def test_what_is_written_is_read_again(wanted):
    file = decode_file(b"\n".join(spelled(*rule) for rule in wanted))
    assert [(rule.pattern, rule.states) for rule in reversed(file.rules)] == wanted
    assert all(rule.by_name for rule in file.rules)


@given(states, states)
def test_of_what_two_lines_say_the_last_counts(first, second):
    file = decode_file(spelled(b"*", first) + b"\n" + spelled(b"*", second))
    assert look_up(b"f", [(0, file)], {}) == dict(first) | dict(second)


@given(st.dictionaries(names, states, max_size=5), states)
def test_macros_bring_what_they_say_and_no_more(macros, said):
    found = look_up(b"f", [(0, decode_file(spelled(b"*", said)))], macros)
    assert {name for name, _ in said} <= set(found) <= {name for each in (said, *macros.values()) for name, _ in each}


contents = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"a" * 128, b"\0", b"\x1a", b"$Id", b"$", b":", b"$Id: x $"])
    | st.binary(max_size=4),
    max_size=12,
).map(b"".join)  # fmt: skip
line_ends = st.none() | st.builds(LineEnds, auto=st.booleans(), crlf=st.booleans())
cleaners = st.builds(
    Cleaner, filter=st.none(), encoding=st.none() | st.sampled_from([*_CODECS, "x"]), line_ends=line_ends,
    ident=st.booleans(), path=st.just("f"), safe=st.booleans(), round_trip=st.booleans(),
    indexed=(st.none() | contents).map(lambda blob: lambda: blob),
)  # fmt: skip


@settings(max_examples=300)
@given(cleaners, contents)
def test_any_content_is_cleaned_or_refused(cleaner, content):
    try:
        after = cleaner.clean(content)
    except GitError as error:
        assert str(error).startswith("f: ") or str(error).endswith(" f")
        return
    assert after == content or not cleaner.leaves_alone(content[:8])
    if cleaner.encoding is None:
        assert len(after) <= len(content) and after.count(b"\n") == content.count(b"\n")


@given(cleaners, contents)
def test_what_is_accepted_with_care_is_stored_as_without(cleaner, content):
    try:
        careful = cleaner._replace(safe=True, round_trip=True).clean(content)
    except GitError:
        return
    assert cleaner._replace(safe=False, round_trip=False).clean(content) == careful


@given(line_ends, contents, st.none() | contents)
def test_a_text_that_was_stored_is_stored_the_same_again(ends, content, indexed):
    cleaner = Cleaner(None, None, ends, False, "f", False, False, lambda: indexed)
    stored = cleaner.clean(content.replace(b"\r\r", b"\r"))
    assert cleaner._replace(indexed=lambda: stored).clean(stored) == stored


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(sorted(_CODECS)))
def test_a_text_comes_through_its_encoding(text, encoding):
    codec = "utf-16-le" if encoding.endswith("-BOM") else _CODECS[encoding]
    text = "." + text.encode(codec, "ignore").decode(codec)
    content = (b"\xff\xfe" if encoding.endswith("-BOM") else b"") + text.encode(codec)
    cleaner = Cleaner(None, encoding, None, False, "f", False, True, lambda: None)
    assert cleaner.clean(content) == text.encode()
