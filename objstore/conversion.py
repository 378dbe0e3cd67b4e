"""File contents on the way in: what `git add` stores of a file, where attributes or settings ask for a conversion.

    Conversion   finds for a path what attributes and settings together ask for: a Cleaner, or nothing
    Cleaner      turns the content of one file into that of its blob: encoding, then line ends, then `$Id$`

Filters are programs of the user's and are not run: a file that one applies to is refused, by name. Nothing is written.
Authority: gitattributes(5), git-config(1) ("core.autocrlf", "core.eol", "core.safecrlf", "core.checkRoundtripEncoding",
"filter.<driver>.clean"); git's `convert.c`, `attr.c` (`bootstrap_attr_stack`), `utf8.c` (`reencode_string_len`).
"""

import codecs
import os
from collections.abc import Callable, Iterable, Mapping

from .attributes import Attributes, Indexed, machines_file, read_attributes, users_file
from .config import Config
from .errors import GitError, Unsupported
from .formats.attributes import State
from .lighttyping import NamedTuple
from .patterns import re
from .repository import Repository

SETTINGS = (
    "core.autocrlf", "core.eol", "core.safecrlf", "core.checkroundtripencoding", "core.attributesfile", "core.filemode",
    "core.symlinks",
)  # fmt: skip
_PRINTABLE = b"\b\t\f\x1b" + bytes(range(32, 127)) + bytes(range(128, 256))
_NO_TEXT, _ID = rb"\0|\r[^\n]", rb"\$Id:[^$\n]*\$"
_GAPS = ("", " ", "\t", "\r", "\n", ",")  # between names of encodings; "" is an end
_MARKS = {"16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
_ISO_8859 = (*range(1, 12), *range(13, 17))
_CHANGED = "commit or stash the file: what a filter makes of it is known only while it is unchanged"
_CODECS = {  # iconv's name of an encoding: Python's, where both agree on every byte
    **{f"{name}{number}": f"iso8859-{number}" for name in ("ISO-8859-", "ISO8859-") for number in _ISO_8859},
    **{f"{name}{number}": f"cp{number}" for name in ("CP", "WINDOWS-") for number in (*range(1250, 1255), 1256, 1257)},
    **{f"CP{number}": f"cp{number}" for number in (437, 737, 775, 850, 852, 855, 857, 858, *range(860, 867), 869, 874)},
    "UTF-16": "utf-16", "UTF16": "utf-16", "UTF-16LE": "utf-16-le", "UTF-16BE": "utf-16-be",
    "UTF-32": "utf-32", "UTF32": "utf-32", "UTF-32LE": "utf-32-le", "UTF-32BE": "utf-32-be",
    "UTF-16LE-BOM": "utf-16", "UTF16LE-BOM": "utf-16",  # git's own: the mark need not be there
    "ASCII": "ascii", "US-ASCII": "ascii", "LATIN1": "latin-1", "LATIN-1": "latin-1",
    "KOI8-R": "koi8-r", "KOI8-U": "koi8-u", "EUC-CN": "gb2312", "GB2312": "gb2312",
}  # fmt: skip


class LineEnds(NamedTuple):
    """The line ends of a file that are not left alone: CRLF becomes LF."""

    auto: bool  # only if the content looks like text, and the blob in the index has no CRLF
    crlf: bool  # whether a checkout makes CRLF of LF


class Conversion:
    """What settings and attributes of one work tree ask for together."""

    def __init__(self, repository: Repository, indexed: Indexed) -> None:
        """Read the settings, and the attributes that hold everywhere. Raises GitError for bad ones, Unsupported."""
        self._repository, self._indexed = repository, indexed
        self._attributes = Attributes(repository, indexed)
        config = repository.config
        self._by_text = _by_text(config)
        safe = config.get("core.safecrlf", alone="true") or ""
        self._safe = safe.lower() != "warn" and config.get_bool("core.safecrlf", False)
        round_trips = config.get("core.checkroundtripencoding")
        self._round_trips = "SHIFT-JIS" if round_trips is None else round_trips

    def is_plain(self, folder: bytes) -> bool:
        """Whether there is a cleaner for no file in a folder ("a/b/", "" the top)."""
        return self._by_text[None] is None and not self._attributes.are_said_in(folder)

    def cleaner(self, path: bytes) -> "Cleaner | None":
        """What `git add` does to the content of the file `path`; None if nothing, whatever it is.

        Raises GitError where git refuses any content: the encoding "true", a required filter that has no program.
        """
        said = self._attributes.of(path)
        if not said and self._by_text[None] is None:
            return None
        encoding, shown = said.get("working-tree-encoding"), os.fsdecode(path)
        if encoding is True:
            raise GitError(f"{shown}: true/false are no valid working-tree-encodings")
        cleaner = Cleaner(
            path=shown,
            filter=self._filter(shown, said.get("filter")),
            encoding=encoding if encoding and _utf(encoding) != "8" else None,
            line_ends=self._line_ends(said),
            ident=said.get("ident") is True,
            safe=self._safe,
            round_trip=isinstance(encoding, str) and _is_listed(encoding, self._round_trips),
            indexed=lambda: self._indexed(path),
        )
        return cleaner if cleaner.filter or cleaner.encoding or cleaner.line_ends or cleaner.ident else None

    def _filter(self, shown: str, name: State) -> str | None:
        """The name of the filter, if the settings have a program for it."""
        if not isinstance(name, str):
            return None
        config = self._repository.config
        program = config.get(f"filter.{name}.process")
        if program is None:
            program = config.get(f"filter.{name}.clean")
        if not program and config.get_bool(f"filter.{name}.required", False):
            raise GitError(f"{shown}: clean filter {name!r} failed: it is required, but has no program")
        return name if program else None

    def _line_ends(self, said: Mapping[str, State]) -> LineEnds | None:
        """Source: gitattributes(5), "text", "eol", "crlf"."""
        kinds = (said.get("text"), said.get("crlf"))
        kind = next((kind for kind in kinds if kind is not None and kind in self._by_text), None)
        eol = said.get("eol")
        if kind is False or eol not in ("lf", "crlf"):
            return self._by_text[kind]
        return LineEnds(auto=kind == "auto", crlf=eol == "crlf")


def _by_text(config: Config) -> dict[State, LineEnds | None]:
    """What the values of "text" mean; others than these mean nothing. Raises GitError."""
    autocrlf = (config.get("core.autocrlf", alone="true") or "").lower()
    if autocrlf != "input":
        autocrlf = "true" if config.get_bool("core.autocrlf", False) else "false"
    eol = (config.get("core.eol", alone="") or "").lower()
    crlf = eol == "crlf" or (eol != "lf" and os.linesep == "\r\n")
    crlf = autocrlf == "true" or (autocrlf == "false" and crlf)
    return {
        None: None if autocrlf == "false" else LineEnds(auto=True, crlf=crlf),
        True: LineEnds(auto=False, crlf=crlf),
        False: None,
        "input": LineEnds(auto=False, crlf=False),
        "auto": LineEnds(auto=True, crlf=crlf),
    }


def fingerprint(repository: Repository, folders: Iterable[bytes]) -> bytes:
    """A hash over all that decides how files in `folders` ("a/b/", "" the top) and above are converted.

    Of the `.gitattributes` files it takes the stat data: they need not be read.
    """
    config, root = repository.config, os.fsencode(repository.work_tree or "") + b"/"
    parts: list[object] = []
    said = [(each.name, each.value) for each in config.items() if each.name in SETTINGS or each.name[:7] == "filter."]
    parts.append(said)
    outside = (f"{repository.common_dir}/info/attributes", users_file(config, repository.environ))
    for path in (*outside, machines_file(repository.environ)):
        content = read_attributes(os.path.join(root, os.fsencode(path)), 0) if path else None
        parts.append(content)
    for above in sorted({folder[:at] for folder in folders for at in _ends(folder)}):
        try:
            found = os.lstat(root + above + b".gitattributes")
            parts.append((above, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size))
        except OSError:
            continue
    return repository.object_format.digest(repr(parts).encode("utf-8", "surrogateescape"))


def _ends(folder: bytes) -> Iterable[int]:
    """Where the folder and those above it end in its path."""
    return (0, *(at + 1 for at, letter in enumerate(folder) if letter == 0x2F))


class Cleaner(NamedTuple):
    """What `git add` does to the content of one file. At least one of the first four is something."""

    filter: str | None  # has a program; `clean` refuses
    encoding: str | None
    line_ends: LineEnds | None
    ident: bool
    path: str  # for messages
    safe: bool  # core.safecrlf: refuse line ends that a checkout would not bring back
    round_trip: bool  # refuse content that does not come back when it is encoded again
    indexed: Callable[[], bytes | None]  # the blob in the index

    def clean(self, content: bytes) -> bytes:
        """The content of the blob for a file with this content.

        Raises Unsupported for a filter or an unknown encoding, GitError, naming the file, for what git refuses.
        """
        if self.filter:
            raise Unsupported(f"filter={self.filter}", self.path, _CHANGED)
        if self.encoding and content:
            content = self._decode(content, self.encoding)
        content = self._with_lf(content)
        return re.sub(_ID, b"$Id$", content) if self.ident else content

    def leaves_alone(self, start: bytes) -> bool:
        """Whether the first bytes of a file show that `clean` changes nothing in it, so that it may be streamed."""
        only_auto = not (self.filter or self.encoding or self.ident) and self.line_ends and self.line_ends.auto
        return bool(only_auto) and re.search(_NO_TEXT, start) is not None

    def _decode(self, content: bytes, encoding: str) -> bytes:
        """From `encoding` to UTF-8. Source: git's `convert.c` (`encode_to_git`)."""
        form, codec = _utf(encoding) or "", _CODECS.get(encoding.upper())
        marked = content.startswith(_MARKS.get(form[:2], ()))
        if form[2:] in ("LE", "BE") and marked:
            raise GitError(f"{self.path}: a byte order mark is prohibited in {encoding}")
        if form in _MARKS and not marked:
            raise GitError(f"{self.path}: a byte order mark is required in {encoding}")
        if codec is None:
            raise Unsupported(f"working-tree-encoding={encoding}", self.path)
        try:
            text = content.decode(codec)
        except UnicodeDecodeError as error:
            raise GitError(f"{self.path}: it is not {encoding}: {error.reason} at byte {error.start}") from None
        if self.round_trip and _encode(text, codec, form) != content:
            raise GitError(f"{self.path}: from {encoding} to UTF-8 and back it is not the same")
        return text.encode()

    def _with_lf(self, content: bytes) -> bytes:
        """Line ends as in the blob. Source: git's `convert.c` (`crlf_to_git`)."""
        if self.line_ends is None or not content:
            return content
        seen = _measure(content)
        if self.line_ends.auto and seen.is_binary:
            return content
        to_lf = seen.crlf > 0 and not (self.line_ends.auto and _is_text_with_crlf(self.indexed() or b""))
        if self.safe:
            self._check_line_ends(seen, self.line_ends, to_lf)
        return content.replace(b"\r\n", b"\n") if to_lf else content

    def _check_line_ends(self, seen: "_Seen", line_ends: LineEnds, to_lf: bool) -> None:
        """Raise if a checkout after `git add` gave other line ends."""
        crlf, lf = (0, seen.crlf + seen.lone_lf) if to_lf else (seen.crlf, seen.lone_lf)
        if line_ends.crlf and not (line_ends.auto and crlf):
            crlf, lf = crlf + lf, 0
        if seen.crlf and not crlf:
            raise GitError(f"CRLF would be replaced by LF in {self.path}")
        if seen.lone_lf and not lf:
            raise GitError(f"LF would be replaced by CRLF in {self.path}")


class _Seen(NamedTuple):
    """What git counts in a content to tell text from anything else."""

    crlf: int
    lone_lf: int
    is_binary: bool


def _measure(content: bytes) -> _Seen:
    """Source: git's `convert.c` (`gather_stats`, `convert_is_binary`)."""
    crlf, cr, lf = content.count(b"\r\n"), content.count(b"\r"), content.count(b"\n")
    odd = content.translate(None, _PRINTABLE + b"\r\n")
    printable = len(content) - len(odd) - cr - lf
    not_printable = len(odd) - content.endswith(b"\x1a")  # CP/M's and DOS's end of a text
    return _Seen(crlf, lf - crlf, cr > crlf or b"\0" in odd or printable >> 7 < not_printable)


def _is_text_with_crlf(content: bytes) -> bool:
    seen = _measure(content)
    return seen.crlf > 0 and not seen.is_binary


def _encode(text: str, codec: str, form: str) -> bytes:
    if form == "16LE-BOM":
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    return text.encode(codec) if text else b""  # iconv puts a mark before something only


def _utf(encoding: str) -> str | None:
    """What stands behind "UTF" or "UTF-" in the name of an encoding; None if it does not begin so."""
    name = encoding.upper()
    return name[3:].removeprefix("-") if name.startswith("UTF") else None


def _is_listed(encoding: str, names: str) -> bool:
    """Whether `encoding` is one of `names`. As in git, only the first place where its letters stand counts."""
    before, _, after = names.lower().partition(encoding.lower())
    return before != names.lower() and before[-1:] in _GAPS and after[:1] in _GAPS
