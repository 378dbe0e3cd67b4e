"""Read a row: which files a project declares, what they say, and that as the text of DVC's JSON.

A file that cannot be read costs its own cell; a `dvc.yaml`, `dvc.lock` or `*.dvc` that cannot be read costs the row.
Without a `dvc.yaml` the parameters are in `params.yaml`, the metrics in `metrics.json` and `metrics.yaml`.
Authority: DVC 3.67.1, `exp show --json`; differences are listed in docs/compatibility.md.
"""

import json
import posixpath
from collections.abc import Iterable
from typing import Any

from expref.objstore.errors import GitError
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.stores.files import read_file

from .contents import Contents, as_text, decoded
from .formats import pipeline
from .formats.badfile import BadFile
from .formats.content import Content
from .formats.dotted import select
from .formats.lockfile import Single, StageLock
from .formats.pipeline import Declared, Document, Pipeline
from .rows import FileValues
from .sources import PIPELINE, Source

_MOST_COLLECTED = 100
DEFAULT_METRICS = ("metrics.json", "metrics.yaml")  # of a project without dvc.yaml


class Reading(NamedTuple):
    """A row as text (see `Row`). `is_lasting`: it can say nothing else another time."""

    text: str
    chosen: str
    is_lasting: bool


def failed(error: Exception, *, is_lasting: bool = False) -> Reading:
    """The row of a commit that cannot be read."""
    kind = error.kind if isinstance(error, BadFile) else type(error).__name__
    return Reading(json.dumps({"error": {"msg": str(error), "type": kind}}), "{}", is_lasting)


Collected = dict[tuple[str, tuple[int, ...]], tuple[list[Pipeline], Declared]]  # by identity of the pipelines


def read_row(source: Source, contents: Contents, cache: str, collected: Collected) -> Reading:
    """The row that a source's files make; `cache` is the folder of DVC's cache. Raises GitError.

    `collected` remembers what pipelines declare together, for rows that have the same ones.
    """
    reader = _Reader(source, contents, cache, collected)
    try:
        return reader.read()
    except BadFile as error:
        return failed(error, is_lasting=reader.is_lasting)
    except OSError as error:
        return failed(BadFile(f"{error.filename}: {error.strerror}", type(error).__name__))


def read_cells(source: Source, contents: Contents, cache: str, kind: str, paths: Iterable[str]) -> dict[str, Any]:
    """What files say as "metrics" or "params", declared or not, as in a row's JSON; only those that are there."""
    reader = _Reader(source, contents, cache, {})
    here = [path for path in paths if pipeline.is_inside(path) and not reader.has_below(path)]
    cells = {path: reader.cell(kind, path) for path in here if reader.said(kind, path)}
    found: dict[str, Any] = json.loads(json.dumps(cells, default=as_text))
    return found


