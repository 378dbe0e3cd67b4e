"""Which paths of a work tree are ignored. An ignore file is read when a path first leads past it.

A `.gitignore` comes before those of the folders above it, then `info/exclude`, then the user's `core.excludesFile`.
What is in an ignored folder is ignored, whatever rules say. Tracked files are never ignored, but that is for the caller
to know: only paths and rules count here. The text of a file: `formats/ignore.py`.
Authority: gitignore(5); git's `dir.c` (`prep_exclude`, `add_patterns`, `setup_standard_excludes`).
"""

import os
import stat
from collections.abc import Collection

from .errors import GitError
from .formats.ignore import MAX_SIZE, RuleList, Step, parse
from .formats.index import SKIP_WORKTREE, Index
from .repository import Repository
from .stores.files import NOFOLLOW, NONBLOCK

_MANY = 256  # names that are worth a pass to find those that some rule fits


class FolderRules:
    """The rules that hold for what is in one folder. `path` is "" or ends with "/"."""

    __slots__ = ("_files", "_fold", "_folders", "lists", "path")

    def __init__(self, path: bytes, lists: tuple[tuple[int, RuleList], ...], *, fold: bool) -> None:
        """`lists`, in the order in which they decide, each with the length of the path of the folder that it is for."""
        self.path, self.lists, self._fold = path, lists, fold
        self._files: list[Step] | None = None
        self._folders: list[Step] | None = None

    def kept_files(self, names: Collection[bytes]) -> list[bytes]:
        """The names that are not ignored, of files and symbolic links; in any order."""
        if self._files is None:
            self._files = self._steps(is_dir=False)
        return self._kept(names, self._files)

    def kept_folders(self, names: Collection[bytes]) -> list[bytes]:
        """The names of folders that are not ignored, in any order."""
        if self._folders is None:
            self._folders = self._steps(is_dir=True)
        return self._kept(names, self._folders)

    def _steps(self, *, is_dir: bool) -> list[Step]:
        path = self.path.lower() if self._fold else self.path
        return [step for start, rules in self.lists for step in rules.steps(path[start:], is_dir=is_dir)]

    def _kept(self, names: Collection[bytes], steps: list[Step]) -> list[bytes]:
        if not steps:
            return list(names)
        spelled: dict[bytes, list[bytes]] = {}
        if self._fold:
            for name in names:
                spelled.setdefault(name.lower(), []).append(name)
            names = spelled.keys()
        kept: list[bytes] = []
        if len(names) > _MANY:
            open_ = set[bytes]().union(*(step.fitting(names) for step in Step.together(steps)))
            kept += [name for name in names if name not in open_]
        else:
            open_ = set(names)
        for step in steps:
            fitting = step.fitting(open_)
            open_ -= fitting
            kept += fitting if step.negated else ()
        kept += open_
        return [name for lower in kept for name in spelled[lower]] if self._fold else kept


