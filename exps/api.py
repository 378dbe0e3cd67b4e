"""The public names of expref: `from expref.exps.api import Project, save, show`."""
from .errors import ExpError, Status
from .experiments import Listing, listing
from .model import Experiment, ExperimentRef
from .project import Project
from .rows import FileValues, Row
from .save import save
from .show import Group, Table, show

__all__ = [
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
    "listing",
    "save",
    "show",
]
