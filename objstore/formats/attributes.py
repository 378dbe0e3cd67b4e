"""Attributes files (`.gitattributes` and the like): their text as rules, and what rules say of a path.

    line        blanks, pattern, attributes with blanks between; or "#…"; ignored if it has 2048 bytes or more
    pattern     up to a blank, or C-quoted ("a b", "\\303\\266"); fits as in an ignore file, but "!…" spoils the line
    attribute   name (set), -name (unset), !name (as if nothing had been said), name=value; one bad name spoils the line
    macro       "[attr]name" instead of a pattern: whoever sets the name gets these attributes with it

Where the files are, and which macros count, is not for this module (`conversion.py`). No text is an error: what git
warns of and ignores is ignored. "a**/b" fits as `ignore.py` tells. Authority: gitattributes(5); git's `attr.c`,
`quote.c` (`unquote_c_style`), `dir.c` (`match_pathname`).
"""
from collections.abc import Callable, Iterable, Iterator, Mapping

from ..lighttyping import NamedTuple, TypeAlias
from ..patterns import re
from .wildmatch import SPECIAL, name_matcher, path_regex

State: TypeAlias = bool | str | None  # set, unset, a value; None: "!name"
States: TypeAlias = tuple[tuple[str, State], ...]
Fits: TypeAlias = Callable[[bytes], object]  # true for a name or path that fits

MAX_LINE = 2048  # bytes of a line that is too long
MAX_FILE = 100 << 20  # bytes of a file that is too long
_BLANK = b" \t\r\n"
# Regular expressions, left to `re` to compile when one is first needed: most commands meet no attributes file.
_WORD = rb"[^ \t\r\n\0]+"
_NAME = rb"(?!-|builtin_)[-A-Za-z0-9_.]+"
_QUOTED = rb'"((?:[^"\\]|\\[abfnrtv"\\]|\\[0-3][0-7]{2})*)"'
_ESCAPE = rb"\\([0-7]{3}|.)"
_ESCAPES = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))
_MACRO = b"[attr]"


class Rule(NamedTuple):
    """What one line says of the files that fit its pattern."""

    pattern: bytes  # unquoted, without the "/" that it may begin with
    by_name: bool  # matched with the last component of the path
    states: States
    fits: Fits


class AttributesFile(NamedTuple):
    """One file: its rules, the last line first, because that one decides; and its macros, of each the last."""

    rules: tuple[Rule, ...]
    macros: dict[str, States]


EMPTY = AttributesFile((), {})
BUILT_IN: Mapping[str, States] = {"binary": (("diff", False), ("merge", False), ("text", False))}


def decode_file(content: bytes, *, fold: bool = False) -> AttributesFile:
    """Decode an attributes file as it is on disk. With `fold`, as with `core.ignoreCase`, patterns match in any case.

    >>> decode_file(b"# pictures\\n*.png binary\\n").rules[0].states
    (('binary', True),)
    """
    if len(content) >= MAX_FILE:
        return EMPTY
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return _decode((line.removesuffix(b"\r") for line in lines), fold)


def decode_blob(content: bytes, *, fold: bool = False) -> AttributesFile:
    """Decode an attributes file out of the object store: git ends it at a NUL, and takes a byte order mark as text."""
    return EMPTY if len(content) >= MAX_FILE else _decode(content.partition(b"\0")[0].split(b"\n"), fold)


def _decode(lines: Iterable[bytes], fold: bool) -> AttributesFile:
    rules: list[Rule] = []
    macros: dict[str, States] = {}
    for line in lines:
        line = line.partition(b"\0")[0]
        start = line.lstrip(_BLANK)
        if not start or start.startswith(b"#") or len(line) >= MAX_LINE:
            continue
        pattern, rest = _split(start)
        states = _decode_states(rest)
        if states is None:
            continue
        if len(pattern) > len(_MACRO) and pattern.startswith(_MACRO):
            name = re.match(_WORD, pattern[len(_MACRO) :].lstrip(_BLANK))
            if name and re.fullmatch(_NAME, name[0]):
                macros[name[0].decode()] = states
        else:
            rules += _rule(pattern.partition(b"\0")[0], states, fold)
    return AttributesFile(tuple(reversed(rules)), macros)


def _split(line: bytes) -> tuple[bytes, bytes]:
    """The pattern that a line begins with, unquoted, and what is behind it."""
    quoted = re.match(_QUOTED, line) if line.startswith(b'"') else None
    if quoted:
        return re.sub(_ESCAPE, _unescape, quoted[1], flags=re.DOTALL), line[quoted.end() :]
    word = re.match(_WORD, line)
    assert word is not None, "the line does not begin with a blank"
    return word[0], line[word.end() :]


def _unescape(found: "re.Match[bytes]") -> bytes:
    char = found[1]
    return bytes((int(char, 8) if len(char) == 3 else _ESCAPES.get(char[0], char[0]),))


def _decode_states(text: bytes) -> States | None:
    """The attributes behind a pattern, in order; None if a name is bad."""
    states = []
    for word in re.findall(_WORD, text):
        sign = word[:1] if word[0] in b"-!" else b""
        name, equals, value = word[len(sign) :].partition(b"=")
        if not re.fullmatch(_NAME, name):
            return None
        state = {b"-": False, b"!": None, b"": value.decode("utf-8", "surrogateescape") if equals else True}[sign]
        states.append((name.decode(), state))
    return tuple(states)


def _rule(pattern: bytes, states: States, fold: bool) -> Iterator[Rule]:
    """One, or none for "!…", which git does not allow, and "…/", which no file fits."""
    if pattern.startswith(b"!") or pattern.endswith(b"/"):
        return
    by_name, pattern = b"/" not in pattern, pattern.removeprefix(b"/")
    special, end = SPECIAL.search(pattern), pattern[1:]
    fits: Fits
    if not special and not fold:
        fits = pattern.__eq__
    elif by_name and not fold and pattern.startswith(b"*") and not SPECIAL.search(end):  # most are like this
        fits = lambda name: name.endswith(end)  # noqa: E731
    elif by_name:
        fits = name_matcher(pattern, fold=fold)
    else:
        plain = pattern[: special.start()] if special else pattern
        fits = re.compile(path_regex(pattern[len(plain) :], fold=fold, after=plain)).match
    yield Rule(pattern, by_name, states, fits)


def look_up(path: bytes, files: Iterable[tuple[int, AttributesFile]], macros: Mapping[str, States]) -> dict[str, State]:
    """Every attribute that is said of the file `path`.

    `files` are (bytes of `path` above the file's folder, file), the one that decides first; of the macros in them only
    those in `macros` count.
    """
    name = path[path.rfind(b"/") + 1 :]
    found: dict[str, State] = {}
    for start, file in files:
        below = path[start:]
        for _, by_name, states, fits in file.rules:
            if fits(name if by_name else below):
                _add(states, macros, found)
    return found


def _add(states: States, macros: Mapping[str, States], found: dict[str, State]) -> None:
    """Put into `found` what is not decided yet; what stands last in a line decides first, and its macro with it."""
    todo = list(states)
    while todo:
        name, state = todo.pop()
        if name not in found:
            found[name] = state
            if state is True:
                todo += macros.get(name, ())