class IgnoreRules:
    """The ignore rules of a work tree. Paths are relative to it, without "/" at either end; folders as in FolderRules.

    `file_name` is what the files are called. Those of the repository and the user go with `.gitignore` only.
    """

    def __init__(self, repository: Repository, index: Index | None = None, *, file_name: bytes = b".gitignore") -> None:
        """Nothing is read yet; `index` is read only if it is needed. Raises GitError for a bare repository."""
        if repository.work_tree is None:
            raise GitError(f"{repository.git_dir} is a bare repository: it has no work tree")
        self._repository, self._index, self._file_name = repository, index, file_name
        self._root = os.fsencode(repository.work_tree) + b"/"
        self._fold = repository.config.get_bool("core.ignorecase", False)
        self._known: dict[bytes, FolderRules | None] = {}

    def ignored(self, path: bytes, is_dir: bool) -> bool:
        """Whether a rule says so, of the path or of a folder above it. Raises GitError for a file of the user's."""
        at = path.rfind(b"/") + 1
        rules = self.folder(path[:at])
        if rules is None:
            return True
        return not (rules.kept_folders if is_dir else rules.kept_files)([path[at:]])

    def folder(self, path: bytes) -> FolderRules | None:
        """The rules for what is in the folder `path` ("a/b/"); None if it is ignored. They are remembered."""
        known = self._known
        if not known:
            known[b""] = self._enter(b"", self._users())
        at = len(path)
        while path[:at] not in known:
            at = path.rfind(b"/", 0, at - 1) + 1
        rules = known[path[:at]]
        while at < len(path):
            start, at = at, path.index(b"/", at) + 1
            name = path[start : at - 1]
            rules = self.below(rules, name) if rules and rules.kept_folders([name]) else None
            known[path[:at]] = rules
        return rules

    def below(self, rules: FolderRules, name: bytes) -> FolderRules:
        """The rules for the folder `name` in the folder of `rules`, which is not ignored. They are not remembered."""
        return self._enter(rules.path + name + b"/", rules.lists)

    def _enter(self, path: bytes, lists: tuple[tuple[int, RuleList], ...]) -> FolderRules:
        name = path + self._file_name
        content = _read_tracked(self._root + name)
        content = self._in_index(name) if content is None else content
        if content:
            lists = ((len(path), RuleList(parse(content), fold=self._fold)), *lists)
        return FolderRules(path, lists, fold=self._fold)

    def _in_index(self, path: bytes) -> bytes | None:
        """The file as it is tracked, if it is left out of the work tree on purpose."""
        if self._index is None:
            self._index = self._repository.index.read()
        number = self._index.find(path) if self._index.version > 2 else None
        row = None if number is None else self._index.row(number)
        if row is None or row.stage or not row.extended & SKIP_WORKTREE:
            return None
        return self._repository.objects.find(row.id).content

    def _users(self) -> tuple[tuple[int, RuleList], ...]:
        """What holds everywhere in the work tree."""
        if self._file_name != b".gitignore":
            return ()
        repository = self._repository
        places = [f"{repository.common_dir}/info/exclude", _users_file(repository)]
        contents = [_read_users(os.path.join(self._root, os.fsencode(place))) for place in places if place]
        return tuple((0, RuleList(parse(content), fold=self._fold)) for content in contents if content)


def _users_file(repository: Repository) -> str | None:
    """Where `core.excludesFile` is, or where git looks if it is not set."""
    configured, environ = repository.config.get_path("core.excludesfile"), repository.environ
    if configured is not None:
        return configured
    if environ.get("XDG_CONFIG_HOME"):
        return f"{environ['XDG_CONFIG_HOME']}/git/ignore"
    return f"{environ['HOME']}/.config/git/ignore" if "HOME" in environ else None


def _read_users(path: bytes) -> bytes | None:
    """The content of a file of the user's; None if it is missing or must not be read."""
    if not os.access(path, os.R_OK):
        return None
    try:
        content = _read(path, NONBLOCK)
    except OSError as error:
        raise GitError(f"{os.fsdecode(path)}: cannot be used as an ignore file: {error.strerror}") from error
    if content is None:
        raise GitError(f"{os.fsdecode(path)}: an ignore file has to be smaller than {MAX_SIZE} bytes")
    return content


def _read_tracked(path: bytes) -> bytes | None:
    """The content of a file in the work tree; None if it is missing, too large, a folder, a link or must not be read.

    A link is not followed: it could lead anywhere. Source: gitignore(5), "NOTES".
    """
    if not NOFOLLOW and os.path.islink(path):
        return None
    try:
        return _read(path, NONBLOCK | NOFOLLOW)
    except OSError:  # git warns and goes on
        return None


def _read(path: bytes, flags: int) -> bytes | None:
    """The content of a file; None if it is too large. Devices and the like are empty: nothing waits for a writer."""
    with open(path, "rb", buffering=0, opener=lambda name, others: os.open(name, others | flags)) as file:
        found = os.fstat(file.fileno())
        if found.st_size >= MAX_SIZE:
            return None
        return file.readall() if stat.S_ISREG(found.st_mode) else b""
