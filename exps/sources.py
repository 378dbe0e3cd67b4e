"""Where the files of a row come from: the work tree, or a tree in the repository. The same questions to both.

Paths are relative to the project's root, with `/`. What they lead to outside of it, in Git's and in DVC's own folder is
not there.
"""

import os
import posixpath
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Protocol

from expref.objstore.errors import Unsupported
from expref.objstore.formats.ignore import MAX_SIZE, RuleList, parse
from expref.objstore.formats.index import Index
from expref.objstore.formats.objects import GITLINK, SYMLINK, TREE, TreeEntry
from expref.objstore.ids import ObjectId
from expref.objstore.ignore import FolderRules
from expref.objstore.stores.files import read_file
from expref.objstore.stores.objectstore import ObjectStore
from expref.objstore.trees import differences
from expref.objstore.untracked import untracked
from expref.objstore.walking import walk

from .formats.badfile import MAX_BYTES, BadFile
from .project import Project

PIPELINE, SINGLE, IGNORE = "dvc.yaml", ".dvc", ".dvcignore"  # the second is a suffix
_ENDS = (b"dvc.yaml", b".dvc")
_MARKS = (b"40000 ", *(end + b"\0" for end in _ENDS))  # of a folder in the bytes of a tree, and of these
_NAMED = (*_ENDS, b"/")  # how untracked names end that matter: folders are one name
MOST_FILES = 1000  # of a folder that is declared as parameters or metrics; pipelines of a project
_PRIVATE = {".git", ".dvc"}
_MOST_LINKS = 5  # symbolic links after each other
_MOST_TREES = 4000  # that are remembered
_MOST_RULES = 100  # ignore files that are remembered
_MOST_LISTED = 10_000  # files of an untracked folder that are looked through


class Source(Protocol):
    """Where files come from."""

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """The id of a file's content and a way to read it; None if nothing of this name is there.

        Both raise BadFile for a file that is too large and for what is no file, OSError, GitError.
        """

    def below(self, path: str) -> list[str]:
        """The files in a folder and in those below it, sorted; none if `path` is no folder."""

    def pipelines(self) -> list[str]:
        """The `dvc.yaml` and `*.dvc` files, but those in DVC projects of their own or that `.dvcignore` names.

        Those of a folder by name, before those of the folders in it. Raises GitError, OSError.
        """


class WorkFiles:
    """The files of the work tree."""

    def __init__(self, project: Project, index: Index | None = None, names: Collection[bytes] | None = None) -> None:
        """Look at a project's root; `index` and the untracked `names` are what the caller has looked at already."""
        self._project, self._index, self._names = project, index, names

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """As the protocol says."""
        full = os.path.join(self._project.root, path)
        if not os.path.lexists(full) or not _PRIVATE.isdisjoint(path.split("/")):
            return None
        if not os.path.isfile(full):  # a FIFO would never end
            raise _no_file(path, *_what_is(full))
        _check_size(path, os.stat(full).st_size)
        content = read_file(full) or b""
        return self._project.repository.object_format.name_object("blob", content), lambda: content

    def below(self, path: str) -> list[str]:
        """As the protocol says."""
        top = os.path.join(self._project.root, path)
        if not os.path.isdir(top) or not _PRIVATE.isdisjoint(path.split("/")) or self._is_submodule(path, top):
            return []
        return sorted(islice(self._walk(top), MOST_FILES))

    def _is_submodule(self, path: str, top: str) -> bool:
        return posixpath.normpath(path) != "." and os.path.lexists(f"{top}/.git")

    def _walk(self, top: str) -> Iterable[str]:
        root = self._project.root
        for folder, folders, names in walk(top):
            folders[:] = [each for each in folders if each not in _PRIVATE]
            start = os.path.relpath(folder, root)
            yield from (posixpath.normpath(os.path.join(start, name).replace(os.sep, "/")) for name in names)

    def pipelines(self) -> list[str]:
        """As the protocol says: of tracked files and of those that are not ignored, without a walk through the rest."""
        found = {path for path in (PIPELINE, *self._tracked_and_new()) if _is_pipeline(path)}
        inside = [path for path in found if self._is_ours(path)]
        return _kept(inside, self._ignore_rules)

    def _ignore_rules(self, folder: str) -> RuleList | None:
        path = os.path.join(self._project.root, folder, IGNORE)
        content = None if os.path.isdir(path) else read_file(path)
        return RuleList(parse(content)) if content else None

    def _tracked_and_new(self) -> Iterator[str]:
        repository, prefix = self._project.repository, self._project.prefix
        try:
            index = self._index or repository.index.read()
        except Unsupported:  # a split index and the like: what is in the root is found all the same
            yield from os.listdir(self._project.root)
            return
        new = untracked(repository, index) if self._names is None else self._names
        new = [path for path in new if path.endswith(_NAMED)]  # of 150,000
        for path in (*(path for end in _ENDS for path in _ending_with(index, end)), *new):
            if path.endswith(b"/") and (path.startswith(prefix) or prefix.startswith(path)):
                top = os.path.join(self._project.work_tree, os.fsdecode(path if path.startswith(prefix) else prefix))
                yield from islice(self._walk(top), _MOST_LISTED)
            elif path.startswith(prefix) and path.endswith(_ENDS):
                yield os.fsdecode(path[len(prefix) :])

    def _is_ours(self, path: str) -> bool:
        """Whether it is a file, and in no DVC project inside this one."""
        full = os.path.join(self._project.root, path)
        folders = path.split("/")[:-1]
        above = ("/".join(folders[: depth + 1]) for depth in range(len(folders)))
        inner = any(os.path.isdir(os.path.join(self._project.root, folder, ".dvc")) for folder in above)
        return not inner and os.path.isfile(full)


