"""The row of the work tree as it was read last, with what its reader asked of the files and was told.

Whoever gets the same answers reads the same row, so that one of files that are as they were needs none of the formats
(bench/show.py). Answers are values that JSON has: the id of a file's content, None where there is none, the kind and
message of an error, lists of paths.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from expref.objstore.errors import GitError
from expref.objstore.ids import ObjectId

from .formats.badfile import BadFile
from .project import Project
from .records import Record, Records
from .sources import Source, WorkFiles

_PIPELINES = "pipelines "


class Noted:
    """A `Source` that notes what it is asked, in `answers`. Errors that may pass are not noted."""

    def __init__(self, source: Source) -> None:
        """Ask `source`; which pipeline files there are only once."""
        self._source = source
        self.answers: dict[str, Any] = {}

    def get(self, path: str) -> tuple[ObjectId, Callable[[], bytes]] | None:
        """As the protocol says."""
        try:
            found = self._source.get(path)
        except BadFile as error:
            self._note(f"get {path}", [error.kind, str(error)])
            raise
        self._note(f"get {path}", found and found[0].hex())
        return found

    def below(self, path: str) -> list[str]:
        """As the protocol says."""
        found = self._source.below(path)
        self._note(f"below {path}", found)
        return found

    def pipelines(self) -> list[str]:
        """As the protocol says."""
        if _PIPELINES not in self.answers:
            self.answers[_PIPELINES] = self._source.pipelines()
        found: list[str] = self.answers[_PIPELINES]
        return found

    def _note(self, question: str, answer: Any) -> None:
        """What is answered in two ways changes at this moment: False agrees with no answer another time."""
        self.answers[question] = answer if self.answers.get(question, answer) == answer else False

    def agrees(self, answers: dict[str, Any]) -> bool:
        """Whether it would answer so again. Raises GitError, OSError."""
        return all(self._ask(question) == answer for question, answer in answers.items())

    def _ask(self, question: str) -> Any:
        kind, _, path = question.partition(" ")
        with suppress(BadFile):
            self.get(path) if kind == "get" else self.below(path) if kind == "below" else self.pipelines()
        return self.answers[question]


class LastRow:
    """The row that was read last; `files` are those of the work tree, for reading it anew."""

    def __init__(self, project: Project) -> None:
        """Look at a project's work tree."""
        form = project.repository.object_format
        self._records = Records(project.own_state, "worktree", project.prefix.decode("latin-1"), form.width)
        self._key = bytes(form.width)
        self.files = Noted(WorkFiles(project))

    def get(self) -> tuple[str, str] | None:
        """Its text and the keys that stages depend on (see `Row`), if every file is as it was."""
        known = self._records.get(self._key)
        answers, text, chosen = known.text.decode().split("\n") if known else ("", "", "")
        try:
            return (text, chosen) if known and self.files.agrees(json.loads(answers)) else None
        except (GitError, OSError):  # whoever reads the row meets it again
            return None

    def keep(self, text: str, chosen: str) -> None:
        """Remember the row that was just read from `files`."""
        record = Record(self._key, 0, f"{json.dumps(self.files.answers)}\n{text}\n{chosen}".encode())
        self._records.put_alone(record)
