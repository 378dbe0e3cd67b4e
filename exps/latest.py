"""The experiment that was saved last from this work tree: what it holds is safe, so the next save need not look at it.

Kept in the state folder as "<ref> <hex id>\\n" (docs/formats/state.md); believed only while the ref is at that commit.
"""
from expref.objstore.errors import GitError
from expref.objstore.ids import ObjectId

from .formats.refnames import ref_of
from .model import ExperimentRef
from .project import Project

FILE = "latest"


def remember_latest(project: Project, ref: ExperimentRef) -> None:
    """Note an experiment that has its ref now."""
    project.own_state.write(FILE, f"{ref_of(ref.baseline, ref.name)} {ref.id}\n".encode("utf-8", "surrogateescape"))


def latest_tree(project: Project) -> ObjectId | None:
    """The tree of that experiment, if its ref still exists; None otherwise."""
    name, _, digits = (project.own_state.get(FILE) or b"").decode("utf-8", "surrogateescape").strip().rpartition(" ")
    try:
        id_ = project.repository.refs.get(name) if name else None
        return project.repository.objects.find_commit(id_).tree if id_ and str(id_) == digits else None
    except GitError:
        return None
