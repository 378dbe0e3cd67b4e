"""Demo: a small repository with code, parameters, metrics and experiments, made by the code that users' saves run.

The repository is an ordinary one: a first commit on main, its index written, an identity in its own configuration.
"""
import json
import os
from collections.abc import Mapping

from expref.objstore.formats.index import IndexRow
from expref.objstore.formats.objects import FILE, Commit, encode_commit
from expref.objstore.repository import Repository
from expref.objstore.stores.files import replace_file
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.worktree import snapshot

from . import demotrain
from .errors import ExpError, Status
from .model import Experiment
from .project import Project
from .save import save

PARAMS = """\
data:
  samples: {samples}
  noise: 0.6
train:
  lr: {lr}
  epochs: {epochs}
  l2: {l2}  # weight decay
"""
README = """\
A demo of exps. Change a number in params.yaml, then:

    python train.py      # reads params.yaml, writes metrics.json
    exps save            # an experiment on top of your commit
    exps show            # all of them, side by side
"""
FIRST: Mapping[str, float] = {"lr": 0.05, "epochs": 5, "l2": 0.0, "samples": 200}
EXPERIMENTS: Mapping[str, Mapping[str, float]] = {
    "small-steps": {"lr": 1e-3},
    "big-steps": {"lr": 2.0},
    "more-epochs": {"epochs": 40},
    "weight-decay": {"l2": 0.02, "epochs": 40},
    "more-data": {"samples": 2000},
}
STEP_S = 60  # between commits, so that the table has an order
SETTINGS = b"[user]\n\tname = Demo\n\temail = demo@example.com\n[core]\n\tautocrlf = false\n"


def demo(folder: str, environ: Mapping[str, str]) -> tuple[Project, list[Experiment]]:
    """Make the demo in `folder`, which must be empty or not exist yet; return the open project and what was saved.

    Raises ExpError if there is something in the folder.
    """
    if not os.path.basename(folder.rstrip("/")):
        raise ExpError(f"{folder!r} is no name for a new folder", "name another one")
    if os.path.lexists(folder) and (not os.path.isdir(folder) or os.listdir(folder)):
        raise ExpError(f"{folder} is there already and not an empty folder", "name another one", Status.CONFLICT)
    os.makedirs(folder, exist_ok=True)
    environ = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    repository = Repository.init(folder, environ)
    with open(f"{repository.git_dir}/config", "ab") as config:
        config.write(SETTINGS)
    project = Project.open(folder, environ)
    began = project.now() - STEP_S * (len(EXPERIMENTS) + 1)
    _commit(project, began)
    saved = []
    for number, (name, changed) in enumerate(EXPERIMENTS.items(), 1):
        _write(project, {**FIRST, **changed})
        what = ", ".join(f"{key} {value}" for key, value in changed.items())
        saved.append(save(project, name=name, message=f"Try {what}", when=began + STEP_S * number))
    _write(project, FIRST)
    os.unlink(f"{repository.git_dir}/index")
    _write_index(project)
    return project, saved


def _commit(project: Project, when: int) -> None:
    """Write the files, and make the first commit of them."""
    with open(demotrain.__file__, "rb") as program:
        replace_file(f"{project.root}/train.py", program.read(), project.repository.sharing)
    replace_file(f"{project.root}/README.md", README.encode(), project.repository.sharing)
    replace_file(f"{project.root}/.gitignore", b"__pycache__/\n", project.repository.sharing)
    _write(project, FIRST)
    _write_index(project)
    author, committer = (project.signature(role, when) for role in ("author", "committer"))
    commit = Commit(snapshot(project.repository), (), author, committer, b"Train a small model\n")
    id_ = project.repository.objects.write("commit", encode_commit(commit))
    project.repository.refs.update([RefUpdate("refs/heads/main", id_, "absent")])


def _write(project: Project, params: Mapping[str, float]) -> None:
    """Write params.yaml, and the metrics that training with it gives."""
    nested = {"data": {"samples": params["samples"], "noise": 0.6}, "train": dict(params)}
    metrics = json.dumps(demotrain.train(nested), indent=2) + "\n"
    replace_file(f"{project.root}/params.yaml", PARAMS.format(**params).encode(), project.repository.sharing)
    replace_file(f"{project.root}/metrics.json", metrics.encode(), project.repository.sharing)


def _write_index(project: Project) -> None:
    """Track every file of the folder as it is now."""
    rows = []
    for name in sorted(os.listdir(project.root)):
        path = f"{project.root}/{name}"
        if os.path.isfile(path):
            found = os.lstat(path)
            with open(path, "rb") as file:
                id_ = project.repository.objects.write("blob", file.read())
            ctime, mtime = divmod(found.st_ctime_ns, 10**9), divmod(found.st_mtime_ns, 10**9)
            row = IndexRow(ctime, mtime, found.st_ino, FILE, found.st_uid, found.st_gid, found.st_size, id_, 0, 0)
            rows.append((os.fsencode(name), row))
    project.repository.index.make(rows)
