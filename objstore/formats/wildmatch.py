"""Git's patterns ("wildmatch"), made into regular expressions over bytes.

In a path "*", "?" and "[…]" stop at "/", and "**" as a whole component does not; in a name "*" takes everything. What
is made takes at most len(pattern) × len(text) steps: each part behind a star is an atomic group, found as early as
possible and never given back. Going on from the earliest place loses nothing, because a star reaches as far from there
as from any later one. The part behind the last star is looked for at the end; only the last "**" is tried further on.

Not here: what lines of ignore files, refspecs or pathspecs add to a pattern. Patterns and texts hold no NUL, and texts
are shorter than LONGEST, so that a pattern that needs more bytes fits nothing.
Authority: gitignore(5), "PATTERN FORMAT"; git's `wildmatch.c`, `ctype.c`, `t3070-wildmatch.sh`.
"""
from collections.abc import Callable, Set
from itertools import pairwise

from ..lighttyping import NamedTuple
from ..patterns import lazy_pattern, re

Matcher = Callable[[bytes], "re.Match[bytes] | None"]
SPECIAL = lazy_pattern(rb"[*?[\\]")  # where a pattern ceases to be plain text
_ANYTHING, _IN_COMPONENT = b".*?", b"[^/]*?"  # what stars become
_STARS = lazy_pattern(rb"\*+")
LONGEST = 1 << 16  # bytes of a text; the longest path of any system has 32,767 characters
NEVER = rb"(?!)"  # a regular expression that matches nothing
_SLASH, _LOWER, _UPPER = 0x2F, frozenset(range(0x61, 0x7B)), frozenset(range(0x41, 0x5B))
_DIGIT, _GRAPH, _ALL = frozenset(range(0x30, 0x3A)), frozenset(range(0x21, 0x7F)), frozenset(range(256))
_CLASSES = {  # "[:name:]", ASCII only; vertical tab and form feed are no space for git
    b"alnum": _LOWER | _UPPER | _DIGIT, b"alpha": _LOWER | _UPPER, b"blank": frozenset(b" \t"),
    b"cntrl": frozenset((*range(32), 127)), b"digit": _DIGIT, b"graph": _GRAPH, b"lower": _LOWER,
    b"print": _GRAPH | {32}, b"punct": _GRAPH - _LOWER - _UPPER - _DIGIT, b"space": frozenset(b" \t\r\n"),
    b"upper": _UPPER, b"xdigit": frozenset(b"0123456789abcdefABCDEF"),
}  # fmt: skip


class _Part(NamedTuple):
    """A star and the bytes behind it, both as regular expressions; `star` is empty where the pattern starts."""

    star: bytes
    deep: bool  # the star takes "/" in a path
    ones: list[bytes]  # one for each byte


def path_matcher(pattern: bytes, *, fold: bool = False) -> Matcher:
    """A function that tells whether a whole path fits; `fold` makes ASCII letters equal, as `core.ignoreCase` does.

    >>> [bool(path_matcher(b"a/**/*.py")(path)) for path in (b"a/x.py", b"a/b/c/x.py", b"a/b/x.pyc")]
    [True, True, False]
    """
    return re.compile(path_regex(pattern, fold=fold)).match


def name_matcher(pattern: bytes, *, fold: bool = False) -> Matcher:
    """A function that tells whether a whole name fits. "/" is a byte like others."""
    return re.compile(name_regex(pattern, fold=fold)).match


def path_regex(pattern: bytes, *, fold: bool = False, after: bytes = b"") -> bytes:
    """A regular expression that matches a path from its start to its end if it fits.

    `after` is plain text that the path has before the pattern, and that "**" does not see.
    """
    parts = _parts(pattern, fold, in_path=True)
    plain = [_one_of(_folded(byte) if fold else {byte}) for byte in after]
    return _joined(parts, b"".join(plain)) if parts else NEVER


def name_regex(pattern: bytes, *, fold: bool = False) -> bytes:
    """The same for a name."""
    parts = _parts(pattern, fold, in_path=False)
    return _joined(parts, b"") if parts else NEVER


def _joined(parts: list[_Part], plain: bytes) -> bytes:
    """The parts in order: what is before the last "**" is settled step by step, the rest has to reach the end."""
    cuts = [number for number, part in enumerate(parts) if part.deep or not number]
    settled = [_plain(parts[start]) + b"".join(map(_atomic, parts[start + 1 : stop])) for start, stop in pairwise(cuts)]
    first, *others = parts[cuts[-1] :]
    rest = [_plain(first), *map(_atomic, others[:-1]), *map(_last, others[-1:])]
    return rb"(?s:%b%b%b\Z)" % (plain, b"".join(b"(?>%b)" % part for part in settled), b"".join(rest))


def _last(part: _Part) -> bytes:
    """The last star and what is behind it: one jump to the end and a look back, unless there is a "/" to be found."""
    if part.star == _IN_COMPONENT and b"/" in part.ones:
        return _plain(part)
    byte = part.star.removesuffix(b"*?")
    return b"(?=%b{%d})%b*+(?<=%b)" % (byte, len(part.ones), byte, b"".join(part.ones))


