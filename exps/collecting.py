"""Read rows from files: of commits, of folders, of the work tree. What is remembered of rows themselves: `memory`.

What a file of the work tree says is remembered by the id of its content, so that an unchanged one is not parsed;
folders that hold no pipeline file are remembered by the id of their tree.
"""

from collections.abc import Collection
from typing import Any

from expref.objstore.errors import GitError
from expref.objstore.formats.objects import parse_signature
from expref.objstore.ids import ObjectId

from . import dvcconfig
from .contents import Contents, WorkContents
from .errors import ExpError
from .folders import Folder
from .formats.badfile import BadFile
from .project import Project
from .reading import Collected, Reading, failed, read_cells, read_row
from .records import Record, Records
from .sources import Source, TreeFiles, Trees, WorkFiles

_FEW_FOLDERS = 32  # that are looked through again sooner than remembered
_MOST_FOLDERS = 200_000
YEAR_10000_S = 253_402_300_800  # beyond, the system's calendar overflows sooner or later


class Collector:
    """Reads rows of one project; `keep` remembers what was new."""

    def __init__(self, project: Project, *, fresh: bool = False) -> None:
        """`fresh` believes nothing that was remembered."""
        self._project, self._fresh, form = project, fresh, project.repository.object_format
        self._trees = Trees(project.repository.objects)
        self._in_work_tree = WorkContents(Records(project.own_state, "files", "", form.width), form, fresh=fresh)
        self._in_commits = Contents()
        self._folders = Records(project.state, "folders", "", form.width)
        self._barren: set[ObjectId] | None = None  # as remembered; None: not asked yet
        self._collected: Collected = {}
        self._cache = _cache_of(project)

    def of_work_tree(self, files: Source) -> Reading:
        """What the work tree says now, of which these are the files."""
        try:
            return read_row(files, self._in_work_tree, self._cache, {})
        except GitError as wrong:
            return failed(wrong)

    def of_commit(self, id_: ObjectId) -> tuple[Reading, int, str]:
        """What a commit says, when it was made (-1: at no time that a calendar has) and its first parent, or "".

        A commit that cannot be read has only an error.
        """
        self._load_folders()
        created, parent = -1, ""
        try:
            commit = self._project.repository.objects.find_commit(id_)
            created, parent = _created(commit.committer), str(commit.parents[0]) if commit.parents else ""
            files = TreeFiles(self._project, commit.tree, self._trees)
            return read_row(files, self._in_commits, self._cache, self._collected), created, parent
        except (GitError, BadFile) as wrong:
            return failed(wrong), created, parent

    def of_folder(self, path: str, id_: ObjectId | None = None) -> Reading | None:
        """What a folder of the work tree or of a commit says, as a project of its own; None if it is not there.

        Raises GitError for a commit that cannot be read.
        """
        files = self._files(id_)
        if files is None or not files.below(path):
            return None
        return read_row(Folder(files, path), self._contents(id_), self._cache, self._collected)

    def cells(self, kind: str, paths: Collection[str], folder: str, id_: ObjectId | None) -> dict[str, Any]:
        """What some files of the work tree or of a commit say, or of a folder of it (`reading.read_cells`).

        Raises GitError for a commit that cannot be read.
        """
        files = self._files(id_)
        if files is None:
            return {}
        source = Folder(files, folder) if folder else files
        return read_cells(source, self._contents(id_), self._cache, kind, paths)

    def _files(self, id_: ObjectId | None) -> Source | None:
        """The files of a commit or of the work tree; None if the project is not there."""
        if id_ is None:
            return WorkFiles(self._project)
        commit = self._project.repository.objects.find_commit(id_)
        try:
            return TreeFiles(self._project, commit.tree, self._trees)
        except BadFile:
            return None

    def _contents(self, id_: ObjectId | None) -> Contents:
        return self._in_commits if id_ else self._in_work_tree

    def keep(self) -> None:
        """Remember what was read since the last time."""
        self._in_work_tree.keep()
        new = sorted(self._trees.barren - (self._barren or set()))
        if len(new) > _FEW_FOLDERS:
            self._folders.add([Record(new[0], 0, b"".join(new))])

    def _load_folders(self) -> None:
        """Take over which folders hold no pipeline file, as long as they are not too many."""
        if self._barren is None:
            width, found = self._project.repository.object_format.width, set[ObjectId]()
            for record in () if self._fresh else self._folders:
                found |= {ObjectId(record.text[at : at + width]) for at in range(0, len(record.text), width)}
            self._barren = found if len(found) <= _MOST_FOLDERS else set()
            self._trees.barren |= self._barren


def _cache_of(project: Project) -> str:
    """The folder of DVC's cache; where DVC's settings cannot be understood, the one that it has without any."""
    usual = f"{project.root}/.dvc/cache"
    try:
        return dvcconfig.get_path(project, "cache", "dir") or usual
    except ExpError:
        return usual


def _created(committer: bytes) -> int:
    """When a commit was made; -1 if it names no time that a calendar has."""
    found = parse_signature(committer)
    return found.when if found and 0 <= found.when < YEAR_10000_S else -1
