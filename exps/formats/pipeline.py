"""`dvc.yaml`: which files of parameters, metrics, dependencies and outputs a project declares. Stages are not run here.

A file is checked as strictly as by DVC: an unknown key or a wrong type anywhere makes all of it invalid, and so does a
template that cannot be filled in.

Verified with DVC 3.67.1, `exp show --json`:
- `data.params` has the files of stages first, then those of top-level `params:`, then the project's `params.yaml` if it
  exists, declared or not; `data.metrics` those of stages, then of the top level. Each file once, where it came first.
- Of a stage's parameter file the named keys are shown, those of all stages together; all of it if a stage names it
  without keys or a top level names it. So the project's own `params.yaml` is always shown wholly.
- `data.outs` leaves out metrics and plots. Of a path that several stages name, the last one counts.
- A declared file that does not exist is shown as an error of type "FileNotFoundError". A declared folder stands for
  every file below it, in order of path.
- An invalid `dvc.yaml` replaces all data of that revision by its error.
Addresses (`s3://…`), absolute paths and paths that lead out of the project are never read; as dependencies they are
shown as they are written.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from expref.objstore.lighttyping import NamedTuple

from . import yaml12
from .badfile import BadFile
from .pipelineschema import FILE, Invalid, check, show_key
from .templates import Expanded, ReadValues, Templates, Tracked, uses_templates

DEFAULT_PARAMS = "params.yaml"


class ParamsFile(NamedTuple):
    """A file of parameters; `keys` are those to show (see `dotted.select`), None for all."""

    path: str
    keys: tuple[str, ...] | None = None


class Named(NamedTuple):
    """A file or folder that a stage reads or measures in; `written` is how the stage spells it, and so its lock."""

    path: str
    written: str


class Out(NamedTuple):
    """A file or folder that a stage makes, no metric and no plot; `cached` if DVC's cache holds it."""

    path: str
    written: str
    cached: bool


class Stage(NamedTuple):
    """What a stage names. Paths are relative to the project's root, unless they lead out of it.

    `tracked` are the variables of files that its templates use, by file.
    """

    name: str
    params: tuple[ParamsFile, ...]
    metrics: tuple[Named, ...]
    deps: tuple[Named, ...]
    outs: tuple[Out, ...]
    tracked: Tracked


class Pipeline(NamedTuple):
    """What one `dvc.yaml` declares: its stages, and the files at its top level."""

    stages: tuple[Stage, ...] = ()
    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


class Document:
    """The checked values of one `dvc.yaml`, ready to be filled in."""

    __slots__ = ("_declared", "_uses_templates", "values")

    def __init__(self, values: dict[str, Any]) -> None:
        """`values` as `decode` checked them."""
        self.values, self._uses_templates = values, uses_templates(values)
        self._declared: dict[str, Pipeline] = {}  # by folder

    def declare(self, folder: str, read: ReadValues) -> Pipeline:
        """What it declares; `folder` is where its file lies, `read` gives the values of files of variables.

        Raises BadFile for templates that cannot be filled in, of kind "ResolveError", and for files of variables.
        """
        if self._uses_templates:
            return _declare(self.values, folder, read)
        if folder not in self._declared:
            self._declared[folder] = _declare(self.values, folder, None)
        return self._declared[folder]


def decode(content: bytes, source: str) -> Document:
    """The `dvc.yaml` with this content; `source` is its path in messages.

    Raises BadFile, of kind "YAMLSyntaxError", "YAMLValidationError" or "EncodingError" as a rule.
    """
    try:
        values: Any = yaml12.decode(content, source) or {}
        check(values, FILE, "")
        _check_names(values.get("stages", {}))
    except Invalid as error:
        raise BadFile(f"{source}: {error}"[: yaml12.MAX_MESSAGE], error.kind) from None
    except BadFile as error:
        raise BadFile(str(error), "YAMLSyntaxError" if error.kind == yaml12.CORRUPT else error.kind) from None
    return Document(values)


def _check_names(stages: Mapping[str, Any]) -> None:
    for name, stage in stages.items():
        if "@" in name and not {"foreach", "matrix"} & stage.keys():
            raise Invalid(f"stages.{show_key(name)}", "only foreach and matrix make names with '@'", "StageNotFound")


