"""The daily verbs beside the real DVC: each names, promotes, renames and removes what the other has made.

And a save of a project like DVC's own example holds, entry by entry, what DVC's save holds, but for what is listed here.
"""

import json

import pytest

from tests.conftest import needs
from tests.dvcrepo import make_project
from tests.gitrepo import users_files
from tests.projects import is_clean, refs

pytestmark = [needs("git"), needs("dvc")]


TRAIN = b"""\
lr = next(float(line.split(":")[1]) for line in open("params.yaml") if line.startswith("lr:"))
open("metrics.json", "w").write('{"loss": %s}' % (1 - lr))
"""
STAGE = b"stages: {train: {cmd: python train.py, deps: [train.py], params: [lr], metrics: [metrics.json: {cache: false}]}}\n"
FILES = {"train.py": TRAIN, "dvc.yaml": STAGE, "params.yaml": b"lr: 0.1\nepochs: 5\n", "metrics.json": b'{"loss": 0.9}'}


def save_with(repo, name, params):
    """One of our experiments, as the command makes it, with these parameters."""
    repo.write("params.yaml", params)
    return json.loads(repo.exps("save", "--name", name, "--json"))["ref"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, import_folder):
    """Experiments of DVC, run, saved and queued, on two commits, packed; beside those of ours."""
    repo = make_project(tmp_path_factory.mktemp("daily"), import_folder, FILES)
    save_with(repo, "old", b"lr: 0.7\n")
    repo.write("params.yaml", FILES["params.yaml"])
    repo.commit("second")
    for number in range(3):
        repo.write("params.yaml", b"lr: 0.%d\nepochs: 5\n" % number)
        repo.dvc("exp", "save", "--quiet", "--name", f"dvc{number}")
        save_with(repo, f"ours{number}", b"lr: 0.%d\nepochs: 7\n" % number)
    repo.git("checkout", "--quiet", "--force", "main")
    repo.dvc("exp", "run", "--quiet", "--queue", "--name", "waiting", "--set-param", "lr=0.9")
    repo.git("pack-refs", "--all")
    return repo


def listed(repo):
    """(what DVC lists, what we list): names of all baselines, sorted."""
    theirs = repo.dvc("exp", "list", "--all-commits", "--name-only").split()
    return sorted(theirs), sorted(repo.exps("list", "--all-commits", "--name-only").split())


@pytest.mark.parametrize("flags", [
    ["--all-commits"], ["-n", "2"], ["--rev", "HEAD", "--num", "-1"], ["-n", "0"], ["--rev", "HEAD~1", "--name-only"],
    ["--shas-only", "-A"],
])  # fmt: skip
def test_lists_are_equal_in_meaning(project, flags):
    ours, theirs = project.exps("list", *flags), project.dvc("exp", "list", *flags)
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
    assert ours == project.exps("list", *flags)


def test_we_promote_rename_and_remove_what_dvc_made(project):
    id_ = refs(project)["dvc0"]
    project.exps("branch", "dvc0", "from-dvc")
    assert project.git("rev-parse", "from-dvc") == id_
    project.exps("rename", "dvc0", "renamed")
    project.exps("remove", "dvc1", "renamed")
    theirs, ours = listed(project)
    assert ours == theirs and {"dvc0", "dvc1", "renamed"}.isdisjoint(theirs) and "dvc2" in theirs
    project.exps("remove", "--undo")
    assert listed(project)[0] == listed(project)[1] and refs(project)["renamed"] == id_
    assert "waiting" in project.dvc("queue", "status") and is_clean(project)


def test_dvc_promotes_renames_and_removes_what_we_made_and_renamed(project):
    id_ = refs(project)["ours0"]
    project.exps("rename", "ours0", "ours-renamed")
    project.dvc("exp", "branch", "ours-renamed", "from-ours")
    assert project.git("rev-parse", "from-ours") == id_
    project.dvc("exp", "rename", "ours-renamed", "again")
    project.dvc("exp", "remove", "again", "ours1")
    theirs, ours = listed(project)
    assert ours == theirs and {"ours0", "ours1", "again", "ours-renamed"}.isdisjoint(theirs)


def test_dvc_applies_what_was_brought_back(project):
    project.exps("remove", "ours2")
    project.exps("undo", "restore")
    project.dvc("exp", "apply", "ours2")
    for name in ("params.yaml", "dvc.lock"):
        assert (project.path / name).read_bytes() == project.git_bytes("show", f"{refs(project)['ours2']}:{name}")
    project.git("checkout", "--quiet", "--force", "main")


