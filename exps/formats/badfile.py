"""The error of a file that cannot be read as what it should be, and how large one may be. Nothing else belongs here."""

MAX_BYTES = 10_000_000  # of a file that is decoded at all


class BadFile(ValueError):
    """A parameter, metric or pipeline file that is not what its name says; `str()` is one line: file, line and reason.

    `kind` is the name that DVC gives the same failure (`error.type` in `dvc exp show --json`):
    "YAMLFileCorruptedError", "JSONFileCorruptedError", "EncodingError", "YAMLSyntaxError", "YAMLValidationError",
    "RecursionError", "ValueError"; and "FileTooLarge" and "Unsupported" for what DVC would read and we refuse.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message, kind)
        self.message, self.kind = message, kind

    def __str__(self) -> str:
        return self.message
