"""The text of a configuration file or of GIT_CONFIG_PARAMETERS → settings → str, bool, int; edits of such a file.

    ; a comment                         # another one
    [section]
        key = value                     → section.key = "value"
        other                           → section.other = None, which means true
    [section "Sub.Section"] key = "a;\tb\
     c"                                 → section.Sub.Section.key = "a;<tab>b c"

Not here: which files there are, includes, the environment (`objstore/config.py`).
Invariants: a name is canonical, that is section and key in lower case and the subsection as it was written; text is
UTF-8 with surrogateescape, so that any bytes survive; positions are counted in characters of that text.
Authority: git-config(1), "Syntax"; where it is silent, what git accepts (2.55; before 2.45 it read a tab between two
words of an unquoted value as a space). One difference: a NUL in a subsection, where git ends the name, is refused.
"""

from collections.abc import Iterator

from ..errors import Ambiguous, BadName, Corrupt, GitError
from ..lighttyping import Literal, NamedTuple
from ..patterns import lazy_pattern

Level = Literal["system", "global", "local", "worktree", "command"]

_BLANKS = " \t\r"  # a "\r" before "\n" belongs to the line end; one anywhere else is a blank
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\\": "\\", '"': '"', "\n": "", "": ""}
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "": False}
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_RUN, _QUOTED_RUN = lazy_pattern(r'[^"\\#; \t\r\n]+'), lazy_pattern(r'[^"\\\n]+')  # letters that mean themselves
_Event = tuple[str, str | None, int, int, int]


class Setting(NamedTuple):
    """One `key = value` and where it stands."""

    name: str  # "section.key" or "section.subsection.key", canonical
    value: str | None  # None: the key stands alone, which means true
    level: Level
    source: str  # a file, or a variable of the environment
    line: int  # where the key stands, from 1; 0: not in a file

    @property
    def section(self) -> str:
        return self.name[: self.name.find(".")]

    @property
    def subsection(self) -> str | None:
        """What is between the first and the last dot; None if they are the same."""
        first, last = self.name.find("."), self.name.rfind(".")
        return self.name[first + 1 : last] if first < last else None

    @property
    def key(self) -> str:
        return self.name[self.name.rfind(".") + 1 :]

    @property
    def place(self) -> str:
        """For messages: "path/to/config:12"."""
        return f"{self.source}:{self.line}" if self.line else self.source


def parse(text: bytes, source: str, level: Level = "local") -> list[Setting]:
    """Every setting of the file `text`, in order. `source` names it in messages; Corrupt.offset is a line.

    >>> parse(b'[remote "Origin"]\\n\\tURL = x ; y', "config")[0][:2]
    ('remote.Origin.url', 'x')
    """
    body = text.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    settings = [
        Setting(name, value, level, source, line)
        for name, value, line, _, _ in _events(body, source)
        if name[-1] != "."
    ]
    if "\0" in body:  # git keeps values as C strings
        settings = [each._replace(value=each.value and each.value.partition("\0")[0]) for each in settings]
    return settings


