"""What a save is going to hold: the tracked files, what `-I` names, and what the project declares though Git does not
track it: `dvc.yaml`, `dvc.lock`, and files of parameters, metrics and plots that no cache keeps.

Looks and chooses; stores nothing. What is declared never makes a save fail: what is not there, or cannot be stored, is
left out. Verified with DVC 3.67.1, `exp save`: files of the lists at the top of `dvc.yaml`, and what `-I` names, are
saved even where Git ignores them, folders with all that is in them.
"""

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from expref.objstore.errors import GitError
from expref.objstore.ignore import IgnoreRules
from expref.objstore.included import included
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.nested import is_repository
from expref.objstore.recalled import Recalled
from expref.objstore.status import Status
from expref.objstore.walking import walk

from .errors import ExpError
from .formats import params, pipeline
from .formats.badfile import BadFile
from .formats.captured import Captured, captured
from .formats.lockfile import decode_single
from .project import Project
from .sources import PIPELINE, WorkFiles

INDEX_COPY = "index"  # in the state folder of the work tree: docs/formats/state.md
LOCK = "dvc.lock"


class Plan(NamedTuple):
    """What will be saved.

    `untracked` is what is not in it because Git does not track it, sorted, from the top of the work tree; ignored files
    are not named, a folder without tracked files is one path with "/" at its end. `declared` are the untracked paths
    that are in it because a `dvc.yaml` names them. `outputs` counts what DVC's cache is to keep and the save therefore
    does not hold. `problems` says which pipeline files could not be read, and why. `include` is what was asked for.
    """

    seen: Status
    untracked: tuple[bytes, ...]
    declared: frozenset[bytes]
    outputs: int
    problems: tuple[str, ...]
    include: tuple[str, ...]


def plan(project: Project, *, include: Iterable[str] = (), workers: int = 1) -> Plan:
    """Look at the work tree. `include` are files and folders, absolute paths or relative to the project's root.

    Raises ExpError for a path that is not in the repository, GitError for one that is not there or cannot be stored.
    """
    rules, recalled, include = IgnoreRules(project.repository), _recall(project), tuple(include)
    places = dict(_place(project, each) for each in include)
    as_then = {path: numbers for path, is_folder in places.items() if is_folder and (numbers := recalled.below(path))}
    new = {path: is_folder for path, is_folder in places.items() if path not in as_then}
    wanted = [path for each in new.items() for path in _named(project, each, rules)]
    seen = _look(recalled, wanted, as_then, workers)
    names = tuple(seen.untracked())
    files, outputs, problems = _declared(WorkFiles(project, seen.index, names))
    declared = frozenset(path for each in files.items() for path in _untracked(project, seen, each, rules))
    if not declared <= set(wanted):
        seen = _look(recalled, [*wanted, *declared], as_then, workers)
        names = tuple(seen.untracked())
    return Plan(seen, names, declared, outputs, tuple(problems), include)


def _recall(project: Project) -> Recalled:
    """The index, or the private copy of it."""
    repository = project.repository
    copy = IndexCopy(project.own_state.path(INDEX_COPY), repository.object_format, repository.sharing)
    return Recalled(repository, copy)


def _look(recalled: Recalled, extra: Collection[bytes], as_then: Mapping[bytes, range], workers: int) -> Status:
    """One look at the work tree, and for untracked names at the same time."""
    return Status(
        recalled.repository,
        extra=extra,
        copy=recalled.copy,
        workers=workers,
        names=True,
        recalled=recalled,
        as_then=as_then,
    )


def _place(project: Project, path: str) -> tuple[bytes, bool]:
    """Where a path of `-I` is, from the top of the work tree, and whether it is a folder: then "/" is at the end."""
    if not path:
        raise ExpError("an empty path names nothing to save", "the folder that you are in is '.'")
    full = os.path.abspath(os.path.join(project.root, path))
    place = _below(full, project.work_tree)
    if place is None:
        raise ExpError(f"{path} is outside of the repository {project.work_tree}", "only what is in it can be saved")
    folders = {project.repository.git_dir, project.repository.common_dir}
    inside = any(_below(os.path.realpath(full), folder) is not None for folder in folders)
    if inside or ".git" in place.lower().split("/"):
        raise ExpError(f"{path} is inside of the Git folder", "what Git keeps for itself cannot be saved")
    is_folder = os.path.isdir(full) and not os.path.islink(full)
    if place and is_folder and is_repository(os.fsencode(full) + b"/", project.repository):
        raise ExpError(f"{path} is a repository of its own", "a submodule is saved as the commit that it is at")
    return os.fsencode(f"{place}/" if place and is_folder else place), is_folder