def test_everything_can_go_and_the_queue_stays(project):
    project.exps("remove", "--rev", "HEAD~1")
    project.exps("remove", "--all-commits")
    assert listed(project) == ([], [])
    assert "waiting" in project.dvc("queue", "status")
    project.exps("remove", "--undo")
    assert listed(project)[0] == listed(project)[1] != []


# --- what a save holds

PIPELINE = b"""\
stages:
  prepare: {cmd: x, deps: [data/raw.csv], params: [prepare], outs: [data/prepared]}
  train:
    cmd: x
    deps: [data/prepared, src/train.py]
    params: [train]
    outs: [models/model.pkl, results/train: {cache: false}]
  evaluate:
    cmd: x
    deps: [models/model.pkl]
    outs: [results/evaluate/metrics.json: {cache: false}, results/evaluate/plots]
params: [params.yaml]
metrics: [results/train/metrics.json, results/evaluate/metrics.json]
plots:
  - results/train/plots
  - Loss: {x: step, y: {results/train/plots/train/loss.tsv: loss, results/train/plots/eval/loss.tsv: loss}}
  - reports/variance.csv: {x: ratio}
  - results/evaluate/plots/roc.json
"""
OUTPUTS = {
    "data/prepared/a": b"a", "models/model.pkl": b"m", "results/train/metrics.json": b'{"loss": 1}', "results/train/log.txt": b"x",
    "results/train/plots/train/loss.tsv": b"step\tloss\n1\t2\n", "results/train/plots/eval/loss.tsv": b"step\tloss\n1\t3\n",
    "results/evaluate/metrics.json": b'{"acc": 0.5}', "results/evaluate/plots/roc.json": b'[{"fpr": 1}]', "reports/variance.csv": b"ratio\n1\n",
}  # fmt: skip
ONLY_DVC = {  # what its save holds and ours does not: its own state, and what it has changed itself
    ".dvc/tmp/repro.dat",
    "data/.gitignore",
    "results/evaluate/plots/roc.json",  # a plot that its cache is to keep
}
ONLY_WE = {"dvc.yaml"}  # declared, and not tracked yet


@pytest.fixture
def like_the_example(tmp_path, import_folder):
    """A project with a pipeline that is not committed, and all that its stages make."""
    start = {"params.yaml": b"prepare: 1\ntrain: 2\n", "src/train.py": b"print()\n", "data/raw.csv": b"a,b\n"}
    repo = make_project(tmp_path, import_folder, {name: start[name] for name in ("params.yaml", "src/train.py")})
    repo.write("data/raw.csv", start["data/raw.csv"])
    repo.dvc("add", "--quiet", "data/raw.csv")
    repo.commit("data")
    for name, content in {"dvc.yaml": PIPELINE, "untracked.txt": b"x", **OUTPUTS}.items():
        repo.write(name, content)
    return repo


def entries(repo, id_):
    """{path: (mode, blob)} of a commit."""
    lines = repo.git("ls-tree", "-r", id_).splitlines()
    return {path: (mode, blob) for mode, _, blob, path in (line.replace("\t", " ").split(" ") for line in lines)}


def both_saved(repo):
    before = users_files(repo.path)
    ours = entries(repo, json.loads(repo.exps("save", "--json", "--name", "by-us"))["ref"])
    assert {path: seen for path, seen in users_files(repo.path).items() if path in before} == before
    said = repo.dvc("exp", "save", "--json", "--name", "by-dvc").splitlines()[-1]
    return ours, entries(repo, json.loads(said)["ref"])


def test_a_first_save_holds_what_dvcs_holds(like_the_example):
    ours, theirs = both_saved(like_the_example)
    assert (theirs.keys() - ours.keys(), ours.keys() - theirs.keys()) == (ONLY_DVC - {"data/.gitignore"}, ONLY_WE)
    assert {path for path in ours.keys() & theirs.keys() if ours[path] != theirs[path]} <= {"data/.gitignore"}
    said = like_the_example.try_dvc("exp", "show", "--json")
    assert said.returncode == 0, said.stderr


def test_a_later_save_holds_what_dvcs_holds(like_the_example):
    repo = like_the_example
    repo.dvc("commit", "--force", "--quiet")
    repo.commit("all of it")
    repo.write("params.yaml", b"prepare: 1\ntrain: 3\n")
    repo.write("results/train/metrics.json", b'{"loss": 0.5}')
    repo.dvc("commit", "--force", "--quiet")
    ours, theirs = both_saved(repo)
    assert theirs.keys() - ours.keys() == {".dvc/tmp/repro.dat", "results/evaluate/plots/roc.json"}
    assert ours.keys() <= theirs.keys() and {path for path in ours if ours[path] != theirs[path]} == set()
