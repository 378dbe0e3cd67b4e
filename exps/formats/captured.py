"""`dvc.yaml`: which of the files that it names belong into a commit, and which the cache is to keep.

Paths are relative to the project's root; those that lead out of it are left out. Verified with DVC 3.67.1, `exp save`:
what the lists at the top name is committed even where Git ignores it, a folder with all that is in it; a plot that has
its data from other files (`y: {file: column}`) stands for those. (DVC commits such files from cached folders, too.)
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from expref.objstore.lighttyping import NamedTuple

from .pipeline import DEFAULT_PARAMS, is_inside, join
from .templates import ReadValues, Templates, uses_templates


class Captured(NamedTuple):
    """What one `dvc.yaml` declares: files of its top level, those of its stages, and outputs that the cache keeps.

    What is in a cached output is in none of the others.
    """

    top: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()


def captured(document: Mapping[str, Any], folder: str, read: ReadValues) -> Captured:
    """What the checked document of a `dvc.yaml` in `folder` declares; `read` gives the values of files of variables.

    Raises BadFile for templates that cannot be filled in, and for files of variables.
    """
    templates = Templates(document, folder, read) if uses_templates(document) else None
    lists = {name: (templates.top(name) if templates else document.get(name)) or () for name in _TOP}
    bodies = [each.body for each in templates.stages()] if templates else list(document.get("stages", {}).values())
    top = [str(path) for name in ("params", "metrics") for path in lists[name]]
    top += [path for entry in lists["plots"] for path in _plot_files(entry)]
    outputs = [each for body in bodies for each in _outputs(body, folder)]
    cached = _inside(path for path, is_cached, _ in outputs if is_cached)
    params = (path for body in bodies for path in _params(body, folder))
    measured = (path for path, is_cached, key in outputs if not is_cached and key != "outs")
    return Captured(
        _without(_inside(join(folder, path) for path in top), cached),
        _without(_inside([*params, *measured]), cached),
        cached,
    )


_TOP = ("params", "metrics", "plots")


def _plot_files(entry: str | Mapping[str, Any]) -> Iterator[str]:
    for name, style in [(entry, None)] if isinstance(entry, str) else entry.items():
        x, y = (style or {}).get("x"), (style or {}).get("y")
        if isinstance(y, dict):
            yield from y
            yield from x if isinstance(x, dict) else ()
        else:
            yield str(name)


def _params(body: Mapping[str, Any], folder: str) -> Iterator[str]:
    for entry in body.get("params", ()):
        for path in [DEFAULT_PARAMS] if isinstance(entry, str) else map(str, entry):
            yield join(join(folder, str(body.get("wdir", ""))), path)


def _outputs(body: Mapping[str, Any], folder: str) -> Iterator[tuple[str, bool, str]]:
    """The outputs of a stage: path, whether the cache keeps it, and the list that it is in."""
    for key in ("outs", "metrics", "plots"):
        for entry in body.get(key, ()):
            for path, flags in [(entry, {})] if isinstance(entry, str) else entry.items():
                styles = flags if isinstance(flags, list) else [flags or {}]
                is_cached = [style["cache"] for style in styles if "cache" in style][-1:] != [False]  # the last counts
                yield join(join(folder, str(body.get("wdir", ""))), str(path)), is_cached, key


def _inside(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(posixpath.normpath(path) for path in paths if is_inside(path)))


def _without(paths: Iterable[str], cached: tuple[str, ...]) -> tuple[str, ...]:
    folders = tuple(f"{each}/" for each in cached)
    return tuple(path for path in paths if not f"{path}/".startswith(folders))
