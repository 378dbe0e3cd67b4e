"""`dvc.yaml`: which parameter and metric files a project declares. Running stages is not this file's business.

A file is checked as strictly as by DVC: an unknown key or a wrong type anywhere makes all of it invalid. Of what is
valid only the files of parameters and metrics are kept. What the text alone cannot tell is left out and listed in
`skipped`: templates (`${…}`), addresses (`s3://…`) and paths that lead out of the project.

Verified with DVC 3.67.1, `exp show --json`:
- `data.params` has the files of stages first, then those of top-level `params:`, then the project's `params.yaml` if it
  exists, declared or not; `data.metrics` those of stages, then of the top level. Each file once, where it came first.
- Of a stage's parameter file the named keys are shown, those of all stages together; all of it if a stage names it
  without keys or a top level names it. So the project's own `params.yaml` is always shown wholly.
- A declared file that does not exist is shown as an error of type "FileNotFoundError". A declared folder stands for
  every file below it, in order of path.
- An invalid `dvc.yaml` replaces all data of that revision by its error.
"""
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from . import yaml12
from .badfile import BadFile
from .pipelineschema import FILE, Invalid, check, show_key

DEFAULT_PARAMS = "params.yaml"
TEMPLATE_START = re.compile(r"(?<!\\)\$\{")
ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


class ParamsFile(NamedTuple):
    """A file of parameters; `keys` are those to show (see `params.select`), None for all."""

    path: str
    keys: tuple[str, ...] | None = None


class Declared(NamedTuple):
    """Files in the order in which they are shown, each once, and in words what was left out."""

    params: tuple[ParamsFile, ...] = ()
    metrics: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


class Pipeline(NamedTuple):
    """What one `dvc.yaml` declares. Paths are relative to its folder, with `/`; they may begin with `..`."""

    stages: Declared = Declared()
    top: Declared = Declared()

    @property
    def params(self) -> tuple[ParamsFile, ...]:
        """Of stages and of the top level together."""
        return _merge_params([*self.stages.params, *self.top.params])

    @property
    def metrics(self) -> tuple[str, ...]:
        """Of stages and of the top level together."""
        return tuple(dict.fromkeys(self.stages.metrics + self.top.metrics))

    @property
    def skipped(self) -> tuple[str, ...]:
        """Of stages and of the top level together."""
        return self.stages.skipped + self.top.skipped


def decode(content: bytes, source: str) -> Pipeline:
    """What a `dvc.yaml` with this content declares; `source` is its path in messages.

    Raises BadFile, of kind "YAMLSyntaxError", "YAMLValidationError" or "EncodingError" as a rule.

    >>> decode(b"metrics: [m.json]\\nstages: {fit: {cmd: x, wdir: w, params: [lr]}}", "dvc.yaml").params
    (ParamsFile(path='w/params.yaml', keys=('lr',)),)
    """
    try:
        document: Any = yaml12.decode(content, source) or {}
        check(document, FILE, "")
        return Pipeline(_read_stages(document.get("stages", {})), _read_top(document))
    except Invalid as error:
        raise BadFile(f"{source}: {error}"[: yaml12.MAX_MESSAGE], error.kind) from None
    except BadFile as error:
        raise BadFile(str(error), "YAMLSyntaxError" if error.kind == yaml12.CORRUPT else error.kind) from None


def collect(pipelines: Mapping[str, Pipeline], default_params: str | None) -> Declared:
    """What all `dvc.yaml` files of a project declare; `pipelines` maps the folder of each to it, the root is "".

    Paths in the result are relative to the root; those that lead out of it are skipped. `default_params` is the path of
    the `params.yaml` at the root if it exists.
    """
    params, metrics, skipped = [], [], []
    folders = sorted(pipelines, key=lambda folder: folder and folder + "/")  # as in a tree of Git; "a-b" is before "a"
    sections = [(folder, pipelines[folder].stages) for folder in folders]
    sections += [(folder, pipelines[folder].top) for folder in folders]
    for folder, declared in sections:
        params += [ParamsFile(_join(folder, file.path), file.keys) for file in declared.params]
        metrics += [_join(folder, path) for path in declared.metrics]
        skipped += [f"{_join(folder, 'dvc.yaml')}: {what}" for what in declared.skipped]
    if default_params:
        params.append(ParamsFile(default_params))
    outside = [path for path in [*(file.path for file in params), *metrics] if _is_outside(path)]
    return Declared(
        _merge_params([file for file in params if not _is_outside(file.path)]),
        tuple(dict.fromkeys(path for path in metrics if not _is_outside(path))),
        (*skipped, *(f"{path}: outside of the project" for path in dict.fromkeys(outside))),
    )


