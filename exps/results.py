"""What became of experiments that were to go to another repository, come from there, or change there. Values."""

from typing import Literal

from expref.objstore.lighttyping import NamedTuple

from .model import ExperimentRef

Status = Literal["new", "updated", "up to date", "diverged", "rejected", "removed", "renamed"]


class Result(NamedTuple):
    """What became of one experiment; `reason` says why it was not moved, in the remote's words where it refused."""

    experiment: ExperimentRef
    status: Status
    reason: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it is now as it was asked for."""
        return self.status not in ("diverged", "rejected")


class Moved(NamedTuple):
    """A result for each experiment, what the remote said, a line each, and what to know beside."""

    results: tuple[Result, ...]
    said: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