class _Reader:
    """Reads one row."""

    def __init__(self, source: Source, contents: Contents, cache: str, collected: Collected) -> None:
        self._source, self._contents, self._cache, self._collected = source, contents, cache, collected
        self.is_lasting = True
        self._pipelines: list[Pipeline] = []
        self._deps: dict[str, Any] = {}
        self._outs: dict[str, Any] = {}
        self._cached: dict[str, Content] = {}  # by path: outputs that Git may not hold

    def read(self) -> Reading:
        """The row. Raises BadFile, OSError and GitError for a pipeline file."""
        for path in self._source.pipelines():
            if posixpath.basename(path) == PIPELINE:
                self._add_pipeline(path)
            else:
                self._add_single(path)
        declared = self._declared()
        measured = declared.metrics if self._pipelines else [p for p in DEFAULT_METRICS if self.said("metrics", p)]
        shown = {path: self._params(path, file.keys) for file in declared.params for path in self._files(file.path)}
        tracked = self._tracked()
        says = {
            "params": shown | {path: {"data": each} for path, each in tracked.items() if path not in shown},
            "metrics": {path: self.cell("metrics", path) for each in measured for path in self._files(each)},
            "deps": self._deps,
            "outs": self._outs,
            "meta": {},
        }
        keys = {path: file.keys for file in declared.deps for path in self._files(file.path)}
        chosen = {"keys": keys, "vars": {path: each for path, each in tracked.items() if path not in keys}}
        return Reading(json.dumps(says, default=as_text), json.dumps(chosen, default=as_text), self.is_lasting)

    def _declared(self) -> Declared:
        default = pipeline.DEFAULT_PARAMS if self.said("params", pipeline.DEFAULT_PARAMS) else None
        key = default or "", tuple(map(id, self._pipelines))
        if key not in self._collected:
            if len(self._collected) >= _MOST_COLLECTED:
                self._collected.clear()
            self._collected[key] = self._pipelines, pipeline.collect(self._pipelines, default)
        return self._collected[key][1]

    def _add_pipeline(self, path: str) -> None:
        found: Document = self._needed("pipeline", path)
        folder = posixpath.dirname(path)
        lock = self._needed("lock", posixpath.join(folder, "dvc.lock")) or {}
        declared = found.declare(folder, self._variables)
        self._pipelines.append(declared)
        for stage in declared.stages:
            locked = lock.get(stage.name, StageLock({}, {}))
            for path, written in stage.deps:
                if not path.startswith("ds://"):
                    self._deps[path] = locked.deps.get(written, Content())._asdict()
            for path, written, cached in stage.outs:
                self._outs[path] = _output(locked.outs.get(written, Content()), cached, is_data_source=False)
            for path, written in stage.metrics:
                self._cached[path] = locked.outs.get(written, Content())

    def _add_single(self, path: str) -> None:
        found: Single = self._needed("single", path)
        folder = pipeline.join(posixpath.dirname(path), found.wdir)
        for written, content in found.deps.items():
            self._deps[pipeline.join(folder, written)] = content._asdict()
        for written, (content, cached) in found.outs.items():
            self._outs[pipeline.join(folder, written)] = _output(content, cached, is_data_source=True)
            self._cached[pipeline.join(folder, written)] = content

    def _tracked(self) -> dict[str, dict[str, object]]:
        """The variables of files that templates use, by file."""
        found: dict[str, dict[str, object]] = {}
        for stage in (stage for each in self._pipelines for stage in each.stages):
            for path, values in stage.tracked.items():
                found.setdefault(path, {}).update(values)
        return found

    def _variables(self, path: str) -> object:
        """The values in a file of variables; None if there is none in the project. Raises BadFile."""
        return self._needed("params", path) if pipeline.is_inside(path) else None

    def _needed(self, kind: str, path: str) -> Any:
        """What a file says without which there is no row; None if there is none. Raises BadFile."""
        found = self.said(kind, path)
        if found and found.error:
            raise BadFile(found.error[1], found.error[0])
        return found.values if found else None

    def _params(self, path: str, keys: tuple[str, ...] | None) -> dict[str, Any]:
        cell = self.cell("params", path)
        return cell if keys is None or "error" in cell else {"data": select(cell["data"], keys)}

    def cell(self, kind: str, path: str) -> dict[str, Any]:
        """What a file says, or why it cannot be read, as in a row's JSON."""
        found = self.said(kind, path) or self._from_cache(kind, path)
        if found.error:
            return {"error": {"type": found.error[0], "msg": found.error[1]}}
        return {"data": found.values}

    def said(self, kind: str, path: str) -> FileValues | None:
        """What a file says, or why it cannot be read; None if there is none."""
        try:
            found = self._source.get(path)
            return self._contents.said(kind, path, found) if found else None
        except BadFile as error:
            return FileValues(None, (error.kind, str(error)))
        except GitError as error:
            return self._passing(type(error).__name__, str(error))
        except OSError as error:
            return self._passing(type(error).__name__, f"{path}: {error.strerror}")

    def _passing(self, kind: str, message: str) -> FileValues:
        """An error that may have gone the next time."""
        self.is_lasting = False
        return FileValues(None, (kind, message))

    def _from_cache(self, kind: str, path: str) -> FileValues:
        """A file that only DVC's cache holds, under the digest that its lock names."""
        content = self._cached.get(path, Content())
        missing = "FileNotFoundError", f"{path}: there is no such file"
        if content.hash is None or not _is_md5(content.hash):
            return FileValues(None, missing)
        for folder in (f"{self._cache}/files/md5", self._cache):
            try:
                found = read_file(f"{folder}/{content.hash[:2]}/{content.hash[2:]}")
            except OSError:
                continue
            if found is not None:
                return decoded(kind, path, found)
        return self._passing(*missing)

    def _files(self, path: str) -> list[str]:
        """The file that is declared, or the files of the folder that is."""
        try:
            return self._source.below(path) or [path]
        except (GitError, OSError):
            self.is_lasting = False
            return [path]

    def has_below(self, path: str) -> bool:
        """Whether a folder with files has this name."""
        return self._files(path) != [path]


def _is_md5(digest: str) -> bool:
    return len(digest) == 32 and not digest.strip("0123456789abcdef")


def _output(content: Content, cached: bool, *, is_data_source: bool) -> dict[str, Any]:
    return content._asdict() | {"use_cache": cached, "is_data_source": is_data_source}