def _join(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _is_outside(path: str) -> bool:
    return path == ".." or path.startswith("../")


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


class _Entry(NamedTuple):
    """A file as somebody wrote it; `where` is the place in the document."""

    where: str
    folder: str
    path: str
    keys: tuple[str, ...] | None = None


def _read_top(document: Mapping[str, Any]) -> Declared:
    params = [_Entry("params", "", path) for path in document.get("params", [])]
    metrics = [_Entry("metrics", "", path) for path in document.get("metrics", [])]
    return _declare(params, metrics)


def _read_stages(stages: Mapping[str, Any]) -> Declared:
    bodies = list(_stage_bodies(stages))
    params = [entry for name, body in bodies for entry in _stage_params(name, body)]
    metrics = [entry for name, body in bodies for entry in _stage_metrics(name, body)]
    return _declare(params, metrics)


def _stage_bodies(stages: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, definition) once per entry of `stages:`, unless its `foreach` or `matrix` is empty."""
    for name, stage in stages.items():
        if "foreach" not in stage and all(stage.get("matrix", {}).values()):
            yield f"stages.{show_key(name)}", stage
        elif stage.get("foreach"):
            yield f"stages.{show_key(name)}", stage["do"]


def _stage_params(where: str, body: Mapping[str, Any]) -> Iterator[_Entry]:
    for entry in body.get("params", []):
        files = {DEFAULT_PARAMS: [entry]} if isinstance(entry, str) else entry
        for path, keys in files.items():
            if keys and not isinstance(keys, list):
                raise Invalid(f"{where}.params", f"the keys of {path!r} must be a list", "ValueError")
            names = tuple(map(str, keys)) if keys else None
            yield _Entry(f"{where}.params", body.get("wdir", ""), str(path), names)


def _stage_metrics(where: str, body: Mapping[str, Any]) -> Iterator[_Entry]:
    for entry in body.get("metrics", []):
        for path in [entry] if isinstance(entry, str) else entry:
            yield _Entry(f"{where}.metrics", body.get("wdir", ""), path)


def _declare(params: list[_Entry], metrics: list[_Entry]) -> Declared:
    files = [ParamsFile(_path_of(entry), _keys_of(entry)) for entry in params if _is_known(entry)]
    return Declared(
        _merge_params(files),
        tuple(dict.fromkeys(_path_of(entry) for entry in metrics if _is_known(entry))),
        tuple(f"{entry.where}: {text}" for entry in [*params, *metrics] for text in _unknown_parts(entry)),
    )


def _unknown_parts(entry: _Entry) -> list[str]:
    """What of an entry is a template, an address or an absolute path."""
    keys = [key for key in entry.keys or () if _is_template(key)]
    return [text for text in (entry.folder, entry.path) if _is_elsewhere(text)] + keys


def _is_known(entry: _Entry) -> bool:
    """Whether its path is, and at least one of its keys: with none left it would stand for the whole file."""
    return not (_is_elsewhere(entry.folder) or _is_elsewhere(entry.path)) and _keys_of(entry) != ()


def _is_elsewhere(text: str) -> bool:
    return _is_template(text) or "://" in text or ABSOLUTE.match(_unescape(text)) is not None


def _is_template(text: str) -> bool:
    start = TEMPLATE_START.search(text)
    return start is not None and "}" in text[start.end() :]


def _path_of(entry: _Entry) -> str:
    return _join(*(_unescape(text).replace("\\", "/") for text in (entry.folder, entry.path)))


def _keys_of(entry: _Entry) -> tuple[str, ...] | None:
    if entry.keys is None:
        return None
    return tuple(_unescape(key) for key in entry.keys if not _is_template(key))


def _unescape(text: str) -> str:
    return text.replace("\\${", "${")
