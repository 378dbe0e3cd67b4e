"""The lines of Git's protocols: what a server says of itself and its refs, what it is asked for, what it reports.

    protocol 0, 1   first  "<id> <name>\\0<capabilities, blanks between>", then "<id> <name>", "<id> <name>^{}" for what
                    an annotated tag points to, "<id> .have", "shallow <id>"; no ref at all: "capabilities^{}"
    protocol 2      "version 2", then one capability a line; a ref is "<id> <name>[ symref-target:<name>][ peeled:<id>]"
    push            "<old id> <new id> <name>\\0<capabilities>", then without capabilities; all zeros: there is none
    report          "unpack ok" or "unpack <why>", then "ok <name>" or "ng <name> <why>", "option …" lines for the last

Text is str, surrogateescape for bytes that are not UTF-8. Names are checked by Git's own rules, ids have the width of
the server's object format; anything else raises Corrupt, naming `source`.
Authority: gitprotocol-v2(5), gitprotocol-pack(5), gitprotocol-capabilities(5).
"""
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..errors import BadName, Corrupt, RemoteError
from ..ids import OBJECT_FORMATS, ObjectFormat, ObjectId
from ..lighttyping import Literal, NamedTuple
from .pktline import DELIMITER, FLUSH, encode
from .refs import check_name

MAX_REFS = 5_000_000  # of one answer: more are an attack, and would fill the memory
_PEELED = "^{}"
_FAR = 500  # characters of a bad line that a message shows


class RemoteRef(NamedTuple):
    """A ref of a remote. `symref_target` and `peeled` are None also where the remote does not tell."""

    name: str
    id: ObjectId
    symref_target: str | None = None
    peeled: ObjectId | None = None  # what an annotated tag points to


class Advertisement(NamedTuple):
    """What a remote says first: its refs, and objects that it has without a ref of its own (".have").

    `capabilities` are words with their values, "" where there is none: `"ofs-delta" in each.capabilities`. `shallow`
    are the commits whose parents the remote lacks.
    """

    refs: Sequence[RemoteRef]
    haves: frozenset[ObjectId]
    capabilities: Mapping[str, str]
    object_format: ObjectFormat
    shallow: frozenset[ObjectId] = frozenset()


class PushCommand(NamedTuple):
    """Set the ref `name` to `new` (None: delete it), provided that it is `old` now (None: does not exist)."""

    name: str
    new: ObjectId | None
    old: ObjectId | None


class PushResult(NamedTuple):
    """What became of one command; `reason` is the remote's text, empty if there is none."""

    name: str
    status: Literal["ok", "up to date", "rejected"]
    reason: str = ""


class Report(NamedTuple):
    """What a server says after a push: `unpack` is "ok" or why the pack was not taken."""

    unpack: str
    results: Mapping[str, PushResult]


class Ack(NamedTuple):
    """An answer to "have" lines. `status` is "common", "ready", "continue", or "" for the last one; no `id`: NAK."""

    id: ObjectId | None
    status: str


def as_text(line: bytes) -> str:
    """What a line says, any bytes kept."""
    return line.decode("utf-8", "surrogateescape")


def as_line(text: str) -> bytes:
    """One packet with `text` and the line end. Raises BadName for text that would be more than a line."""
    if "\n" in text or "\0" in text:
        raise BadName(f"a line break or NUL in {text[:_FAR]!r}")
    return encode(text.encode("utf-8", "surrogateescape") + b"\n")


def check_error(line: bytes, source: str) -> None:
    """Raise RemoteError if the server says in this line why it stops."""
    if line.startswith(b"ERR "):
        raise RemoteError(f"{source}: {as_text(line[4:]).strip()}")


def parse_capabilities(text: bytes) -> dict[str, str]:
    """Capabilities of one line of protocol 0; values of one that comes again, as `symref`, are joined by a blank."""
    return _joined(as_text(text).split())


