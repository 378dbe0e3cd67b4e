"""Pull: experiments come from another repository, each with its own result. Nothing here is overwritten unasked.

The walk: what the remote has → what is missing here → one pack, verified object by object → everything that the refs
need is here → the refs, all at once, what they replace as an undo step. A pull that was cut off can be repeated.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from expref.objstore.errors import BadName, GitError, NotFound, Unsupported
from expref.objstore.history import shallow_boundary
from expref.objstore.ids import ObjectId
from expref.objstore.stores.keepmarks import release_left_over
from expref.objstore.transport.objectcheck import ObjectCheck, wants_check
from expref.objstore.transport.receive import IncomingPack, Received, check_connected
from expref.objstore.transport.values import Remote

from .errors import ExpError
from .experiments import get
from .formats.refnames import HIDDEN, NOTES, PREFIX, check_name, ref_of
from .lineage import is_behind
from .model import ExperimentRef
from .naming import find_experiments
from .notes import merge_in, read
from .project import Project
from .remotes import Place, Theirs, reading, sorted_out
from .results import Moved, Result
from .undo import change_and_keep

_Here = Mapping[ExperimentRef, ExperimentRef | None]  # what is here under the name of each experiment of a remote


def pull(
    project: Project,
    where: Place,
    names: Sequence[str] = (),
    *,
    baselines: Collection[ObjectId] | None = (),
    replace: bool = False,
    when: int | None = None,
) -> Moved:
    """Pull the experiments of these names, or those of some baselines; None: of all.

    `replace` overwrites what has diverged here; it becomes an undo step. Raises ExpError for names that the remote does
    not have, GitError where it cannot be reached, the transfer fails or something is missing in it; then no ref has
    changed.
    """
    when = project.now() if when is None else when
    check = _check(project)
    with reading(project, where) as remote:
        theirs = sorted_out(project, remote.list_refs([PREFIX, NOTES]))
        chosen = _choose(project, theirs, names, baselines)
        theirs = theirs if chosen else theirs._replace(notes=None)
        here = _here(project, chosen)
        received = _fetch(project, remote, [each for each in chosen if here[each] != each], theirs.notes, check=check)
        try:
            results = [_judge(project, each, here[each], replace=replace) for each in chosen]
            due = [each.experiment for each in results if each.status in ("new", "updated")]
            refused = _take(project, due, here, when)
            results = [refused.get(each.experiment, each) for each in results]
            warnings = _take_notes(project, theirs, [each.experiment.id for each in results if each.is_done], where)
        finally:
            if received:
                received.release()
        release_left_over(f"{project.repository.objects.path}/pack")
        said = tuple(remote.messages())
    doubts = tuple(each.removeprefix("warning: ") for each in check.warnings) if check else ()
    return Moved(tuple(results), said, (*doubts, *warnings))


def _check(project: Project) -> ObjectCheck | None:
    """What `fetch.fsckObjects` wants each object to stand up to; None if it wants nothing."""
    config = project.repository.config
    return ObjectCheck(config, "fetch", project.repository.object_format) if wants_check(config, "fetch") else None


def _choose(
    project: Project, theirs: Theirs, names: Sequence[str], baselines: Collection[ObjectId] | None
) -> list[ExperimentRef]:
    """The experiments of a remote that are asked for. Raises ExpError naming those that it does not have."""
    if names:
        return find_experiments(project.repository, names, theirs.experiments)
    return [each for each in theirs.experiments if baselines is None or each.baseline in baselines]


def _here(project: Project, experiments: Sequence[ExperimentRef]) -> _Here:
    """What is here under their names; most are new, and no file of theirs is looked for."""
    names = set(project.repository.refs.names(PREFIX)) if experiments else set()
    return {each: _get(project, each) if ref_of(each.baseline, each.name) in names else None for each in experiments}


def _get(project: Project, experiment: ExperimentRef) -> ExperimentRef | None:
    """What is here under the name of an experiment; None also for a broken ref, which will not be overwritten."""
    try:
        return get(project.repository, experiment.baseline, experiment.name)
    except GitError:
        return None


def _judge(project: Project, experiment: ExperimentRef, here: ExperimentRef | None, *, replace: bool) -> Result:
    if here is None:
        return Result(experiment, "new")
    if here.id == experiment.id:
        return Result(experiment, "up to date")
    if replace or is_behind(project, here.id, experiment.id):
        return Result(experiment, "updated")
    return Result(experiment, "diverged", f"{str(here.id)[:7]} has this name here")


def _take(project: Project, due: Sequence[ExperimentRef], here: _Here, when: int) -> dict[ExperimentRef, Result]:
    """Make the refs, all at once, or one by one if one of them is in the way; return the results of those refused."""
    try:
        _change(project, due, here, when)
    except (ExpError, GitError, OSError):  # nothing has changed
        return {each: refused for each in due if (refused := _take_one(project, each, here, when))}
    return {}


def _take_one(project: Project, experiment: ExperimentRef, here: _Here, when: int) -> Result | None:
    try:
        _change(project, [experiment], here, when)
    except (ExpError, GitError, OSError) as error:
        if _get(project, experiment) == experiment:  # another pull of the same was faster
            return Result(experiment, "up to date")
        return Result(experiment, "rejected", str(error))
    return None


def _change(project: Project, due: Sequence[ExperimentRef], here: _Here, when: int) -> None:
    for each in due:
        check_name(each.name)
        if project.repository.objects.find_kind(each.id) != "commit":
            raise BadName(f"{each.id}, which the remote has under this name, is no commit")
    gone = [known for each in due if (known := here[each])]
    if due:
        change_and_keep(project, "pull", gone=gone, new=due, kept=gone, when=when)


def _fetch(
    project: Project,
    remote: Remote,
    experiments: Sequence[ExperimentRef],
    notes: ObjectId | None,
    *,
    check: ObjectCheck | None,
) -> Received | None:
    """Fetch what experiments and notes need; None if all of it is here.

    Raises NotFound if something is missing, Corrupt for what does not stand up to `check`.
    """
    objects = project.repository.objects
    tips = [each.id for each in experiments]
    wanted = dict.fromkeys([*tips, *([notes] if notes else [])])
    haves = list(_tips_here(project))
    if all(objects.has_now(id_) for id_ in wanted):
        try:
            check_connected(project.repository, tips, haves)
        except NotFound:  # a pull that was cut off, or is at work beside us, has stored only a part
            pass
        else:
            return None
    received = _receive(project, remote, list(wanted), haves, check=check)
    try:
        if check:
            check.finish(objects)
        check_connected(project.repository, tips, haves, received)
    except BaseException:
        received.release()
        raise
    return received


def _receive(
    project: Project,
    remote: Remote,
    wanted: Collection[ObjectId],
    haves: Collection[ObjectId],
    *,
    check: ObjectCheck | None,
) -> Received:
    repository, objects = project.repository, project.repository.objects
    with IncomingPack(objects) as incoming:
        boundary = shallow_boundary(repository)
        update = remote.fetch_pack(wanted, haves, into=incoming, shallow=boundary, progress=project.progress)
        cut = sorted(str(id_)[:7] for id_ in update.shallow - boundary if not objects.has(id_))
        if cut:
            what = f"history that ends in the remote, which is a shallow clone (at {', '.join(cut)}),"
            raise Unsupported(what, remote.url)
        received = incoming.finish(check=check, progress=project.progress)
    objects.rescan()
    return received


def _tips_here(project: Project) -> Iterator[ObjectId]:
    """What refs here lead to and is here: HEAD first, then branches, tags and remote branches, then experiments."""
    repository = project.repository
    head = repository.head().id
    seen = {head}
    if head and repository.objects.has(head):
        yield head
    for prefix in ("refs/heads/", "refs/remotes/", "refs/tags/", PREFIX, HIDDEN, "refs/notes/"):
        for ref in repository.refs.refs(prefix):
            if ref.id and ref.id not in seen and repository.objects.has(ref.id):
                seen.add(ref.id)
                yield ref.id


def _take_notes(project: Project, theirs: Theirs, ids: Sequence[ObjectId], where: Place) -> tuple[str, ...]:
    try:
        notes = read(project.repository.objects, theirs.notes, ids) if theirs.notes and ids else {}
        if notes:
            merge_in(project, notes, f"notes: pulled from {where.called}")
    except GitError as error:
        return (f"the notes of the experiments were not taken: {error}",)
    return ()
