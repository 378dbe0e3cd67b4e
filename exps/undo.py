"""Undo steps: what commands took away, kept under hidden refs until it expires, so that no gc takes it.

A step belongs to the work tree that its command ran in; its refs are made in the transaction that takes the experiments
away. Steps are named after their time: the newest is the greatest name, also when the clock went backwards or several
were made in one second. Format: docs/formats/undo.md.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from expref.objstore.errors import GitError
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.stores.refstore import RefUpdate

from .errors import ExpError, Status
from .experiments import change
from .formats.refnames import UNDO, Step, parse_ref, parse_undo, ref_of, stamp, undo_ref
from .model import ExperimentRef
from .project import Project

MOST_STEPS = 100  # of a work tree
DAY_S = 86_400


class UndoStep(NamedTuple):
    """What a command took away. `name` starts with the UTC time: "20260131T235959Z-1a2b"."""

    name: str
    command: str
    experiments: tuple[ExperimentRef, ...]


def steps(project: Project) -> list[UndoStep]:
    """The steps of this work tree, newest first."""
    found: dict[Step, list[ExperimentRef]] = {}
    for ref in project.repository.refs.refs(f"{UNDO}{_work_tree(project)}/"):
        kept = parse_undo(ref.name)
        if kept and ref.id:
            experiment = parse_ref(kept[1], ref.id, project.repository.object_format)
            found.setdefault(kept[0], []).extend([experiment] if experiment else [])
    return [UndoStep(step.name, step.command, tuple(found[step])) for step in sorted(found, reverse=True)]


def change_and_keep(
    project: Project,
    command: str,
    *,
    gone: Sequence[ExperimentRef] = (),
    new: Sequence[ExperimentRef] = (),
    kept: Sequence[ExperimentRef],
    when: int,
) -> None:
    """`experiments.change`, with the experiments `kept` as a new undo step of `command`, if there are any.

    Raises as that does; then there is no step either. Steps that have expired by `when` are dropped.
    """
    also = _new_step(project, command, kept, when) if kept else []
    change(project.repository, gone=gone, new=new, also=also, signature=project.log_signature(when))
    if kept:
        _drop_expired(project, when)


def _new_step(project: Project, command: str, kept: Sequence[ExperimentRef], when: int) -> list[RefUpdate]:
    work_tree, name = _work_tree(project), stamp(when)
    last = max((step.name for step in _all_steps(project) if step.work_tree == work_tree), default="")
    step = Step(work_tree, f"{_after(last) if name <= last else name}-{os.urandom(2).hex()}", command)
    has = project.repository.objects.has  # no ref can be made to what is missing, but such a one can go
    return [
        RefUpdate(undo_ref(step, ref_of(each.baseline, each.name)), each.id, "absent") for each in kept if has(each.id)
    ]


def _after(name: str) -> str:
    """The time of a step and a second."""
    from calendar import timegm

    numbers = (int(name[at : at + size]) for at, size in ((0, 4), (4, 2), (6, 2), (9, 2), (11, 2), (13, 2)))
    return stamp(timegm(tuple(numbers)) + 1)


def _drop_expired(project: Project, when: int) -> None:
    """Drop the steps that are older than exps.undoDays, and all but the last hundred of each work tree."""
    oldest = stamp(max(0, when - max(project.settings.undo_days, 0) * DAY_S))
    count: dict[str, int] = {}
    expired = set()
    for step in sorted(_all_steps(project), key=lambda step: step.name, reverse=True):
        count[step.work_tree] = count.get(step.work_tree, 0) + 1
        if step.name < oldest or count[step.work_tree] > MOST_STEPS:
            expired.add(step)
    if not expired:
        return
    refs = [(ref, parse_undo(ref.name)) for ref in project.repository.refs.refs(UNDO)]
    with suppress(GitError):  # somebody else may be doing the same at this moment, or hold a lock: the next step will
        drop = [RefUpdate(ref.name, None, ref.id) for ref, kept in refs if ref.id and kept and kept[0] in expired]
        change(project.repository, also=drop)


def restore(project: Project, name: str = "", *, command: str = "", when: int | None = None) -> UndoStep:
    """Bring back what a step took away, all of it or nothing, and drop the step; return it.

    `name` may be the start of a step's name; without it the last step, or the last of `command`, is meant. Raises
    ExpError if there is no such step or an experiment of that name exists again on the same commit.
    """
    when = project.now() if when is None else when
    found = [step for step in steps(project) if command in ("", step.command) and step.name.startswith(name)]
    if not found or (name and len(found) > 1):
        what = f"several undo steps start with {name!r}" if found else f"there is no undo step{_called(name, command)}"
        raise ExpError(what, "`exps undo list` shows those of this work tree", Status.NOT_FOUND)
    step = found[0]
    kept = Step(_work_tree(project), step.name, step.command)
    refs = {ref_of(each.baseline, each.name): each for each in step.experiments}
    drop = [RefUpdate(undo_ref(kept, ref), None, each.id) for ref, each in refs.items()]
    back = [each for ref, each in refs.items() if project.repository.refs.read(ref) != each.id]
    try:
        change(project.repository, new=back, also=drop, signature=project.log_signature(when))
    except ExpError as error:
        raise ExpError(error.message, "rename or remove that one first", error.status) from None
    return step


def _called(name: str, command: str) -> str:
    return f" {name!r}" if name else f" of `exps {command}`" if command else ""


def _all_steps(project: Project) -> set[Step]:
    kept = (parse_undo(ref.name) for ref in project.repository.refs.refs(UNDO))
    return {each[0] for each in kept if each}


def _work_tree(project: Project) -> str:
    """What the work tree is called in the names of its steps."""
    repository = project.repository
    if repository.git_dir == repository.common_dir:
        return "main"
    name = re.sub(r"[^\w+-]", "-", os.path.basename(repository.git_dir))
    return name if name != "main" else "worktrees-main"
