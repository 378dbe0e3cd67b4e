"""The experiments of a repository: the only code that reads or writes `refs/exps/*`, always compare-and-swap."""
import os
from typing import NamedTuple

from expref.objstore.errors import Conflict
from expref.objstore.formats.objects import parse_signature
from expref.objstore.ids import ObjectId
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate

from .errors import ExpError, Status
from .formats.refnames import PREFIX, folder_of, parse_ref, ref_of
from .model import Experiment, ExperimentRef
from .words import pick

_TRIES = 100  # random names that are taken already before a number is put behind one


class Listing(NamedTuple):
    """Experiments by baseline and name, and what is wrong with other refs below `refs/exps`, a line each."""

    found: tuple[ExperimentRef, ...]
    broken: tuple[str, ...]


def listing(repository: Repository, baseline: ObjectId | None = None) -> Listing:
    """All experiments, or those of one baseline. What is below `refs/exps` and no experiment is left out."""
    refs = list(repository.refs.refs(folder_of(baseline) if baseline else PREFIX))
    found = (parse_ref(ref.name, ref.id, repository.object_format) for ref in refs if ref.id)
    return Listing(tuple(filter(None, found)), tuple(f"{ref.name}: {ref.broken}" for ref in refs if ref.broken))


def read(repository: Repository, ref: ExperimentRef) -> Experiment:
    """The experiment of a ref, with what its commit says. Raises NotFound or Corrupt if there is no such commit."""
    commit = repository.objects.find_commit(ref.id)
    committer = parse_signature(commit.committer)
    message = commit.message.decode("utf-8", "replace").strip()
    return Experiment(ref.name, ref.id, ref.baseline, committer.when if committer else 0, message)


def check_free(repository: Repository, baseline: ObjectId, name: str) -> None:
    """Raise ExpError if the baseline has an experiment of this name."""
    if repository.refs.read(ref_of(baseline, name)) is not None:
        raise _taken(baseline, name)


def _taken(baseline: ObjectId, name: str) -> ExpError:
    return ExpError(
        f"experiment {name!r} exists already on {str(baseline)[:7]}",
        "choose another name with -n, or replace it with -f",
        Status.CONFLICT,
    )


def add(repository: Repository, experiment: ExperimentRef, *, replace: bool = False) -> None:
    """Give a commit its ref. Raises ExpError if the name is taken, unless it is to be replaced."""
    ref = ref_of(experiment.baseline, experiment.name)
    try:
        repository.refs.update([RefUpdate(ref, experiment.id, "any" if replace else "absent")])
    except Conflict:
        if replace or repository.refs.read(ref) is None:
            raise
        raise _taken(experiment.baseline, experiment.name) from None


def new_name(repository: Repository) -> str:
    """A random name like "puffy-daks" that no experiment of the repository has."""
    taken = {ref.name for ref in listing(repository).found}
    for _ in range(_TRIES):
        name = pick(os.urandom)
        if name not in taken:
            return name
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)
