"""Trees, commits and identities as Git stores them: reading is tolerant, writing is strict and canonical.

Blobs have no format. Everything is bytes: names and messages of real repositories are in any encoding or none.
Authority: git's `tree-walk.c` and `commit.c`, gitformat-loose(5), git-commit-tree(1), git-fsck(1).
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ..errors import BadName, Corrupt
from ..ids import ObjectFormat, ObjectId
from ..lighttyping import NamedTuple

TREE, FILE, EXECUTABLE, SYMLINK, GITLINK = 0o040000, 0o100644, 0o100755, 0o120000, 0o160000
MODES = frozenset({TREE, FILE, EXECUTABLE, SYMLINK, GITLINK})  # the modes that git writes
_NO_NAMES = frozenset({b"", b".", b".."})
_UNSEEN = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))  # by HFS+
_WRITTEN = {b"%o" % mode: mode for mode in MODES}


class TreeEntry(NamedTuple):
    """One name in a folder. `mode` is what the tree says, which in old repositories may be 0o100664."""

    mode: int
    name: bytes
    id: ObjectId


class Signature(NamedTuple):
    """Who and when: `when` in epoch seconds, `offset` in minutes east of UTC."""

    name: bytes
    email: bytes
    when: int
    offset: int


class Commit(NamedTuple):
    """A commit. `author` and `committer` are the lines as stored: `parse_signature` reads them.

    `extra` holds all other headers in their order, continuation lines joined by a newline, so that what is read and
    written again is the same commit.
    """

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    author: bytes
    committer: bytes
    message: bytes
    extra: tuple[tuple[bytes, bytes], ...] = ()


def decode_tree(content: bytes, form: ObjectFormat, source: str = "tree") -> list[TreeEntry]:
    """The entries of a tree in stored order; modes, order and names are taken as they come.

    Raises Corrupt where an entry does not end or has no name, or a mode is not octal.
    """
    entries, at, end, width = [], 0, len(content), form.width
    while at < end:
        space = content.find(b" ", at, at + 8)
        stop = content.find(b"\0", space + 1)
        if space < 0 or stop < 0 or stop + 1 + width > end:
            raise Corrupt(source, at, "a tree entry does not end")
        if stop == space + 1:
            raise Corrupt(source, at, "a tree entry has no name")
        mode = _WRITTEN.get(content[at:space])
        if mode is None:
            mode = _foreign_mode(content[at:space], source, at)
        at = stop + 1 + width
        entries.append(TreeEntry(mode, content[space + 1 : stop], ObjectId(content[stop + 1 : at])))
    return entries


def _foreign_mode(digits: bytes, source: str, at: int) -> int:
    """A mode that git does not write; other tools did. int() alone would take "0o7", "+7" and "7_7"."""
    if not digits or digits.strip(b"01234567"):
        raise Corrupt(source, at, f"bad mode {digits!r}")
    return int(digits, 8)


def encode_tree(entries: Iterable[TreeEntry]) -> bytes:
    """The one canonical form of a tree: sorted as git sorts, five modes, no name twice.

    Raises BadName for a name that no tree may hold: see `is_entry_name`, `is_link_name`.
    """
    ordered = sorted(entries, key=_sort_key)
    names, modes = [name for _, name, _ in ordered], [mode for mode, _, _ in ordered]
    if not _are_entry_names(names) or not MODES.issuperset(modes):
        wrong = next(each for each in ordered if not is_entry_name(each.name) or each.mode not in MODES)
        raise BadName(f"a tree cannot hold {wrong.name!r} with mode {wrong.mode:o}")
    if SYMLINK in modes and not all(is_link_name(name) for mode, name, _ in ordered if mode == SYMLINK):
        raise BadName("a tree cannot hold .gitmodules as a symbolic link")
    if len(set(names)) != len(names):
        twice = next((name for name, behind in pairwise(names) if name == behind), None)
        if twice is not None:
            raise BadName(f"a tree cannot hold {twice!r} twice")
        raise BadName("a tree cannot hold a name as file and as folder")  # "a" and "a/" need not be neighbours
    return b"".join([b"%o %s\0%s" % entry for entry in ordered])


def _sort_key(entry: TreeEntry) -> bytes:
    return entry.name + b"/" if entry.mode == TREE else entry.name


def _are_entry_names(names: list[bytes]) -> bool:
    """Whether all names are: few of many are worth a look of their own."""
    joined = b"/".join(names)
    if joined.count(b"/") < max(len(names), 1) and b"\0" not in joined and not _is_suspect(joined):
        return _NO_NAMES.isdisjoint(names)
    return all(map(is_entry_name, names))


def is_entry_name(name: bytes) -> bool:
    """Whether git's fsck lets a tree hold this name: no file system takes it for ".git" or for more than a name."""
    if name in _NO_NAMES or b"/" in name or b"\0" in name:
        return False
    return not (_is_suspect(name) and is_dot_git(name))


def is_link_name(name: bytes) -> bool:
    """Whether git lets a symbolic link have this name: where submodules are is never read through one."""
    return not (_is_suspect(name) and folded(name) == b".gitmodules")


