"""Refs in files, as git's "files" backend keeps them: `refs/…` and `packed-refs`, some of them per work tree."""
from collections.abc import Sequence

from ..formats.reflog import LogEntry, decode_log
from ..ids import ObjectFormat
from .files import read_file
from .reffiles import RefFiles, check_readable
from .refstore import RefUpdate
from .reftransaction import RefTransaction, WriteRules


class FilesRefStore(RefFiles):
    """The refs of a repository: `RefFiles` reads them, `RefTransaction` changes them."""

    def __init__(self, git_dir: str, common_dir: str, form: ObjectFormat, rules: WriteRules) -> None:
        """Look at the Git folder of a work tree and the common one (the same for the main work tree)."""
        super().__init__(git_dir, common_dir, form)
        self._rules = rules

    def update(self, updates: Sequence[RefUpdate], *, signature: bytes = b"") -> None:
        """As `RefStore` says; a GitError where a disk failed midway says which refs were changed."""
        RefTransaction(self, self._rules, signature).run(updates)

    def get_log(self, name: str) -> list[LogEntry] | None:
        """As `RefStore` says."""
        check_readable(name)
        try:
            content = read_file(self.path(name, "logs/"))
        except IsADirectoryError:
            return None
        return None if content is None else list(decode_log(content, self.form))[::-1]
