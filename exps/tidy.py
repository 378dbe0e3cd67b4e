"""Tidy: the objects of experiments are put together before there are so many that git would repack everything.

What it cannot do it leaves: an experiment is safe without it.
"""

from expref.objstore.closure import objects_between
from expref.objstore.consolidate import consolidate, is_wanted
from expref.objstore.crowd import crowd
from expref.objstore.errors import GitError
from expref.objstore.ids import ObjectId
from expref.objstore.stores.keepmarks import release_left_over

from .formats.refnames import HIDDEN, PREFIX
from .housekeeping import note
from .project import Project


def tidy(project: Project) -> None:
    """Put the objects of experiments into one pack, and remember how much is left."""
    repository = project.repository
    try:
        release_left_over(f"{repository.objects.path}/pack")
        if is_wanted(repository):
            consolidate(repository, _of_experiments(project), project.progress)
    except (GitError, OSError):  # a broken experiment, a full disk, another process at the same work
        pass
    note(project, crowd(repository))


def _of_experiments(project: Project) -> set[ObjectId]:
    """The objects that hidden refs need, and what the user's refs stand on does not have."""
    refs, head = project.repository.refs, project.repository.head().id
    tips = {ref.id for prefix in (PREFIX, HIDDEN) for ref in refs.refs(prefix) if ref.id}
    own = {ref.id for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/") for ref in refs.refs(prefix) if ref.id}
    return {each.id for each in objects_between(project.repository, tips, {*own, *([head] if head else ())})}
