"""The values that experiments are made of. Frozen, without behaviour, without anything on disk."""
from collections.abc import Callable, Mapping
from typing import NamedTuple

from expref.objstore.ids import ObjectId

Ask = Callable[[str], str | None]  # a question for the user → the answer, or None: nobody is there to answer


def nobody(_prompt: str) -> str | None:
    """The default `Ask`: there is nobody."""
    return None


class ExperimentRef(NamedTuple):
    """An experiment as its ref tells it, without reading the commit."""

    baseline: ObjectId
    name: str
    id: ObjectId


class Experiment(NamedTuple):
    """An experiment: a commit on top of the user's baseline. `created` is in epoch seconds."""

    name: str
    id: ObjectId
    baseline: ObjectId
    created: int
    message: str


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


class Group(NamedTuple):
    """A baseline and its experiments, newest first."""

    baseline: Row
    experiments: tuple[Row, ...]


class Table(NamedTuple):
    """What `show` returns: no groups before the first commit; `others` counts experiments of baselines not shown."""

    workspace: Row
    groups: tuple[Group, ...]
    others: int
