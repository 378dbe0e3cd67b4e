"""The row of a commit or of the work tree: its parameters and metrics, read from the files that the project names.

A file that cannot be read costs its own cell. What a file says is remembered by the id of its content while one `Rows`
lives, so that a thousand experiments with the same `dvc.yaml` read it once.
"""
import os
import posixpath
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple, Protocol

from expref.objstore.errors import GitError
from expref.objstore.formats.objects import GITLINK, SYMLINK, TREE
from expref.objstore.ids import ObjectId
from expref.objstore.stores.files import read_file
from expref.objstore.trees import differences, get_entry

from .formats import metrics, params, pipeline, yaml12
from .formats.badfile import BadFile
from .project import Project

PIPELINE, DEFAULT_PARAMS = "dvc.yaml", "params.yaml"
DEFAULT_METRICS = ("metrics.json", "metrics.yaml")  # of a project without dvc.yaml
_PRIVATE = {".git", ".dvc"}
_MOST_LINKS = 5  # symbolic links after each other
MOST_FILES = 1000  # of a folder that is declared as parameters or metrics


class FileValues(NamedTuple):
    """What one parameters or metrics file says: its values, or why it cannot be read (kind, message)."""

    values: object
    error: tuple[str, str] | None = None


class Row(NamedTuple):
    """One line of the table: the work tree (no `id`), a baseline or an experiment.

    `params` and `metrics` are by path relative to the project's root. `error` (kind, message) says why a row has none.
    """

    name: str | None
    id: ObjectId | None
    created: int | None
    params: Mapping[str, FileValues]
    metrics: Mapping[str, FileValues]
    error: tuple[str, str] | None = None


class Source(Protocol):
    """Where files come from. Paths are relative to the project's root."""

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """The id of a file's content and a way to read it; None if there is no such file.

        Both raise BadFile for a file that is too large, OSError, GitError.
        """

    def below(self, path: str) -> list[str]:
        """The files in a folder and in those below it, sorted; none if `path` is no folder."""


class WorkFiles:
    """The files of the work tree."""

    def __init__(self, project: Project) -> None:
        """Look at a project's root."""
        self._project = project

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """As the protocol says."""
        full = os.path.join(self._project.root, path)
        if not os.path.isfile(full) or not _PRIVATE.isdisjoint(path.split("/")):  # a FIFO would never end
            return None
        _check_size(path, os.stat(full).st_size)
        content = read_file(full) or b""
        return self._project.repository.object_format.name_object("blob", content), lambda: content

    def below(self, path: str) -> list[str]:
        """As the protocol says."""
        found: list[str] = []
        top = os.path.join(self._project.root, path)
        if not _PRIVATE.isdisjoint(path.split("/")):
            return []
        for folder, folders, names in os.walk(top) if os.path.isdir(top) else ():
            folders[:] = [each for each in folders if each not in _PRIVATE]
            start = os.path.relpath(folder, self._project.root)
            found += [os.path.join(start, name).replace(os.sep, "/") for name in names]
            if len(found) >= MOST_FILES:
                break
        return sorted(found)[:MOST_FILES]


class TreeFiles:
    """The files of a tree in the repository."""

    def __init__(self, project: Project, tree: ObjectId) -> None:
        """Look at the project's root in the tree `tree`."""
        self._project, self._tree = project, tree

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """As the protocol says."""
        objects, place = self._project.repository.objects, self._project.prefix + os.fsencode(path)
        entry = get_entry(objects, self._tree, place)
        for _ in range(_MOST_LINKS):
            if entry is None or entry.mode != SYMLINK:
                break
            place = posixpath.normpath(posixpath.join(posixpath.dirname(place), objects.find(entry.id).content))
            entry = get_entry(objects, self._tree, place)  # what leads out of the tree is not there
        if entry is None or entry.mode in (TREE, GITLINK, SYMLINK):
            return None
        id_ = entry.id
        return id_, lambda: self._content(path, id_)

    def _content(self, path: str, id_: ObjectId) -> bytes:
        objects = self._project.repository.objects
        _check_size(path, objects.find_size(id_))
        return objects.find(id_).content

    def below(self, path: str) -> list[str]:
        """As the protocol says."""
        objects = self._project.repository.objects
        entry = get_entry(objects, self._tree, self._project.prefix + os.fsencode(path))
        if entry is None or entry.mode != TREE:
            return []
        found = differences(objects, None, entry.id)
        files = (each.path for each in found if each.new and each.new.mode not in (TREE, GITLINK))
        return sorted(f"{path}/{os.fsdecode(file)}" for file in islice(files, MOST_FILES))


Cells = dict[str, FileValues]
RowValues = tuple[Cells, Cells, tuple[str, str] | None]  # parameters, metrics, why there are none


class Rows:
    """Reads rows, and remembers by content what files say."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._said: dict[tuple[str, str, ObjectId], FileValues] = {}

    def read(self, source: Source) -> RowValues:
        """The parameters and metrics that the project names, by path; or the error of its dvc.yaml."""
        found = self._file(source, PIPELINE, pipeline.decode)
        if found is not None and found.error:
            return {}, {}, found.error
        pipelines = {"": found.values} if found and isinstance(found.values, pipeline.Pipeline) else {}
        default = DEFAULT_PARAMS if self._file(source, DEFAULT_PARAMS, _params) else None
        declared = pipeline.collect(pipelines, default)
        measured = declared.metrics if found else [p for p in DEFAULT_METRICS if self._file(source, p, _metrics)]
        return (
            {
                path: self._params(source, path, file.keys)
                for file in declared.params
                for path in _files(source, file.path)
            },
            {
                path: self._file(source, path, _metrics) or _missing(path)
                for declared_path in measured
                for path in _files(source, declared_path)
            },
            None,
        )

    def _params(self, source: Source, path: str, keys: tuple[str, ...] | None) -> FileValues:
        found = self._file(source, path, _params) or _missing(path)
        return found if found.error or keys is None else FileValues(params.select(found.values, keys))

    def _file(self, source: Source, path: str, decode: Callable[[bytes, str], object]) -> FileValues | None:
        """What a file says, or why it cannot be read; None if there is none."""
        try:
            found = source.get(path)
            if found is None:
                return None
            id_, read = found
            key = (decode.__name__, path, id_)
            if key not in self._said:
                self._said[key] = _decoded(read(), path, decode)
            return self._said[key]
        except BadFile as error:
            return FileValues(None, (error.kind, str(error)))
        except GitError as error:
            return FileValues(None, (type(error).__name__, str(error)))
        except OSError as error:
            return FileValues(None, (type(error).__name__, f"{path}: {error.strerror}"))


def _check_size(path: str, size_bytes: int) -> None:
    """Raise BadFile before a file is read that no decoder takes."""
    if size_bytes > yaml12.MAX_BYTES:
        raise BadFile(f"{path}: {size_bytes} bytes, more than {yaml12.MAX_BYTES}", "FileTooLarge")


def _decoded(content: bytes, path: str, decode: Callable[[bytes, str], object]) -> FileValues:
    try:
        return FileValues(decode(content, path))
    except BadFile as error:
        return FileValues(None, (error.kind, str(error)))


def _params(content: bytes, path: str) -> object:
    return params.decode(path, content)


def _metrics(content: bytes, path: str) -> object:
    return metrics.decode(path, content)


def _files(source: Source, path: str) -> list[str]:
    """The file that is declared, or the files of the folder that is."""
    return source.below(path) or [path]


def _missing(path: str) -> FileValues:
    return FileValues(None, ("FileNotFoundError", f"{path}: there is no such file"))
