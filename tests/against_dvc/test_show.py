"""The same repository in many states: what `dvc exp show --json` says of it, and what we say, field by field."""

import json
import os
import time

import pytest
from expref.exps import dvcjson
from expref.exps.selection import Selection, select
from expref.exps.show import show

from tests.conftest import ROOT, needs
from tests.dvcrepo import comparable, make_project
from tests.projects import open_project

pytestmark = [needs("git"), needs("dvc")]


def some(cases, *quick):
    """The cases for `parametrize`: all but the quick ones are for the long run."""
    return [pytest.param(case, marks=[] if case in quick else [pytest.mark.slow]) for case in cases]


FILES = {
    "train.py": b"import json, yaml\n", "data.txt": b"1\n",
    "params.yaml": b"lr: 0.1\nnet: {size: 8, names: [a, b]}\n", "extra.toml": b"seed = 7\n", "conf.py": b"class Net:\n    depth = 3\n",
    "metrics.json": b'{"loss": 0.5, "deep": {"acc": 1}}\n',
    "dvc.yaml": b"""\
vars: [{name: train}]
stages:
  fit:
    foreach: [a, b]
    do:
      cmd: echo ${item}
      deps: ['${name}.py', data.txt]
      params: [lr, {conf.py: [Net.depth]}]
      outs: ['model-${item}']
      metrics: [metrics.json: {cache: false}]
params: [extra.toml]
""".replace(b"      metrics: [metrics.json: {cache: false}]\n", b"") + b"metrics: [metrics.json]\n",
    "sub/dvc.yaml": b"metrics: [m.json]\nstages: {s: {cmd: x, deps: [../data.txt], params: [k]}}\n",
    "sub/params.yaml": b"k: 1\n", "sub/m.json": b'{"f1": 0.25}', "raw.dvc": b"outs:\n- {path: raw, md5: ab12ab12, size: 3, hash: md5}\n",
    "dvc.lock": b"""\
schema: '2.0'
stages:
  fit@a:
    cmd: echo a
    deps:
    - path: data.txt
      hash: md5
      md5: b026324c6904b2a9cb4b88d6d61c81d1
      size: 2
    outs:
    - path: model-a
      hash: md5
      md5: c026324c6904b2a9cb4b88d6d61c81d1.dir
      size: 20
      nfiles: 4
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory, import_folder):
    """Three commits on main, one on side, two tags; experiments on three of them, one a chain of checkpoints."""
    repo = make_project(tmp_path_factory.mktemp("states"), import_folder, FILES)
    commits = [repo.git("rev-parse", "HEAD")]
    experiment(repo, "early", lr=0.7)
    for number in (2, 3):
        repo.write("params.yaml", b"lr: 0.%d\nnet: {size: 8}\n" % number)
        commits.append(repo.commit(f"commit {number}"))
        for name in ("x", "y"):
            experiment(repo, f"{name}{number}", lr=number)
    chain(repo, "checkpoints")
    repo.git("tag", "v1", commits[0])
    repo.git("tag", "-a", "-m", "x", "v2", commits[1])
    repo.git("checkout", "--quiet", "-b", "side", commits[0])
    repo.write("metrics.json", b'{"loss": 0.1}')
    repo.commit("beside")
    repo.git("checkout", "--quiet", "main")
    repo.git("pack-refs", "--all")
    return repo


def experiment(repo, name, lr):
    repo.write("params.yaml", b"lr: %a\nnet: {size: 16}\n" % lr)
    repo.exps("save", "--name", name)
    repo.git("checkout", "--quiet", "params.yaml")


def chain(repo, name):
    """Three commits on top of HEAD and the ref of an experiment at the last, as DVC 2 made them."""
    baseline = tip = repo.git("rev-parse", "HEAD")
    for step in range(3):
        repo.write("metrics.json", b'{"loss": 0.%d}' % step)
        repo.git("add", "metrics.json")
        tip = repo.git("commit-tree", repo.git("write-tree"), "-p", tip, "-m", f"step {step}")
    repo.git("reset", "--quiet", "--hard", baseline)
    repo.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", tip)


@pytest.fixture(autouse=True)
def same_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def both(repo, *options, chosen=Selection(), below="", **how):
    """(what DVC says with these options, what we say of the same selection), twice: the second time from memory."""
    repo.below = below
    dvc = json.loads(repo.dvc("exp", "show", "--json", *options))
    for _ in range(2):
        ours = opened = open_project(repo, below, TZ="Asia/Kathmandu")
        ours = json.loads("".join(dvcjson.pieces(show(opened, baselines=select(opened, chosen), **how))))
        check_schema(ours, hidden=how.get("workspace") is False)
    repo.below = ""
    return comparable(dvc), comparable(ours)


def check_schema(states, *, hidden):
    jsonschema = pytest.importorskip("jsonschema")
    with open(os.path.join(ROOT, "tests/exps/exp_show.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    if hidden or not states:
        schema |= {"items": schema["additionalItems"], "minItems": 0}
    jsonschema.validate(states, schema)


SELECTED = {
    "": Selection(), "-n 2": Selection(num=2), "-n -1": Selection(num=-1), "-n 0": Selection(num=0), "-a": Selection(branches=True),
    "-T": Selection(tags=True), "-a -T -n 2": Selection(num=2, branches=True, tags=True), "-A": Selection(commits=True),
    "--rev side --rev v2": Selection(("side", "v2")), "--rev HEAD~1 -n 2": Selection(("HEAD~1",), 2), "--rev x3": Selection(("x3",)),
    "--rev main --rev HEAD": Selection(("main", "HEAD")), "--rev side -T": Selection(("side",), tags=True),
}  # fmt: skip


@pytest.mark.parametrize("options", some(SELECTED, "", "-a -T -n 2"))
def test_the_same_baselines_in_the_same_order(project, options):
    dvc, ours = both(project, *options.split(), chosen=SELECTED[options])
    if "-A" in options:  # both by time, and two are of the same second
        dvc, ours = (sorted(states, key=lambda state: state["rev"]) for states in (dvc, ours))
    assert ours == dvc


def test_a_chain_of_checkpoints_is_shown_with_all_its_commits(project):
    _, ours = both(project)
    found = next(each for each in ours[1]["experiments"] if each["name"] == "checkpoints")
    assert len(found["revs"]) == 3


@pytest.mark.slow
def test_without_the_work_tree(project):
    dvc, ours = both(project, "--hide-workspace", workspace=False)
    assert ours == dvc and ours[0]["name"] == "main"


def test_only_parameters_that_stages_depend_on(project):
    dvc, ours = both(project, "--param-deps", only_deps=True)
    assert (ours[0], ours[1]["experiments"]) == (dvc[0], dvc[1]["experiments"])
    assert ours[1]["data"]["params"] == ours[0]["data"]["params"]  # DVC shows all parameters of baselines


def test_detached(project):
    project.git("checkout", "--quiet", "--detach", "HEAD~1")
    dvc, ours = both(project)
    project.git("checkout", "--quiet", "main")
    assert ours == dvc and ours[1]["name"] == "v2"


DIRTY = {
    "a changed parameter": {"params.yaml": b"lr: 5\n"}, "a changed metric": {"metrics.json": b'{"loss": 9}'},
    "new files": {"new.dvc": b"outs:\n- {path: n, md5: ab12, hash: md5}\n", "fresh/dvc.yaml": b"metrics: [m]", "fresh/m": b"a: 1"},
    "a broken metric": {"metrics.json": b"{"}, "no metric": {"metrics.json": None}, "a broken parameter": {"extra.toml": b"x ="},
    "a broken pipeline": {"dvc.yaml": b"stages: ["}, "an invalid pipeline": {"sub/dvc.yaml": b"foo: 1"},
    "a broken lock": {"dvc.lock": b"schema: '1'"}, "no lock": {"dvc.lock": None}, "no pipeline below": {"sub/dvc.yaml": None},
    "params.yaml that templates need": {"params.yaml": b"lr: ["},
}  # fmt: skip


@pytest.mark.parametrize("state", some(DIRTY, "a changed parameter", "a broken pipeline"))
def test_a_dirty_work_tree(project, state):
    try:
        for path, content in DIRTY[state].items():
            (project.path / path).unlink() if content is None else project.write(path, content)
        dvc, ours = both(project)
    finally:
        project.git("checkout", "--quiet", "--force", ".")
        project.git("clean", "--quiet", "-fd")
    assert ours == dvc and ours[0] != ours[1]


def test_before_the_first_commit(tmp_path, import_folder):
    repo = make_project(tmp_path, import_folder, {})
    repo.git("checkout", "--quiet", "--orphan", "empty")
    assert both(repo) == ([], [])


def test_a_project_in_a_folder(tmp_path, import_folder):
    files = {f"team/{name}": content for name, content in FILES.items()} | {
        "params.yaml": b"other: 1\n",
        "dvc.yaml": b"metrics: [x]",
    }
    repo = make_project(tmp_path, import_folder, files, below="team")
    repo.write("team/params.yaml", b"lr: 3\n")
    repo.exps("save", "--name", "one")
    for below in ("team", "team/sub"):
        dvc, ours = both(repo, below=below)
        assert ours == dvc and set(ours[1]["data"]["metrics"]) == {"metrics.json", "sub/m.json"}


@pytest.mark.slow
def test_a_commit_from_before_the_project_was_made(tmp_path, import_folder):
    repo = make_project(tmp_path, import_folder, {"team/params.yaml": b"lr: 1\n"}, below="team")
    first = repo.git("commit-tree", repo.git("hash-object", "-t", "tree", "-w", "/dev/null"), "-m", "empty")
    dvc, ours = both(repo, "--rev", first, chosen=Selection((first,)), below="team")
    assert ours == dvc and ours[1]["error"]
