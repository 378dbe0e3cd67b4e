"""Rows: what a commit or the work tree says, in parameters, metrics, dependencies and outputs. Values, read elsewhere.

What a row says is kept as the text of DVC's JSON and taken apart only when somebody asks, so that a remembered row is
printed as it lies there. Its values are therefore those that JSON has: dates are text, and so are all keys.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple

from .formats.content import Content
from .formats.dotted import flat, select

Error = tuple[str, str]  # kind, message


class FileValues(NamedTuple):
    """What one parameters or metrics file says: its values, or why it cannot be read (kind, message)."""

    values: object
    error: Error | None = None


class Output(NamedTuple):
    """What a stage or a `*.dvc` file makes, as far as its lock knows. `is_data_source`: a `*.dvc` file names it."""

    hash: str | None
    size: int | None
    nfiles: int | None
    use_cache: bool
    is_data_source: bool


class Row:
    """One line of the table: the work tree (no `id`), a baseline or an experiment.

    `text` is the JSON of what it says (DVC's `data` without `rev` and `timestamp`), or `{"error": …}`. `chosen` is JSON
    too: which keys of which parameter files stages depend on. `checkpoints` are the commits between an experiment and
    its baseline, newest first. Paths are relative to the project's root.
    """

    __slots__ = ("_said", "checkpoints", "chosen", "created", "id", "name", "text")

    def __init__(
        self, name: str | None, id_: ObjectId | None, created: int | None, text: str, *, chosen: str = "{}",
        checkpoints: tuple["Row", ...] = (),
    ) -> None:  # fmt: skip
        self.name, self.id, self.created, self.text, self.chosen = name, id_, created, text, chosen
        self.checkpoints = checkpoints
        self._said: dict[str, Any] | None = None  # not taken apart yet

    def _section(self, name: str) -> Any:
        if self._said is None:
            said = json.loads(self.text)
            self._said = {key: read(said.get(key) or {}) for key, read in _SECTIONS.items()}
        return self._said[name]

    @property
    def params(self) -> dict[str, FileValues]:
        """The parameters by path."""
        found: dict[str, FileValues] = self._section("params")
        return found

    @property
    def metrics(self) -> dict[str, FileValues]:
        """The metrics by path."""
        found: dict[str, FileValues] = self._section("metrics")
        return found

    @property
    def deps(self) -> dict[str, Content]:
        """What stages read, by path."""
        found: dict[str, Content] = self._section("deps")
        return found

    @property
    def outs(self) -> dict[str, Output]:
        """What stages make and `*.dvc` files name, but metrics and plots, by path."""
        found: dict[str, Output] = self._section("outs")
        return found

    @property
    def error(self) -> Error | None:
        """Why the row has nothing."""
        found: Error | None = self._section("error")
        return found

    @property
    def is_broken(self) -> bool:
        """Whether the row has nothing but an error; does not take its text apart."""
        return self.text.startswith('{"error"')

    def leaves(self) -> dict[tuple[str, str, str], object]:
        """Its metrics and parameters by ("metrics" or "params", path, keys with dots between).

        Lists are leaves. A file that holds a single value has it under the file's own path.
        """
        found: dict[tuple[str, str, str], object] = {}
        for kind, files in (("metrics", self.metrics), ("params", self.params)):
            for path, each in files.items():
                for key, value in flat(each.values) if each.error is None else ():
                    found[kind, path, key or path] = value
        return found

    def with_chosen(self) -> "Row":
        """The same with only those parameters that stages depend on, and so its checkpoints."""
        earlier = tuple(row.with_chosen() for row in self.checkpoints)
        if self.is_broken:
            return Row(self.name, self.id, self.created, self.text, checkpoints=earlier)
        said, chosen = json.loads(self.text), json.loads(self.chosen)
        keys = {path: keys for path, keys in chosen["keys"].items() if path in said["params"]}  # a folder may change
        found = {path: _selected(said["params"][path], each) for path, each in keys.items()}
        said["params"] = {path: {"data": values} for path, values in chosen["vars"].items()} | found
        return Row(self.name, self.id, self.created, json.dumps(said), checkpoints=earlier)

    def with_cells(self, kind: str, cells: Mapping[str, Any]) -> "Row":
        """The same with what more files say, by path: in "metrics" or "params", as a row's JSON has them."""
        said = json.loads(self.text)
        said[kind] |= cells
        return Row(self.name, self.id, self.created, json.dumps(said), chosen=self.chosen, checkpoints=self.checkpoints)


def _values(files: Mapping[str, Any]) -> dict[str, FileValues]:
    return {
        path: FileValues(None, (found["error"]["type"], found["error"]["msg"])) if "error" in found
        else FileValues(found["data"])
        for path, found in files.items()
    }  # fmt: skip


def _selected(found: Any, keys: list[str] | None) -> Any:
    return found if keys is None or "data" not in found else {"data": select(found["data"], keys)}


_SECTIONS: dict[str, Callable[[Any], Any]] = {  # of a row's JSON
    "params": _values,
    "metrics": _values,
    "deps": lambda found: {path: Content(**each) for path, each in found.items()},
    "outs": lambda found: {path: Output(**each) for path, each in found.items()},
    "error": lambda found: (found["type"], found["msg"]) if found else None,
}
