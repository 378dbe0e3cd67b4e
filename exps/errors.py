"""The error of this package and the exit statuses of the command line, in one table.

    ExpError                 a command cannot be done: `message` says what and where, `hint` what to do about it
"""
from enum import IntEnum


class Status(IntEnum):
    """Exit statuses of `exps`; `MEANINGS` says what each one means."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    PARTLY = 5
    UNSUPPORTED = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


MEANINGS = {
    Status.DONE: "done",
    Status.REFUSED: "refused or failed",
    Status.USAGE: "wrong usage",
    Status.NOT_FOUND: "not found, or the name is ambiguous",
    Status.CONFLICT: "conflict: it exists, has diverged, or work would be lost",
    Status.PARTLY: "some of several failed",
    Status.UNSUPPORTED: "this repository uses a feature that is not supported (named)",
    Status.INTERRUPTED: "Ctrl-C",
    Status.BROKEN_PIPE: "broken pipe",
    Status.TERMINATED: "SIGTERM",
}


class ExpError(Exception):
    """A command cannot be done. Nothing was changed.

    `message` is one line that names the value and the place, `hint` one line that says what to do, or empty.
    """

    def __init__(self, message: str, hint: str = "", status: Status = Status.REFUSED) -> None:
        super().__init__(message)
        self.message, self.hint, self.status = message, hint, status
