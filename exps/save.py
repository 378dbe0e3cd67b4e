"""Save: the work tree's tracked files as an experiment on top of HEAD. Nothing of the user's is touched.

The walk: HEAD → plan (what will be in it) → trees and blobs are stored → what the experiment needs is kept from
`git gc` → commit → ref. Data before names: a crash leaves objects that nothing refers to, which `git gc` clears.
"""

import os
from collections.abc import Iterable, Iterator

from expref.objstore.errors import BadName, Conflict, GitError, NotFound
from expref.objstore.formats.objects import GITLINK, TREE, Commit, encode_commit
from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.trees import additions, get_entry
from expref.objstore.worktree import Change, Snapshot, changes, store

from .errors import ExpError
from .experiments import check_free, get, new_name
from .formats.refnames import ALLOWED, check_name, ref_of
from .housekeeping import is_due
from .memory import remember
from .model import Experiment, ExperimentRef
from .plan import INDEX_COPY, Plan, plan
from .project import Project
from .undo import change_and_keep

LATEST = "latest"  # in the state folder of the work tree: docs/formats/state.md
_TRIES = 10  # each means that somebody else has saved under the same name at the same moment


class Wanted(NamedTuple):
    """What an experiment is to be: on which commit, called how (None: a name is made up), by whom and when."""

    baseline: ObjectId
    name: str | None
    message: str | None
    replace: bool
    when: int
    author: bytes
    committer: bytes


def save(
    project: Project,
    *,
    name: str | None = None,
    message: str | None = None,
    replace: bool = False,
    include: Iterable[str] = (),
    when: int | None = None,
    workers: int = 1,
    planned: Plan | None = None,
) -> Experiment:
    """Save the tracked and staged files, as they are in the work tree, and what `plan` adds, as an experiment.

    Without `name` one is made up, without `message` it is "exps: save NAME". `replace` puts the new experiment in the
    place of one with that name, which becomes an undo step. `include` are untracked files and folders to save as well,
    absolute paths or relative to the project's root. `when` is the time to sign with, in epoch seconds, now if None;
    `workers` 2 may fork to look at the files; `planned` is a plan that was made already, with its own `include`.

    Raises ExpError (no commit yet, name taken, no identity, file too large) and GitError; then no experiment was made
    or changed.
    """
    wanted = _wanted(project, name, message, replace=replace, when=when)
    planned = planned or plan(project, include=include, workers=workers)
    _check_sizes(project, planned, wanted.baseline)
    stored = _stored(project, planned, wanted.baseline, workers)
    with stored.hold:
        ref, text = _commit(project, wanted, stored.tree)
    remember_latest(project, ref)
    remember(project, ref.id)
    if is_due(project):
        from .tidy import tidy  # once in hundreds of saves, and a tenth of the start-up time of each

        tidy(project)
    return Experiment(ref.name, ref.id, ref.baseline, wanted.when, text)


def rehearse(
    project: Project, planned: Plan, *, name: str | None = None, message: str | None = None, replace: bool = False
) -> Iterator[Change]:
    """What `save` would store that the baseline has otherwise, by path. Refuses what that refuses; writes nothing."""
    wanted = _wanted(project, name, message, replace=replace, when=None)
    _check_sizes(project, planned, wanted.baseline)
    for each in changes(planned.seen):
        if each.kind != "modified":
            _check_size(project, each.path, each.size_bytes)
        yield each


def _wanted(project: Project, name: str | None, message: str | None, *, replace: bool, when: int | None) -> Wanted:
    """Check what can be checked before a file is looked at."""
    baseline = _baseline(project)
    if name:
        _check(name)
        if not replace:
            check_free(project.repository, baseline, name)
    _encoded(message or "")
    when = project.now() if when is None else when
    author, committer = (project.signature(role, when) for role in ("author", "committer"))
    return Wanted(baseline, name or None, message or None, replace, when, author, committer)


def _commit(project: Project, wanted: Wanted, tree: ObjectId) -> tuple[ExperimentRef, str]:
    """Make the commit and its ref; return that and the message. Another name is made up where others took the first."""
    baseline, repository = wanted.baseline, project.repository
    for more in reversed(range(_TRIES)):
        name = wanted.name or new_name(repository)
        text = wanted.message or f"exps: save {name}"
        commit = Commit(tree, (baseline,), wanted.author, wanted.committer, _encoded(text))
        ref = ExperimentRef(baseline, name, repository.objects.write("commit", encode_commit(commit)))
        old = get(repository, baseline, name) if wanted.replace else None
        gone, kept = [old] if old else [], [old] if old and old != ref else []
        try:
            change_and_keep(project, "save", gone=gone, new=[ref], kept=kept, when=wanted.when)
            break
        except (Conflict, ExpError):
            if not more or (wanted.name and not wanted.replace):
                raise
    return ref, text


