"""A repository: where its folders are, what its format is, and the stores of what it holds. No verbs.

`discover` refuses by name what may not be trusted (`trust.py`), and then what the repository's format asks for and this
package does not have (`extensions.py`), before any other file of it is read. Authority: gitrepository-layout(5), git(1)
"ENVIRONMENT VARIABLES", git's `setup.c`.
"""

import os
from collections.abc import Mapping, Sequence

from .config import Config
from .configfiles import read_file as read_config_file
from .discovery import common_dir_of, find_git_dir, git_dir_in
from .errors import Conflict, Corrupt, GitError, NotFound, Unsupported
from .extensions import VERSION, check_format
from .formats.alternates import decode_alternates
from .formats.config import Setting
from .formats.refs import SymbolicRef
from .ids import ObjectId
from .lighttyping import NamedTuple
from .stores.files import PRIVATE, Sharing, make_folders, read_start, replace_file
from .stores.filesrefs import FilesRefStore
from .stores.indexfile import IndexFile
from .stores.objectstore import ObjectStore
from .stores.reflogs import LogPolicy
from .stores.refstore import RefStore, RefUpdate
from .stores.reftransaction import WriteRules

_NEW_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
_LONGEST_REF = 1 << 16  # bytes of HEAD that are looked at for `includeIf.onbranch`


class Head(NamedTuple):
    """Where HEAD is. `branch` is None when detached, `id` None before the first commit."""

    branch: str | None
    id: ObjectId | None


