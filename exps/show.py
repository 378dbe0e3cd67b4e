"""Show: the work tree, baselines and their experiments as rows. Reads only, but remembers what it read.

table = show(Project.open(".", os.environ))
pandas.DataFrame(table.to_records())
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple

from .baselines import commit_names
from .experiments import listing
from .memory import Rows
from .model import ExperimentRef
from .project import Project
from .rows import Row

_BLOCK = 1000  # rows that are read before progress is told


class Group(NamedTuple):
    """A baseline and its experiments, newest first, those that cannot be read last. Folders have no baseline."""

    baseline: Row | None
    experiments: tuple[Row, ...]


class Table(NamedTuple):
    """What `show` returns: no groups before the first commit, when there is none in the repository (`has_commits`).

    `others` counts the experiments of baselines not shown, unless some were asked for by name. `broken` says what is
    wrong with refs, a line each.
    """

    workspace: Row | None
    groups: tuple[Group, ...]
    others: int
    broken: tuple[str, ...]
    has_commits: bool = True

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows in the order of the table."""
        return tuple(row for row, _ in self._with_baselines())

    def to_records(self) -> list[dict[str, object]]:
        """The rows as flat mappings, for data frames.

        "name", "rev" (an id, or "workspace"), "baseline" (an id), "created" (ISO 8601, local), then the metrics and
        parameters of each row under their dotted keys, or "file:key" where two columns would be called the same.
        """
        leaves = [row.leaves() for row, _ in self._with_baselines()]
        names = dict.fromkeys(name for each in leaves for name in each)
        times = Counter([*_FIXED, *(key for _, _, key in names)])
        heading = {name: name[2] if times[name[2]] == 1 else f"{name[1]}:{name[2]}" for name in names}
        return [
            _fixed(row, baseline) | {heading[name]: value for name, value in each.items()}
            for (row, baseline), each in zip(self._with_baselines(), leaves, strict=True)
        ]

    def with_chosen(self) -> "Table":
        """The same with only those parameters that stages depend on."""
        here = self.workspace and self.workspace.with_chosen()
        groups = (
            Group(baseline and baseline.with_chosen(), tuple(row.with_chosen() for row in found))
            for baseline, found in self.groups
        )
        return self._replace(workspace=here, groups=tuple(groups))

    def _with_baselines(self) -> Iterator[tuple[Row, Row | None]]:
        """Each row, with the baseline that it is an experiment of."""
        if self.workspace:
            yield self.workspace, None
        for group in self.groups:
            if group.baseline:
                yield group.baseline, None
            for row in group.experiments:
                yield row, group.baseline


_FIXED = ("name", "rev", "baseline", "created")


def _fixed(row: Row, baseline: Row | None) -> dict[str, object]:
    rev = str(row.id) if row.id else "workspace"
    made = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(row.created)) if row.created is not None else None
    return dict(zip(_FIXED, (row.name, rev, str(baseline.id) if baseline else None, made), strict=True))


def show(
    project: Project,
    *,
    baselines: Sequence[ObjectId] | None = None,
    only: Sequence[ExperimentRef] | None = None,
    workspace: bool = True,
    only_deps: bool = False,
    fresh: bool = False,
    named: bool = True,
    workers: int = 1,
) -> Table:
    """The table of the experiments of `baselines` (see `selection`), HEAD's if there are none named, or of `only` some.

    `only_deps` leaves of the parameters those that stages depend on; `fresh` reads all files anew; without
    `named` no baseline has a name. A commit or file that cannot be read costs its own row or cell. With 2 `workers` two
    processes read many rows that are not remembered, where this one can be forked.
    """
    rows = Rows(project, fresh=fresh, workers=workers)
    here = rows.of_work_tree() if workspace else None
    head = project.repository.head().id
    wanted = [ref.baseline for ref in only] if only else baselines
    wanted = wanted if wanted is not None else [head] if head else []
    refs, broken = listing(project.repository) if head else ((), ())
    of: dict[ObjectId, list[ExperimentRef]] = {baseline: [] for baseline in wanted}
    for ref in only or refs:
        if ref.baseline in of:
            of[ref.baseline].append(ref)
    names = commit_names(project.repository, of.keys()) if named else {}
    groups = tuple(_group(project, rows, rows.of_commit(names.get(each), each), of[each]) for each in of)
    rows.keep()
    others = 0 if only else len(refs) - sum(map(len, of.values()))
    table = Table(here, groups, others, broken, head is not None)
    return table.with_chosen() if only_deps else table


def _group(project: Project, rows: Rows, baseline: Row, refs: Sequence[ExperimentRef]) -> Group:
    found = []
    for number, ref in enumerate(refs):
        if number % _BLOCK == 0:
            rows.read_ahead([each.id for each in refs[number : number + _BLOCK]])
        found.append(rows.of_commit(ref.name, ref.id, ref.baseline))
        project.progress.advance(1, 0)
    found.sort(key=lambda row: (0, b"") if row.is_broken else (row.created or 0, row.id or b""), reverse=True)
    return Group(baseline, tuple(found))
