"""The files below `logs/`: which changes of refs are put on record, and how.

A line is appended by one write while the ref is locked. What could hinder that is found out before any ref is changed
(`prepare`). Authority: git's `refs/files-backend.c` (`log_ref_setup`), git-config(1) `core.logAllRefUpdates`.
"""
import os
import time
from contextlib import suppress

from ..errors import Conflict
from ..formats.objects import Signature, encode_signature
from ..lighttyping import Literal
from .files import BINARY, CLOEXEC, Sharing, make_folders, remove_empty_folders, write_all

LogPolicy = Literal["none", "normal", "always"]  # core.logAllRefUpdates: false, true, always
_RETRIES = 3  # as git
_NORMAL = ("refs/heads/", "refs/remotes/", "refs/notes/")


class Reflog:
    """The log of one ref, which may not exist."""

    def __init__(self, name: str, path: str, policy: LogPolicy, sharing: Sharing) -> None:
        """Name the ref and the file; nothing happens yet."""
        self._path, self._sharing = path, sharing
        self._is_made = policy == "always" or (policy == "normal" and (name == "HEAD" or name.startswith(_NORMAL)))

    def prepare(self, without_logs: set[str]) -> bool:
        """Make room for a log that git would make; return whether there is or will be one.

        `without_logs` remembers, for the next log, which folders are not there. Raises Conflict where it cannot be
        written.
        """
        folder = os.path.dirname(self._path)
        if not self._is_made and (folder in without_logs or not os.path.isdir(folder)):
            without_logs.add(folder)
            return False
        try:
            if self._is_made:
                make_folders(folder, self._sharing)
                remove_empty_folders(self._path)
            fd = self._open(make=False)
        except OSError as error:
            raise Conflict(f"the log {self._path} cannot be written: {error.strerror} ({error.filename})") from error
        if fd is not None:
            os.close(fd)
        return self._is_made or fd is not None

    def append(self, line: bytes) -> None:
        """Put a change on record: a line as `encode_entry` makes it."""
        fd = self._open(make=self._is_made)
        if fd is None:  # removed meanwhile
            return
        try:
            write_all(fd, line, self._path)
        finally:
            os.close(fd)
        self._sharing.adjust(self._path)

    def _open(self, *, make: bool) -> int | None:
        """A descriptor that appends; None if there is no log and none is to be made."""
        flags = os.O_WRONLY | os.O_APPEND | CLOEXEC | BINARY
        if not make:
            with suppress(FileNotFoundError, IsADirectoryError):
                return os.open(self._path, flags)
            return None
        for attempt in range(_RETRIES):
            try:
                return os.open(self._path, flags | os.O_CREAT, 0o666)
            except FileNotFoundError:  # git removes empty folders at any time
                if attempt == _RETRIES - 1:
                    raise
                make_folders(os.path.dirname(self._path), self._sharing)
        raise AssertionError("the last attempt returns or raises")

    def remove(self) -> None:
        """Remove the log of a ref that is deleted."""
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            os.unlink(self._path)


def guessed_signature() -> bytes:
    """Who changes a ref now, where nobody said so: what the system knows of its user, as git guesses in the end."""
    user, name = "unknown", ""
    with suppress(ImportError, KeyError):  # Windows; a user whom the system does not know
        import pwd

        entry = pwd.getpwuid(os.getuid())
        user, name = entry.pw_name, entry.pw_gecos.split(",")[0]
    when = int(time.time())
    email = f"{user}@{os.uname().nodename if hasattr(os, 'uname') else 'localhost'}"
    who, where = (text.encode("utf-8", "surrogateescape") for text in (name or user, email))
    return encode_signature(Signature(who, where, when, time.localtime(when).tm_gmtoff // 60))
