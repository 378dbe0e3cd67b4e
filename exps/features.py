"""What a repository has that is not in every one, and how we treat it: for people who wonder, in `exps doctor`.

Reads only. What no command can work with never gets here: opening the repository says it.
"""

import os
from collections.abc import Callable, Iterator

from expref.objstore.errors import GitError
from expref.objstore.history import shallow_boundary
from expref.objstore.lighttyping import NamedTuple

from .errors import ExpError
from .operation import in_progress
from .project import Project


class Feature(NamedTuple):
    """Something of a repository, and what it means for experiments."""

    what: str
    treatment: str


def features(project: Project) -> Iterator[Feature]:
    """All that is found, in the order of the table."""
    for look, treatment in _TABLE.items():
        what = look(project)
        if what:
            yield Feature(what, treatment)


def _signer(project: Project) -> str:
    try:
        return project.signature("author", 0).rsplit(b" ", 2)[0].decode("utf-8", "surrogateescape")
    except ExpError:
        return ""  # a problem, and told as one


def _linked(project: Project) -> str:
    own, common = project.repository.git_dir, project.repository.common_dir
    return f"a linked work tree of {common}" if own != common else ""


def _submodule(project: Project) -> str:
    return "the work tree of a submodule" if "/.git/modules/" in project.repository.git_dir else ""


def _dvc(project: Project) -> str:
    return f"a DVC project in {project.root}" if os.path.isdir(f"{project.root}/.dvc") else ""


def _operation(project: Project) -> str:
    found = in_progress(project.repository)
    return f"{found} is in progress" if found else ""


def _shallow(project: Project) -> str:
    count = len(shallow_boundary(project.repository))
    return f"a shallow clone: history ends at {count} commit{'s' if count > 1 else ''}" if count else ""


def _partial(project: Project) -> str:
    return "a partial clone" if project.repository.objects.is_partial() else ""


def _alternates(project: Project) -> str:
    return _file("objects/info/alternates", "objects of other repositories are borrowed")(project)


def _submodules(project: Project) -> str:
    return "submodules" if os.path.exists(f"{project.work_tree}/.gitmodules") else ""


def _filters(project: Project) -> str:
    config = project.repository.config
    found = {each.subsection for each in config.items("filter.") if each.name.endswith((".clean", ".process"))}
    return f"filters with a program: {', '.join(sorted(filter(None, found)))}" if found else ""


def _hooks(project: Project) -> str:
    folder = project.repository.config.get("core.hookspath") or f"{project.repository.common_dir}/hooks"
    try:
        found = [name for name in sorted(os.listdir(folder)) if not name.endswith(".sample")]
    except OSError:
        return ""
    return f"hooks: {', '.join(found)}" if found else ""


def _replaced(project: Project) -> str:
    count = sum(1 for _ in project.repository.refs.refs("refs/replace/"))
    return f"{count} replace ref{'s' if count > 1 else ''}" if count else ""


def _index(project: Project) -> str:
    try:
        index = project.repository.index.read()
    except (GitError, OSError):
        return ""  # a problem, and told as one
    return f"{len(index)} tracked file{'s' if len(index) != 1 else ''}"


def _set(name: str, what: str) -> Callable[[Project], str]:
    """Whether a setting is on."""

    def look(project: Project) -> str:
        value = project.repository.config.get(name, alone="true")
        return what.format(value) if value and value.lower() not in ("false", "no", "off", "0") else ""

    return look


def _file(name: str, what: str) -> Callable[[Project], str]:
    """Whether there is a file in the common Git folder."""

    def look(project: Project) -> str:
        return what if os.path.exists(f"{project.repository.common_dir}/{name}") else ""

    return look


_TABLE: dict[Callable[[Project], str], str] = {
    _index: "saved as they are in the work tree, as `git add -u` would",
    _signer: "signs what is saved here",
    _linked: "experiments are shared by all work trees; undo steps belong to each",
    _submodule: "a repository of its own: experiments made here stay here",
    _dvc: "experiments are DVC's; cached outputs are left to DVC for now",
    _operation: "an experiment saved now stands on the commit that HEAD is at; unmerged paths are refused",
    _shallow: "`-n` and history end there",
    _partial: "objects that are missing are not fetched; what needs them says so",
    _alternates: "they are read; nothing is written there",
    _set("core.sparsecheckout", "a sparse checkout"): "files that are not checked out are saved as the index has them",
    _submodules: "saved as the commits that they are at; what is changed in them is not",
    _filters: "see docs/compatibility.md for those that are run",
    _hooks: "never run",
    _set("core.autocrlf", "line ends are converted (core.autocrlf = {})"): "as `git add` does it",
    _set("core.fsmonitor", "a file system monitor"): "not asked",
    _set("commit.gpgsign", "commits are signed"): "experiments are not",
    _set("core.sharedrepository", "a repository shared by a group ({})"): "what we write gets the same permissions",
    _replaced: "ignored",
    _file("info/grafts", "grafts"): "ignored",
}
