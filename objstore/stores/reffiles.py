"""Where refs are on disk, and what they say. Nothing here writes.

Reading never locks: a loose ref first, then packed-refs, then the loose one again, because `git pack-refs` may move it
in between. Names of refs that work trees share live in the common Git folder.
Authority: git's `refs/files-backend.c`, gitrepository-layout(5), git-worktree(1) "REFS".
"""
import errno
import os
from collections.abc import Iterator

from ..errors import Corrupt, GitError
from ..formats.refs import Ref, SymbolicRef, by_name, check_name, decode_loose
from ..ids import ObjectFormat, ObjectId
from ..patterns import lazy_pattern
from .files import BINARY, CLOEXEC, NOFOLLOW, NONBLOCK
from .packedrefs import PackedRefs

DEEPEST_SYMREF = 5  # as git
MOST_BYTES = 1 << 13  # that are read of a loose ref: a name may be as long as a path, what follows an id is ignored
OF_WORK_TREE = ("refs/bisect/", "refs/rewritten/", "refs/worktree/")  # the folders that work trees do not share
_ROOT = "HEAD|[A-Z_-]+_HEAD|AUTO_MERGE|BISECT_EXPECTED_REV|MERGE_AUTOSTASH|NOTES_MERGE_PARTIAL|NOTES_MERGE_REF"
_AT_ROOT = lazy_pattern(_ROOT)  # the files beside HEAD that are refs. Source: git's `refs.c`, `is_root_ref`
_OF_OTHERS = lazy_pattern(
    rf"(?:main-worktree|worktrees/[^/.\0][^/\0]*)/(?=(?:{_ROOT})\Z|refs/(?:bisect|rewritten|worktree)/)"
)  # what stands before the names of refs that other work trees have for themselves