class Repository:
    """An open repository.

    `git_dir` is the Git folder of this work tree, `common_dir` the one that all work trees share, `work_tree` the
    folder of the user's files (None in a bare repository and inside of a Git folder); all are absolute paths. `prefix`
    is where in the work tree the repository was opened, "" or ending with "/", and None outside of it. `environ` is
    what was passed in.
    """

    def __init__(self, git_dir: str, found: str | None, environ: Mapping[str, str], *, start: str = ".") -> None:
        """Open a Git folder; raises Unsupported for a format that is not supported.

        `found` is the folder that it stands for, if there is one; what the environment and the configuration say of the
        work tree comes first. `start` is the folder from which relative paths in `environ` are meant.
        """
        if environ.get("GIT_REFERENCE_BACKEND", "files") != "files":
            raise Unsupported(f"the environment variable GIT_REFERENCE_BACKEND={environ['GIT_REFERENCE_BACKEND']}")
        self.environ = environ
        self.git_dir = os.path.realpath(git_dir)
        self.common_dir, is_shared = common_dir_of(self.git_dir, environ, start)
        own = read_config_file(f"{self.common_dir}/config")
        self.object_format = check_format(own)
        self.config = Config.load(environ, git_dir=self.git_dir, own=own, branch=_branch_of(self.git_dir))
        self.sharing = Sharing(self.config.get("core.sharedrepository", alone="group"))
        layout = self._layout(own, is_shared)
        self.work_tree = self._find_work_tree(layout, found, start)
        self.is_bare = self.work_tree is None and self.config.get_bool("core.bare", True)
        self.prefix = _prefix(self.work_tree, start)
        index = environ.get("GIT_INDEX_FILE") or f"{self.git_dir}/index"
        self.objects = self._object_store(start)
        refs = FilesRefStore if environ.get("GIT_QUARANTINE_PATH") is None else _QuarantinedRefs
        self.refs: RefStore = refs(self.git_dir, self.common_dir, self.object_format, self._ref_rules())
        self.index = IndexFile(os.path.join(self.work_tree or start, index), self.object_format)

    def _layout(self, own: list[Setting], is_shared: bool) -> Config:
        """The settings that say of which form this work tree is; those in a shared file are about the main one.

        Source: git's `setup.c`, `check_repository_format_gently`.
        """
        config = Config(own)
        if not config.settings(VERSION) or config.get_int(VERSION, 0) < 0:
            return Config()
        if config.get_bool("extensions.worktreeconfig", False):
            return Config([*own, *read_config_file(f"{self.git_dir}/config.worktree")])
        return Config() if is_shared else config

    def _find_work_tree(self, layout: Config, found: str | None, start: str) -> str | None:
        """Source: git's `setup.c`, `setup_explicit_git_dir`."""
        asked = self.environ.get("GIT_WORK_TREE")
        if asked == "":
            raise GitError("GIT_WORK_TREE is empty: it must name a folder")
        if asked is not None:
            return os.path.realpath(os.path.join(start, asked))
        if layout.get_bool("core.bare", False):
            return None
        configured = layout.get("core.worktree")
        if configured is not None:
            path = os.path.realpath(os.path.join(self.git_dir, configured))
            if not os.path.isabs(configured) and not os.path.isdir(path):
                raise NotFound(f"{self.git_dir}: core.worktree = {configured}: there is no folder {path}")
            return path
        return os.path.realpath(found) if found is not None else None

    def _ref_rules(self) -> WriteRules:
        """How refs are written here. Source: git-config(1), `core.logAllRefUpdates` and the like."""
        logs: LogPolicy = "none" if self.is_bare else "normal"
        setting = self.config.get("core.logallrefupdates", alone="true")
        if setting is not None:
            always = setting.lower() == "always"
            logs = "always" if always else "normal" if self.config.get_bool("core.logallrefupdates", True) else "none"
        return WriteRules(
            self.sharing,
            logs,
            lock_timeout_s=self.config.get_int("core.filesreflocktimeout", 100) / 1000,
            packed_timeout_s=self.config.get_int("core.packedrefstimeout", 1000) / 1000,
            ignore_case=self.config.get_bool("core.ignorecase", False),
            find_kind=self.objects.find_kind,
        )

    def _object_store(self, start: str) -> ObjectStore:
        named = self.environ.get("GIT_OBJECT_DIRECTORY")
        path = f"{self.common_dir}/objects" if named is None else os.path.realpath(os.path.join(start, named))
        listed = os.fsencode(self.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", ""))
        others = [os.fsdecode(each) for each in decode_alternates(listed, os.pathsep.encode())]
        return ObjectStore(
            path, self.object_format, self.sharing, alternates=[os.path.join(start, each) for each in others]
        )

    @classmethod
    def discover(cls, path: str, environ: Mapping[str, str]) -> "Repository":
        """The repository that holds the folder `path`, as git looks for it; raises NotFound, Unsafe.

        `GIT_DIR` and `GIT_WORK_TREE` in `environ` decide first; the search upwards ends where git's does.
        """
        try:
            here = os.path.abspath(path)
        except FileNotFoundError:
            raise NotFound(f"{path} cannot be looked for: the current folder does not exist any more") from None
        git_dir, top = find_git_dir(here, environ)
        return cls(git_dir, top, environ, start=here)

    @classmethod
    def at(cls, folder: str, environ: Mapping[str, str]) -> "Repository | None":
        """The repository whose work tree has its top in `folder`, as of a submodule; None if there is none.

        Raises NotFound or Corrupt for a `.git` that is none. Nobody is asked whether it may be trusted.
        """
        git_dir = git_dir_in(folder, environ, folder)
        if git_dir is None and os.path.lexists(f"{folder}/.git"):
            raise NotFound(f"{folder}/.git is not a Git folder")
        return cls(git_dir, folder, environ, start=folder) if git_dir else None

    @classmethod
    def init(cls, path: str, environ: Mapping[str, str], branch: str = "main") -> "Repository":
        """Make an empty repository with a work tree in the folder `path`. Raises Conflict if there is one."""
        git_dir = f"{path}/.git"
        if os.path.lexists(git_dir):
            raise Conflict(f"{git_dir} exists already")
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            make_folders(f"{git_dir}/{folder}", PRIVATE)
        replace_file(f"{git_dir}/config", _NEW_CONFIG, PRIVATE)
        replace_file(f"{git_dir}/HEAD", f"ref: refs/heads/{branch}\n".encode(), PRIVATE)
        return cls(git_dir, path, environ)

    def head(self) -> Head:
        """Where HEAD is now. Raises Corrupt if HEAD cannot be read."""
        found = self.refs.read("HEAD")
        if isinstance(found, SymbolicRef):
            return Head(found.target.removeprefix("refs/heads/"), self.refs.get("HEAD"))
        if found is None:
            raise Corrupt(f"{self.git_dir}/HEAD", None, "it is missing")
        return Head(None, found)


class _QuarantinedRefs(FilesRefStore):
    """Refs while `git receive-pack` runs its hooks: its objects may be thrown away, so no ref may come to need them."""

    def update(self, updates: Sequence[RefUpdate], *, signature: bytes = b"") -> None:
        """Refused, as by git."""
        del signature
        names = ", ".join(sorted(update.name for update in updates))
        raise GitError(f"{names}: refs do not change inside of a quarantine (GIT_QUARANTINE_PATH is set)")


def _prefix(work_tree: str | None, start: str) -> str | None:
    """The path of a folder in the work tree."""
    below = os.path.realpath(start) + "/"
    top = (work_tree or "").rstrip("/") + "/"
    return below[len(top) :] if work_tree is not None and below.startswith(top) else None


def _branch_of(git_dir: str) -> str | None:
    """The branch that HEAD names, for `includeIf.onbranch`."""
    prefix = b"ref: refs/heads/"
    head = read_start(f"{git_dir}/HEAD", _LONGEST_REF) or b""
    return os.fsdecode(head[len(prefix) :].strip()) if head.startswith(prefix) else None
