"""The rows of commits and of the work tree, remembered ones where there are.

A row of a commit is remembered by the id of the commit, once it is read or when it is saved. Nothing is remembered that
a missing object or an unreadable file is to blame for. What reads files (`collecting`) is loaded when a row is not
known: its formats take longer to load than a thousand remembered rows to show (bench/show.py).
"""

from expref.objstore.ids import ObjectId

from .project import Project
from .records import Record, Records
from .rows import Row

TYPE_CHECKING = False  # as typing's
if TYPE_CHECKING:
    from .collecting import Collector

MOST_CHECKPOINTS = 1000


class Rows:
    """Reads rows; `keep` remembers those that were new."""

    def __init__(self, project: Project, *, fresh: bool = False) -> None:
        """Read rows of a project; `fresh` believes nothing that was remembered."""
        self._project, self._fresh = project, fresh
        width = project.repository.object_format.width
        self._rows = Records(project.state, "rows", project.prefix.decode("latin-1"), width)
        self._new: list[Record] = []
        self._loaded: Collector | None = None

    @property
    def _collector(self) -> "Collector":
        if self._loaded is None:
            from .collecting import Collector

            self._loaded = Collector(self._project, fresh=self._fresh)
        return self._loaded

    def of_work_tree(self) -> Row:
        """The row of the work tree as it is now."""
        read = self._collector.of_work_tree()
        return Row(None, None, None, read.text, chosen=read.chosen)

    def of_folder(self, path: str, id_: ObjectId | None = None) -> Row | None:
        """The row of a folder of the work tree, or of a commit, read as a project of its own; None if there is none.

        Raises GitError for a commit that cannot be read.
        """
        read = self._collector.of_folder(path, id_)
        return Row(path, id_, None, read.text, chosen=read.chosen) if read else None

    def of_commit(self, name: str | None, id_: ObjectId, baseline: ObjectId | None = None) -> Row:
        """The row of a commit, with the checkpoints behind it if it is an experiment of `baseline`.

        A commit that cannot be read has only an error.
        """
        row, parent = self._of(name, id_)
        earlier: list[Row] = []
        while baseline and parent and parent != baseline and id_ != baseline and len(earlier) < MOST_CHECKPOINTS:
            before, parent = self._of(None, parent)
            if before.error and before.created is None:  # a shallow clone ends here
                break
            earlier.append(before)
        row.checkpoints = tuple(earlier)
        return row

    def _of(self, name: str | None, id_: ObjectId) -> tuple[Row, ObjectId | None]:
        """The row of one commit, and its first parent."""
        known = None if self._fresh else self._rows.get(id_)
        if known is None or known.text.count(b"\n") != 2:
            known = self._read(id_)
        text, chosen, parent = known.text.decode().split("\n")
        row = Row(name, id_, known.number if known.number >= 0 else None, text, chosen=chosen)
        return row, ObjectId(bytes.fromhex(parent)) if parent else None

    def _read(self, id_: ObjectId) -> Record:
        read, created, parent = self._collector.of_commit(id_)
        record = Record(id_, created, f"{read.text}\n{read.chosen}\n{parent}".encode())
        if read.is_lasting:
            self._new.append(record)
        return record

    def keep(self) -> None:
        """Remember what was read since the last time."""
        self._rows.add(self._new)
        self._new = []
        if self._loaded:
            self._loaded.keep()


def remember(project: Project, id_: ObjectId) -> None:
    """Read the row of a commit that was just made, for those who ask later."""
    rows = Rows(project)
    rows.of_commit(None, id_)
    rows.keep()
