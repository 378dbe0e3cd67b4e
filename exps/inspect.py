"""Looking into a repository where there is no git: refs, objects and history in the forms of git's own commands."""

import re
import stat
from collections.abc import Iterator

from expref.objstore.formats.objects import EXECUTABLE, FILE, GITLINK, SYMLINK, TREE, decode_tree
from expref.objstore.formats.refs import Ref
from expref.objstore.history import commits
from expref.objstore.repository import Repository
from expref.objstore.revisions import find, find_commit
from expref.objstore.stores.streams import WHOLE

from .formats.refnames import HIDDEN, PREFIX, UNDO, parse_ref
from .model import ExperimentRef

_ESCAPES = {0x07: "\\a", 0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0B: "\\v", 0x0C: "\\f", 0x0D: "\\r", 0x22: '\\"',
            0x5C: "\\\\"}  # fmt: skip
_KINDS = ((UNDO, "undo"), (HIDDEN, "hidden"), (PREFIX, "other"))  # of refs that are no experiments, the first counts
_BLANKS = b" \t\r"  # what git takes off the ends of lines
_ENCODING = re.compile(rb"(?:(?!encoding )[^\n]+\n)*encoding ([^\n]*)\n")


def listed_refs(repository: Repository, *, everything: bool) -> Iterator[tuple[str, Ref, ExperimentRef | None]]:
    """The refs of experiments by name, and broken ones beside them: kind, ref, and the experiment if it is one.

    With `everything` also what else is below `refs/exps`, and our own hidden refs. Kinds: experiment, broken, undo,
    hidden, other.
    """
    for prefix in (PREFIX, HIDDEN) if everything else (PREFIX,):
        for ref in repository.refs.refs(prefix):
            found = parse_ref(ref.name, ref.id, repository.object_format) if ref.id else None
            kind = "experiment" if found else "broken" if ref.broken else None
            if kind or everything:
                yield kind or next(name for start, name in _KINDS if ref.name.startswith(start)), ref, found


def porcelain_refs(repository: Repository) -> bytes:
    """All refs below `refs/exps` as `git for-each-ref --format='%(objectname) %(refname)' refs/exps` prints them."""
    refs = ((ref.id.hex(), ref.name) for ref in repository.refs.refs(PREFIX) if ref.id)
    return "".join(f"{digits} {name}\n" for digits, name in refs).encode("utf-8", "surrogateescape")


def pretty(repository: Repository, revision: str, *, now: int | None = None) -> Iterator[bytes]:
    """An object as `git cat-file -p` prints it: a tree as a list, everything else as it is stored; in blocks if large.

    `now` is what dates in `revision` are seen from. Raises NotFound, Ambiguous, Corrupt.
    """
    objects, id_ = repository.objects, find(repository, revision, now=now)
    if objects.find_size(id_) > WHOLE and objects.find_kind(id_) == "blob":
        return iter(objects.open_blob(id_))
    kind, content = objects.find(id_)
    return iter((_listed(repository, content) if kind == "tree" else content,))


def _listed(repository: Repository, tree: bytes) -> bytes:
    quote_all = repository.config.get_bool("core.quotepath", True)
    kinds = {TREE: b"tree", GITLINK: b"commit"}
    lines = (
        b"%06o %s %s\t%s\n" % (mode, kinds.get(mode, b"blob"), id_.hex().encode(), quoted(name, quote_all))
        for mode, name, id_ in decode_tree(tree, repository.object_format)
        for mode in (_canonical(mode),)
    )
    return b"".join(lines)


def _canonical(mode: int) -> int:
    """The mode that git takes an odd one for. Source: git's `cache.h`, `canon_mode`."""
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else FILE
    return SYMLINK if stat.S_ISLNK(mode) else TREE if stat.S_ISDIR(mode) else GITLINK


def quoted(path: bytes, quote_all: bool = True) -> bytes:
    r"""A path as git prints it: in quotes and escaped where it holds what a line cannot. Source: git's `quote.c`.

    >>> quoted(b"a\tb"), quoted(b"a b")
    (b'"a\\tb"', b'a b')
    """
    odd = [byte < 0x20 or byte in (0x22, 0x5C, 0x7F) or (quote_all and byte >= 0x80) for byte in path]
    if not any(odd):
        return path
    parts = [
        _ESCAPES.get(byte, f"\\{byte:03o}").encode() if is_odd else bytes((byte,))
        for byte, is_odd in zip(path, odd, strict=True)
    ]
    return b'"' + b"".join(parts) + b'"'


def raw_log(repository: Repository, revision: str, *, now: int | None = None) -> Iterator[bytes]:
    """The history of a commit, newest first, each commit as `git log --format=raw` prints it.

    In the encoding that `i18n.logOutputEncoding` names, UTF-8 otherwise.
    """
    config = repository.config
    output = config.get("i18n.logoutputencoding") or config.get("i18n.commitencoding") or "UTF-8"
    for id_, _ in commits(repository, [find_commit(repository, revision, now=now)]):
        content = _recoded(repository.objects.find(id_).content, output)
        header, _, message = content.partition(b"\n\n")
        lines = [line.rstrip(_BLANKS) for line in message.split(b"\n")]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
        text = b"".join(b"    " + line + b"\n" for line in lines)
        yield b"commit %s\n%s\n" % (id_.hex().encode(), header) + (b"\n" + text if text else b"")


def _recoded(content: bytes, output: str) -> bytes:
    """A commit in another encoding, its header saying so; as it is where that is not possible.

    Source: git's `pretty.c`, `repo_logmsg_reencode`.
    """
    content = content.partition(b"\0")[0]
    named = _ENCODING.match(content)
    source = named[1].decode("latin-1") if named else "UTF-8"
    if _as_one(source) != _as_one(output):
        try:
            content = content.decode(source).encode(output)
        except (LookupError, ValueError):
            return content
        named = named and _ENCODING.match(content)
    if not named:
        return content
    header = b"" if _as_one(output) == "utf-8" else b"encoding %s\n" % output.encode()
    return content[: named.start(1) - len(b"encoding ")] + header + content[named.end() :]


def _as_one(encoding: str) -> str:
    name = encoding.lower()
    return "utf-8" if name == "utf8" else name