def _named(project: Project, place: tuple[bytes, bool], rules: IgnoreRules) -> Iterator[bytes]:
    """The paths to include for a place: a file, or a folder and what is ignored in it."""
    path, is_folder = place
    if not (path and is_folder and rules.folder(path) is None):
        yield path.rstrip(b"/")
    if is_folder:
        yield from _ignored_below(project, path.rstrip(b"/"), rules)


def _below(path: str, top: str) -> str | None:
    """A path relative to a folder, "" for the folder itself; None if it is not in it, also by another way to it."""
    rest, above = [], path
    while not (above == top or (not path.startswith(top + os.sep) and os.path.realpath(above) == top)):
        above, name = os.path.split(above)
        if not name:
            return None
        rest.append(name)
    return "/".join(reversed(rest))


def _folders_below(project: Project, place: bytes) -> Iterator[tuple[bytes, list[bytes]]]:
    """A folder and those in it, but repositories of their own: the path, "" or ending with "/", and names of files."""
    top = os.fsencode(project.work_tree) + b"/"
    for folder, folders, names in walk(top + place):
        path = folder[len(top) :].replace(os.sep.encode(), b"/").rstrip(b"/")
        path += b"/" if path else b""
        inner = [each for each in folders if each != b".git"]
        folders[:] = [each for each in inner if not is_repository(top + path + each + b"/", project.repository)]
        links = [each for each in folders if os.path.islink(top + path + each)]
        yield path, names + links


def _ignored_below(project: Project, place: bytes, rules: IgnoreRules) -> Iterator[bytes]:
    for path, names in _folders_below(project, place):
        own = rules.folder(path)
        kept = own.kept_files(names) if own else []
        if len(kept) < len(names):
            yield from (path + name for name in set(names).difference(kept))


def _declared(source: WorkFiles) -> tuple[dict[str, bool], int, list[str]]:
    """What pipeline files name, and whether it counts where it is ignored; how many outputs a cache keeps; problems."""
    files: dict[str, bool] = {}
    outputs, problems = 0, []
    for path in source.pipelines():
        try:
            if posixpath.basename(path) != PIPELINE:
                outputs += sum(cached for _, cached in decode_single(_content(source, path), path).outs.values())
                continue
            files |= {path: False, posixpath.join(posixpath.dirname(path), LOCK): False}
            found = _captured(source, path)
            files |= dict.fromkeys(found.stages, False) | dict.fromkeys(found.top, True)
            outputs += len(found.cached)
        except (BadFile, GitError, OSError) as error:
            problems.append(str(error))
    return files, outputs, problems


def _captured(source: WorkFiles, path: str) -> Captured:
    def values(file: str) -> object:
        found = source.get(file) if pipeline.is_inside(file) else None
        return params.decode(file, found[1]()) if found else None

    document = pipeline.decode(_content(source, path), path).values
    return captured(document, posixpath.dirname(path), values)


def _content(source: WorkFiles, path: str) -> bytes:
    found = source.get(path)
    return found[1]() if found else b""


def _untracked(project: Project, seen: Status, declared: tuple[str, bool], rules: IgnoreRules) -> Sequence[bytes]:
    """The untracked files that a declared path stands for; none where nothing is, or nothing that can be stored."""
    path, even_ignored = declared
    full = os.path.join(project.root, path)
    if not os.path.lexists(full):
        return ()
    place = project.prefix + os.fsencode(path)
    is_folder = os.path.isdir(full) and not os.path.islink(full)
    number = seen.known.entries.find(place)
    is_tracked = number is not None and number not in seen.known.included
    if is_tracked or (not even_ignored and rules.ignored(place, is_folder)):
        return ()
    wanted = [place]
    if even_ignored and is_folder:
        wanted = [folder + name for folder, names in _folders_below(project, place) for name in names]
    try:
        return included(project.repository, seen.known, wanted, seen.folders)
    except GitError:
        return ()
