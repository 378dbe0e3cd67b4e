"""A YAML document into values, as DVC reads it. The one module that wraps PyYAML; it writes nothing.

`yamlblock` reads the plain part that programs write, without PyYAML. Of all else PyYAML's parser (libyaml where it is
there) says where values begin and end, `yamlscalars` what a scalar means.

Invariants: nothing here is recursive, and PyYAML's composer, which is and ends the process some 3,000 levels down in a
thread, is never called. A document with its aliases written out is no larger than `MAX_BYTES` and no deeper than
`MAX_DEPTH`. A value is a dict, list, str, int, float, bool, None, date or datetime, a key is a str, int, float, bool or
None. What ruamel.yaml makes beyond that (bytes, sets, lists as keys, a list inside itself) is refused: DVC reads it and
then fails to show it.

Authority: YAML 1.2.2; https://yaml.org/type/merge.html for `<<`; ruamel.yaml, mode "safe", for what these leave open.
"""

from collections.abc import Callable
from typing import Any

from expref.objstore.lighttyping import NamedTuple

from .badfile import MAX_BYTES, BadFile
from .yamlblock import UNFIT, read_block
from .yamlscalars import MERGE, TAGS, Merge, decode_plain

MAX_DEPTH = 500  # lists and mappings inside one another; Python allows those who walk them 1,000 calls
MAX_EVENTS = 2_000_000  # values and ends of lists and mappings; about 5 µs each
MAX_TAG_DIRECTIVES = 1_000  # libyaml compares each `%TAG` line with all before it
MAX_MESSAGE = 300  # characters; a key may have millions
CORRUPT = "YAMLFileCorruptedError"

