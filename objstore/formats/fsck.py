"""What is wrong with an object: the faults that `git fsck` names, found in its bytes alone.

A fault has git's own name for it ("treeNotSorted"), by which `receive.fsck.<name>` and `fetch.fsck.<name>` make it an
error, a warning or nothing. Whether the objects exist that an object names is another question.
Authority: git's `fsck.c`, fsck-msgs(7).
"""

import re
from collections.abc import Callable, Iterator
from stat import S_ISDIR, S_ISLNK

from ..errors import BadName, Corrupt, GitError
from ..ids import KINDS, Kind, ObjectFormat
from ..lighttyping import NamedTuple
from .config import parse
from .objects import GITLINK, MODES, decode_tree, folded, is_dot_git
from .refs import check_name

LATER = frozenset({  # of no harm: git tells of them and takes the object
    "badFilemode", "badTagName", "missingTaggerEntry", "gitmodulesParse", "gitattributesSymlink", "gitignoreSymlink",
    "mailmapSymlink", "badGpgsig", "badHeaderContinuation",
})  # fmt: skip
NEVER = frozenset({"extraHeaderEntry"})  # told only where it is asked for
LONGEST_ATTRIBUTES_LINE = 2048  # bytes; as git
LARGEST_ATTRIBUTES = 100 << 20
_CONTROL = {b".gitmodules": "gitmodules", b".gitattributes": "gitattributes", b".gitignore": "gitignore",
            b".mailmap": "mailmap"}  # fmt: skip
_SHORT = {"gitmodules": b"gi7eba", "gitattributes": b"gi7d29", "gitignore": b"gi250a", "mailmap": b"maba30"}


class Fault(NamedTuple):
    """What is wrong, by git's name for it, and in words."""

    name: str
    text: str


def faults(kind: Kind, content: bytes, form: ObjectFormat) -> Iterator[Fault]:
    """The faults of a tree, commit or tag; a blob has none by itself: see `control_file_faults`."""
    looks: dict[str, Callable[[bytes, ObjectFormat], Iterator[Fault]]] = {
        "tree": _of_tree, "commit": _of_commit, "tag": _of_tag,
    }  # fmt: skip
    if kind in looks:
        yield from looks[kind](content, form)


def control_files(content: bytes, form: ObjectFormat) -> Iterator[tuple[str, bytes]]:
    """The blobs in a tree whose contents git reads: ("gitmodules" or "gitattributes", id)."""
    for mode, name, id_ in decode_tree(content, form):
        what = _control_name(name)
        if what in ("gitmodules", "gitattributes") and not S_ISLNK(mode) and not S_ISDIR(mode) and mode != GITLINK:
            yield what, id_


def control_file_faults(what: str, content: bytes) -> Iterator[Fault]:
    """The faults of a blob that trees hold as ".gitmodules" or ".gitattributes"."""
    if what == "gitattributes":
        if len(content) > LARGEST_ATTRIBUTES:
            yield Fault("gitattributesLarge", ".gitattributes too large to parse")
        if any(len(line) >= LONGEST_ATTRIBUTES_LINE for line in content.split(b"\n")):
            yield Fault("gitattributesLineLength", ".gitattributes has too long lines to parse")
        return
    try:
        settings = parse(content, ".gitmodules", "local")
    except GitError:
        yield Fault("gitmodulesParse", "could not parse gitmodules blob")
        return
    for setting in settings:
        if setting.section == "submodule" and setting.subsection is not None:
            yield from _of_submodule(setting.subsection, setting.key, setting.value)


def _of_submodule(name: str, key: str, value: str | None) -> Iterator[Fault]:
    if not name or ".." in re.split(r"[/\\]", name):
        yield Fault("gitmodulesName", f"disallowed submodule name: {name}")
    if key == "url" and value is not None and _is_bad_url(value):
        yield Fault("gitmodulesUrl", f"disallowed submodule url: {value}")
    if key == "path" and value is not None and value.startswith("-"):
        yield Fault("gitmodulesPath", f"disallowed submodule path: {value}")
    if key == "update" and value is not None and value.startswith("!"):
        yield Fault("gitmodulesUpdate", f"disallowed submodule update setting: {value}")


