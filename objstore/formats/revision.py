"""The text by which people name an object, taken apart: `main~2^{tree}`, `v1.0^2:src/a.py`, `@{u}`, `:2:README`.

    revision   base suffix* [":" path]            the path is taken as it is, to the end of the text
               ":/" search
    base       name                               a ref, a full or abbreviated id, what `git describe` prints
               [name | "@{-" n "}"] mark          without a name: the branch that is checked out
    mark       ["@{" ("u" | "upstream" | "push") "}"] ["@{" (n | date) "}"]
    suffix     "^" [n] | "~" [n] | "^{" ("" | "object" | "commit" | "tree" | "blob" | "tag" | "/" search) "}"
    index      ":" [("0" | "1" | "2" | "3") ":"] path
    search     ["!-"] regular expression, a "!" at its start written twice

"@" is HEAD where a name may stand. Paths may begin with "./" or "../": they are relative to where the question is
asked. What names stand for is `objstore/revisions.py`'s job, dates are read by `dates.py`, regular expressions by
`searches.py`. Authority: gitrevisions(7), git's `object-name.c`.
"""


from ..errors import BadName
from ..ids import KINDS, Kind
from ..lighttyping import Literal, NamedTuple
from ..patterns import lazy_pattern, re
from .refs import check_name

_STOP = lazy_pattern(r"@\{|[~^:]")  # no name holds these
_MARK = lazy_pattern(r"@\{([^}]*)\}")
_SUFFIX = lazy_pattern(r"\^\{([^}]*)\}|([~^])([0-9]*)")
_STAGE = lazy_pattern(r"([0-3]):")
_NUMBER = lazy_pattern(r"[0-9]+")
_TRACKING: dict[str, Literal["upstream", "push"]] = {"u": "upstream", "upstream": "upstream", "push": "push"}
_KINDS: dict[str, Kind | Literal["object"] | None] = {"": None, "object": "object"} | {kind: kind for kind in KINDS}
_FIRST_DATE = 100_000_000  # from here on a number in "@{…}" is a time


class Parent(NamedTuple):
    """`^n`: the n-th parent of a commit; 0 is the commit itself."""

    number: int


class Ancestor(NamedTuple):
    """`~n`: the first parent, n times."""

    generation: int


class Peel(NamedTuple):
    """`^{kind}`: what tags and commits lead to, of this kind; None follows tags only, "object" nothing."""

    kind: Kind | Literal["object"] | None


class Search(NamedTuple):
    """`^{/text}` and `:/text`: the newest commit whose message fits the regular expression; `negated`: does not."""

    pattern: str
    negated: bool


Suffix = Parent | Ancestor | Peel | Search


class Base(NamedTuple):
    """Where a revision starts: a name, or `prior`, the n-th branch that was checked out before (0 if there is a name).

    An empty name is the branch that is checked out. Of it the `tracking` branch is meant, if that is given, and of that
    the value before the last `entry` changes, 0 being the present one, or that of a `date`, as it was written.
    """

    name: str
    prior: int
    tracking: Literal["upstream", "push"] | None
    entry: int | None
    date: str | None = None


class Revision(NamedTuple):
    """An object, and, if `path` is given, what is at this path in its tree."""

    base: Base
    suffixes: tuple[Suffix, ...]
    path: bytes | None


class Staged(NamedTuple):
    """An entry of the index."""

    stage: int
    path: bytes


def parse(text: str) -> Revision | Staged | Search:
    """Take a name apart. Raises BadName if it can name nothing."""
    _check_letters(text)
    if text.startswith(":/") and len(text) > 2:
        return _search(text[2:], text)
    if text.startswith(":"):
        return _parse_staged(text)
    stop = _STOP.search(text)
    name = text[: stop.start()] if stop else text
    at, marks, suffixes = len(name), [], []
    while mark := _MARK.match(text, at):
        marks.append(mark[1])
        at = mark.end()
    while suffix := _SUFFIX.match(text, at):
        suffixes.append(_suffix(suffix, text))
        at = suffix.end()
    if text[at : at + 1] not in ("", ":"):
        raise BadName(f"{text!r} is not a revision: {text[at:]!r} means nothing there")
    return Revision(_base(name, marks, text), tuple(suffixes), _path(text, at + 1) if at < len(text) else None)


def _check_letters(text: str) -> None:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as wrong:
        raise BadName(f"{text!r} is not a revision: {wrong.reason}") from None


def _parse_staged(text: str) -> Staged:
    stage = _STAGE.match(text, 1)
    return Staged(int(stage[1]), _path(text, stage.end())) if stage else Staged(0, _path(text, 1))


def _path(text: str, at: int) -> bytes:
    return text[at:].encode("utf-8", "surrogateescape")


def _suffix(found: "re.Match[str]", text: str) -> Suffix:
    kind, sign, digits = found.groups()
    if sign:
        number = _number(digits) if digits else 1
        return Parent(number) if sign == "^" else Ancestor(number)
    if kind == "/":
        return Parent(0)
    if kind.startswith("/"):
        return _search(kind[1:], text)
    if kind not in _KINDS:
        raise BadName(f"{text!r} is not a revision: there is no kind of object {kind!r}")
    return Peel(_KINDS[kind])


def _search(pattern: str, text: str) -> Search:
    if pattern.startswith("!") and pattern[1:2] not in ("!", "-"):
        raise BadName(f"{text!r} is not a revision: '!' is to be followed by '-' or '!'")
    is_negated = pattern.startswith("!-")
    return Search(pattern[2:] if is_negated else pattern.removeprefix("!"), is_negated)


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:12] or 0)  # longer than any history; int() refuses thousands of digits


def _base(name: str, marks: list[str], text: str) -> Base:
    """What stands before the suffixes. Each kind of mark may come once, and only in this order."""
    left = marks[::-1]
    prior = _prior(left.pop(), text) if left and not name and left[-1].startswith("-") else 0
    tracking = _TRACKING[left.pop().lower()] if left and left[-1].lower() in _TRACKING else None
    entry, date = _entry(left.pop(), text) if left else (None, None)
    if left:
        raise BadName(f"{text!r} is not a revision: '@{{{left[-1]}}}' means nothing there")
    if name or not marks:
        _check_name(name, text)
    return Base("HEAD" if name == "@" else name, prior, tracking, entry, date)


def _prior(mark: str, text: str) -> int:
    number = _number(mark[1:]) if _NUMBER.fullmatch(mark, 1) else 0
    if not number:
        raise BadName(f"{text!r} is not a revision: '@{{{mark}}}' counts no branches")
    return number


def _entry(mark: str, text: str) -> tuple[int | None, str | None]:
    if not mark or mark.startswith("-") or mark.lower() in _TRACKING:
        raise BadName(f"{text!r} is not a revision: '@{{{mark}}}' means nothing there")
    is_number = _NUMBER.fullmatch(mark) and _number(mark) < _FIRST_DATE
    return (_number(mark), None) if is_number else (None, mark)


def _check_name(name: str, text: str) -> None:
    """Raise BadName unless a ref, the name of a branch or an id may be called `name`."""
    try:
        check_name("refs/" + name)
    except BadName as wrong:
        raise BadName(f"{text!r} is not a revision ({wrong})") from None
