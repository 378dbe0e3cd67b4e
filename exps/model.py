"""The values that every command works with. Frozen, without behaviour, without anything on disk.

Those of one command alone are where it is (`rows`, `show`): making each class costs a start-up of every command.
"""
from collections.abc import Callable

from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple

Ask = Callable[[str, bool], str | None]  # a question, whether its answer is secret → it, or None: nobody is there


def nobody(_prompt: str, _is_secret: bool) -> str | None:
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
