"""The rows of commits and of the work tree, remembered ones where there are.

A row of a commit is remembered by the id of the commit, once it is read or when it is saved. Nothing is remembered that
a missing object or an unreadable file is to blame for. What reads files (`collecting`) is loaded when a row is not
known: its formats take longer to load than a thousand remembered rows to show (bench/show.py). What crosses to a forked
process and back is text.
"""

from collections.abc import Collection, Iterable

from expref.objstore.forking import alongside, can_fork
from expref.objstore.ids import ObjectId

from .project import Project
from .records import Record, Records
from .rows import Row

TYPE_CHECKING = False  # as typing's
if TYPE_CHECKING:
    from .collecting import Collector
    from .worktreerow import LastRow

MOST_CHECKPOINTS = 1000
_MANY = 200  # rows to read that are worth a second process


class Rows:
    """Reads rows; `keep` remembers those that were new."""

    def __init__(self, project: Project, *, fresh: bool = False, workers: int = 1) -> None:
        """Read rows of a project, by up to two `workers`; `fresh` believes nothing that was remembered."""
        self._project, self._fresh, self._workers = project, fresh, workers
        width = project.repository.object_format.width
        self._rows = Records(project.state, "rows", project.prefix.decode("latin-1"), width)
        self._new: list[Record] = []
        self._ahead: dict[ObjectId, Record] = {}  # read, and not asked for yet
        self._loaded: Collector | None = None
        self._work_tree: tuple[LastRow, str, str] | None = None  # as it was just read

    @property
    def _collector(self) -> "Collector":
        if self._loaded is None:
            from .collecting import Collector

            self._loaded = Collector(self._project, fresh=self._fresh)
        return self._loaded

    def of_work_tree(self) -> Row:
        """The row of the work tree as it is now."""
        from .worktreerow import LastRow

        last = LastRow(self._project)
        known = None if self._fresh else last.get()
        if known:
            return Row(None, None, None, known[0], chosen=known[1])
        read = self._collector.of_work_tree(last.files)
        if read.is_lasting:
            self._work_tree = last, read.text, read.chosen
        return Row(None, None, None, read.text, chosen=read.chosen)

    def of_folder(self, path: str, id_: ObjectId | None = None) -> Row | None:
        """The row of a folder of the work tree, or of a commit, read as a project of its own; None if there is none.

        Raises GitError for a commit that cannot be read.
        """
        read = self._collector.of_folder(path, id_)
        return Row(path, id_, None, read.text, chosen=read.chosen) if read else None

    def with_files(self, row: Row, kind: str, paths: Collection[str], *, folder: str = "") -> Row:
        """A row with what these files say, too, declared or not, as "metrics" or "params"; those that are there.

        Paths are relative to the project's root, or to the `folder` that the row is of.
        """
        known = {} if row.is_broken else getattr(row, kind)
        unknown = [path for path in paths if path not in known]
        if not unknown or row.is_broken:
            return row
        return row.with_cells(kind, self._collector.cells(kind, unknown, folder, row.id))

    def read_ahead(self, ids: Iterable[ObjectId]) -> None:
        """Read those rows of commits that are not known, half of them in a second process, if they are many."""
        unknown = [id_ for id_ in ids if self._fresh or id_ not in self._rows] if self._workers > 1 else []
        if len(unknown) < _MANY or not can_fork():
            return
        ours, theirs = unknown[len(unknown) // 2 :], unknown[: len(unknown) // 2]
        _ = self._collector  # loaded for both
        read, told = alongside(lambda: self._read_apart(theirs), lambda: [self._read(id_) for id_ in ours])
        lasting = _from_lines(told or b"")
        self._new += lasting
        self._ahead |= {ObjectId(record.key): record for record in (*read, *lasting)}

    def _read_apart(self, ids: Iterable[ObjectId]) -> bytes:
        """In a process that ends with it: what is worth remembering, for `_from_lines`."""
        self._new = []
        for id_ in ids:
            self._read(id_)
        return b"".join(b"%s %d\n%s\n" % (key.hex().encode(), number, text) for key, number, text in self._new)

    def of_commit(self, name: str | None, id_: ObjectId, baseline: ObjectId | None = None) -> Row:
        """The row of a commit, with the checkpoints behind it if it is an experiment of `baseline`.

        A commit that cannot be read has only an error.
        """
        row, parent = self._of(name, id_)
        if baseline is None or not parent or parent == baseline.hex() or id_ == baseline:
            return row
        earlier: list[Row] = []
        while parent and parent != baseline.hex() and len(earlier) < MOST_CHECKPOINTS:
            before, parent = self._of(None, ObjectId(bytes.fromhex(parent)))
            if before.error and before.created is None:  # a shallow clone ends here
                break
            earlier.append(before)
        row.checkpoints = tuple(earlier)
        return row

    def _of(self, name: str | None, id_: ObjectId) -> tuple[Row, str]:
        """The row of one commit, and the digits of its first parent's id, or ""."""
        known = self._ahead.get(id_) or (None if self._fresh else self._rows.get(id_))
        if known is None or known.text.count(b"\n") != 2:
            known = self._read(id_)
        text, chosen, parent = known.text.decode().split("\n")
        row = Row(name, id_, known.number if known.number >= 0 else None, text, chosen=chosen)
        return row, parent

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
        if self._work_tree:
            last, text, chosen = self._work_tree
            last.keep(text, chosen)
            self._work_tree = None
        if self._loaded:
            self._loaded.keep()


def _from_lines(text: bytes) -> list[Record]:
    """Records whose texts have three lines, each behind a line with its key and number."""
    lines = text.split(b"\n")
    found = []
    for at in range(0, len(lines) - 1, 4):
        key, number = lines[at].split()
        found.append(Record(bytes.fromhex(key.decode()), int(number), b"\n".join(lines[at + 1 : at + 4])))
    return found


def remember(project: Project, id_: ObjectId) -> None:
    """Read the row of a commit that was just made, for those who ask later."""
    rows = Rows(project)
    rows.of_commit(None, id_)
    rows.keep()