def _declare(values: Mapping[str, Any], folder: str, read: ReadValues | None) -> Pipeline:
    """With `read` the templates are filled in first."""
    if read:
        templates = Templates(values, folder, read)
        expanded = list(templates.stages())
        top = {section: templates.top(section) for section in ("metrics", "plots", "params", "artifacts", "datasets")}
    else:
        expanded = [Expanded(name, body, {}) for name, body in values.get("stages", {}).items()]
        top = dict(values)
    try:
        return Pipeline(
            tuple(_stage(each, folder) for each in expanded),
            tuple(join(folder, str(path)) for path in top.get("params", [])),
            tuple(join(folder, str(path)) for path in top.get("metrics", [])),
        )
    except Invalid as error:
        raise BadFile(f"{posixpath.join(folder, 'dvc.yaml')}: {error}"[: yaml12.MAX_MESSAGE], error.kind) from None


def _stage(expanded: Expanded, folder: str) -> Stage:
    name, body, tracked = expanded
    folder = join(folder, str(body.get("wdir", "")))
    outs = _flagged(body.get("outs", []))
    return Stage(
        name,
        _merge_params(_params(name, body, folder)),
        tuple(Named(join(folder, path), path) for path in _flagged(body.get("metrics", []))),
        tuple(Named(join(folder, str(path)), str(path)) for path in body.get("deps", [])),
        tuple(Out(join(folder, path), path, flags.get("cache", True)) for path, flags in outs.items()),
        tracked,
    )


def _params(name: str, body: Mapping[str, Any], folder: str) -> Iterator[ParamsFile]:
    for entry in body.get("params", []):
        files = entry if isinstance(entry, dict) else {DEFAULT_PARAMS: [entry]}
        for path, keys in files.items():
            if keys and not isinstance(keys, list):
                raise Invalid(f"stages.{show_key(name)}.params", f"the keys of {path!r} must be a list", "ValueError")
            yield ParamsFile(join(folder, str(path)), tuple(map(str, keys)) if keys else None)


def _flagged(entries: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Outputs by path; what is said of one path in several places comes together."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for path, flags in (entry if isinstance(entry, dict) else {entry: {}}).items():
            found.setdefault(str(path), {}).update(flags if isinstance(flags, dict) else {})
    return found


def join(folder: str, path: str) -> str:
    """A path seen from the root of the project; what leads elsewhere stays as it is."""
    if _is_elsewhere(path):
        return path
    return posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))


def is_inside(path: str) -> bool:
    """Whether a declared path can be a file of the project."""
    return not (path == ".." or path.startswith("../") or _is_elsewhere(path))


def _is_elsewhere(path: str) -> bool:
    """Whether it is an absolute path or an address ("s3://…")."""
    start, colon, rest = path.partition(":")
    if colon and rest[:1] in ("/", "\\"):
        return len(start) == 1 or (rest.startswith("//") and start.replace("+", "").replace("-", "").isalnum())
    return path[:1] in ("/", "\\")


class Declared(NamedTuple):
    """Files in the order in which they are shown, each once. `deps` are the parameters of stages alone."""

    params: tuple[ParamsFile, ...]
    deps: tuple[ParamsFile, ...]
    metrics: tuple[str, ...]


def collect(pipelines: Iterable[Pipeline], default_params: str | None) -> Declared:
    """What all `dvc.yaml` files of a project declare, in their order.

    `default_params` is the path of the `params.yaml` at the root if it exists.
    """
    pipelines = list(pipelines)
    stages = [stage for pipeline in pipelines for stage in pipeline.stages]
    deps = [file for stage in stages for file in stage.params if is_inside(file.path)]
    top = [path for pipeline in pipelines for path in pipeline.params] + ([default_params] if default_params else [])
    metrics = [path for stage in stages for path, _ in stage.metrics]
    metrics += [path for pipeline in pipelines for path in pipeline.metrics]
    return Declared(
        _merge_params([*deps, *(ParamsFile(path) for path in top if is_inside(path))]),
        _merge_params(deps),
        tuple(dict.fromkeys(filter(is_inside, metrics))),
    )


def _merge_params(files: Iterable[ParamsFile]) -> tuple[ParamsFile, ...]:
    """Each file once, with the keys of all its entries, or with None where one entry has None."""
    entries: dict[str, list[tuple[str, ...] | None]] = {}
    for path, keys in files:
        entries.setdefault(path, []).append(keys)
    return tuple(ParamsFile(path, _merge_keys(keys)) for path, keys in entries.items())


def _merge_keys(entries: list[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    if None in entries:
        return None
    return tuple(dict.fromkeys(key for keys in entries for key in keys or ()))
