"""`.keep` files of ours: a pack is held off `git repack -ad` until refs lead to what is in it.

git drops what no ref leads to from the packs that it finds; a `.keep` beside a pack, there before its index is, makes
it leave that pack alone. The file says who holds it, as a lock does (`lockmarks.py`), so that one of a killed process
can be told and removed. Authority: git-repack(1), "-a"; git-receive-pack(1), git's `index-pack.c` (`--keep`).
"""

import os
from contextlib import suppress

from .files import Sharing, create, write_all
from .lockmarks import holder, mark

SUFFIX = ".keep"


class Hold:
    """The packs that one piece of work has written and nothing refers to yet; also a `with` block."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._paths: list[str] = []

    def take(self, path: str, sharing: Sharing) -> None:
        """Hold the pack `path`, without suffix, which need not be there yet. One that somebody else holds stays so."""
        with suppress(FileExistsError):
            fd = create(path + SUFFIX, 0o444, sharing)
            self._paths.append(path + SUFFIX)
            try:
                write_all(fd, mark(), path + SUFFIX)
            finally:
                os.close(fd)
            sharing.adjust(path + SUFFIX)  # all who share the repository can tell whose it is

    def release(self) -> None:
        """Let git have the packs. Can be repeated."""
        while self._paths:
            with suppress(FileNotFoundError):
                os.unlink(self._paths.pop())

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def release_left_over(folder: str) -> None:
    """Let git have the packs in `folder` that were held by processes of ours which were killed."""
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            owner = holder(f"{folder}/{name}") if name.endswith(SUFFIX) else None
            if owner and owner.is_gone():
                with suppress(OSError):  # somebody was faster, or it is not ours to remove
                    os.unlink(f"{folder}/{name}")