class RefFiles:
    """The refs of a repository as its files have them: `refs/…`, those beside HEAD, and `packed-refs`."""

    def __init__(self, git_dir: str, common_dir: str, form: ObjectFormat) -> None:
        """Look at the Git folder of a work tree and the common one (the same for the main work tree)."""
        self.git_dir, self.common_dir, self.form = git_dir, common_dir, form
        self.packed = PackedRefs(f"{common_dir}/packed-refs", form)

    def path(self, name: str, logs: str = "") -> str:
        """Where the file of a ref is, or, with "logs/", of its log."""
        if name.startswith("refs/"):
            return f"{self.git_dir if name.startswith(OF_WORK_TREE) else self.common_dir}/{logs}{name}"
        other = _OF_OTHERS.match(name)
        if not other:
            return f"{self.git_dir}/{logs}{name}"
        place = other[0].removeprefix("main-worktree/")
        return f"{self.common_dir}/{place}{logs}{name[other.end() :]}"

    def read(self, name: str) -> ObjectId | SymbolicRef | None:
        """What a ref itself says; None if there is none. Raises Corrupt, BadName.

        Also reads what other work trees have: "main-worktree/HEAD", "worktrees/<id>/HEAD".
        """
        check_readable(name)
        return self._loose(name) or self._packed(name) or self._loose(name)

    def _loose(self, name: str) -> ObjectId | SymbolicRef | None:
        path = self.path(name)
        try:
            content = _content(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # so there is none
                return None
            raise GitError(f"{path}: {error.strerror}") from error
        return decode_loose(content, self.form, path)

    def _packed(self, name: str) -> ObjectId | None:
        return self.packed.get(name) if name.startswith("refs/") else None

    def get(self, name: str) -> ObjectId | None:
        """The id that a ref leads to; None if it or its target does not exist. Raises Corrupt, BadName."""
        _, found = self.follow(name)
        return found

    def follow(self, name: str) -> tuple[list[str], ObjectId | None]:
        """The names from `name` through symbolic refs to the last, which need not exist; and the id of that.

        Raises Corrupt if symbolic refs lead in a circle.
        """
        names = [name]
        while isinstance(found := self.read(names[-1]), SymbolicRef):
            names.append(found.target)
            if len(names) > DEEPEST_SYMREF:
                raise Corrupt(self.path(name), None, f"more than {DEEPEST_SYMREF} symbolic refs after each other")
        return names, found

    def refs(self, prefix: str) -> Iterator[Ref]:
        """All refs below `prefix`, which ends with "/", in git's order, broken ones among them."""
        loose = self._loose_refs(prefix)  # before packed-refs: refs move only that way
        packed = self.packed.refs(prefix)
        if not loose:
            return iter(packed)
        found = {ref.name: ref for ref in packed} | {ref.name: ref for ref in loose}
        return iter(sorted(found.values(), key=by_name))

    def spellings(self, name: str) -> Iterator[str]:
        """The refs that are called like `name`, or like a folder of it, but for capital letters; `name` among them."""
        parts, found = name.split("/"), [""]
        for part in parts:
            below = (f"{folder}{entry}" for folder in found for entry in self._names_in(folder))
            same = [each for each in below if each.rpartition("/")[2].casefold() == part.casefold()]
            yield from (each for each in same if not os.path.isdir(self.path(each)))
            found = [f"{each}/" for each in same]
        folded, namespace = name.casefold(), "/".join(parts[:2]) + "/"
        for ref in self.packed.refs(namespace):
            if f"{folded}/".startswith(f"{ref.name.casefold()}/"):
                yield ref.name

    def _names_in(self, folder: str) -> list[str]:
        try:
            return [_text(entry) for entry in os.listdir(self.path(folder))] if folder else ["refs"]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def names(self, prefix: str) -> list[str]:
        """The names of all refs below `prefix`, sorted, without a look at what they say, or whether git reads them."""
        return sorted({*self._loose_names(prefix), *(ref.name for ref in self.packed.refs(prefix))})

    def _loose_refs(self, prefix: str) -> list[Ref]:
        """The refs that are files below `prefix`, in no order."""
        return [ref for name in self._loose_names(prefix) for ref in self._look(name)]

    def _loose_names(self, prefix: str) -> list[str]:
        """The files below `prefix`, in no order: without what git does not take for a ref.

        A symbolic link to a folder is entered, but no further one in there: git goes round in circles then.
        """
        found: list[str] = []
        own_folders = (own for own in OF_WORK_TREE if own.startswith(prefix) and own != prefix)
        folders = [(prefix, False), *((own, False) for own in own_folders)]
        while folders:
            folder, linked = folders.pop()
            try:
                entries = list(os.scandir(self.path(folder)))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for entry in entries:
                name = folder + (entry.name if entry.name.isascii() else _text(entry.name))
                is_link = entry.is_symlink()
                if entry.name.startswith(".") or name.endswith(".lock") or (is_link and not os.path.exists(entry)):
                    continue  # as git skips them
                if not entry.is_dir():
                    found.append(name)
                elif not (is_link and linked) and f"{name}/" not in OF_WORK_TREE:
                    folders.append((f"{name}/", linked or is_link))
        return found

    def _look(self, name: str) -> tuple[Ref, ...]:
        """The ref of a loose file; none if the file has gone meanwhile."""
        try:
            check_name(name)
            found = self._loose(name)
            id_ = self.get(name) if isinstance(found, SymbolicRef) else found
        except GitError as error:
            return (Ref(name, None, str(error)),)
        if id_ is None and found is None:
            return ()
        return (Ref(name, id_, None if id_ else "a symbolic ref to nothing"),)


def check_readable(name: str) -> None:
    """Raise BadName unless git reads `name` as a ref, here or in another work tree of this repository."""
    other = _OF_OTHERS.match(name)
    own_name = name[other.end() :] if other else name
    if not _AT_ROOT.fullmatch(own_name):
        check_name(own_name)


def _content(path: str) -> bytes:
    """What a loose ref says. A symbolic link named "refs/…" is an old symbolic ref; any other is read through."""
    try:
        return _read(path, NOFOLLOW)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    target = os.readlink(path)
    return b"ref: " + os.fsencode(target) if target.startswith("refs/") else _read(path, 0)


def _read(path: str, flags: int) -> bytes:
    """The start of a file; a FIFO counts as empty. Three system calls: thousands are listed at once (bench/refs.py)."""
    fd = os.open(path, os.O_RDONLY | CLOEXEC | BINARY | NONBLOCK | flags)
    try:
        return os.read(fd, MOST_BYTES)
    finally:
        os.close(fd)


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "surrogateescape")
