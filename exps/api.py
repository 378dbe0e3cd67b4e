"""The public names of expref: `from expref.exps.api import Project, save, show`. docs/embedding.md shows their use."""

from .branch import Branch, branch
from .errors import ExpError, Status
from .experiments import Listing, listing
from .list import experiments
from .model import Experiment, ExperimentRef
from .project import Project
from .remove import remove
from .rename import rename
from .rows import FileValues, Row
from .save import save
from .show import Group, Table, show
from .undo import UndoStep, restore, steps

__all__ = [
    "Branch",
    "ExpError",
    "Experiment",
    "ExperimentRef",
    "FileValues",
    "Group",
    "Listing",
    "Project",
    "Row",
    "Status",
    "Table",
    "UndoStep",
    "branch",
    "experiments",
    "listing",
    "remove",
    "rename",
    "restore",
    "save",
    "show",
    "steps",
]
