"""Making a delta of two contents that are versions of the same thing, in time proportional to their sizes.

No general search: what both begin with and what both end with is copied; of what is left between, those segments (lines
of a text, entries of a tree, words of a commit) are copied that the base holds too; the rest is inserted. The form of a
delta stands in `formats/delta.py`. Authority: gitformat-pack(5), "Deltified representation".
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from ..ids import Kind
from ..lighttyping import NamedTuple
from ..patterns import lazy_pattern, re

LARGEST_SEGMENTED = 256 << 10  # bytes that differ in both together; above, they are inserted as they are
SHORTEST_SEGMENTED = 48  # bytes that differ; below, looking for segments costs more than it saves
SHORTEST_COPY = 8  # bytes; an instruction to copy takes up to seven
LONGEST_COPY = 0x10000  # bytes that git makes one instruction copy
LONGEST_INSERT = 127
_WORDS, _LINES = lazy_pattern(rb"[^ \n]+[ \n]?|[ \n]"), lazy_pattern(rb"[^\n]*\n|[^\n]+")
_ENTRIES = {width: lazy_pattern(rb"(?s)[0-7]+ [^\0]+\0.{%d}" % width) for width in (20, 32)}


class Copy(NamedTuple):
    """`size` bytes of the content from `at` on that the base holds from `start` on."""

    at: int
    start: int
    size: int


def common_prefix(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) >> 1
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def common_suffix(one: bytes, other: bytes, limit: int) -> int:
    """How many bytes, `limit` at most, both end with; neither is shorter than `limit`."""
    first, second = len(one), len(other)
    if one[first - limit :] == other[second - limit :]:
        return limit
    low, high = 0, limit
    while high - low > 1:
        middle = (low + high) >> 1
        if one[first - middle : first - low] == other[second - middle : second - low]:
            low = middle
        else:
            high = middle
    return low


def encode_delta(base: bytes, content: bytes, kind: Kind = "blob", width: int = 20) -> bytes:
    """A delta that makes `content` of `base`; both are objects of this kind, ids in them `width` bytes wide.

    It may be longer than the content: then the caller has no use for it.
    """
    start = common_prefix(base, content)
    end = common_suffix(base, content, min(len(base), len(content)) - start)
    copies = [Copy(0, 0, start)]
    left, gone = len(content) - start - end, len(base) - start - end
    if left >= SHORTEST_SEGMENTED and gone and left + gone <= LARGEST_SEGMENTED:
        pattern = {"tree": _ENTRIES[width], "blob": _LINES}.get(kind, _WORDS)
        copies += _matches(base, content, (start, len(content) - end), pattern)
    copies.append(Copy(len(content) - end, len(base) - end, end))
    return b"".join((encode_size(len(base)), encode_size(len(content)), *_instructions(content, _joined(copies))))


def _matches(base: bytes, content: bytes, span: tuple[int, int], pattern: "re.Pattern[bytes]") -> Iterator[Copy]:
    """What of the content in `span` whole segments of the base make."""
    olds, news = pattern.findall(base), pattern.findall(content)
    starts, places = (list(accumulate(map(len, each), initial=0)) for each in (olds, news))
    if starts[-1] != len(base) or places[-1] != len(content):  # a tree that is none
        return
    first, last = span
    for number, old, count in _same_runs(olds, news):
        head = max(0, first - places[number])
        at, stop = places[number] + head, min(places[number + count], last)
        if at < stop:
            yield Copy(at, starts[old] + head, stop - at)


def _same_runs(olds: list[bytes], news: list[bytes]) -> Iterator[tuple[int, int, int]]:
    """Runs of segments that are in both: the first number in `news`, in `olds`, and how many.

    One that is in `news` only is taken to stand where `olds` has another, so that what follows both is found.
    """
    known = {text: number for number, text in enumerate(olds) if len(text) >= SHORTEST_COPY}
    begin = shift = 0  # of the run that goes on: its first number, and what to add for the number in `olds`
    for number, text in enumerate(news):
        due = number + shift
        if due < len(olds) and olds[due] == text:
            continue
        if number > begin:
            yield begin, begin + shift, number - begin
        found = known.get(text)
        begin = number + 1 if found is None else number
        shift = shift if found is None else found - number
    if len(news) > begin:
        yield begin, begin + shift, len(news) - begin


def _joined(copies: Iterable[Copy]) -> Iterator[Copy]:
    """Copies without those that cost more than they save, neighbours as one."""
    before = Copy(0, 0, 0)
    for copy in copies:
        if copy.at - before.at == copy.start - before.start == before.size:
            before = before._replace(size=before.size + copy.size)
            continue
        if before.size >= SHORTEST_COPY:
            yield before
        before = copy
    if before.size >= SHORTEST_COPY:
        yield before


def _instructions(content: bytes, copies: Iterable[Copy]) -> Iterator[bytes]:
    made = 0
    for at, start, count in copies:
        yield from _inserts(content[made:at])
        made = at + count
        while count:
            yield _copy(start, min(count, LONGEST_COPY))
            start, count = start + LONGEST_COPY, max(0, count - LONGEST_COPY)
    yield from _inserts(content[made:])


def _inserts(text: bytes) -> Iterator[bytes]:
    for at in range(0, len(text), LONGEST_INSERT):
        piece = text[at : at + LONGEST_INSERT]
        yield bytes((len(piece),)) + piece


def _copy(start: int, count: int) -> bytes:
    """The instruction to copy up to `LONGEST_COPY` bytes; those of its numbers' bytes that are 0 are left out."""
    code, numbers = 0x80, bytearray()
    for bit, byte in enumerate(start.to_bytes(4, "little") + (count & 0xFFFF).to_bytes(2, "little")):
        if byte:
            code |= 1 << bit
            numbers.append(byte)
    return bytes((code,)) + numbers


def encode_size(size: int) -> bytes:
    """A length, seven bits a byte, the lowest first.

    >>> encode_size(300).hex()
    'ac02'
    """
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)
