"""The other repositories that experiments go to and come from: which one is meant, how it is opened, what it has."""

import os
from collections.abc import Iterable

from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.transport.api import (
    Remote,
    RemoteRef,
    open_remote,
    pushing_urls,
    reading_url,
    without_password,
)

from .dvcconfig import get
from .errors import ExpError, Status
from .formats.refnames import NOTES, PREFIX, parse_ref
from .model import ExperimentRef
from .project import Project

DEFAULT = "origin"


class Place(NamedTuple):
    """A remote: its name in the settings, or None where only an address is known, and that name or address."""

    name: str | None
    address: str

    @property
    def called(self) -> str:
        """What people call it; no password is in it."""
        return without_password(self.address)


class Theirs(NamedTuple):
    """What a remote has: its experiments, by baseline and name, and where its notes are."""

    experiments: tuple[ExperimentRef, ...]
    notes: ObjectId | None


def is_remote(project: Project, text: str, folder: str) -> bool:
    """Whether `text` is the name of a remote, an address, or a path: not the name of an experiment.

    A path has a slash, or leads to a repository from `folder`.
    """
    if text in _names(project) or "://" in text or text.startswith(("/", "./", "../")):
        return True
    return ":" in text.partition("/")[0].removeprefix("exp:") or (
        bool(text) and _is_repository(os.path.join(folder, text))
    )


def _is_repository(path: str) -> bool:
    try:
        return os.path.lexists(f"{path}/.git") or (os.path.isdir(f"{path}/objects") and os.path.exists(f"{path}/HEAD"))
    except ValueError:  # a NUL
        return False


def _names(project: Project) -> set[str]:
    return {each.subsection for each in project.repository.config.items("remote.") if each.subsection}


def place(project: Project, text: str | None, folder: str | None = None) -> Place:
    """The remote that is meant: `text`, or what the settings say, or "origin".

    A relative path in `text` is meant from `folder`, one of the settings from the top of the work tree. Raises ExpError
    if there is no such remote.
    """
    names, start = _names(project), (folder if text else None) or project.work_tree
    called = text or get(project, "exp", "git_remote") or project.settings.git_remote or DEFAULT
    if called in names:
        return Place(called, called)
    if text is None and called == DEFAULT:
        hint = f"name one ({', '.join(sorted(names))}), or set exps.gitRemote"
        hint = hint if names else "name an address, or make one with `git remote add`"
        raise ExpError("there is no remote 'origin' here", hint, Status.NOT_FOUND)
    if not is_remote(project, called, start):
        known = f" (those here: {', '.join(sorted(names))})" if names else ", nor any other"
        raise ExpError(f"there is no remote {called!r}{known}", "`git remote add` makes one", Status.NOT_FOUND)
    is_path = not called.startswith("-") and ":" not in called.partition("/")[0] and "\0" not in called
    return Place(None, os.path.normpath(os.path.join(start, called)) if is_path else called)


def reading(project: Project, where: Place) -> Remote:
    """Open a remote to read from it. Raises GitError."""
    return _open(project, where, reading_url(project.repository.config, where.address))


def writing(project: Project, where: Place) -> list[Remote]:
    """Open a remote to push to it: every address that it has for that. Raises GitError."""
    return [_open(project, where, url) for url in pushing_urls(project.repository.config, where.address)]


def _open(project: Project, where: Place, url: str) -> Remote:
    repository = project.repository
    return open_remote(
        url, config=repository.config, environ=repository.environ, ask=project.ask, name=where.name,
        folder=project.work_tree, form=repository.object_format, signature=project.log_signature(project.now()),
    )  # fmt: skip


def sorted_out(project: Project, refs: Iterable[RemoteRef]) -> Theirs:
    """What the refs of a remote are to us. Names that are no experiment's are passed over."""
    form = project.repository.object_format
    by_name = {ref.name: ref.id for ref in refs}
    found = (parse_ref(name, id_, form) for name, id_ in by_name.items() if name.startswith(PREFIX))
    return Theirs(tuple(sorted(filter(None, found))), by_name.get(NOTES))


def experiments_of(project: Project, where: Place) -> tuple[ExperimentRef, ...]:
    """The experiments that a remote has, by baseline and name. Raises GitError."""
    with reading(project, where) as remote:
        return sorted_out(project, remote.list_refs([PREFIX])).experiments
