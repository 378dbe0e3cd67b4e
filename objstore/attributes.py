"""The attributes of paths: what `.gitattributes` files and those of the repository, the user and the machine say.

What the attributes ask for is not this module's business (`conversion`), nor is the text of one file
(`formats/attributes.py`). Authority: gitattributes(5); git's `attr.c` (`bootstrap_attr_stack`).
"""

import os
import stat
from collections.abc import Callable, Mapping

from .config import Config
from .errors import GitError, Unsupported
from .formats import attributes
from .formats.attributes import AttributesFile, State, States
from .formats.config import as_bool
from .formats.index import Index
from .formats.objects import GITLINK
from .repository import Repository
from .stores.files import BINARY, CLOEXEC, NOFOLLOW, NONBLOCK

SYSTEM_FILE = "/etc/gitattributes"
Indexed = Callable[[bytes], bytes | None]  # path → the blob in the index, None if there is none
_Frames = tuple[tuple[int, AttributesFile], ...]  # as `look_up` takes them


class Attributes:
    """The attributes of paths in one work tree. A file is read when a path first leads past it, and once."""

    def __init__(self, repository: Repository, indexed: Indexed) -> None:
        """Read what holds for every path. A `.gitattributes` that is not in the work tree is taken from the index.

        Raises Unsupported where attributes are to come from a tree (`GIT_ATTR_SOURCE`, `attr.tree`), GitError.
        """
        config, environ = repository.config, repository.environ
        if repository.work_tree is None:
            raise GitError(f"{repository.git_dir} is a bare repository: it has no work tree")
        if "GIT_ATTR_SOURCE" in environ:
            raise Unsupported("the environment variable GIT_ATTR_SOURCE")
        if tree := config.settings("attr.tree"):
            raise Unsupported("attr.tree", tree[-1].place)
        self._indexed = indexed
        self._fold = config.get_bool("core.ignorecase", False)
        self._root = os.fsencode(repository.work_tree) + b"/"
        self._info = self._at(f"{repository.common_dir}/info/attributes")
        users, machines = self._at(users_file(config, environ)), self._at(machines_file(environ))
        top = self._in_folder(b"")
        self._inside: _Frames = _with_rules((0, self._info))
        self._outside: _Frames = _with_rules((0, users), (0, machines))
        self._folders: dict[bytes, _Frames] = {b"": _with_rules((0, top))}
        self._macros: dict[str, States] = {**attributes.BUILT_IN}
        for file in (machines, users, top, self._info):  # the last one counts
            self._macros |= file.macros

    def are_said_in(self, folder: bytes) -> bool:
        """Whether any file says something that may hold for what is in a folder ("a/b/", "" the top)."""
        return bool(self._inside or self._outside or self._above(folder[:-1]))

    def of(self, path: bytes) -> dict[str, State]:
        """Every attribute that is said of the file `path`, those that macros bring included."""
        files = (*self._inside, *self._above(path.rpartition(b"/")[0]), *self._outside)
        return attributes.look_up(path, files, self._macros) if files else {}

    def _above(self, folder: bytes) -> _Frames:
        """The files in `folder` and the folders above it, the nearest first."""
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition(b"/")[0]
        found = self._folders[folder]
        for folder in reversed(unknown):
            file = self._in_folder(folder + b"/")
            found = ((len(folder) + 1, file), *found) if file.rules else found
            self._folders[folder] = found
        return found

    def _in_folder(self, folder: bytes) -> AttributesFile:
        name = folder + b".gitattributes"
        hidden = not NOFOLLOW and os.path.islink(self._root + name)  # Windows
        content = None if hidden else read_attributes(self._root + name, NOFOLLOW)
        if content is not None:
            return attributes.decode_file(content, fold=self._fold)
        return attributes.decode_blob(self._indexed(name) or b"", fold=self._fold)

    def _at(self, path: str | None) -> AttributesFile:
        content = None if path is None else read_attributes(os.path.join(self._root, os.fsencode(path)), 0)
        return attributes.EMPTY if content is None else attributes.decode_file(content, fold=self._fold)


def _with_rules(*frames: tuple[int, AttributesFile]) -> _Frames:
    return tuple((start, file) for start, file in frames if file.rules)


def users_file(config: Config, environ: Mapping[str, str]) -> str | None:
    """Relative paths are meant from the work tree."""
    named = config.get_path("core.attributesfile")
    if named is not None:
        return named
    if environ.get("XDG_CONFIG_HOME"):
        return f"{environ['XDG_CONFIG_HOME']}/git/attributes"
    return f"{environ['HOME']}/.config/git/attributes" if "HOME" in environ else None


def machines_file(environ: Mapping[str, str]) -> str | None:
    value = environ.get("GIT_ATTR_NOSYSTEM", "")
    without = as_bool(value)
    if without is None:
        raise GitError(f"bad boolean environment value {value!r} for GIT_ATTR_NOSYSTEM")
    return None if without else SYSTEM_FILE


def read_attributes(path: bytes, flags: int) -> bytes | None:
    """The content of an attributes file; None where git goes on as if there were none: a link, too long, no access."""
    try:
        fd = os.open(path, os.O_RDONLY | NONBLOCK | CLOEXEC | BINARY | flags)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return b""
        with open(fd, "rb", buffering=0, closefd=False) as file:
            return file.readall() if found.st_size < attributes.MAX_FILE else None
    finally:
        os.close(fd)


def indexed_blob(repository: Repository, index: Index, path: bytes) -> bytes | None:
    """What the index has for `path`, in a conflict on our side; None if there is no blob. Raises NotFound, Corrupt."""
    number = index.find(path)
    while number is not None and number < len(index) and index.path(number) == path:
        row = index.row(number)
        if row.stage in (0, 2):
            found = repository.objects.find(row.id) if row.mode != GITLINK else None
            return found.content if found and found.kind == "blob" else None
        number += 1
    return None
