"""Notes of experiments, in `refs/notes/exps`: Git's own notes format, so that `git log --notes=exps` shows them.

A tree of blobs whose names are the ids of the noted commits, in folders of two digits each; any fan-out is read, one
folder deep is written. Changes are commits on top of each other, compare-and-swap, tried again. Authority:
git-notes(1), git's `notes.c`.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from stat import S_ISDIR

from expref.objstore.errors import Conflict
from expref.objstore.formats.objects import FILE, TREE, Commit, TreeEntry, encode_commit, encode_tree
from expref.objstore.ids import ObjectId
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.stores.refstore import RefUpdate

from .formats.note import merge
from .formats.refnames import NOTES
from .project import Project

_TRIES = 20  # each means that another process has changed the notes meanwhile


def read(objects: ObjectStore, commit: ObjectId | None, ids: Collection[ObjectId]) -> dict[ObjectId, bytes]:
    """The notes of some experiments in a notes commit. Raises NotFound, Corrupt."""
    if commit is None or not ids:
        return {}
    entries = cache(lambda tree: {entry.name: entry for entry in objects.find_tree(tree)})
    root = objects.find_commit(commit).tree
    found = ((id_, _blob_of(id_, root, entries)) for id_ in ids)
    return {id_: objects.find(blob).content for id_, blob in found if blob}


def _blob_of(
    id_: ObjectId, tree: ObjectId, entries: Callable[[ObjectId], Mapping[bytes, TreeEntry]]
) -> ObjectId | None:
    """The note of one experiment below a tree, whatever the fan-out."""
    digits = str(id_).encode()
    while True:
        found, folder = entries(tree).get(digits), entries(tree).get(digits[:2])
        if found and not S_ISDIR(found.mode):
            return found.id
        if len(digits) <= 2 or not folder or not S_ISDIR(folder.mode):
            return None
        tree, digits = folder.id, digits[2:]


def merge_in(project: Project, notes: Mapping[ObjectId, bytes], message: str) -> bool:
    """Merge notes into those that are here; whether that changed anything. Raises Conflict if others never let us."""
    repository = project.repository
    for _ in range(_TRIES):
        before = repository.refs.get(NOTES)
        after = merged(project, before, notes, message)
        if after == before or after is None:
            return False
        try:
            update = RefUpdate(NOTES, after, before or "absent", message)
            repository.refs.update([update], signature=project.log_signature(project.now()))
        except Conflict:
            continue
        return True
    raise Conflict(f"{NOTES} was changed by others {_TRIES} times while it was to be changed here; try again")


def merged(project: Project, base: ObjectId | None, notes: Mapping[ObjectId, bytes], message: str) -> ObjectId | None:
    """A notes commit on top of `base` that has `notes` merged in; `base` itself if it says all that already."""
    objects = project.repository.objects
    known = read(objects, base, notes)
    new = {id_: merge(known.get(id_), note) for id_, note in notes.items()}
    changed = {id_: note for id_, note in new.items() if note is not None and note != known.get(id_)}
    if not changed:
        return base
    before = objects.find_commit(base).tree if base else None
    blobs = {str(id_).encode(): objects.write("blob", note) for id_, note in changed.items()}
    who, text = project.log_signature(project.now()), message.encode("utf-8", "surrogateescape") + b"\n"
    commit = Commit(_with(objects, before, blobs), (base,) if base else (), who, who, text)
    return objects.write("commit", encode_commit(commit))


def _with(objects: ObjectStore, tree: ObjectId | None, blobs: Mapping[bytes, ObjectId]) -> ObjectId:
    """A tree of notes with these put in, one folder deep, wherever they were before."""
    entries = {entry.name: entry for entry in objects.find_tree(tree)} if tree else {}
    folders: dict[bytes, dict[bytes, ObjectId]] = {}
    for digits, blob in blobs.items():
        entries.pop(digits, None)
        folders.setdefault(digits[:2], {})[digits[2:]] = blob
    for name, inside in folders.items():
        folder = entries.get(name)
        below = _without(objects, folder.id, inside) if folder and S_ISDIR(folder.mode) else {}
        below |= {rest: TreeEntry(FILE, rest, blob) for rest, blob in inside.items()}
        entries[name] = TreeEntry(TREE, name, objects.write("tree", encode_tree(below.values())))
    return objects.write("tree", encode_tree(entries.values()))


def _without(objects: ObjectStore, tree: ObjectId, names: Collection[bytes]) -> dict[bytes, TreeEntry]:
    """The entries of a folder of notes without some, also where they are in folders further down."""
    entries = {entry.name: entry for entry in objects.find_tree(tree)}
    deeper: dict[bytes, list[bytes]] = {}
    for name in names:
        if entries.pop(name, None) is None and name[:2] in entries and len(name) > 2:
            deeper.setdefault(name[:2], []).append(name[2:])
    for name, rests in deeper.items():
        if S_ISDIR(entries[name].mode):
            left = _without(objects, entries.pop(name).id, rests)
            if left:
                entries[name] = TreeEntry(TREE, name, objects.write("tree", encode_tree(left.values())))
    return entries
