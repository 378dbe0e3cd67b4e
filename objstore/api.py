"""The public names of the object store: import from here. `docs/embedding.md` shows how."""

from .closure import Reached, objects_between
from .config import Config
from .errors import Ambiguous, BadName, Conflict, Corrupt, GitError, NotFound, RemoteError, Unsafe, Unsupported
from .formats.config import Setting
from .formats.objects import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    TREE,
    Commit,
    Signature,
    TreeEntry,
    encode_commit,
    encode_signature,
    encode_tree,
    parse_signature,
)
from .formats.reflog import LogEntry
from .formats.refs import Ref, SymbolicRef, check_name
from .formats.tag import Tag
from .history import commits, first_parents, is_ancestor, merge_base
from .ids import KINDS, SHA1, SHA256, Kind, ObjectFormat, ObjectId
from .lighttyping import TYPE_CHECKING
from .packing import BulkWriter
from .progress import SILENT, Progress
from .refnames import get_ref
from .repository import Head, Repository
from .revisions import find, find_commit, find_tree
from .stores.keepmarks import Hold
from .stores.loose import StoredObject
from .stores.objectstore import ObjectStore
from .stores.refstore import RefStore, RefUpdate
from .tracking import push_target, upstream
from .trees import Difference, differences, flatten, get_blob, get_entry

if TYPE_CHECKING:
    from .untracked import untracked
    from .worktree import snapshot

__all__ = [
    "EXECUTABLE",
    "FILE",
    "GITLINK",
    "KINDS",
    "SHA1",
    "SHA256",
    "SILENT",
    "SYMLINK",
    "TREE",
    "Ambiguous",
    "BadName",
    "BulkWriter",
    "Commit",
    "Config",
    "Conflict",
    "Corrupt",
    "Difference",
    "GitError",
    "Head",
    "Hold",
    "Kind",
    "LogEntry",
    "NotFound",
    "ObjectFormat",
    "ObjectId",
    "ObjectStore",
    "Progress",
    "Reached",
    "Ref",
    "RefStore",
    "RefUpdate",
    "RemoteError",
    "Repository",
    "Setting",
    "Signature",
    "StoredObject",
    "SymbolicRef",
    "Tag",
    "TreeEntry",
    "Unsafe",
    "Unsupported",
    "check_name",
    "commits",
    "differences",
    "encode_commit",
    "encode_signature",
    "encode_tree",
    "find",
    "find_commit",
    "find_tree",
    "first_parents",
    "flatten",
    "get_blob",
    "get_entry",
    "get_ref",
    "is_ancestor",
    "merge_base",
    "objects_between",
    "parse_signature",
    "push_target",
    "snapshot",
    "untracked",
    "upstream",
]


def __getattr__(name: str) -> object:
    """The work tree's functions, loaded when first named: who only reads objects does not wait for them."""
    if name not in ("snapshot", "untracked"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import untracked, worktree

    globals().update(snapshot=worktree.snapshot, untracked=untracked.untracked)
    return globals()[name]
