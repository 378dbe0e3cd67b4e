"""Every error of this package, split by what the caller can do about it.

GitError                 something about a repository is wrong; the message names the value and the place
├── NotFound             no such repository, object, ref or setting
├── Ambiguous            a short name fits several things
├── Corrupt              bytes that are not what their format says: `source`, `offset`, `why`
├── Unsupported          a feature of Git that this package does not have: `feature`
├── Conflict             it exists already, has moved, is locked or would be lost
├── BadName              a name that Git's rules forbid
├── Unsafe               a repository that the user has not said to trust
└── RemoteError          the other side of a connection failed or refused
"""


class GitError(Exception):
    """Root of the package's errors. `str()` is one line that names the value and the place.

    `hint` is one line that says what to do about it, empty where the message does.
    """

    hint = ""


class NotFound(GitError, LookupError):
    """There is no such repository, object, ref or file."""


class Ambiguous(GitError, LookupError):
    """A short name fits several things; the message lists them."""


class Corrupt(GitError):
    """Bytes that are not what their format says. `offset` is a byte, or a line where the format has lines."""

    def __init__(self, source: str, offset: int | None, why: str) -> None:
        super().__init__(f"{source}:{offset}: {why}" if offset is not None else f"{source}: {why}")
        self.source, self.offset, self.why = source, offset, why


class Unsupported(GitError):
    """The repository asks for a feature that is not supported: refused before anything is written."""

    def __init__(self, feature: str, where: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {feature} is not supported" if where else f"{feature} is not supported")
        self.feature, self.hint = feature, hint


class Conflict(GitError):
    """It exists already, has moved since it was read, is locked by somebody, or work would be lost."""


class BadName(GitError, ValueError):
    """A name that Git's rules forbid."""


class Unsafe(GitError):
    """A repository that the user has not said to trust: of somebody else, or a bare one that was merely come upon."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class RemoteError(GitError):
    """The other side of a connection failed or refused; the message says what it said."""
