"""Looking into a repository where there is no git: refs, objects and history in the forms of git's own commands."""
from collections.abc import Iterator

from expref.objstore.formats.objects import GITLINK, TREE, decode_tree
from expref.objstore.history import commits
from expref.objstore.ids import ObjectId
from expref.objstore.repository import Repository
from expref.objstore.revisions import find, find_commit

from .formats.refnames import PREFIX, parse_ref
from .model import ExperimentRef

_ESCAPES = {0x07: "\\a", 0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0B: "\\v", 0x0C: "\\f", 0x0D: "\\r", 0x22: '\\"',
            0x5C: "\\\\"}  # fmt: skip


def experiment_refs(repository: Repository) -> Iterator[tuple[str, ObjectId, ExperimentRef | None]]:
    """All refs below `refs/exps` by name: the ref, where it leads, and the experiment, if it is one."""
    for ref in repository.refs.refs(PREFIX):
        if ref.id is not None:
            yield ref.name, ref.id, parse_ref(ref.name, ref.id, repository.object_format)


def pretty(repository: Repository, revision: str) -> bytes:
    """An object as `git cat-file -p` prints it: a tree as a list, everything else as it is stored.

    Raises NotFound, Ambiguous, Corrupt.
    """
    found = repository.objects.find(find(repository, revision))
    if found.kind != "tree":
        return found.content
    quote_all = repository.config.get_bool("core.quotepath", True)
    kinds = {TREE: "tree", GITLINK: "commit"}
    lines = (
        b"%06o %s %s\t%s\n" % (mode, kinds.get(mode, "blob").encode(), id_.hex().encode(), quoted(name, quote_all))
        for mode, name, id_ in decode_tree(found.content, repository.object_format)
    )
    return b"".join(lines)


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


def raw_log(repository: Repository, revision: str) -> Iterator[bytes]:
    """The history of a commit, newest first, each commit as `git log --format=raw` prints it."""
    for id_, _ in commits(repository, [find_commit(repository, revision)]):
        header, _, message = repository.objects.find(id_).content.partition(b"\n\n")
        lines = [line.rstrip() for line in message.split(b"\n")]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
        text = b"".join(b"    " + line + b"\n" for line in lines)
        yield b"commit %s\n%s\n" % (id_.hex().encode(), header) + (b"\n" + text if text else b"")
