"""Save: the work tree's tracked files as an experiment on top of HEAD. Nothing of the user's is touched.

The walk: HEAD → snapshot of the work tree → what the snapshot needs is kept from `git gc` → commit → ref. Data before
names: a crash leaves objects that nothing refers to, which `git gc` clears.
"""
import os

from expref.objstore.errors import BadName, GitError, NotFound
from expref.objstore.formats.objects import GITLINK, TREE, Commit, encode_commit
from expref.objstore.ids import ObjectId
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.trees import differences
from expref.objstore.untracked import untracked
from expref.objstore.worktree import snapshot

from .errors import ExpError
from .experiments import add, check_free, new_name
from .formats.refnames import check_name, ref_of
from .model import Experiment, ExperimentRef
from .project import Project

INDEX_COPY, LATEST = "index", "latest"  # in the state folder of the work tree: docs/formats/state.md

def save(
    project: Project,
    *,
    name: str | None = None,
    message: str | None = None,
    replace: bool = False,
    when: int | None = None,
    workers: int = 1,
) -> Experiment:
    """Save the tracked and staged files, as they are in the work tree, as an experiment; return it.

    Without `name` one is made up. `replace` puts the new experiment in the place of one with that name. `when` is the
    time to sign with, now if None; `workers` 2 may fork to look at the files. Raises ExpError (no commit yet, name
    taken, no identity, file too large) and GitError; then no experiment was made or changed.
    """
    baseline = _baseline(project)
    if name:
        _check(name)
        if not replace:
            check_free(project.repository, baseline, name)
    name = name or new_name(project.repository)
    when = project.now() if when is None else when
    text = message if message is not None else f"exps: save {name}"
    author, committer = (project.signature(role, when) for role in ("author", "committer"))
    tree = _tree(project, baseline, workers)
    commit = Commit(tree, (baseline,), author, committer, _encoded(text))
    ref = ExperimentRef(baseline, name, project.repository.objects.write("commit", encode_commit(commit)))
    add(project.repository, ref, replace=replace)
    remember_latest(project, ref)
    return Experiment(name, ref.id, baseline, when, text)


def left_out(project: Project) -> list[str]:
    """What a save does not hold because Git does not track it; folders are one path with "/", ignored files none.

    Relative to the top of the work tree, sorted.
    """
    return [os.fsdecode(path) for path in untracked(project.repository)]


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
        raise ExpError(str(wrong), "a name may hold letters, digits, '-', '_', '.', '@', '+' and the like") from None


def _encoded(message: str) -> bytes:
    """The message in a commit: ends with one newline, as git's own do."""
    if "\0" in message:
        raise ExpError("the message holds a NUL character, which a commit cannot")
    return message.rstrip("\n").encode("utf-8", "surrogateescape") + b"\n"


def _tree(project: Project, baseline: ObjectId, workers: int) -> ObjectId:
    """Snapshot the work tree and keep from `git gc` all that neither the baseline nor the latest experiment holds."""
    repository, before = project.repository, project.repository.objects.find_commit(baseline).tree
    copy = IndexCopy(project.own_state.path(INDEX_COPY), repository.object_format, repository.sharing)
    try:
        tree = snapshot(repository, copy=copy, workers=workers, progress=project.progress)
        _keep(project, before, tree)
    except NotFound:  # the copy remembers an object that `git gc` has taken since
        project.own_state.remove(INDEX_COPY)
        tree = snapshot(repository, workers=workers, progress=project.progress)
        _keep(project, before, tree)
    return tree


def _keep(project: Project, before: ObjectId, tree: ObjectId) -> None:
    objects = project.repository.objects
    if tree == before:
        return
    objects.keep(tree)
    new = {each.new.id for each in differences(objects, latest_tree(project) or before, tree) if each.new}
    for path, old, now in differences(objects, before, tree):
        if now is None or now.mode == GITLINK:
            continue
        if old is None and now.mode != TREE:
            _check_size(project, path, objects.find_size(now.id))
        if now.id in new:
            objects.keep(now.id)


def _check_size(project: Project, path: bytes, size_bytes: int) -> None:
    limit = project.settings.max_file_size
    if size_bytes > limit:
        raise ExpError(
            f"{os.fsdecode(path)} is new and has {size_bytes} bytes, more than exps.maxFileSize ({limit})",
            "take it out with `git rm --cached`, or raise the limit with `exps config exps.maxFileSize 1g`",
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
