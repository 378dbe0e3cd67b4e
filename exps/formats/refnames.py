"""Names of experiments and of the refs that hold them.

    refs/exps/<2 hex>/<rest of the baseline>/<name>                        an experiment
    refs/expref/undo/<work tree>/<UTC time>-<4 hex>/<command>/<old path>   what a command took away, to be brought back

The first layout is DVC's, so that its experiments are ours and ours are its. Anything else below `refs/exps` (its
queue, its run state) is not an experiment; what is ours alone stays out of there, because DVC's listing breaks on it.
Rules of names: git's for refs, and no "/". Described in docs/formats/experiment.md and undo.md.
"""

import time

from expref.objstore.errors import BadName
from expref.objstore.formats.refs import check_name as check_ref_name
from expref.objstore.ids import ObjectFormat, ObjectId
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.patterns import lazy_pattern

from ..model import ExperimentRef

PREFIX = "refs/exps/"
HIDDEN = "refs/expref/"  # what is ours alone
UNDO = HIDDEN + "undo/"
NOTES = "refs/notes/exps"  # of all experiments; Git's own notes
LONGEST_NAME = 250  # bytes: a file name has at most 255, and ".lock" is put behind it
ALLOWED = "a name may hold letters, digits, '-', '_', '.', '@', '+' and the like"
_RESERVED = ("refs/exps/apply/", "refs/exps/celery/", "refs/exps/exec/", "refs/exps/temp/")
_STEP = lazy_pattern(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}")


class Step(NamedTuple):
    """An undo step: the work tree it was made in ("main" for the first), its name, the command that made it."""

    work_tree: str
    name: str
    command: str


def folder_of(baseline: ObjectId) -> str:
    """Where the experiments of a baseline are; ends with "/"."""
    digits = baseline.hex()
    return f"{PREFIX}{digits[:2]}/{digits[2:]}/"


def ref_of(baseline: ObjectId, name: str) -> str:
    """The ref of an experiment."""
    return folder_of(baseline) + name


def parse_ref(ref: str, id_: ObjectId, form: ObjectFormat) -> ExperimentRef | None:
    """The experiment that a ref holds; None if the ref is something else."""
    parts = ref.split("/")
    if len(parts) != 5 or ref.startswith(_RESERVED):
        return None
    try:
        return ExperimentRef(form.parse_id(parts[2] + parts[3]), parts[4], id_)
    except BadName:
        return None


def is_of_dvc(ref: str) -> bool:
    """Whether DVC keeps its queue or the state of its runs there: nobody else's business."""
    return ref.startswith(_RESERVED) or ref == "refs/exps/stash"


def check_name(name: str) -> None:
    """Raise BadName, saying why, unless an experiment can have this name."""
    if "/" in name:
        raise BadName(f"bad experiment name {name!r}: it holds '/'")
    if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        raise BadName(f"bad experiment name {name[:20]!r}…: it is longer than {LONGEST_NAME} bytes")
    try:
        check_ref_name(f"{PREFIX}00/0/{name}")
    except BadName as wrong:
        raise BadName(f"bad experiment name {name!r}: {str(wrong).rpartition(': ')[2]}") from None


def stamp(when: int) -> str:
    """A time, in epoch seconds, as names of undo steps begin: their order is that of time.

    >>> stamp(0)
    '19700101T000000Z'
    """
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(when))


def undo_ref(step: Step, ref: str) -> str:
    """Where a step keeps what was at `ref`."""
    return f"{UNDO}{step.work_tree}/{step.name}/{step.command}/{ref.removeprefix('refs/')}"


def parse_undo(ref: str) -> tuple[Step, str] | None:
    """The step that a ref belongs to, and the ref that it keeps; None if it is something else."""
    parts = ref.removeprefix(UNDO).split("/", 3)
    if not ref.startswith(UNDO) or len(parts) < 4 or not _STEP.fullmatch(parts[1]):
        return None
    return Step(*parts[:3]), "refs/" + parts[3]
