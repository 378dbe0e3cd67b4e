"""Side by side with the real DVC in one project: each lists, shows and uses what the other has saved.

A call of DVC takes a second or two, so the projects are made once for all tests of this file.
"""
import json
import shutil

import pytest
from expref.exps.save import save

from tests.conftest import needs
from tests.dvcrepo import DvcRepo, both, comparable, make_project
from tests.projects import is_clean, open_project, refs

pytestmark = [needs("git"), needs("dvc")]

TRAIN = b"""\
lr = next(float(line.split(":")[1]) for line in open("params.yaml") if line.startswith("lr:"))
open("metrics.json", "w").write('{"loss": %s, "deep": {"acc": 0.5}, "list": [1], "none": null}' % (1 - lr))
"""
PIPELINE = b"""\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr, other.json: [model]]
    metrics: [metrics.json: {cache: false}]
params: [extra.yaml]
metrics: [top.yaml]
"""
FILES = {
    "train.py": TRAIN, "dvc.yaml": PIPELINE, "params.yaml": b"lr: 0.1\nepochs: 5\nname: '1e-3'\nstep: 1e-3\n",
    "other.json": b'{"model": {"depth": 3}, "unused": 1}', "extra.yaml": b"a: {b: [1, 2]}\nnothing:\n",
    "top.yaml": b"f1: 0.25\nwords: yes\n", "metrics.json": b'{"loss": 0.9, "deep": {"acc": 0.5}, "list": [1]}',
}  # fmt: skip


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, import_folder):
    """A project with experiments that DVC ran, DVC saved, and we saved, on two commits."""
    repo = make_project(tmp_path_factory.mktemp("mixed"), import_folder, FILES)
    save_with(repo, "before", b"lr: 0.7\nepochs: 1\n")
    repo.write("params.yaml", FILES["params.yaml"])
    repo.commit("second")
    repo.dvc("exp", "run", "--quiet", "--name", "ran", "--set-param", "lr=0.3")
    repo.dvc("exp", "save", "--name", "saved-by-dvc", "--message", "by DVC")
    save_with(repo, "ours", b"lr: 0.4\nepochs: 7\n")
    save_with(repo, "ours-too", b"lr: 0.5\nepochs: 7\nnew: {deep: [1, {x: 2.5}]}\n")
    return repo


def save_with(repo, name, params):
    """One of our experiments, as the command makes it, with these parameters."""
    repo.write("params.yaml", params)
    return json.loads(repo.exps("save", "--name", name, "--json"))["ref"]


def test_dvc_lists_ours_and_we_list_dvcs(mixed):
    theirs = mixed.dvc("exp", "list", "--all-commits", "--name-only").split()
    ours = mixed.exps("list", "--all-commits", "--name-only").split()
    assert sorted(ours) == sorted(theirs) == ["before", "ours", "ours-too", "ran", "saved-by-dvc"]
    assert sorted(mixed.exps("list").split("\n")) == sorted(mixed.dvc("exp", "list").split("\n"))


def test_both_show_the_same(mixed):
    theirs, ours = both(mixed)
    assert ours == theirs
    assert {each["name"] for each in ours[1]["experiments"]} == {"ours-too", "ours", "saved-by-dvc", "ran"}
    assert ours[1]["experiments"][0]["revs"][0]["data"]["metrics"]["metrics.json"]["data"]["deep"] == {"acc": 0.5}


def test_both_show_the_same_when_refs_are_packed_and_head_is_detached(mixed):
    mixed.git("pack-refs", "--all", "--prune")
    mixed.git("gc", "--quiet")
    mixed.git("checkout", "--quiet", "--force", "--detach", "HEAD~1")
    try:
        theirs, ours = both(mixed)
        assert ours == theirs and [each["name"] for each in ours[1]["experiments"]] == ["before"]
    finally:
        mixed.git("checkout", "--quiet", "main")


def test_dvc_applies_and_branches_ours(mixed):
    id_ = refs(mixed)["ours"]
    mixed.git("checkout", "--quiet", "--force", "main")
    mixed.dvc("exp", "apply", "ours")
    assert (mixed.path / "params.yaml").read_bytes() == b"lr: 0.4\nepochs: 7\n"
    for path in mixed.git("ls-tree", "-r", "--name-only", id_).splitlines():  # dvc.lock is not tracked: no `git diff`
        assert (mixed.path / path).read_bytes() == mixed.git_bytes("cat-file", "blob", f"{id_}:{path}"), path
    mixed.dvc("exp", "branch", "ours", "from-ours")
    assert mixed.git("rev-parse", "from-ours") == id_ and is_clean(mixed)
    mixed.git("checkout", "--quiet", "--force", "main")


def test_dvc_removes_and_renames_ours(mixed):
    save_with(mixed, "to-go", b"lr: 1\n")
    save_with(mixed, "to-rename", b"lr: 2\n")
    mixed.dvc("exp", "remove", "to-go")
    mixed.dvc("exp", "rename", "to-rename", "renamed")
    names = set(mixed.exps("list", "--name-only").split())
    assert "renamed" in names and names.isdisjoint({"to-go", "to-rename"})
    mixed.dvc("exp", "remove", "renamed")


