"""A repository: where its folders are, what its format is, and the stores of what it holds. No verbs.

`discover` and `open` refuse by name what the repository's format asks for and this package does not have, before any
other file of it is read. Authority: gitrepository-layout(5), git's `setup.c` (`verify_repository_format`),
`Documentation/technical/repository-version.txt`.
"""
import os
from collections.abc import Mapping
from typing import NamedTuple

from .config import Config
from .config import read_file as read_config_file
from .errors import Conflict, Corrupt, NotFound, Unsupported
from .formats.config import Setting, as_bool
from .formats.refs import SymbolicRef
from .ids import OBJECT_FORMATS, SHA1, ObjectFormat, ObjectId
from .stores.files import PRIVATE, Sharing, make_folders, read_file, replace_file
from .stores.indexfile import IndexFile
from .stores.objectstore import ObjectStore
from .stores.refstore import FilesRefStore, RefStore

_ALWAYS = frozenset({"noop", "preciousobjects", "partialclone", "worktreeconfig"})  # honoured in version 0 too
_VERSION_1: dict[str, set[str] | None] = {  # extension: the values that are supported; None: all
    "noop-v1": None,
    "objectformat": {"sha1"},
    "refstorage": {"files"},
    "relativeworktrees": {"true", "false", "yes", "no", "on", "off", "1", "0"},
}
_V1_ONLY = frozenset({"noop-v1", "objectformat", "compatobjectformat", "refstorage", "relativeworktrees"})
_VERSION = "core.repositoryformatversion"
_NEW_CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
_REDIRECTS = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


class Head(NamedTuple):
    """Where HEAD is. `branch` is None when detached, `id` None before the first commit."""

    branch: str | None
    id: ObjectId | None


class Repository:
    """An open repository.

    `git_dir` is the Git folder of this work tree, `common_dir` the one that all work trees share, `work_tree` the
    folder of the user's files (None in a bare repository); all are absolute paths. `environ` is what was passed in.
    """

    def __init__(self, git_dir: str, found: str | None, environ: Mapping[str, str], *, start: str = ".") -> None:
        """Open a Git folder; raises Unsupported for a format that is not supported.

        `found` is the folder that it stands for, if there is one; what the environment and the configuration say of the
        work tree comes first. `start` is the folder from which relative paths in `environ` are meant.
        """
        for name in _REDIRECTS:
            if environ.get(name):
                raise Unsupported(f"the environment variable {name}")
        self.environ = environ
        self.git_dir = os.path.realpath(git_dir)
        common = environ.get("GIT_COMMON_DIR")
        self.common_dir = os.path.realpath(os.path.join(start, common)) if common else _common_dir(self.git_dir)
        own = read_config_file(f"{self.common_dir}/config")
        self.object_format = check_format(own, f"{self.common_dir}/config")
        self.config = Config.load(
            git_dir=self.git_dir, common_dir=self.common_dir, environ=environ, branch=_branch_of(self.git_dir)
        )
        self.sharing = Sharing(self.config.get("core.sharedrepository", alone="group"))
        self.work_tree = self._find_work_tree(own, found, start)
        index = environ.get("GIT_INDEX_FILE") or f"{self.git_dir}/index"
        self.objects = ObjectStore(f"{self.common_dir}/objects", self.object_format, self.sharing)
        self.refs: RefStore = FilesRefStore(self.git_dir, self.common_dir, self.object_format, self.sharing)
        self.index = IndexFile(os.path.join(self.work_tree or start, index), self.object_format)

    def _find_work_tree(self, own: list[Setting], found: str | None, start: str) -> str | None:
        """Source: git's `setup.c` (`setup_explicit_git_dir`, `check_repository_format_gently`)."""
        asked = self.environ.get("GIT_WORK_TREE")
        if asked:
            return os.path.realpath(os.path.join(start, asked))
        config = Config(own)
        if not config.settings(_VERSION):
            config = Config()
        elif config.get_bool("extensions.worktreeconfig", False):
            config = Config([*own, *read_config_file(f"{self.git_dir}/config.worktree")])
        elif self.git_dir != self.common_dir:
            config = Config()  # of a linked work tree: what is in the shared file is about the main one
        if config.get_bool("core.bare", False):
            return None
        configured = config.get("core.worktree")
        if configured is not None:
            return os.path.realpath(os.path.join(self.git_dir, configured))
        return os.path.realpath(found) if found is not None else None

    @classmethod
    def discover(cls, path: str, environ: Mapping[str, str]) -> "Repository":
        """The repository that holds the folder `path`, as git looks for it; raises NotFound.

        `GIT_DIR` and `GIT_WORK_TREE` in `environ` decide first; the search upwards ends where git's does.
        """
        if environ.get("GIT_DIR"):
            git_dir = _follow(os.path.join(path, environ["GIT_DIR"]))
            if not _is_git_dir(git_dir):
                raise NotFound(f"GIT_DIR={environ['GIT_DIR']} is not a Git repository")
            return cls(git_dir, path, environ, start=path)
        across = as_bool(environ.get("GIT_DISCOVERY_ACROSS_FILESYSTEM", "false"))
        named = environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep)
        ceilings = {os.path.realpath(each) for each in named if os.path.isabs(each)}
        folder = os.path.realpath(path)
        while True:
            found = _git_dir_in(folder)
            if found:
                return cls(found, folder, environ, start=path)
            if _is_git_dir(folder):
                return cls(folder, None, environ, start=path)
            above = os.path.dirname(folder)
            if above == folder or above in ceilings or (os.path.ismount(folder) and not across):
                raise NotFound(f"{path} is not inside a Git repository (looked up to {folder})")
            folder = above

    @classmethod
    def at(cls, folder: str, environ: Mapping[str, str]) -> "Repository | None":
        """The repository whose work tree has its top in `folder`, as of a submodule; None if there is none.

        Raises NotFound or Corrupt for a `.git` that is none.
        """
        git_dir = _git_dir_in(folder)
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


