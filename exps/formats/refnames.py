"""Names of experiments and of the refs that hold them: `refs/exps/<2 hex>/<rest of the baseline>/<name>`.

The layout is DVC's, so that its experiments are ours and ours are its. Anything else below `refs/exps` (its queue, its
run state) is not an experiment. Rules of names: git's for refs, and no "/".
"""
from expref.objstore.errors import BadName
from expref.objstore.formats.refs import check_name as check_ref_name
from expref.objstore.ids import ObjectFormat, ObjectId

from ..model import ExperimentRef

PREFIX = "refs/exps/"
LONGEST_NAME = 250  # bytes: a file name has at most 255, and ".lock" is put behind it
_RESERVED = ("refs/exps/apply/", "refs/exps/celery/", "refs/exps/exec/", "refs/exps/temp/")


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