def test_an_experiment_of_ours_is_one_that_dvc_could_have_made(mixed):
    """One commit on top of the baseline, with what DVC takes but its own state file and the lines that it ends with."""
    mixed.git("checkout", "--quiet", "--force", "main")
    mixed.write("params.yaml", b"lr: 0.6\n")
    said = mixed.dvc("exp", "save", "--name", "same-by-dvc", "--message", "x", "--json")
    theirs = json.loads(said.splitlines()[-1])["ref"]
    ours = str(save(open_project(mixed), name="same-by-us", message="x").id)
    differing = [name for name in mixed.git("diff", "--name-only", theirs, ours).split() if "repro.dat" not in name]
    assert set(differing) <= {"dvc.lock"}
    for field in ("%P", "%an", "%ae", "%cn", "%ce", "%s"):
        assert mixed.git("log", "-1", f"--format={field}", theirs) == mixed.git("log", "-1", f"--format={field}", ours)


# --- files that cannot be read

BROKEN = {  # name of the experiment: what its files are
    "yaml": {"extra.yaml": b"lr: [1"}, "duplicate": {"extra.yaml": b"lr: 1\nlr: 2\n"},
    "json": {"metrics.json": b'{"a": '}, "json-list": {"metrics.json": b"[1, 2]"}, "empty": {"metrics.json": b""},
    "tag": {"extra.yaml": b"a: !custom 1\n"}, "tabs": {"extra.yaml": b"a:\n\tb: 1\n"},
    "scalar": {"extra.yaml": b"word\n"},
    "no-metrics": {"top.yaml": None}, "no-params": {"extra.yaml": None}, "no-default": {"params.yaml": None},
    "pipeline-syntax": {"dvc.yaml": b"stages: ["}, "pipeline-schema": {"dvc.yaml": b"nonsense: 1\n"},
    "pipeline-empty": {"dvc.yaml": b""}, "pipeline-list": {"dvc.yaml": b"[1]\n"},
    "nan": {"metrics.json": b'{"a": NaN, "b": Infinity}', "extra.yaml": b"a: .nan\nb: -.inf\n"},
    "large": {"extra.yaml": b"a: 123456789012345678901234567890\nb: 1e400\nc: 0.1e-400\n"},
    "anchors": {"extra.yaml": b"a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n"},
}  # fmt: skip

WORSE = {  # DVC gives up the whole revision, because it reads params.yaml for the templates of dvc.yaml
    "default-syntax": {"params.yaml": b"lr: [1"}, "default-duplicate": {"params.yaml": b"lr: 1\nlr: 2\n"},
}  # fmt: skip
DEFAULTS = {"pipeline-gone": {"dvc.yaml": None}}  # without dvc.yaml we show metrics.json, DVC no metrics


@pytest.fixture(scope="module")
def broken(tmp_path_factory, import_folder):
    """A project whose experiments have one broken file each."""
    repo = make_project(tmp_path_factory.mktemp("broken"), import_folder, FILES)
    for name, files in (BROKEN | WORSE | DEFAULTS).items():
        for path, content in files.items():
            (repo.path / path).unlink() if content is None else repo.write(path, content)
        save(open_project(repo), name=name)
        repo.git("checkout", "--quiet", "--force", "main")
    return repo


@pytest.fixture(scope="module")
def shown(broken):
    theirs, ours = both(broken)
    assert ours[0] == theirs[0]
    rows = [{each["name"]: each["revs"][0] for each in states[1]["experiments"]} for states in (theirs, ours)]
    assert rows[0].keys() == rows[1].keys() == {*BROKEN, *WORSE, *DEFAULTS}
    return rows


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_has_the_same_consequence(shown, name):
    theirs, ours = (json.dumps(rows[name], sort_keys=True) for rows in shown)
    assert ours == theirs


@pytest.mark.parametrize("name", WORSE)
def test_where_dvc_loses_a_row_we_lose_a_cell(shown, name):
    theirs, ours = (rows[name] for rows in shown)
    assert theirs["data"] is None and ours["error"] is None
    assert ours["data"]["params"]["params.yaml"] == theirs["error"] == "YAMLFileCorruptedError"
    assert set(ours["data"]["metrics"]) == {"metrics.json", "top.yaml"}


def test_without_a_pipeline_the_usual_files_are_shown(shown):
    theirs, ours = (rows["pipeline-gone"]["data"] for rows in shown)
    assert ours["params"] == theirs["params"]
    assert (list(ours["metrics"]), theirs["metrics"]) == (["metrics.json"], {})


def test_a_project_without_dvcs_folder_is_no_obstacle_for_us(broken, tmp_path):
    """The same commits in a clone where DVC was never initialised: the pipeline file is read all the same."""
    shutil.copytree(broken.path / ".git", tmp_path / "plain/.git")
    plain = DvcRepo(tmp_path / "plain", broken.environ)
    plain.git("rm", "--quiet", "-r", "--cached", ".dvc", ".dvcignore")
    plain.git("commit", "--quiet", "--message", "without DVC")
    plain.git("checkout", "--quiet", "--force", "main")
    assert not (plain.path / ".dvc").exists()
    metrics = comparable(json.loads(plain.exps("show", "--json")))[1]["data"]["metrics"]
    assert list(metrics) == ["metrics.json", "top.yaml"]