def _is_bad_url(url: str) -> bool:
    """Source: git's `submodule-config.c`, `check_submodule_url`."""
    decoded = re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), url)
    if url.startswith("-") or "\n" in decoded:
        return True
    if re.match(r"\.\.?[/\\]", url):
        climbs = re.match(r"(?:\.\.?[/\\])+", url)
        return climbs is not None and ".." in climbs[0] and url[climbs.end() :].startswith((":", "/"))
    scheme = re.match(r"(?:https?|ftps?)://([^/]*)", re.sub(r"^(http|https|ftp|ftps)::", "", url))
    return scheme is not None and not scheme[1].rpartition("@")[2].partition(":")[0]


def _control_name(name: bytes) -> str | None:
    """Which of git's control files a name is, in the eyes of any file system."""
    seen = folded(name)
    for plain, what in _CONTROL.items():
        if seen == plain or _is_short_name(seen, plain[1:7], _SHORT[what]):
            return what
    return None


def _is_short_name(name: bytes, first: bytes, hashed: bytes) -> bool:
    """Whether NTFS may have made this short name: "gitmod~1", and later "gi7eba~1", "gi7eb~10" and so on."""
    start, tilde, digits = name.partition(b"~")
    if not tilde or not digits.isdigit() or digits.startswith(b"0"):
        return False
    return (start == first and digits in b"1234" and len(digits) == 1) or (len(name) == 8 and hashed.startswith(start))


def _of_tree(content: bytes, form: ObjectFormat) -> Iterator[Fault]:
    try:
        entries = decode_tree(content, form)
    except Corrupt as error:
        yield Fault("badTree", f"cannot be parsed as a tree: {error.why}")
        return
    found: dict[str, str] = {}
    at, before, names = 0, b"", set[bytes]()
    for mode, name, id_ in entries:
        digits = content[at : content.index(b" ", at)]
        at += len(digits) + len(name) + form.width + 2
        for fault, is_so in (
            ("nullSha1", not any(id_)),
            ("fullPathname", b"/" in name),
            ("hasDot", name == b"."),
            ("hasDotdot", name == b".."),
            ("hasDotgit", is_dot_git(name)),
            ("zeroPaddedFilemode", digits.startswith(b"0")),
            ("badFilemode", mode not in MODES),
            ("duplicateEntries", name in names),
        ):
            if is_so:
                found.setdefault(fault, name.decode("utf-8", "replace"))
        what = _control_name(name) if S_ISLNK(mode) else None
        if what:
            found.setdefault(f"{what}Symlink", name.decode("utf-8", "replace"))
        key = name + b"/" if S_ISDIR(mode) else name
        if key < before:
            found.setdefault("treeNotSorted", name.decode("utf-8", "replace"))
        before = key
        names.add(name)
    yield from (Fault(name, f"tree entry {text!r}") for name, text in found.items())


def _of_commit(content: bytes, form: ObjectFormat) -> Iterator[Fault]:
    yield from (headers := list(_of_headers(content)))
    if headers:
        return
    digits = 2 * form.width
    at = 0
    found = re.compile(rb"tree (?:([0-9a-f]{%d})\n)?" % digits).match(content)
    if found is None or found[1] is None:
        yield Fault("badTreeSha1" if found else "missingTree", "no valid 'tree' line")
        return
    at = found.end()
    parent = re.compile(rb"parent (?:([0-9a-f]{%d})\n)?" % digits)
    while found := parent.match(content, at):
        if found[1] is None:
            yield Fault("badParentSha1", "bad 'parent' line")
            return
        at = found.end()
    authors = 0
    while content.startswith(b"author ", at):
        authors += 1
        fault, at = _of_ident(content, at + 7)
        if fault:
            yield fault
            return
    if authors != 1:
        yield Fault("multipleAuthors" if authors else "missingAuthor", "not one 'author' line")
        if not authors:
            return
    if not content.startswith(b"committer ", at):
        yield Fault("missingCommitter", "no 'committer' line")
        return
    fault, _ = _of_ident(content, at + 10)
    if fault:
        yield fault
        return
    if b"\0" in content:
        yield Fault("nulInCommit", "NUL byte in the commit")