def _plain(part: _Part) -> bytes:
    return part.star + b"".join(part.ones)


def _atomic(part: _Part) -> bytes:
    return b"(?>%b)" % _plain(part)


def _parts(pattern: bytes, fold: bool, *, in_path: bool) -> list[_Part] | None:
    """Cut a pattern before each star; None if nothing can fit it."""
    parts = [_Part(b"", False, [])]
    at = needed = 0
    while at < len(pattern):
        if stars := _STARS.match(pattern, at):
            stop = stars.end()
            star, at = _path_star(pattern, at, stop) if in_path else (_Part(_ANYTHING, False, []), stop)
            if star != parts[-1]:  # "**/**/" is "**/"
                parts.append(star)
            continue
        taken, at = _step(pattern, at, fold, in_path)
        needed += 1
        if not taken or needed > LONGEST:
            return None
        parts[-1].ones.append(_one_of(taken))
    return parts


def _path_star(pattern: bytes, at: int, stop: int) -> tuple[_Part, int]:
    """What the stars from `at` to `stop` stand for in a path, and where to go on: "**/" may stand for nothing."""
    starts = at == 0 or pattern[at - 1] == _SLASH
    if stop - at > 1 and starts and pattern.startswith(b"/", stop):
        return _Part(b"(?:|.*?/)", True, []), stop + 1
    ends = stop == len(pattern) or pattern.startswith(b"\\/", stop)
    is_deep = stop - at > 1 and starts and ends
    return _Part(_ANYTHING if is_deep else _IN_COMPONENT, is_deep, []), stop


def _step(pattern: bytes, at: int, fold: bool, in_path: bool) -> tuple[Set[int], int]:
    """The bytes that the element at `at`, no star, takes, and where the next one begins."""
    byte = pattern[at]
    if byte == 0x3F:  # ?
        return (_ALL - {_SLASH} if in_path else _ALL), at + 1
    if byte == 0x5B:  # [
        taken, at = _set(pattern, at, fold)
        return (taken - {_SLASH} if in_path else taken), at
    if byte == 0x5C:  # backslash
        taken = frozenset(pattern[at + 1 : at + 2])
        return (_unfolded(taken) if fold else taken), at + 2  # a letter that is escaped is not folded itself
    return (_folded(byte) if fold else {byte}), at + 1


def _set(pattern: bytes, at: int, fold: bool) -> tuple[Set[int], int]:
    """The bytes that the "[…]" at `at` takes and where it ends; none if it does not end or names an unknown class."""
    negated = pattern[at + 1 : at + 2] in (b"!", b"^")
    now = start = at + 1 + negated
    taken: set[int] = set()
    low = close = 0
    while now == start or not pattern.startswith(b"]", now):  # a "]" that comes first is a member
        members: Set[int] | None
        if 0 <= close < now + 2:
            close = pattern.find(b"]", now + 2)
        if pattern.startswith(b"[:", now) and close > now + 2 and pattern[close - 1] == 0x3A:
            name = pattern[now + 2 : close - 1]
            members, now, low = _CLASSES.get(b"lower" if fold and name == b"upper" else name), close + 1, 0
        else:
            members, now, low = _member(pattern, now, low, fold)
        if members is None:
            return frozenset(), len(pattern)
        taken |= members
    bytes_ = _unfolded(taken) if fold else taken
    return _ALL - bytes_ if negated else bytes_, now + 1


def _member(pattern: bytes, at: int, low: int, fold: bool) -> tuple[Set[int] | None, int, int]:
    """The byte at `at`, or the "-x" that makes a range from `low` on; None at the end.

    Also where to go on, and what a range that follows would begin with, 0 for nothing.
    """
    is_range = bool(low) and pattern.startswith(b"-", at) and not pattern.startswith(b"]", at + 1)
    at += is_range
    at += pattern.startswith(b"\\", at)
    if at >= len(pattern):
        return None, at, 0
    if not is_range:
        return {pattern[at]}, at + 1, pattern[at]
    members = frozenset(range(low, pattern[at] + 1))
    return members | {byte | 0x20 for byte in members & _UPPER} if fold else members, at + 1, 0


def _folded(byte: int) -> Set[int]:
    return _unfolded({byte | 0x20 if byte in _UPPER else byte})


def _unfolded(members: Set[int]) -> Set[int]:
    """The bytes that are in `members` once they are in lower case. A capital letter in `members` takes nothing."""
    return (members - _UPPER) | {byte & ~0x20 for byte in members & _LOWER}


def _one_of(members: Set[int]) -> bytes:
    """A regular expression for one byte."""
    if len(members) == 1:
        return re.escape(bytes(members))
    if members == _ALL:
        return b"."
    few = len(members) < 128
    listed = b"".join(b"\\x%02x" % byte for byte in sorted(members if few else _ALL - members))
    return b"[%b]" % listed if few else b"[^%b]" % listed
