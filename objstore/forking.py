"""Two things at once, on two cores: one of them in a forked child that ends with it.

A child is made only where that is safe: `os.fork` exists and this process has no other thread. It never comes back into
the caller's code and leaves by `os._exit`, whatever happens; what it found comes through a pipe.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from .lighttyping import TypeVar
from .stores.files import write_all

_Found = TypeVar("_Found")


def can_fork() -> bool:
    """Whether this process can be copied safely."""
    threads = sys.modules.get("threading")
    return hasattr(os, "fork") and (threads is None or threads.active_count() == 1)


def alongside(theirs: Callable[[], bytes], ours: Callable[[], _Found]) -> tuple[_Found, bytes | None]:
    """What `ours` returns, called here, and what `theirs` returns, called in a child meanwhile.

    None instead if there was no child or it failed: then it has to be done here, where errors can be told.
    """
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:  # no room for another process
        os.close(reading)
        os.close(writing)
        return ours(), None
    if not child:
        status = 1
        try:
            os.close(reading)
            write_all(writing, theirs() + b"!")
            status = 0
        finally:
            os._exit(status)  # never back into the caller's code, whatever happened
    os.close(writing)
    try:
        with open(reading, "rb") as pipe:
            found = ours()
            answer = pipe.read()
    finally:
        with suppress(ChildProcessError):  # where the caller ignores SIGCHLD nothing is left to wait for
            os.waitpid(child, 0)
    return found, answer[:-1] if answer[-1:] == b"!" else None
