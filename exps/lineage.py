"""Whether one commit of an experiment goes on from another, so that nothing is lost when it takes its place."""

from expref.objstore.errors import GitError
from expref.objstore.history import is_ancestor
from expref.objstore.ids import ObjectId

from .project import Project


def is_behind(project: Project, old: ObjectId, new: ObjectId) -> bool:
    """Whether `new` continues `old`, as a chain of checkpoints does; False if `old` is not here."""
    try:
        return project.repository.objects.has(old) and is_ancestor(project.repository, old, new)
    except GitError:
        return False
