"""The work tree as a tree object: the tracked files as they are on disk now. The user's index is read, never written.

Files whose stat data is what the index says are not read, as git does it: `status` finds the others. What differs is
looked at, refused if it cannot be stored as git would, and only then written (`capture`). What had to be read is
remembered in a private copy of the index (`indexcopy`). Authority: git-add(1), git-write-tree(1).
"""

import os
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate
from operator import itemgetter

from .capture import Capture
from .errors import Conflict
from .filecontents import BlobSink
from .formats.cachetree import CachedTree
from .formats.objects import GITLINK, TREE
from .ids import ObjectId
from .indexcopy import IndexCopy, Looked
from .lighttyping import NamedTuple
from .packing import BulkWriter
from .progress import SILENT, Progress
from .rehearsal import Rehearsal
from .repository import Repository
from .status import Candidate, Status
from .stores.keepmarks import Hold
from .stores.objectstore import ObjectStore
from .trees import differences
from .writetree import write_tree

BULK = 100  # from so many candidates on, new objects go into one pack (git's unpackLimit)
_COMPARING, _LISTING = 256, 4096  # what an exact comparison and the list of a folder cost, in bytes read
_WORTH = 1 << 18  # bytes; what has cost more is remembered
_MANY = 5_000  # entries of an index that is worth a copy in any case, because that is read faster


class Change(NamedTuple):
    """A path where a snapshot is not what HEAD has."""

    path: bytes
    kind: str  # "new", "modified" or "deleted" in the work tree, "staged": as the index has it, "included": by name
    size_bytes: int  # of what it is now; 0 for what is deleted and for a submodule


class Snapshot(NamedTuple):
    """The tree of a work tree; `stored` are ids of what was written or freshened for it, of trees if all below was.

    `hold` is to be released when a ref leads to it, or none will.
    """

    tree: ObjectId
    stored: Collection[bytes]
    hold: Hold


def snapshot(
    repository: Repository,
    *,
    extra: Collection[bytes] = (),
    copy: IndexCopy | None = None,
    workers: int = 1,
    progress: Progress = SILENT,
) -> ObjectId:
    """Store the tracked files of the work tree, and what `extra` names besides, as a tree; return its id.

    It is the tree that `git add --sparse -u && git add EXTRA && git write-tree` would make in an index of its own.
    `extra` are paths of untracked files or folders from the top of the work tree (`included`): files even if a rule
    ignores them. `copy` is where to remember what had to be read; `workers` 2 lets a forked child do half of the work
    where that is possible.

    Raises Conflict for unmerged paths, Unsupported where a changed file asks for a conversion, GitError for a bare
    repository or a path that git cannot store. Nothing is written before the last of these checks.
    """
    status = Status(repository, extra=extra, copy=copy, workers=workers)
    stored = store(status, workers=workers, progress=progress)
    stored.hold.release()
    return stored.tree


def store(status: Status, *, workers: int = 1, progress: Progress = SILENT) -> Snapshot:
    """Store what a look at a work tree has found: the same as `snapshot`, for who asks more of the look."""
    hold = Hold()
    with ExitStack() as failed:
        failed.callback(hold.release)
        tree, looked, stored = _write(status, status.repository.objects, hold, workers=workers, progress=progress)
        if status.copy and _is_worth_a_copy(status):
            known = status.known._replace(stamps=status.known.stamps if status.stamps is None else status.stamps)
            recalled = status.recalled
            status.copy.write(
                recalled.key, known, looked, tree=tree, began_ns=recalled.began_ns, fingerprint=recalled.decides
            )
        assert tree.id is not None, "the root always has an id"
        failed.pop_all()
    return Snapshot(tree.id, stored, hold)


