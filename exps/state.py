"""Our own files, in the folder `exps/` of the Git folder: never needed, only useful; deleting them costs time alone.

What all work trees share lies in the common Git folder, the rest in the work tree's own. Permissions are the
repository's. Nothing is locked: a file is replaced whole, and of two writers at once one wins; or it is only added to.
"""

import os

from expref.objstore.repository import Repository
from expref.objstore.stores.files import CLOEXEC, NONBLOCK, read_file, replace_file, write_all


class State:
    """Small named files of ours."""

    def __init__(self, folder: str, repository: Repository) -> None:
        """Look at `folder`, which is made by the first write."""
        self._folder, self._sharing = folder, repository.sharing

    @classmethod
    def shared(cls, repository: Repository) -> "State":
        """What all work trees of the repository share."""
        return cls(f"{repository.common_dir}/exps", repository)

    @classmethod
    def of_work_tree(cls, repository: Repository) -> "State":
        """What belongs to this work tree."""
        return cls(f"{repository.git_dir}/exps", repository)

    def path(self, name: str) -> str:
        """Where a file is, or would be."""
        return f"{self._folder}/{name}"

    def get(self, name: str) -> bytes | None:
        """The content of a file; None if it is not there or cannot be read."""
        try:
            return read_file(f"{self._folder}/{name}")
        except OSError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replace a file. A folder that cannot be written (read-only, full) is no reason to fail: nothing happens."""
        try:
            replace_file(f"{self._folder}/{name}", content, self._sharing, durable=False)
        except OSError:
            return

    def append(self, name: str, content: bytes) -> bool:
        """Put `content` behind what a file holds; False if there is no such file, or it cannot be written."""
        try:
            fd = os.open(f"{self._folder}/{name}", os.O_WRONLY | os.O_APPEND | CLOEXEC | NONBLOCK)
            try:
                write_all(fd, content)
            finally:
                os.close(fd)
        except OSError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            os.unlink(f"{self._folder}/{name}")
        except OSError:
            return