def _is_pipeline(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name == PIPELINE or (name.endswith(SINGLE) and _PRIVATE.isdisjoint(path.split("/")))


def _ending_with(index: Index, end: bytes) -> Iterator[bytes]:
    """The tracked paths that end so, by a search through all of the index at once."""
    at, end = index.content.find(end + b"\0"), end + b"\0"
    while at >= 0:
        number = bisect_right(index.offsets, at) - 1
        path = index.path(number) if number >= 0 else b""
        if (path + b"\0").endswith(end):
            yield path
        at = index.content.find(end, at + 1)


class Trees:
    """The trees of a repository, a limited number of them remembered: those of experiments are nearly the same."""

    def __init__(self, objects: ObjectStore) -> None:
        """Read from `objects`."""
        self._objects = objects
        self._read: dict[ObjectId, dict[bytes, TreeEntry]] = {}
        self._pipelines: dict[ObjectId, tuple[bytes, ...]] = {}
        self.barren: set[ObjectId] = set()  # folders without a pipeline file; may be filled from what was found before
        self._rules: dict[ObjectId, RuleList] = {}

    def entries(self, tree: ObjectId) -> dict[bytes, TreeEntry]:
        """What a tree holds, by name."""
        found = self._read.get(tree)
        if found is None:
            if len(self._read) >= _MOST_TREES:
                self._read.clear()
            found = self._read[tree] = {entry.name: entry for entry in self._objects.find_tree(tree)}
        return found

    def find(self, tree: ObjectId, path: bytes) -> TreeEntry | None:
        """What a tree holds at "a/b"; None if nothing is there."""
        folder, _, name = path.rpartition(b"/")
        for part in folder.split(b"/") if folder else ():
            entry = self.entries(tree).get(part)
            if entry is None or entry.mode != TREE:
                return None
            tree = entry.id
        return self.entries(tree).get(name)

    def ignore_rules(self, tree: ObjectId, path: bytes) -> RuleList | None:
        """What a `.dvcignore` says, the last few of them without reading them again; None if there is none."""
        entry = self.find(tree, path)
        if entry is None or entry.mode in (TREE, GITLINK, SYMLINK):
            return None
        if entry.id not in self._rules:
            if len(self._rules) >= _MOST_RULES:
                self._rules.clear()
            is_small = self._objects.find_size(entry.id) <= MAX_SIZE
            self._rules[entry.id] = RuleList(parse(self._objects.find(entry.id).content if is_small else b""))
        return self._rules[entry.id]

    def pipelines(self, tree: ObjectId) -> tuple[bytes, ...]:
        """The pipeline files of a project whose root is `tree`, but those in DVC projects inside it."""
        todo = [entry.id for entry in self.entries(tree).values() if entry.mode == TREE]
        while todo:
            inner = todo[-1]
            if inner in self.barren or inner in self._pipelines or self._is_barren(inner):
                todo.pop()
                continue
            entries = self.entries(inner)
            below = [entry.id for entry in entries.values() if entry.mode == TREE]
            unknown = [each for each in below if each not in self.barren and each not in self._pipelines]
            if unknown and b".dvc" not in entries:
                todo += unknown
                continue
            todo.pop()
            found = () if b".dvc" in entries else self._joined(entries)
            if found:
                self._pipelines[inner] = found
            else:
                self.barren.add(inner)
        return self._joined(self.entries(tree))

    def _is_barren(self, tree: ObjectId) -> bool:
        """Whether a search through the bytes of a tree can say that it has neither folders nor pipeline files."""
        if tree in self._read:
            return False
        content = self._objects.find(tree).content
        if not any(mark in content for mark in _MARKS) and self._objects.form.name_object("tree", content) == tree:
            self.barren.add(tree)
        return tree in self.barren

    def _joined(self, entries: dict[bytes, TreeEntry]) -> tuple[bytes, ...]:
        found = []
        for name, entry in entries.items():
            if entry.mode == TREE:
                found += [name + b"/" + path for path in self._pipelines.get(entry.id, ()) if name != b".dvc"]
            elif (name == b"dvc.yaml" or name.endswith(b".dvc")) and entry.mode != GITLINK:
                found.append(name)
        return tuple(found[:MOST_FILES])


class TreeFiles:
    """The files of a tree in the repository."""

    def __init__(self, project: Project, tree: ObjectId, trees: Trees) -> None:
        """Look at the project's root in the tree `tree`. Raises BadFile if it has no such folder."""
        self._objects, self._trees = project.repository.objects, trees
        self._top, self._prefix = tree, project.prefix
        root = trees.find(tree, project.prefix[:-1]) if project.prefix else TreeEntry(TREE, b"", tree)
        if root is None or root.mode != TREE:
            raise BadFile(f"there is no {os.fsdecode(project.prefix[:-1])!r} in this commit", "NotDvcRepoError")
        self._root = root.id

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """As the protocol says."""
        place = _in_tree(path)
        entry = self._trees.find(self._root, place)
        if entry is not None and entry.mode == SYMLINK:
            entry = self._follow(self._prefix + place, entry)
            if entry is None or entry.mode in (TREE, GITLINK, SYMLINK):
                raise _no_file(path, *_LINK)
        if entry is None:
            return None
        if entry.mode in (TREE, GITLINK):
            raise _no_file(path, *(_FOLDER if entry.mode == TREE else _SUBMODULE))
        id_ = entry.id
        return id_, lambda: self._content(path, id_)

    def _follow(self, place: bytes, entry: TreeEntry | None) -> TreeEntry | None:
        """What a symbolic link leads to; what leads out of the tree is not there."""
        for _ in range(_MOST_LINKS):
            if entry is None or entry.mode != SYMLINK:
                break
            target = self._content(os.fsdecode(place), entry.id)
            place = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
            entry = self._trees.find(self._top, place)
        return entry

    def _content(self, path: str, id_: ObjectId) -> bytes:
        _check_size(path, self._objects.find_size(id_))
        return self._objects.find(id_).content

    def below(self, path: str) -> list[str]:
        """As the protocol says."""
        entry = self._trees.find(self._root, _in_tree(path)) if path != "." else TreeEntry(TREE, b"", self._root)
        if entry is None or entry.mode != TREE:
            return []
        found = differences(self._objects, None, entry.id)
        files = (each.path for each in found if each.new and each.new.mode not in (TREE, GITLINK))
        start = "" if path == "." else f"{path}/"
        return sorted(start + os.fsdecode(file) for file in islice(files, MOST_FILES))

    def pipelines(self) -> list[str]:
        """As the protocol says."""
        found = [os.fsdecode(path) for path in self._trees.pipelines(self._root)]
        return _kept(found, lambda folder: self._trees.ignore_rules(self._root, os.fsencode(folder + IGNORE)))


def _in_tree(path: str) -> bytes:
    """A declared path as a tree would have it; of one with half a character, which JSON can hold, what no tree has."""
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return b"\0"


def _kept(paths: Iterable[str], ignore_rules: Callable[[str], RuleList | None]) -> list[str]:
    """Those that no `.dvcignore` names, in the order of the protocol; `ignore_rules` has that of a folder "a/b/"."""
    rules = {"": _rules(b"", (), ignore_rules(""))}
    kept = []
    for path in sorted(paths, key=_place):
        folder = ""
        for part in path.split("/")[:-1]:
            above, folder = rules[folder], f"{folder}{part}/"
            if folder not in rules:
                open_ = above is not None and above.kept_folders([os.fsencode(part)])
                below = _rules(os.fsencode(folder), above.lists, ignore_rules(folder)) if above and open_ else None
                rules[folder] = below
        found = rules[folder]
        if found and found.kept_files([os.fsencode(path[len(folder) :])]):
            kept.append(path)
    return kept[:MOST_FILES]


def _rules(folder: bytes, above: tuple[tuple[int, RuleList], ...], own: RuleList | None) -> FolderRules | None:
    lists = ((len(folder), own), *above) if own else above
    return FolderRules(folder, lists, fold=False)


def _place(path: str) -> list[tuple[int, str]]:
    """Files before folders, each in the order of a tree of Git, where "a-b" is before "a/"."""
    *folders, name = path.split("/")
    return [*((1, f"{folder}/") for folder in folders), (0, name)]


_FOLDER, _SUBMODULE = ("a folder", "IsADirectoryError"), ("a submodule", "IsADirectoryError")
_LINK = ("a link that leads to no file here", "FileNotFoundError")


def _what_is(full: str) -> tuple[str, str]:
    """What is at a place in the work tree where no file is, and what kind of error that makes."""
    if os.path.isdir(full):
        return _SUBMODULE if os.path.lexists(f"{full}/.git") else _FOLDER
    return ("no ordinary file", "OSError") if os.path.exists(full) else _LINK


def _no_file(path: str, what: str, kind: str) -> BadFile:
    return BadFile(f"{path}: it is {what}", kind)


def _check_size(path: str, size_bytes: int) -> None:
    """Raise BadFile before a file is read that no decoder takes."""
    if size_bytes > MAX_BYTES:
        raise BadFile(f"{path}: {size_bytes} bytes, more than {MAX_BYTES}", "FileTooLarge")