BYTE_ORDER_MARKS = {  # the longer first: UTF-32's begins like UTF-16's
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\xfe\xff": "utf-16",
    b"\xff\xfe": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
CORE = "tag:yaml.org,2002:"  # what `!!` stands for
KEY_TYPES = frozenset({str, int, float, bool, type(None), Merge})


def decode(content: bytes, source: str) -> object:
    """The value of the one YAML document in `content`, None if there is none; `source` is its name in messages.

    Raises BadFile, of kind "YAMLFileCorruptedError" where DVC has no other name for it.
    """
    text = _decode_text(content, source)
    value = read_block(text) if content.isascii() else UNFIT
    return _decode_all(text, source) if value is UNFIT else value


def _decode_all(text: str, source: str) -> object:
    import yaml

    loader = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
    try:
        return _Document(yaml, loader(text).get_event, source).read()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFile(f"{source}:{line}: {error.problem}"[:MAX_MESSAGE], CORRUPT) from None
    except yaml.reader.ReaderError as error:
        raise BadFile(f"{source}: {error.reason} at position {error.position}", CORRUPT) from None


def _decode_text(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise BadFile(f"{source}: {len(content)} bytes of YAML, more than {MAX_BYTES}", "FileTooLarge")
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadFile(f"{source}: not valid {encoding} at byte {error.start}", "EncodingError") from None
    if text.count("%TAG") > MAX_TAG_DIRECTIVES:
        raise BadFile(f"{source}: more than {MAX_TAG_DIRECTIVES} %TAG directives", "FileTooLarge")
    return text


class _Fault(ValueError):
    """What is wrong with the event at hand; who knows the line makes a BadFile of it."""

    def __init__(self, why: str, kind: str = CORRUPT) -> None:
        super().__init__(why)
        self.kind = kind


class _List:
    """A list whose end has not come yet. `height` counts the levels inside."""

    __slots__ = ("add", "anchor", "height", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.add: Callable[[object], None] = self.values.append
        self.height = 0
        self.anchor: _Anchor | None = None

    def close(self) -> object:
        return self.values


class _OrderedMap(_List):
    """`!!omap`: a list of mappings with one key each, which is how ruamel.yaml writes an OrderedDict."""

    __slots__ = ()

    def close(self) -> object:
        if not all(isinstance(value, dict) and len(value) == 1 for value in self.values):
            raise _Fault("an entry of an !!omap is no mapping with one key")
        return {key: item for value in self.values for key, item in value.items()}


class _Map:
    """A mapping whose end has not come yet: keys and values take turns. `height` counts the levels inside."""

    __slots__ = ("anchor", "height", "key", "merged", "values")

    def __init__(self) -> None:
        self.values: dict[Any, object] = {}
        self.key: object = _NO_KEY
        self.merged: list[dict[Any, object]] | None = None
        self.height = 0
        self.anchor: _Anchor | None = None

    def add(self, value: object) -> None:
        key = self.key
        if key is _NO_KEY:
            if value.__class__ not in KEY_TYPES:
                raise _Fault(f"a {value.__class__.__name__} cannot be a key")
            if value in self.values and value is not MERGE and self.merged is None:
                raise _Fault(f"duplicate key {value!r}")  # after `<<` ruamel.yaml takes the last
            self.key = value
            return
        self.key = _NO_KEY
        if key is MERGE:
            self.merge(value)
        else:
            self.values[key] = value

    def merge(self, value: object) -> None:
        """Note what `<<` names: a mapping, or a list of them in which the first wins."""
        sources: list[Any] = value if isinstance(value, list) else [value]
        if self.merged is not None:
            raise _Fault("duplicate key <<")
        if not all(isinstance(source, dict) for source in sources):
            raise _Fault("<< needs a mapping or a list of mappings")
        self.merged = sources

    def close(self) -> object:
        if self.merged is None:
            return self.values
        merged: dict[Any, object] = {}  # in ruamel.yaml's order
        for source in reversed(self.merged):
            merged |= source
        return merged | self.values


_NO_KEY = object()
COLLECTIONS: dict[str, dict[str, type[_List | _Map]]] = {
    "SequenceStartEvent": {CORE + "seq": _List, CORE + "omap": _OrderedMap, "!": _List},
    "MappingStartEvent": {CORE + "map": _Map, "!": _Map},
}


class _Anchor(NamedTuple):
    """The name of a value that has not ended, and the counts where it began."""

    name: str
    start: int
    aliased: int


class _Anchored(NamedTuple):
    """A value that aliases can name. `size` is in characters, with the aliases inside written out."""

    value: object
    size: int
    height: int


class _Document:
    """Makes a value of a parser's events, with a stack of its own."""

    def __init__(self, yaml: Any, get_event: Callable[[], Any], source: str) -> None:
        self.yaml, self.get_event, self.source = yaml, get_event, source
        self.top: _List | _Map = _List()
        self.stack: list[_List | _Map] = []
        self.anchors: dict[str, _Anchored | None] = {}  # None: has not ended
        self.aliased = 0  # characters that aliases stand for, so far

    def read(self) -> object:
        """The value of the only document."""
        get_event, yaml = self.get_event, self.yaml
        get_event()  # the start of the stream
        start = get_event()
        if isinstance(start, yaml.StreamEndEvent):
            return None
        if start.version and tuple(start.version) < (1, 2):
            raise BadFile(f"{self.source}: %YAML 1.1 is not supported, only 1.2", "Unsupported")
        self.read_node()
        after = get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise BadFile(f"{self.source}:{after.start_mark.line + 1}: a second document", CORRUPT)
        [value] = self.top.values
        return value

    def read_node(self) -> None:
        """Take the events up to the end of the document."""
        get_event, yaml = self.get_event, self.yaml
        take = {
            yaml.ScalarEvent: self.take_scalar,
            yaml.AliasEvent: self.take_alias,
            yaml.SequenceStartEvent: self.open,
            yaml.MappingStartEvent: self.open,
            yaml.SequenceEndEvent: self.close,
            yaml.MappingEndEvent: self.close,
        }
        for _ in range(MAX_EVENTS):
            event = get_event()
            if event.__class__ is yaml.DocumentEndEvent:
                return
            try:
                take[event.__class__](event)
            except (ValueError, OverflowError) as error:
                why = f"{self.source}:{event.start_mark.line + 1}: {error}"
                raise BadFile(why[:MAX_MESSAGE], getattr(error, "kind", "ValueError")) from None
        raise BadFile(f"{self.source}: more than {MAX_EVENTS} values", "FileTooLarge")

    def take_scalar(self, event: Any) -> None:
        value = event.value
        if event.implicit[0]:  # it stands without quotes or tag
            value = decode_plain(value)
        elif event.tag is not None:
            value = _decode_tagged(event.tag, value)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, event.end_mark.index - event.start_mark.index, 0)
        self.top.add(value)

    def take_alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise _Fault(f"undefined alias *{event.anchor}")
        anchored = self.anchors[event.anchor]
        if anchored is None:
            raise _Fault(f"*{event.anchor} stands inside what it names", "RecursionError")
        self.aliased += anchored.size + 1
        if self.aliased > MAX_BYTES:
            raise _Fault(f"more than {MAX_BYTES} characters with the aliases written out", "FileTooLarge")
        self.add(anchored.value, anchored.height)

    def open(self, event: Any) -> None:
        kinds = COLLECTIONS[event.__class__.__name__]
        if event.tag is not None and event.tag not in kinds:
            raise _Fault(f"tag {event.tag!r} is not supported here")
        self.stack.append(self.top)
        self.top = (kinds["!"] if event.tag is None else kinds[event.tag])()
        if len(self.stack) > MAX_DEPTH:
            raise _Fault(TOO_DEEP, "RecursionError")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
            self.top.anchor = _Anchor(event.anchor, event.start_mark.index, self.aliased)

    def close(self, event: Any) -> None:
        ended, self.top = self.top, self.stack.pop()
        value, height = ended.close(), ended.height + 1
        if ended.anchor:
            name, start, aliased = ended.anchor
            size = event.end_mark.index - start + self.aliased - aliased
            self.anchors[name] = _Anchored(value, size, height)
        self.add(value, height)

    def add(self, value: object, height: int) -> None:
        """Put a value with `height` levels into the innermost open list or mapping."""
        if len(self.stack) + height > MAX_DEPTH:
            raise _Fault(TOO_DEEP, "RecursionError")
        if height > self.top.height:
            self.top.height = height
        self.top.add(value)


TOO_DEEP = f"more than {MAX_DEPTH} lists and mappings inside one another"


def _decode_tagged(tag: str, text: str) -> object:
    if tag == "!":
        return decode_plain(text)
    if not tag.startswith(CORE) or tag[len(CORE) :] not in TAGS:
        raise _Fault(f"tag {tag!r} is not supported here")
    return TAGS[tag[len(CORE) :]](text)
