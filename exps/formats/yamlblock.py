"""The part of YAML that programs write: block mappings and lists of plain words, numbers and simple quoted text.

Read line by line, at a third of the time that libyaml takes, and without loading it; `yaml12` asks here first. What is
not certainly of this part is UNFIT: anchors, tags, text over several lines, most of flow style, anything but printable
ASCII, and all that is wrong. So there are no errors here, and what is read is what the whole of `yaml12` would read
(tests/properties/test_yaml.py).
"""

import re
from functools import cache

from .yamlscalars import NUMBER_STARTS, WORDS, decode_plain

UNFIT = object()  # the answer to a text that is not of this part
_MAX_DEPTH = 100
_PLAIN = r"(?:[A-Za-z0-9_./+~(]|-(?=[!-~]))(?:[!-9;-~]++|:(?=[!-~])| ++(?=[!\"$-~]))*+"
_ITEM = r"-?[A-Za-z0-9_.+][A-Za-z0-9_.+/-]*+"  # of a list in brackets
_QUOTED = r"'[ -&(-~]*+'|\"[ !#-\[\]-~]*+\""
_REAL = r"-?[0-9]++(?:\.[0-9]++(?:[eE][-+]?[0-9]++)?+|[eE][-+]?[0-9]++)"
_WHOLE = r"-?(?:0|[1-9][0-9]{0,17}+)"
_LINE = (  # indentation, dash, key; then the value as one of four; all empty for an empty line and a comment
    r"^(?:( *+)(- )?(?:([A-Za-z0-9_][A-Za-z0-9_./@+-]{0,99}+):(?= |$))?(?:(?:(?<=:) ++|(?<=- ))"
    rf"(?:({_REAL})|({_WHOLE})|({_PLAIN})|({_QUOTED}|\[(?:{_ITEM}(?:, *+{_ITEM})*+)?\]|\{{\}})))?"
    r"(?: ++#[ -~]*+)? *+| *+#[ -~]*+)$"
)


@cache
def _lines() -> re.Pattern[str]:
    return re.compile(_LINE, re.MULTILINE)  # not at start-up


def read_block(text: str) -> object:
    """The value of a YAML document, or UNFIT.

    >>> read_block("lr: 1e-3\\nlayers:\\n- size: 8\\n- {}\\n")
    {'lr': 0.001, 'layers': [{'size': 8}, {}]}
    """
    lines = _lines().findall(text)
    if len(lines) != text.count("\n") + 1:
        return UNFIT
    try:
        return _Block().read(lines)
    except (ValueError, OverflowError, IndexError):  # what looks like a number or a date and is none
        return UNFIT


class _Unfit(ValueError):
    """The text is not of this part of YAML."""


class _Block:
    """The open lists and mappings, outermost first, each with the column where its dashes or keys stand."""

    def __init__(self) -> None:
        self.stack: list[tuple[int, dict[str, object] | list[object]]] = []
        self.key: str | None = None  # of the innermost mapping, while its value may stand on the next lines
        self.scalars: dict[str, object] = {}

    def read(self, lines: list[tuple[str, ...]]) -> object:
        """The value of the outermost list or mapping. One loop: a call for each line would double the time."""
        scalars = self.scalars
        column, here = -1, dict[str, object]()  # the innermost mapping, if nothing is open in it
        for indent, dash, name, real, whole, plain, other in lines:
            if real:
                value: object = float(real)
            elif whole:
                value = int(whole)
            elif plain:
                value = scalars.get(plain, UNFIT)
                if value is UNFIT:
                    value = scalars[plain] = decode_plain(plain)
            else:
                value = _decode_other(other) if other else UNFIT
            at = len(indent)
            if dash:
                column = -1
                items = self.list_at(at)
                if not name:
                    if value is UNFIT:
                        return UNFIT
                    items.append(value)
                    self.key = None
                    continue
                column, here = at + 2, {}
                items.append(here)
                self.open(column, here)
            elif not name:
                continue
            elif at != column:
                column, here = at, self.mapping_at(at)
            if name in here or not _is_text(name):
                return UNFIT
            self.key = name if value is UNFIT else None
            here[name] = None if value is UNFIT else value
        return self.stack[0][1] if self.stack else UNFIT

    def open(self, at: int, container: dict[str, object] | list[object]) -> None:
        """Go into a list or mapping that begins at column `at`."""
        if len(self.stack) == _MAX_DEPTH:
            raise _Unfit
        self.stack.append((at, container))
        self.key = None

    def mapping_at(self, at: int) -> dict[str, object]:
        """The mapping whose keys stand at column `at`: the value that is waited for, or one that is open."""
        stack = self.stack
        if not stack or (self.key is not None and at > stack[-1][0]):
            found: dict[str, object] = {}
            self.put(at, found)
            return found
        while True:
            column, container = stack[-1]  # IndexError: it stands left of all
            if column == at and isinstance(container, dict):
                return container
            if column < at:
                raise _Unfit
            stack.pop()

    def list_at(self, at: int) -> list[object]:
        """The list whose dashes stand at column `at`, which may be that of the key before it."""
        stack = self.stack
        if not stack or (self.key is not None and at >= stack[-1][0]):
            found: list[object] = []
            self.put(at, found)
            return found
        while True:
            column, container = stack[-1]
            if column == at and isinstance(container, list):
                return container
            if column <= at:
                raise _Unfit
            stack.pop()

    def put(self, at: int, container: dict[str, object] | list[object]) -> None:
        if not self.stack:
            if at:
                raise _Unfit
        else:
            mapping = self.stack[-1][1]
            assert isinstance(mapping, dict) and self.key is not None, "a value is waited for"
            mapping[self.key] = container
        self.open(at, container)


def _is_text(name: str) -> bool:
    """Whether a key is text, and no number or the like."""
    return not (name in WORDS or name[0] in NUMBER_STARTS) or decode_plain(name).__class__ is str


def _decode_other(text: str) -> object:
    """Quoted text, or an empty mapping, or a list in brackets."""
    if text[0] in "'\"":
        return text[1:-1]
    inner = text[1:-1]
    if text[0] == "{":
        return {}
    return [decode_plain(item.strip(" ")) for item in inner.split(",")] if inner else []