def _of_headers(content: bytes) -> Iterator[Fault]:
    head = content.partition(b"\n\n")[0]
    if b"\0" in head:
        yield Fault("nulInHeader", f"unterminated header: NUL at offset {head.index(0)}")
    elif b"\n\n" not in content and not content.endswith(b"\n"):
        yield Fault("unterminatedHeader", "unterminated header")


def _of_ident(content: bytes, at: int) -> tuple[Fault | None, int]:
    """The fault of the identity at a byte, and where its line ends. Source: git's `fsck.c`, `fsck_ident`."""
    end = content.find(b"\n", at) + 1 or len(content)
    line = content[at:end]
    return next(_ident_faults(line), None), end


def _ident_faults(line: bytes) -> Iterator[Fault]:
    if line.startswith(b"<"):
        yield Fault("missingNameBeforeEmail", "missing space before email")
    name, opened, rest = _split(line, b"<>\n")
    if opened == b">":
        yield Fault("badName", "bad name")
    if opened != b"<":
        yield Fault("missingEmail", "missing email")
    if not name.endswith(b" "):
        yield Fault("missingSpaceBeforeEmail", "missing space before email")
    _, closed, rest = _split(rest, b"<>\n")
    if closed != b">":
        yield Fault("badEmail", "bad email")
    if not rest.startswith(b" "):
        yield Fault("missingSpaceBeforeDate", "missing space before date")
    date = rest[1:].lstrip(b" \t")
    if re.match(rb"0[^ ]", date):
        yield Fault("zeroPaddedDate", "zero-padded date")
    number = re.match(rb"\d+", date)
    if not number:
        yield Fault("badDate", "bad date")
    elif int(number[0][:40]) >= 1 << 63:
        yield Fault("badDateOverflow", "date causes integer overflow")
    elif date[number.end() : number.end() + 1] != b" ":
        yield Fault("badDate", "bad date")
    elif not re.fullmatch(rb"[+-]\d{4}\n", date[number.end() + 1 :]):
        yield Fault("badTimezone", "bad time zone")


def _split(text: bytes, ends: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before the first of the bytes `ends`, that byte, and what follows."""
    at = next((at for at, byte in enumerate(text) if byte in ends), len(text))
    return text[:at], text[at : at + 1], text[at + 1 :]


def _of_tag(content: bytes, form: ObjectFormat) -> Iterator[Fault]:
    yield from (headers := list(_of_headers(content)))
    if headers:
        return
    found = re.compile(rb"object (?:([0-9a-f]{%d})\n)?" % (2 * form.width)).match(content)
    if found is None or found[1] is None:
        yield Fault("badObjectSha1" if found else "missingObject", "no valid 'object' line")
        return
    at = found.end()
    lines = (("type", "missingTypeEntry"), ("tag", "missingTagEntry"))
    for word, missing in lines:
        end = content.find(b"\n", at)
        if not content.startswith(word.encode() + b" ", at) or end < 0:
            yield Fault(missing, f"no '{word}' line")
            return
        value, at = content[at + len(word) + 1 : end], end + 1
        if word == "type" and value.decode("latin-1") not in KINDS:
            yield Fault("badType", f"bad type {value!r}")
            return
        if word == "tag" and not _is_tag_name(value):
            yield Fault("badTagName", f"bad tag name {value!r}")
    if not content.startswith(b"tagger ", at):
        yield Fault("missingTaggerEntry", "no 'tagger' line")
        return
    fault, at = _of_ident(content, at + 7)
    if fault:
        yield fault
    elif at < len(content) and content[at : at + 1] != b"\n":
        yield Fault("extraHeaderEntry", "extra header behind 'tagger'")


def _is_tag_name(name: bytes) -> bool:
    try:
        check_name("refs/tags/" + name.decode("utf-8", "surrogateescape"))
    except BadName:
        return False
    return True
