"""The public names of expref: `from expref.exps.api import Project, save, show`. docs/embedding.md shows their use."""

from .branch import Branch, branch
from .compare import Comparison, Side, compare, find_side
from .errors import ExpError, Status
from .experiments import Listing, listing
from .foldertable import show_folders
from .list import experiments
from .model import Experiment, ExperimentRef
from .naming import find_experiments
from .project import Project
from .pull import pull
from .push import push
from .remoterefs import remove_there, rename_there
from .remotes import Place, experiments_of, place
from .remove import remove
from .rename import rename
from .results import Moved, Result
from .rows import FileValues, Row
from .save import save
from .selection import Selection, select
from .show import Group, Table, show
from .undo import UndoStep, restore, steps

__all__ = [
    "Branch",
    "Comparison",
    "ExpError",
    "Experiment",
    "ExperimentRef",
    "FileValues",
    "Group",
    "Listing",
    "Moved",
    "Place",
    "Project",
    "Result",
    "Row",
    "Selection",
    "Side",
    "Status",
    "Table",
    "UndoStep",
    "branch",
    "compare",
    "experiments",
    "experiments_of",
    "find_experiments",
    "find_side",
    "listing",
    "place",
    "pull",
    "push",
    "remove",
    "remove_there",
    "rename",
    "rename_there",
    "restore",
    "save",
    "select",
    "show",
    "show_folders",
    "steps",
]
