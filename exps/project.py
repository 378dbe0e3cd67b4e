"""A project: a work tree with its repository, settings, clock and identity. Opened once, passed down to every verb."""

import os
import time
from collections.abc import Mapping

from expref.objstore.errors import BadName
from expref.objstore.formats.objects import Signature, encode_signature
from expref.objstore.progress import SILENT, Progress
from expref.objstore.repository import Repository

from .errors import ExpError
from .model import Ask, nobody
from .settings import Settings
from .state import State


class Project:
    """An open project.

    `root` is the absolute path that paths in output are relative to: the nearest folder upwards that holds `.dvc/`,
    else the top of the work tree. `prefix` is where that lies in the repository's trees: empty, or ending with "/".
    """

    def __init__(self, repository: Repository, path: str, *, progress: Progress = SILENT, ask: Ask = nobody) -> None:
        """Make a project of an open repository, seen from the folder `path`. Raises ExpError without a work tree."""
        if repository.work_tree is None:
            raise ExpError(f"{path} is in a Git folder, not in a work tree", "run this in a work tree of it")
        self.repository, self.work_tree = repository, repository.work_tree
        self.root = _root(os.path.realpath(path), self.work_tree)
        below = os.path.relpath(self.root, self.work_tree)
        self.prefix = b"" if below == os.curdir else os.fsencode(below).replace(os.sep.encode(), b"/") + b"/"
        self.settings = Settings.read(repository.config)
        self.state, self.own_state = State.shared(repository), State.of_work_tree(repository)
        self.progress, self.ask = progress, ask

    @classmethod
    def open(
        cls, path: str, environ: Mapping[str, str], *, progress: Progress = SILENT, ask: Ask = nobody
    ) -> "Project":
        """The project that holds the folder `path`.

        `environ` takes the place of the process's environment. Raises GitError: NotFound outside a repository,
        Unsupported for a repository that needs something we do not have.
        """
        return cls(Repository.discover(path, environ), path, progress=progress, ask=ask)

    def now(self) -> int:
        """The time, in epoch seconds. The only clock there is."""
        return int(time.time())

    def signature(self, role: str, when: int) -> bytes:
        """The line that names the user in a commit; `role` is "author" or "committer".

        From GIT_AUTHOR_NAME and the like, then author.name, user.name and so on, as git; nothing is guessed. Raises
        ExpError if there is no name or address.
        """
        (name, source), (email, _) = (self._identity(role, part) for part in ("name", "email"))
        offset = time.localtime(when).tm_gmtoff // 60
        try:
            return encode_signature(Signature(_bytes(name), _bytes(email), when, offset))
        except BadName:
            setting = self.repository.config.settings(source) if "." in source else []
            hint = f"set it in {setting[-1].place}" if setting else f"unset {source}, or put a name into it"
            raise ExpError(f"{source} is {name!r}: nothing that can sign", hint) from None

    def log_signature(self, when: int) -> bytes:
        """The line that names the user in a reflog: somebody unknown where there is no name, as git finds one too."""
        try:
            return self.signature("committer", when)
        except ExpError:
            return encode_signature(Signature(b"unknown", b"unknown", when, time.localtime(when).tm_gmtoff // 60))

    def _identity(self, role: str, part: str) -> tuple[str, str]:
        """A name or an address, and which variable or setting it is from. An empty variable counts, as for git."""
        environ, config = self.repository.environ, self.repository.config
        variable = f"GIT_{role.upper()}_{part.upper()}"
        if variable in environ:
            return environ[variable], variable
        for source in (f"{role}.{part}", f"user.{part}"):
            found = config.get(source)
            if found:
                return found, source
        if part == "email" and environ.get("EMAIL"):
            return environ["EMAIL"], "EMAIL"
        place = f"{self.repository.common_dir}/config"
        example = "Your Name" if part == "name" else "you@example.com"
        raise ExpError(
            f"who are you? user.{part} is not set, and every experiment is signed",
            f'run `git config user.{part} "{example}"`, or add to {place}: [user] {part} = {example}',
        )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _root(path: str, work_tree: str) -> str:
    """The nearest folder from `path` up to `work_tree` that holds `.dvc/`; `work_tree` if none does."""
    while path.startswith(work_tree + os.sep):
        if os.path.isdir(f"{path}/.dvc"):
            return path
        path = os.path.dirname(path)
    return work_tree
