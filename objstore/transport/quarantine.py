"""Objects that have arrived and are not yet part of the repository: a folder of their own until the push is accepted.

`objects/tmp_objdir-incoming-*`: `git gc` clears what a crash leaves. `migrate` moves what is in it, packs in the order
in which git does: an index last, because it makes its pack visible. Authority: git-receive-pack(1), "QUARANTINE
ENVIRONMENT"; git's `tmp-objdir.c`.
"""

import os
from contextlib import suppress
from copy import copy
from types import TracebackType

from ..packing import publish
from ..repository import Repository
from ..stores.files import fsync_folder, make_folders
from ..stores.objectstore import ObjectStore

_ORDER = (".keep", ".pack", ".rev", ".idx")


class Quarantine:
    """A folder for incoming objects. Leaving the block removes it with what is still in it."""

    def __init__(self, repository: Repository) -> None:
        """Nothing is made before the block is entered."""
        self._repository, self._objects = repository, repository.objects
        self.path = f"{self._objects.path}/tmp_objdir-incoming-{os.urandom(6).hex()}"

    def __enter__(self) -> "Quarantine":
        os.mkdir(self.path, 0o700)
        return self

    def environ(self) -> dict[str, str]:
        """The variables that let a hook see the objects."""
        return {
            "GIT_OBJECT_DIRECTORY": self.path,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": self._objects.path,
            "GIT_QUARANTINE_PATH": self.path,
        }

    def inside(self) -> Repository:
        """The repository as it will be: reads both, writes here."""
        view = copy(self._repository)
        view.objects = ObjectStore(
            self.path, self._objects.form, self._objects.sharing, alternates=[self._objects.path]
        )
        return view

    def migrate(self) -> None:
        """Make all that is here part of the repository. Can be repeated."""
        names = sorted(os.listdir(self.path), key=lambda name: name == "pack")
        for name in names:
            folder = f"{self._objects.path}/{name}"
            make_folders(folder, self._objects.sharing)
            for each in sorted(os.listdir(f"{self.path}/{name}"), key=_rank):
                publish(f"{self.path}/{name}/{each}", f"{folder}/{each}")
            fsync_folder(folder)
        self._objects.rescan()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for folder, _, names in os.walk(self.path, topdown=False):
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(f"{folder}/{name}")
            with suppress(OSError):  # git gc clears what is left
                os.rmdir(folder)


def _rank(name: str) -> int:
    return next((number for number, end in enumerate(_ORDER) if name.endswith(end)), len(_ORDER))
