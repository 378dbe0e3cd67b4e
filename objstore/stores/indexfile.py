"""The index of a work tree, behind one interface: what git calls the staging area. It is read, never changed.

A second way of keeping it (split, sparse) would be another class with the same method.
"""
import os
from collections.abc import Iterable
from typing import Protocol

from ..errors import Conflict
from ..formats.index import Index, IndexRow, encode_index
from ..ids import ObjectFormat
from .files import LockFile


class IndexStore(Protocol):
    """What every way of keeping an index can do."""

    def read(self) -> Index:
        """The index as it is now; one without entries if there is none. Raises Unsupported, Corrupt."""


class IndexFile:
    """An index in one file."""

    def __init__(self, path: str, form: ObjectFormat) -> None:
        """Look at the file `path`, which need not exist: then nothing is tracked."""
        self._path, self._form = path, form

    def read(self) -> Index:
        """As the protocol says."""
        try:
            with open(self._path, "rb", buffering=0) as file:
                return Index(file.readall(), self._form, self._path, os.fstat(file.fileno()).st_mtime_ns)
        except FileNotFoundError:
            return Index(encode_index((), self._form), self._form, self._path)

    def make(self, rows: Iterable[tuple[bytes, IndexRow]]) -> None:
        """Make the index of a new repository. Raises Conflict if there is one: it is somebody's work."""
        with LockFile(self._path) as lock:
            if os.path.exists(self._path):
                raise Conflict(f"{self._path} exists already")
            lock.commit(encode_index(rows, self._form))