def find_bad_path(paths: Sequence[bytes]) -> bytes | None:
    """The first of some paths ("a/b") with a part that is no name for a tree; None if there is none."""
    joined = b"/%s/" % b"/".join(paths)
    if not (_is_suspect(joined) or any(odd in joined for odd in (b"//", b"/./", b"/../", b"\0"))):
        return None
    return next((path for path in paths if not all(map(is_entry_name, path.split(b"/")))), None)


def _is_suspect(names: bytes) -> bool:
    """Whether some names are worth a closer look: none of them is ".git" or the like otherwise."""
    lower = names.lower()
    return b".git" in lower or b"git~1" in lower or b"\xe2" in names or b"\xef" in names  # the last two: for `_UNSEEN`


def is_dot_git(name: bytes) -> bool:
    """Whether a file system may take a name for ".git": NTFS or HFS+. Source: git's `path.c`, `utf8.c`."""
    return any(folded(part) in (b".git", b"git~1") for part in name.split(b"\\"))


def folded(name: bytes) -> bytes:
    """A name as HFS+ and NTFS compare it: without what they do not see, in small letters."""
    text = name
    if not name.isascii():
        text = name.decode("utf-8", "surrogateescape").translate(_UNSEEN).encode("utf-8", "surrogateescape")
    return text.partition(b":")[0].rstrip(b" .").lower() if b":" in text or text[-1:] in b" ." else text.lower()


def decode_commit(content: bytes, form: ObjectFormat, source: str = "commit") -> Commit:
    """Read a commit; raises Corrupt where tree, author or committer are missing or an id is not one."""
    header, _, message = content.partition(b"\n\n")
    lines: list[list[bytes]] = []  # each with those that continue it: joined in the end, an attacker may send millions
    for line in header.removesuffix(b"\n").split(b"\n"):
        if line[:1] == b" " and lines:
            lines[-1].append(line[1:])
        else:
            lines.append([line])
    fields: list[tuple[bytes, bytes]] = []
    for first, *more in lines:
        key, _, value = first.partition(b" ")
        fields.append((key, b"\n".join((value, *more)) if more else value))
    try:
        known = dict(reversed(fields))  # the first of each name counts
        return Commit(
            form.parse_id(known[b"tree"]),
            tuple(form.parse_id(value) for key, value in fields if key == b"parent"),
            known[b"author"],
            known[b"committer"],
            message,
            tuple(field for field in fields if field[0] not in (b"tree", b"parent", b"author", b"committer")),
        )
    except KeyError as missing:
        raise Corrupt(source, None, f"a commit without {missing.args[0].decode()}") from None
    except BadName as wrong:
        raise Corrupt(source, None, str(wrong)) from None


def encode_commit(commit: Commit) -> bytes:
    """The bytes of a commit.

    Raises BadName for a NUL byte, where git cuts the message, and for a line end where it would start a new header.
    """
    if b"\0" in commit.message:
        raise BadName("a commit message cannot hold a NUL byte")
    for line in (commit.author, commit.committer, *(key for key, _ in commit.extra)):
        if b"\n" in line or b"\0" in line:
            raise BadName(f"a commit header cannot hold {line!r}")
    lines = [b"tree " + commit.tree.hex().encode()]
    lines += [b"parent " + parent.hex().encode() for parent in commit.parents]
    lines += [b"author " + commit.author, b"committer " + commit.committer]
    lines += [key + b" " + value.replace(b"\n", b"\n ") for key, value in commit.extra]
    return b"\n".join(lines) + b"\n\n" + commit.message


def encode_signature(signature: Signature) -> bytes:
    """`Name <mail> seconds +hhmm`, with what git drops from names dropped. Source: git's `ident.c`.

    Raises BadName if nothing is left of the name.
    """
    name, email = _clean(signature.name), _clean(signature.email)
    if not name:
        raise BadName(f"the name {signature.name!r} has no character that a commit can hold")
    sign, minutes = (b"-", -signature.offset) if signature.offset < 0 else (b"+", signature.offset)
    return b"%s <%s> %d %s%02d%02d" % (name, email, signature.when, sign, minutes // 60, minutes % 60)


_CRUD = bytes(range(33)) + b".,:;<>\"\\'"  # git strips these from both ends


def _clean(text: bytes) -> bytes:
    return text.strip(_CRUD).translate(None, b"\n<>\0")


def parse_signature(line: bytes) -> Signature | None:
    """Read an author or committer line; None if it is one that even git cannot read."""
    person, close, rest = line.rpartition(b">")
    name, opened, email = person.partition(b"<")
    words = rest.split()
    try:
        zone = int(words[1]) if len(words) > 1 else 0
        minutes = abs(zone) // 100 * 60 + abs(zone) % 100
        if close and opened:
            return Signature(name.strip(), email.strip(), int(words[0]), -minutes if zone < 0 else minutes)
    except (ValueError, IndexError):
        pass
    return None