def _is_worth_a_copy(status: Status) -> bool:
    """Whether the next look gains more by what this one has found than writing it down costs."""
    if status.is_new and len(status.index) >= _MANY:
        return True
    before = status.known.stamps or {}
    listed = sum(1 for path, stamp in (status.stamps or {}).items() if stamp > 0 and before.get(path) != stamp)
    cost = sum(each.cost() for each in status.candidates) + _COMPARING * len(status.unsettled) + _LISTING * listed
    return cost > max(_WORTH, len(status.index.content) // 4)


def changes(status: Status) -> Iterator[Change]:
    """What `store` would store that HEAD has otherwise, sorted by path; nothing is written.

    Changed files are read all the same. Raises what `store` does.
    """
    objects, index, head = status.repository.objects, status.users, status.repository.head().id
    rehearsal = Rehearsal(objects)
    tree, _, _ = _write(status, rehearsal, Hold())
    before = objects.find_commit(head).tree if head else None
    sizes = {each.path: each.stat.st_size for each in status.candidates if each.stat}
    included = {status.index.path(number) for number in status.known.included}
    for path, old, new in sorted(differences(rehearsal, before, tree.id), key=itemgetter(0)):
        size = sizes.get(path)
        if new and new.mode not in (TREE, GITLINK):
            number = index.find(path)
            staged = number is not None and index.row(number).id == new.id and index.row(number).mode == new.mode
            kind = "included" if path in included else "staged" if staged else "modified" if old else "new"
            yield Change(path, kind, objects.find_size(new.id) if size is None else size)
        elif new and new.mode == GITLINK:
            yield Change(path, "included" if path in included else "modified" if old else "new", 0)
        elif old and old.mode != TREE:
            yield Change(path, "deleted", 0)


def _write(
    status: Status, objects: ObjectStore, hold: Hold, *, workers: int = 1, progress: Progress = SILENT
) -> tuple[CachedTree, Looked, frozenset[bytes]]:
    """Store trees and blobs; return the root, what the copy of the index may remember, and `Snapshot.stored`."""
    if status.unmerged:
        names = ", ".join(sorted(map(os.fsdecode, status.unmerged)))
        raise Conflict(f"a merge is not finished; resolve these paths first: {names}")
    capture = Capture(status)
    now = capture.settle()
    if now:
        progress.advance(len(now), 0)
    todo = [each for each in status.candidates if each.number not in now]
    sink: BlobSink = objects
    told = 0

    def id_of(candidate: Candidate, into: BlobSink) -> ObjectId:
        nonlocal told
        is_here = into is sink  # and not in a forked child, which counts for nobody and prints nothing
        id_ = capture.id_of(candidate, into, progress if is_here else SILENT)
        if is_here:
            progress.advance(1, 0)
            told += 1
        return id_

    with ExitStack() as stack:
        if len(todo) > BULK and not isinstance(objects, Rehearsal):
            sink = bulk = stack.enter_context(BulkWriter(objects, hold=hold))
            ids = bulk.write_each(todo, id_of, split=_middle(todo) if workers > 1 else None)
            sizes = [each.stat.st_size for each in todo[told:] if each.stat]  # of what a child has stored
            progress.advance(len(sizes), sum(sizes))
        else:
            ids = [id_of(each, objects) for each in todo]
        now |= {each.number: (capture.mode_of(each), id_) for each, id_ in zip(todo, ids, strict=True)}
        looked = {each.number: capture.to_remember(each, now[each.number]) for each in status.candidates}
        passing = {number for number, seen in looked.items() if not seen}
        changed = capture.changes(now)
        pairs = zip(todo, ids, strict=True)  # what the index says was not stored again
        stored = {each.number: id_ for each, id_ in pairs if not capture.is_indexed(each, id_)}
        made = write_tree(objects, sink, status.index, changed, passing=passing, stored=stored)
        return made.root, looked, frozenset((*stored.values(), *made.complete))


def _middle(candidates: Sequence[Candidate]) -> int:
    """Where to part the candidates so that both parts cost as much."""
    costs = list(accumulate(each.cost() for each in candidates))
    return bisect_left(costs, costs[-1] // 2)