def check_format(own: list[Setting], source: str) -> ObjectFormat:
    """The object format of the repository whose common configuration file holds the settings `own`.

    Raises Unsupported, naming version, extension or value, exactly where git would refuse to work or we must. Without
    a version git looks at no extension.
    """
    settings = {entry.name: entry.value for entry in own}
    if _VERSION not in settings:
        return SHA1
    version = settings[_VERSION]
    if version not in ("0", "1"):
        raise Unsupported(f"repository format version {version}", source)
    form = SHA1
    for name, value in settings.items():
        if not name.startswith("extensions."):
            continue
        extension = name.removeprefix("extensions.")
        if extension in _ALWAYS or (version == "0" and extension not in _V1_ONLY):
            continue
        allowed = _VERSION_1.get(extension, set())
        if version == "0" or (allowed is not None and (value or "true").lower() not in allowed):
            raise Unsupported(f"extensions.{extension} = {value or 'true'} (format version {version})", source)
        form = OBJECT_FORMATS[value.lower()] if extension == "objectformat" and value else form
    return form


def _git_dir_in(folder: str) -> str | None:
    """The Git folder that `folder/.git` is or names; None if there is no such thing."""
    path = f"{folder}/.git"
    if os.path.isdir(path):
        return path if _is_git_dir(path) else None
    if not os.path.isfile(path):
        return None
    git_dir = _follow(path)
    if not _is_git_dir(git_dir):
        raise NotFound(f"{path} names {git_dir}, which is not a Git folder")
    return git_dir


def _follow(path: str) -> str:
    """The folder that a file `.git` names; `path` itself if that is no file."""
    if not os.path.isfile(path):
        return path
    content = read_file(path) or b""
    if not content.startswith(b"gitdir: "):
        raise Corrupt(path, 0, "not a Git folder, nor a file that names one")
    return os.path.normpath(os.path.join(os.path.dirname(path), os.fsdecode(content[8:].rstrip(b"\r\n"))))


def _is_git_dir(path: str) -> bool:
    if not os.path.lexists(f"{path}/HEAD"):
        return False
    common = _common_dir(path)
    return os.path.isdir(f"{common}/objects") and os.path.isdir(f"{common}/refs")


def _common_dir(git_dir: str) -> str:
    named = read_file(f"{git_dir}/commondir")
    return git_dir if named is None else os.path.realpath(os.path.join(git_dir, os.fsdecode(named.rstrip(b"\r\n"))))


def _branch_of(git_dir: str) -> str | None:
    """The branch that HEAD names, for `includeIf.onbranch`."""
    prefix = b"ref: refs/heads/"
    head = read_file(f"{git_dir}/HEAD") or b""
    return os.fsdecode(head[len(prefix) :].strip()) if head.startswith(prefix) else None
