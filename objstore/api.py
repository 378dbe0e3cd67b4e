"""The public names of the object store: import from here."""
from .config import Config
from .errors import Ambiguous, BadName, Conflict, Corrupt, GitError, NotFound, RemoteError, Unsupported
from .formats.objects import Commit, Signature, TreeEntry
from .ids import SHA1, SHA256, Kind, ObjectFormat, ObjectId
from .repository import Head, Repository
from .stores.loose import StoredObject
from .stores.refstore import Ref, RefStore, RefUpdate
from .trees import Difference, differences, get_blob, get_entry
from .worktree import snapshot

__all__ = [
    "SHA1",
    "SHA256",
    "Ambiguous",
    "BadName",
    "Commit",
    "Config",
    "Conflict",
    "Corrupt",
    "Difference",
    "GitError",
    "Head",
    "Kind",
    "NotFound",
    "ObjectFormat",
    "ObjectId",
    "Ref",
    "RefStore",
    "RefUpdate",
    "RemoteError",
    "Repository",
    "Signature",
    "StoredObject",
    "TreeEntry",
    "Unsupported",
    "differences",
    "get_blob",
    "get_entry",
    "snapshot",
]
