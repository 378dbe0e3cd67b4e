"""Which baselines to show: what the options of `exps show` mean, in the order in which DVC lists them."""

from collections.abc import Sequence

from expref.objstore.errors import GitError
from expref.objstore.history import commits
from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.revisions import find_commit

from .naming import find_baselines
from .project import Project


class Selection(NamedTuple):
    """Commits by name, each with its first parents, `num` in all (all of them if negative, none if 0).

    Those of branches too, and tags, or every commit that a branch, tag or HEAD has behind it.
    """

    revs: Sequence[str] = ()
    num: int = 1
    branches: bool = False
    tags: bool = False
    commits: bool = False


def select(project: Project, chosen: Selection) -> list[ObjectId]:
    """The commits, each once; HEAD if nothing is named. Raises as `find_baselines`; none before the first commit."""
    repository = project.repository
    if repository.head().id is None:
        return []
    everything = chosen.branches or chosen.tags or chosen.commits
    found = dict.fromkeys(_lines(project, chosen.revs or (() if everything else ("HEAD",)), chosen.num))
    if chosen.commits:
        found.update(dict.fromkeys(_all_commits(project)))
        return list(found)
    if chosen.branches:
        names = sorted(ref.name for ref in repository.refs.refs("refs/heads/") if ref.id)
        found.update(dict.fromkeys(_lines(project, names, chosen.num)))
    if chosen.tags:
        names = sorted(ref.name for ref in repository.refs.refs("refs/tags/") if ref.id)
        found.update((id_, None) for name in names if (id_ := _get_commit(project, name)))
    return list(found)


def _lines(project: Project, revs: Sequence[str], num: int) -> list[ObjectId]:
    return find_baselines(project.repository, revs, num, now=project.now()) if num and revs else []


def _get_commit(project: Project, name: str) -> ObjectId | None:
    """The commit that a tag leads to; None for a tag of something else."""
    try:
        return find_commit(project.repository, name)
    except GitError:
        return None


def _all_commits(project: Project) -> list[ObjectId]:
    """What is behind HEAD, branches, remote branches and tags, newest first."""
    repository = project.repository
    places = ("refs/heads/", "refs/remotes/", "refs/tags/")
    names = ["HEAD", *(ref.name for place in places for ref in repository.refs.refs(place) if ref.id)]
    known = [id_ for name in names if (id_ := _get_commit(project, name))]
    return [id_ for id_, _ in commits(repository, list(dict.fromkeys(known)))]


def names_of(project: Project, chosen: Selection) -> dict[ObjectId, list[str]]:
    """What `metrics show` calls the commits that are selected: by branches and tags, or by their ids."""
    if chosen.commits:
        return {id_: [str(id_)] for id_ in _all_commits(project)}
    names: dict[ObjectId, list[str]] = {}
    for wanted, prefix in ((chosen.branches, "refs/heads/"), (chosen.tags, "refs/tags/")):
        for ref in project.repository.refs.refs(prefix) if wanted else ():
            id_ = _get_commit(project, ref.name) if ref.id else None
            if id_:
                names.setdefault(id_, []).append(ref.name.removeprefix(prefix))
    return names
