"""The experiments of a repository: the only code that reads or writes `refs/exps/*`, always compare-and-swap."""

import os
from collections.abc import Sequence

from expref.objstore.errors import Conflict
from expref.objstore.formats.objects import parse_signature
from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate

from .errors import ExpError, Status
from .formats.refnames import PREFIX, folder_of, is_of_dvc, parse_ref, ref_of
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
    broken = (f"{ref.name}: {ref.broken}" for ref in refs if ref.broken and not is_of_dvc(ref.name))
    return Listing(tuple(filter(None, found)), tuple(broken))


def experiments_called(repository: Repository, name: str) -> list[ExperimentRef]:
    """The experiments of this name, of all baselines. In half the time of a whole listing."""
    refs = (ref for ref in repository.refs.refs(PREFIX) if ref.id and ref.name.endswith(f"/{name}"))
    found = (parse_ref(ref.name, ref.id, repository.object_format) for ref in refs if ref.id)
    return [each for each in found if each and each.name == name]


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


def change(
    repository: Repository,
    *,
    gone: Sequence[ExperimentRef] = (),
    new: Sequence[ExperimentRef] = (),
    also: Sequence[RefUpdate] = (),
    signature: bytes = b"",
) -> None:
    """Take the refs of `gone` away and make those of `new`, together with the updates `also`: all of it, or nothing.

    An experiment of the same baseline and name in both is replaced. `signature` is for reflogs, where the user keeps
    some of such refs. Raises ExpError if a name is taken, Conflict if one of `gone` is not what it was, or is locked.
    """
    before = {ref_of(each.baseline, each.name): each.id for each in gone}
    after = {ref_of(each.baseline, each.name): each for each in new}
    updates = [RefUpdate(name, None, id_) for name, id_ in before.items() if name not in after]
    updates += [RefUpdate(name, each.id, before.get(name, "absent")) for name, each in after.items()]
    try:
        repository.refs.update([*updates, *also], signature=signature)
    except Conflict:
        for name, each in after.items():
            if name not in before and repository.refs.read(name) is not None:
                raise _taken(each.baseline, each.name) from None
        raise


def get(repository: Repository, baseline: ObjectId, name: str) -> ExperimentRef | None:
    """The experiment of this name that a baseline has; None if it has none."""
    id_ = repository.refs.get(ref_of(baseline, name))
    return ExperimentRef(baseline, name, id_) if id_ else None


def names(repository: Repository) -> set[str]:
    """The names of all experiments, without reading what their refs say."""
    form = repository.object_format
    nothing = ObjectId(bytes(form.width))
    found = (parse_ref(name, nothing, form) for name in repository.refs.names(PREFIX))
    return {each.name for each in found if each}


def new_name(repository: Repository) -> str:
    """A random name like "puffy-daks" that no experiment of the repository has."""
    taken = names(repository)
    for _ in range(_TRIES):
        name = pick(os.urandom)
        if name not in taken:
            return name
    return next(f"{name}-{number}" for number in range(2, len(taken) + 3) if f"{name}-{number}" not in taken)