def _baseline(project: Project) -> ObjectId:
    head = project.repository.head()
    if head.id is None:
        where = f"branch {head.branch!r}" if head.branch else "HEAD"
        raise ExpError(f"{where} has no commit yet, and an experiment needs one to stand on", "commit something first")
    return head.id


def _check(name: str) -> None:
    try:
        check_name(name)
    except BadName as wrong:
        raise ExpError(str(wrong), ALLOWED) from None


def _encoded(message: str) -> bytes:
    """The message in a commit: ends with one newline, as git's own do."""
    if "\0" in message:
        raise ExpError("the message holds a NUL character, which a commit cannot")
    return message.rstrip("\n").encode("utf-8", "surrogateescape") + b"\n"


def _check_sizes(project: Project, planned: Plan, baseline: ObjectId) -> None:
    """Refuse a file that is too large before anything is stored: one of the baseline may be as large as it likes."""
    tree = project.repository.objects.find_commit(baseline).tree
    for _, path, stat in planned.seen.candidates:
        if stat:
            _check_new(project, tree, path, stat.st_size)


def _stored(project: Project, planned: Plan, baseline: ObjectId, workers: int) -> Snapshot:
    """Store what was seen, and keep from `git gc` all that neither the baseline nor the latest experiment holds."""
    before = project.repository.objects.find_commit(baseline).tree
    try:
        return _kept(project, store(planned.seen, workers=workers, progress=project.progress), before)
    except NotFound:  # the copy remembers an object that `git gc` has taken since
        project.own_state.remove(INDEX_COPY)
        seen = plan(project, include=planned.include, workers=workers).seen
        return _kept(project, store(seen, workers=workers, progress=project.progress), before)


def _kept(project: Project, stored: Snapshot, before: ObjectId) -> Snapshot:
    """The same, if it can be kept: git may have its packs otherwise."""
    try:
        _keep(project, stored, before)
    except BaseException:
        stored.hold.release()
        raise
    return stored


def _keep(project: Project, stored: Snapshot, before: ObjectId) -> None:
    """Keep what is in the tree and neither in the baseline nor in the latest experiment; refuse what is too large.

    What was stored a moment ago is safe, and its size was looked at before.
    """
    objects, tree = project.repository.objects, stored.tree
    if tree == before:
        return
    objects.keep(tree)
    latest = latest_tree(project)
    olds = (before, latest) if latest else (before,)
    for path, entry in additions(objects, olds, tree, stored.stored):
        if entry.mode == GITLINK:
            continue
        if entry.mode != TREE:
            _check_new(project, before, path, objects.find_size(entry.id))
        objects.keep(entry.id)


def _check_new(project: Project, before: ObjectId, path: bytes, size_bytes: int) -> None:
    """Refuse a file that is too large, unless the tree before has something at its path."""
    if size_bytes > project.settings.max_file_size and get_entry(project.repository.objects, before, path) is None:
        _check_size(project, path, size_bytes)


def _check_size(project: Project, path: bytes, size_bytes: int) -> None:
    limit = project.settings.max_file_size
    if size_bytes > limit:
        raise ExpError(
            f"{os.fsdecode(path)} is new and has {size_bytes} bytes, more than exps.maxFileSize ({limit})",
            "leave it out (`git rm --cached`, or no -I), or raise the limit with `exps config exps.maxFileSize 1g`",
        )


def remember_latest(project: Project, ref: ExperimentRef) -> None:
    """Note an experiment that has its ref now: what it holds is safe, so the next save need not look at it."""
    project.own_state.write(LATEST, f"{ref_of(ref.baseline, ref.name)} {ref.id}\n".encode("utf-8", "surrogateescape"))


def latest_tree(project: Project) -> ObjectId | None:
    """The tree of the experiment saved last from this work tree, if its ref is still there; None otherwise."""
    name, _, digits = (project.own_state.get(LATEST) or b"").decode("utf-8", "surrogateescape").strip().rpartition(" ")
    try:
        id_ = project.repository.refs.get(name) if name else None
        return project.repository.objects.find_commit(id_).tree if id_ and str(id_) == digits else None
    except GitError:
        return None