def parse_parameters(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield (name as given, value) of each `git -c`, from GIT_CONFIG_PARAMETERS; raises GitError.

    >>> list(parse_parameters("'a.b'='c d' 'e.f'= 'g.h=as before 2.31'"))
    [('a.b', 'c d'), ('e.f', None), ('g.h', 'as before 2.31')]
    """
    at = 0
    while at < len(text):
        value: str | None = None
        name, at = _single_quoted(text, at)
        if text.startswith("='", at):
            value, at = _single_quoted(text, at + 1)
        elif text.startswith("=", at):
            at += 1
        else:
            name, equals, behind = name.partition("=")
            value = behind if equals else None
        rest = text[at:].lstrip(_BLANKS + "\n")
        if rest and at + len(rest) == len(text):
            raise GitError(f"bad format in GIT_CONFIG_PARAMETERS: {text!r}")
        yield name, value
        at = len(text) - len(rest)


def _single_quoted(text: str, at: int) -> tuple[str, int]:
    """Read what stands in single quotes at `at`; return it and the position behind. Source: git's `quote.c`."""
    parts = []
    while text.startswith("'", at) and (end := text.find("'", at + 1)) > 0:
        parts.append(text[at + 1 : end])
        if text[end + 1 : end + 4] not in ("\\''", "\\!'"):
            return "".join(parts), end + 1
        parts.append(text[end + 2])
        at = end + 3
    raise GitError(f"bad format in GIT_CONFIG_PARAMETERS: {text!r}")


def canonical_name(name: str) -> str:
    """`name` with section and key in lower case; raises BadName if no setting can be called so.

    >>> canonical_name("Branch.Main.pushRemote")
    'branch.Main.pushremote'
    """
    first, last = name.find("."), name.rfind(".")
    section, subsection, key = name[: max(first, 0)], name[first : last + 1], name[last + 1 :]
    words = _is_word(section) and _is_word(key) and key[:1].isalpha()
    if last <= 0 or not words or "\n" in subsection or "\0" in subsection:
        raise BadName(f"bad setting {name!r}: section.key or section.subsection.key is needed")
    return section.lower() + subsection + key.lower()


def as_bool(value: str | None) -> bool | None:
    """The truth that `value` spells, None if none: true, yes, on, false, no, off, a number, or no value at all."""
    if value is None:
        return True
    word = _WORDS.get(value.lower()) if value.isascii() else None  # lower() of "K", the Kelvin sign, is ASCII
    if word is None and (number := as_int(value, bits=32)) is not None:
        return number != 0
    return word


def as_int(value: str, *, bits: int = 64) -> int | None:
    """The signed number of that many bits that `value` spells, None if none: as C's strtol, then k, m or g.

    >>> as_int("8k"), as_int("-0x10"), as_int("010"), as_int("1.5g")
    (8192, -16, 8, None)
    """
    digits = value.lstrip(" \t\n\v\f\r").lower()
    factor = _UNITS.get(digits[-1:], 1)
    digits = digits if factor == 1 else digits[:-1]
    sign = -1 if digits[:1] == "-" else 1
    digits = digits[1:] if digits[:1] in ("-", "+") else digits
    if not (value.isascii() and digits.isalnum()):  # int() would take spaces, underscores and other scripts' digits
        return None
    base = 16 if digits[:2] == "0x" else 8 if digits[0] == "0" and digits.isdigit() else 10
    try:
        number = sign * factor * int(digits, base)
    except ValueError:
        return None
    return number if -1 << bits - 1 <= number < 1 << bits - 1 else None


def quote(value: str) -> str:
    """`value` as it stands behind `key = `, quoted as git does."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    needs_quotes = value[:1] == " " or value[-1:] == " " or any(char in value for char in ";#\r")
    return f'"{text}"' if needs_quotes else text


def with_value(text: bytes, name: str, value: str | None, *, source: str = "config") -> bytes:
    """The file `text` with setting `name` set to `value`, or removed if that is None; all else stays as it is.

    An emptied section keeps its header. Raises Ambiguous if `name` has several values here, BadName, Corrupt.
    """
    wanted = canonical_name(name)
    if value is not None and "\0" in value:
        raise BadName(f"bad value {value!r} of {name}: a configuration file cannot hold a NUL")
    body = text.decode("utf-8", "surrogateescape")
    bom, body = body[: body.startswith("\ufeff")], body.removeprefix("\ufeff")
    events = list(_events(body, source))
    places = [(start, end) for found, _, _, start, end in events if found == wanted]
    if len(places) > 1:
        raise Ambiguous(f"{source}: {name} has {len(places)} values")
    if not places and value is None:
        return text
    start, end, header = (*places[0], "") if places else _room_for(wanted, name, body, events)
    pair = "" if value is None else f"\t{name[name.rfind('.') + 1 :]} = {quote(value)}\n"
    head = body[:start].rstrip(_BLANKS) if places else body[:start]
    head += "\n" if head and head[-1] != "\n" else ""
    if start == len(body) and head.rstrip("\r\n")[-1:] == "\\":  # it would continue in the new line
        head += "\n"
    return (bom + head + header + pair + body[end:]).encode("utf-8", "surrogateescape")


def _room_for(wanted: str, name: str, body: str, events: list[_Event]) -> tuple[int, int, str]:
    """Where `wanted` can be put in (twice: nothing is replaced), and the section header it needs there."""
    stem = wanted[: wanted.rfind(".") + 1]
    ends = [end for found, _, _, _, end in events if found[: found.rfind(".") + 1] == stem]
    if not ends:
        section, _, rest = name[: name.rfind(".")].partition(".")
        escaped = rest.replace("\\", "\\\\").replace('"', '\\"')
        return len(body), len(body), f'[{section} "{escaped}"]\n' if stem.count(".") > 1 else f"[{section}]\n"
    line_end = body.find("\n", ends[-1]) + 1 or len(body)
    behind = body[ends[-1] : line_end].strip(_BLANKS + "\n")
    if body[ends[-1] - 1] == "]" and (not behind or behind[0] in "#;"):  # a header keeps the rest of its line
        return line_end, line_end, ""
    return ends[-1], ends[-1], ""


def _events(text: str, source: str) -> Iterator[_Event]:
    """Yield (name, value, line, start, end) of each key, and of each section header: then the name ends with a dot.

    `end` is behind the line end of a key's value, and behind the "]" of a header, where a key may follow.
    """
    stem, at, line, size = "", 0, 1, len(text)
    known: dict[str, str] = {}  # key as written → canonical: most files say the same few again and again
    while at < size:
        stop = text.find("\n", at)
        stop = stop if stop >= 0 else size
        rest = text[at:stop].lstrip(_BLANKS)
        first, start, this = rest[:1], stop - len(rest), line
        if first == "[":
            stem, length = _header(rest, source, line)
            at = start + length
            yield stem, None, line, start, at
            continue
        at, line = stop + 1, line + 1
        if not first or first in "#;":
            continue
        if not stem:
            raise Corrupt(source, this, "a key stands before any section")
        key, equals, value = rest.partition("=")
        if not equals and stop < size:
            key = key.removesuffix("\r")
        key = key.rstrip(" \t")
        if key not in known:
            if not (first.isalpha() and _is_word(key)):
                raise Corrupt(source, this, f"bad key {key!r}")
            known[key] = key.lower()
        if '"' in value or "\\" in value or "#" in value or ";" in value:
            value, stop = _special_value(text, stop - len(value), source, this)
            at, line = stop + 1, this + 1 + text.count("\n", start, stop)
        else:
            value = value.strip(_BLANKS)
        yield stem + known[key], value if equals else None, this, start, min(at, size)


def _special_value(text: str, at: int, source: str, line: int) -> tuple[str, int]:
    """Read a value with quotes, escapes, comments or several lines; return it and the position of its line end."""
    chars: list[str] = []
    solid, quoted, size = 0, False, len(text)  # solid: how many of `chars` are not blanks to be cut off
    while at < size and (char := text[at]) != "\n":
        run = (_QUOTED_RUN if quoted else _RUN).match(text, at)
        if run:
            chars.append(run[0])
            at, solid = run.end(), len(chars)
            continue
        at += 1
        if char in _BLANKS:  # outside of quotes: inside they are part of a run, as "#" and ";" are
            chars += char if chars else ""
            continue
        if char in "#;":
            break
        if char == "\\":
            at += text.startswith("\r\n", at)
            escaped = _ESCAPES.get(text[at : at + 1])
            if escaped is None:
                raise Corrupt(source, line, f"bad escape of {text[at]!r}")
            chars += escaped
            at += 1
        else:
            quoted = not quoted
        solid = len(chars)
    if quoted:
        raise Corrupt(source, line, "a quote is not closed in its line")
    stop = text.find("\n", at)
    return "".join(chars[:solid]), stop if stop >= 0 else size


def _header(rest: str, source: str, line: int) -> tuple[str, int]:
    """Read the section header that `rest` begins with; return "section." or "section.subsection.", and its length."""
    word = rest[1 : rest.find("]")]
    if word and "]" in rest and _is_word(word.replace(".", "")):
        return word.lower() + ".", len(word) + 2
    word, _, quoted = rest[1:].partition('"')
    section = word.rstrip(_BLANKS)
    subsection = quoted[: max(quoted.find('"'), 0)]
    at = len(subsection)
    if "\\" in subsection:
        subsection, at = "", 0
        while (char := quoted[at : at + 1]) not in ("", '"'):
            at += char == "\\"
            subsection += quoted[at : at + 1]
            at += 1
    if section == word or not _is_word(section.replace(".", "")) or quoted[at : at + 2] != '"]' or "\0" in subsection:
        raise Corrupt(source, line, f"bad section header {rest!r}")
    return f"{section.lower()}.{subsection}.", len(word) + at + 4


def _is_word(text: str) -> bool:
    """Whether `text` is made of ASCII letters, digits and "-"; the empty text is."""
    letters = text.replace("-", "")
    return text.isascii() and (not letters or letters.isalnum())
