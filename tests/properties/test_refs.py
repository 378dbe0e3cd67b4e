"""Packed refs: quick ways and slow ones give the same answer; damaged bytes give an answer or one of our errors."""
from contextlib import suppress

import pytest
from expref.objstore.errors import BadName, GitError
from expref.objstore.formats import refs as codec
from expref.objstore.formats.refs import Ref, check_name, decode_loose, decode_packed, find_packed, without_packed
from expref.objstore.ids import SHA1, SHA256, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.packmaker import oid

SEVERAL = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEADER = b"# pack-refs with: peeled fully-peeled sorted \n"


def is_name(name):
    try:
        check_name(name)
    except BadName:
        return False
    return True


letters = st.one_of(st.sampled_from("ab/.-@{^ ~é0\udcff"), st.characters(exclude_characters="\n"))
names = st.text(letters, min_size=1, max_size=12).map(lambda text: "refs/" + text).filter(is_name)
odd_names = st.text(letters, max_size=8).filter(lambda text: "\n" not in text)


@st.composite
def files(draw):
    """The format, a file, and what it holds: {name: (id, its lines)}."""
    form = draw(st.sampled_from([SHA1, SHA256]))
    ids = st.binary(min_size=form.width, max_size=form.width).filter(any).map(ObjectId)
    found = draw(st.dictionaries(names, st.tuples(ids, st.one_of(st.none(), ids)), max_size=12))
    order = sorted(found, key=lambda name: name.encode("utf-8", "surrogateescape"))
    is_sorted = draw(st.booleans())
    if not is_sorted:
        order = draw(st.permutations(order))
    lines = {
        name: b"%s %s\n" % (found[name][0].hex().encode(), name.encode("utf-8", "surrogateescape"))
        + (b"^%s\n" % found[name][1].hex().encode() if found[name][1] else b"")
        for name in order
    }
    start = HEADER if is_sorted else draw(st.sampled_from([b"", b"# pack-refs with: peeled \n"]))
    return form, start, {name: (found[name][0], lines[name]) for name in order}


@SEVERAL
@given(files(), names, st.sampled_from(["", "refs/", "refs/a/", "refs/a/b/"]))
def test_every_packed_ref_is_found_listed_and_taken_out(drawn, other, prefix):
    form, start, refs = drawn
    content = start + b"".join(lines for _, lines in refs.values())
    for name, (id_, _) in refs.items():
        assert find_packed(content, name, form, "p") == Ref(name, id_, None)
    if other not in refs:
        assert find_packed(content, other, form, "p") is None
    listed = decode_packed(content, form, "p", prefix)
    assert {ref.name: ref.id for ref in listed} == {name: id_ for name, (id_, _) in refs.items() if name.startswith(prefix)}
    assert listed == sorted(listed, key=codec.by_name)
    out = list(refs)[::2]
    left = b"".join(lines for name, (_, lines) in refs.items() if name not in out)
    assert without_packed(content, [*out, other + "/none"], form, "p") == start + left


@SEVERAL
@given(st.lists(st.tuples(st.sampled_from([oid(1), oid(0), oid(2)]), st.one_of(names, odd_names, st.just("refs/a"))), max_size=6))
def test_the_quick_way_and_the_slow_one_read_the_same(lines):
    records = b"".join(b"%s %s\n" % (id_.hex().encode(), name.encode("utf-8", "surrogateescape")) for id_, name in lines)
    quick = codec._decode_plain(records, SHA1)
    assert quick is None or quick == codec._decode_lines(records, (0, len(records)), SHA1, "p")
    assert quick is not None or any(not any(id_) or not name.startswith("refs/a") for id_, name in lines) or not lines


NAMES = ["refs/heads/a", "refs/heads/b.c", "refs/tags/t", "refs/tags/u"]
PACKED = b"".join(b"%s %s\n%s" % (oid(n + 1).hex().encode(), name.encode(), b"^%s\n" % oid(9).hex().encode() if n > 1 else b"")
                  for n, name in enumerate(NAMES))
CONTENTS = {"sorted": HEADER + PACKED, "without header": PACKED}


def survive(content):
    """Everything that is done with such a file: an answer that could be right, or one of our errors."""
    for call in (
        lambda: decode_packed(content, SHA1, "p"), lambda: decode_packed(content, SHA1, "p", "refs/tags/"),
        lambda: without_packed(content, NAMES[1:3], SHA1, "p"),
        *(lambda name=name: find_packed(content, name, SHA1, "p") for name in [*NAMES, "refs/heads/", "refs/z"]),
    ):
        try:
            found = call()
        except GitError:
            continue
        size = len(found) if isinstance(found, list | bytes) else 0
        assert size <= len(content)


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_damaged_file_of_packed_refs_is_survived(kind):
    content = CONTENTS[kind]
    for at in range(len(content)):
        survive(content[:at])
        survive(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        survive(content[:at] + b"\n" + content[at + 1 :])
        survive(content[:at] + b"^" + content[at + 1 :])


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONTENTS)
def test_any_flipped_bit_of_packed_refs_is_survived(kind):
    content = CONTENTS[kind]
    for at in range(len(content) * 8):
        survive(content[: at // 8] + bytes([content[at // 8] ^ 1 << at % 8]) + content[at // 8 + 1 :])


@SEVERAL
@given(st.binary(max_size=200))
def test_any_bytes_are_survived(content):
    for start in (b"", HEADER, oid(1).hex().encode() + b" refs/a\n^"):
        survive(start + content)
        with suppress(GitError):
            decode_loose(start + content, SHA1, "f")


def test_a_file_of_nothing_but_peeled_lines_is_read_in_bounded_time():
    content = HEADER + oid(1).hex().encode() + b" refs/a\n" + b"^" * 10 + b"\n^" * 50_000 + b"\n"
    survive(content)