def _joined(words: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, _, value = word.partition("=")
        found[name] = f"{found[name]} {value}".strip() if name in found else value
    return found


def parse_capability_lines(lines: Iterable[bytes]) -> dict[str, str]:
    """Capabilities of protocol 2, one a line: {"fetch": "shallow filter", …}."""
    return _joined(as_text(line) for line in lines)


def object_format_of(capabilities: Mapping[str, str], source: str) -> ObjectFormat:
    """The hash of the server's ids; SHA-1 where it does not say."""
    name = capabilities.get("object-format", "sha1").split(" ")[0]
    if name not in OBJECT_FORMATS:
        raise Corrupt(source, None, f"unknown object format {name!r}")
    return OBJECT_FORMATS[name]


def parse_advertisement(lines: Iterable[bytes], source: str) -> Advertisement:
    """All lines of protocol 0 up to the flush; "version 1" at the start is the caller's to drop."""
    refs: dict[str, RemoteRef] = {}
    haves, shallow = set(), set()
    capabilities: dict[str, str] = {}
    form = OBJECT_FORMATS["sha1"]
    for number, whole in enumerate(lines):
        check_error(whole, source)
        line, nul, after = whole.partition(b"\0")
        if nul and not number:
            capabilities = parse_capabilities(after)
            form = object_format_of(capabilities, source)
        text = as_text(line)
        if text.startswith("shallow "):
            shallow.add(_id(text[8:], form, source))
            continue
        id_, name = _id(text[: 2 * form.width], form, source), text[2 * form.width + 1 :]
        if name == ".have":
            haves.add(id_)
        elif name.endswith(_PEELED):
            _peel(refs, name, id_, source)
        else:
            refs[name] = RemoteRef(_checked(name, source), _existing_id(str(id_), form, source))
        _check_number(len(refs) + len(haves) + len(shallow), source)
    _set_targets(refs, capabilities)
    return Advertisement(list(refs.values()), frozenset(haves), capabilities, form, frozenset(shallow))


def _peel(refs: dict[str, RemoteRef], name: str, id_: ObjectId, source: str) -> None:
    """Take "<tag>^{}" down at its tag; "capabilities^{}" stands where there is no ref at all."""
    tag = name.removesuffix(_PEELED)
    if tag in refs:
        refs[tag] = refs[tag]._replace(peeled=id_)
    elif tag != "capabilities":
        raise Corrupt(source, None, f"{name[:_FAR]!r} without {tag[:_FAR]!r} before it")


def _set_targets(refs: dict[str, RemoteRef], capabilities: Mapping[str, str]) -> None:
    for pair in capabilities.get("symref", "").split():
        name, _, target = pair.partition(":")
        if name in refs:
            refs[name] = refs[name]._replace(symref_target=target)


def parse_refs(lines: Iterable[bytes], form: ObjectFormat, source: str) -> Iterator[RemoteRef]:
    """Yield the refs of an answer to `ls-refs`; one that is unborn is left out."""
    for number, line in enumerate(lines):
        check_error(line, source)
        _check_number(number, source)
        id_, _, rest = as_text(line).partition(" ")
        if id_ == "unborn":
            continue
        name, *attributes = rest.split(" ")
        about = dict(each.partition(":")[::2] for each in attributes)
        peeled = _id(about["peeled"], form, source) if "peeled" in about else None
        yield RemoteRef(_checked(name, source), _existing_id(id_, form, source), about.get("symref-target"), peeled)


def command(name: str, capabilities: Iterable[str], arguments: Iterable[str]) -> bytes:
    """A whole request of protocol 2.

    >>> command("ls-refs", ["agent=x"], ["peel"])
    b'0014command=ls-refs\\n000cagent=x\\n00010009peel\\n0000'
    """
    head = map(as_line, [f"command={name}", *capabilities])
    return b"".join([*head, DELIMITER.encoded, *map(as_line, arguments), FLUSH.encoded])


def parse_ack(line: bytes, form: ObjectFormat, source: str) -> Ack:
    """One line of the answer to "have" lines; "ready" alone is what protocol 2 says in place of "ACK <id> ready"."""
    check_error(line, source)
    words = as_text(line).split(" ")
    if words == ["NAK"]:
        return Ack(None, "")
    if words == ["ready"]:
        return Ack(None, "ready")
    if words[0] != "ACK" or not 2 <= len(words) <= 3:
        raise Corrupt(source, None, f"expected ACK or NAK, not {as_text(line)[:_FAR]!r}")
    return Ack(_id(words[1], form, source), words[2] if len(words) == 3 else "")


def parse_shallow(line: bytes, form: ObjectFormat, source: str) -> tuple[str, ObjectId]:
    """("shallow" or "unshallow", id)."""
    word, _, id_ = as_text(line).partition(" ")
    if word not in ("shallow", "unshallow"):
        raise Corrupt(source, None, f"expected shallow or unshallow, not {as_text(line)[:_FAR]!r}")
    return word, _id(id_, form, source)


def update_lines(commands: Iterable[PushCommand], capabilities: Iterable[str], form: ObjectFormat) -> Iterator[bytes]:
    """Yield the packets of the commands of a push, without the flush. Raises BadName for bad names."""
    tail = "\0 " + " ".join(capabilities)
    for each in commands:
        check_name(each.name)
        ids = " ".join("0" * 2 * form.width if id_ is None else str(id_) for id_ in (each.old, each.new))
        yield encode(f"{ids} {each.name}{tail}".encode("utf-8", "surrogateescape"))
        tail = ""


def parse_report(lines: Iterable[bytes], source: str) -> Report:
    """The server's report about a push."""
    texts = iter(map(as_text, lines))
    first = next(texts, "")
    if not first.startswith("unpack "):
        raise Corrupt(source, None, f"no report about the push, but {first[:_FAR]!r}")
    results: dict[str, PushResult] = {}
    for text in texts:
        word, _, rest = text.partition(" ")
        if word == "ok":
            results[rest] = PushResult(rest, "ok")
        elif word == "ng":
            name, _, why = rest.partition(" ")
            results[name] = PushResult(name, "rejected", why or "no reason given")
        elif word != "option":
            raise Corrupt(source, None, f"bad line in the report about the push: {text[:_FAR]!r}")
        _check_number(len(results), source)
    return Report(first.removeprefix("unpack "), results)


def _id(text: str, form: ObjectFormat, source: str) -> ObjectId:
    try:
        return form.parse_id(text)
    except BadName as wrong:
        raise Corrupt(source, None, str(wrong)[:_FAR]) from None


def _existing_id(text: str, form: ObjectFormat, source: str) -> ObjectId:
    id_ = _id(text, form, source)
    if not any(id_):
        raise Corrupt(source, None, "a ref whose id is all zeros")
    return id_


def _checked(name: str, source: str) -> str:
    try:
        check_name(name)
    except BadName as wrong:
        raise Corrupt(source, None, str(wrong)[:_FAR]) from None
    return name


def _check_number(number: int, source: str) -> None:
    if number > MAX_REFS:
        raise Corrupt(source, None, f"more than {MAX_REFS} refs")
