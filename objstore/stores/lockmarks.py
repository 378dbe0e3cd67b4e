"""Who holds a lock: a line in a lock file of ours, there until the new content of the file takes its place.

    expref <pid> <host> <pid namespace, "-" where there is none>\\n

git looks at nothing but the name of a lock. With this line it can be proved later that a lock was left by a process of
ours that is gone; a lock without it may be anybody's. Nobody here removes a lock of others.
"""

import os
from functools import cache

from ..lighttyping import NamedTuple

_MARK = "expref"
_LONGEST = 1 << 10  # bytes of a lock that are looked at


class Holder(NamedTuple):
    """The process that made a lock: its number counts on this host and in this namespace only."""

    pid: int
    host: str
    namespace: str

    def is_gone(self) -> bool:
        """Whether the process is proved to be gone. One of another host, or behind a container's wall, never is."""
        if (self.host, self.namespace) != _here() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):  # somebody else's; no number of a process
            return False
        return False


def mark() -> bytes:
    """The line of this process."""
    return _mark_of(os.getpid())


@cache  # thousands of refs may be locked at once
def _mark_of(pid: int) -> bytes:
    host, namespace = _here()
    return f"{_MARK} {pid} {host} {namespace}\n".encode("utf-8", "surrogateescape")


def holder(path: str) -> Holder | None:
    """Who made the lock `path`, if it was one of ours and still says so; None otherwise."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        words = os.read(fd, _LONGEST).decode("utf-8", "surrogateescape").split(" ")
    except OSError:
        return None
    finally:
        os.close(fd)
    if len(words) != 4 or words[0] != _MARK or not (words[1].isascii() and words[1].isdigit()):
        return None
    return Holder(int(words[1]), words[2], words[3].rstrip("\n"))


def _here() -> tuple[str, str]:
    host = getattr(os, "uname", lambda: ("", "-"))()[1] or "-"
    try:
        return host, os.readlink("/proc/self/ns/pid")
    except OSError:
        return host, "-"
