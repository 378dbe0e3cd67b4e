"""Show: the table as values, as JSON and as text. What cannot be read costs its own row or cell, never the command."""
import io
import json
import os
import re

import pytest
from expref.exps import dvcjson
from expref.exps.cli.grid import write
from expref.exps.cli.terminal import Terminal
from expref.exps.columns import Filter, filtered, grid, merged
from expref.exps.save import save
from expref.exps.show import show
from expref.exps.texts import TEXT

from tests.conftest import needs
from tests.projects import head, open_project

pytestmark = needs("git")


def saved(repo, name, content):
    repo.write("params.yaml", content)
    return save(open_project(repo), name=name)


def commit_experiment(repo, name, when, what="HEAD^{tree}"):
    """An experiment of HEAD with a time of its own."""
    env = {"GIT_COMMITTER_DATE": f"{when} +0000"}
    id_ = repo.git("commit-tree", what, "-p", "HEAD", "-m", name, env=env)
    baseline = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", id_)
    return id_


def lines(repo):
    """The table as text, as it goes into a file."""
    out = io.StringIO()
    terminal = Terminal({})
    terminal.out = out
    write(filtered(merged(grid(show(open_project(repo)), TEXT)), Filter(), TEXT), terminal, None)
    return out.getvalue().splitlines()


def as_json(repo):
    """The table as DVC's JSON, after a way through text."""
    return json.loads("".join(dvcjson.pieces(show(open_project(repo)))))


def test_before_the_first_commit_there_is_only_the_work_tree(repo):
    repo.write("params.yaml", b"lr: 0.1\n")
    table = show(open_project(repo))
    assert table.groups == () and table.workspace.params["params.yaml"].values == {"lr": 0.1}
    assert as_json(repo) == []
    assert lines(repo) == ["Experiment  Created   lr", "workspace   -        0.1"]


def test_experiments_stand_below_their_baseline_newest_first(trained):
    when = {"b": 1_700_000_000, "a": 1_700_000_100, "c": 1_600_000_000}
    for name, seconds in when.items():
        commit_experiment(trained, name, seconds)
    table = show(open_project(trained))
    (group,) = table.groups
    assert [row.name for row in group.experiments] == ["a", "b", "c"]
    assert [row.created for row in group.experiments] == sorted(when.values(), reverse=True)
    assert (group.baseline.name, group.baseline.id, table.others) == ("main", head(trained), 0)


def test_experiments_of_one_second_are_in_order_of_their_ids(trained):
    ids = [commit_experiment(trained, f"n{number}", 1_700_000_000) for number in range(5)]
    assert [str(row.id) for row in show(open_project(trained)).groups[0].experiments] == sorted(ids, reverse=True)


def test_experiments_of_other_baselines_are_counted(trained):
    saved(trained, "a", b"lr: 1\n")
    saved(trained, "b", b"lr: 2\n")
    trained.commit("second")
    saved(trained, "c", b"lr: 3\n")
    table = show(open_project(trained))
    assert ([row.name for row in table.groups[0].experiments], table.others) == (["c"], 2)


@pytest.mark.parametrize("commands, name", [
    ("checkout -b side", "side"), ("checkout --detach", "main"), ("tag v1", "main"),
    ("tag v1, checkout --detach", "v1"), ("tag -a v2 -m x, checkout --detach", "v2"),
    ("tag b, tag a, checkout --detach", "a"),
])  # fmt: skip
def test_the_baseline_is_called_by_its_branch_else_a_tag_else_another_branch(trained, commands, name):
    for command in commands.split(", "):
        trained.git(*command.split())
    assert show(open_project(trained)).groups[0].baseline.name == name


def test_a_baseline_without_a_name_is_called_by_its_id(trained):
    first = trained.git("rev-parse", "HEAD")
    trained.commit("second")
    trained.git("checkout", "--quiet", "--detach", first)
    assert show(open_project(trained)).groups[0].baseline.name is None
    assert lines(trained)[2].startswith(first[:7] + " ")


def test_the_json_is_the_one_of_dvc(trained):
    experiment = saved(trained, "a", b"lr: 2\n")
    workspace, baseline = as_json(trained)
    params = {"params.yaml": {"data": {"lr": 2}}}
    metrics = {"metrics.json": {"data": {"loss": 0.5}}}
    rest = {"metrics": metrics, "deps": {}, "outs": {}, "meta": {}}
    assert workspace == {
        "rev": "workspace", "name": None, "error": None, "experiments": None,
        "data": {"rev": "workspace", "timestamp": None, "params": params, **rest},
    }
    assert (baseline["rev"], baseline["name"], baseline["error"]) == (str(head(trained)), "main", None)
    assert baseline["data"]["params"] == {"params.yaml": {"data": {"lr": 0.1, "epochs": 5}}}
    (found,) = baseline["experiments"]
    (state,) = found["revs"]
    assert (found["name"], found["executor"]) == ("a", None)
    assert (state["rev"], state["name"], state["experiments"]) == (str(experiment.id), "a", None)
    assert state["data"]["params"] == params
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", state["data"]["timestamp"])


def odd_values(repo):
    repo.write("params.yaml", b"d: 2020-01-01\nn: .nan\ni: -.inf\nl: [1, {a: b}]\nb: 9999999999999999999\n1: x\n~: y\n")


def broken_pipeline_in_one(repo):
    repo.write("dvc.yaml", b"stages: [")
    repo.git("add", "dvc.yaml")
    saved(repo, "broken", b"lr: 1\n")
    repo.git("rm", "--quiet", "--force", "dvc.yaml")


def missing_commit(repo):
    baseline = repo.git("rev-parse", "HEAD")
    path = repo.path / ".git/refs/exps" / baseline[:2] / baseline[2:]
    path.mkdir(parents=True, exist_ok=True)
    (path / "gone").write_text("1" * 40 + "\n")


def tree_instead_of_commit(repo):
    missing_commit(repo)
    for path in (repo.path / ".git/refs/exps").glob("*/*/gone"):
        path.write_text(repo.git("rev-parse", "HEAD^{tree}") + "\n")


def garbage_object(repo):
    id_ = commit_experiment(repo, "garbage", 1_700_000_000)
    path = repo.path / ".git/objects" / id_[:2] / id_[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")


def missing_tree(repo):
    repo.write("only/here", b"1")
    repo.git("add", "only")
    tree = repo.git("rev-parse", f"{saved(repo, 'treeless', b'lr: only here').id}^{{tree}}")
    (repo.path / ".git/objects" / tree[:2] / tree[2:]).unlink()


def broken_ref(repo):
    missing_commit(repo)
    for path in (repo.path / ".git/refs/exps").glob("*/*/gone"):
        path.write_text("nonsense\n")


def hostile_commit(repo):
    content = (f"tree {repo.git('rev-parse', 'HEAD^{tree}')}\nparent {repo.git('rev-parse', 'HEAD')}\n"
               "author nobody\ncommitter \x1b[31m <> 99999999999999999999 +9999\n\nx")
    id_ = repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=content.encode())
    baseline = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/hostile", id_)


TROUBLE = [
    odd_values, broken_pipeline_in_one, missing_commit, tree_instead_of_commit, garbage_object, missing_tree,
    broken_ref, hostile_commit,
]  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_costs_no_more_than_its_own_row(trained, trouble):
    jsonschema = pytest.importorskip("jsonschema")
    saved(trained, "healthy", b"lr: 0.3\n")
    trained.git("checkout", "--quiet", "params.yaml")
    trouble(trained)
    found = as_json(trained)
    with open(os.path.join(os.path.dirname(__file__), "exp_show.schema.json"), encoding="utf-8") as file:
        jsonschema.validate(found, json.load(file))
    rows = {each["name"]: each["revs"][0] for each in found[1]["experiments"]}
    assert rows["healthy"]["data"]["params"]["params.yaml"]["data"] == {"lr": 0.3}
    table = lines(trained)
    assert len(table) == 3 + len(rows) and all(line.isprintable() for line in table)


def test_a_row_that_cannot_be_read_says_so_in_each_cell(trained):
    saved(trained, "healthy", b"lr: 0.3\n")
    missing_commit(trained)
    row = next(line for line in lines(trained) if "gone" in line)
    assert row.split()[1:] == ["1111111", "[gone]", "-", "!", "!"] or row.count("!") == 3
    found = as_json(trained)[1]["experiments"]
    error = next(each for each in found if each["name"] == "gone")["revs"][0]
    assert error["data"] is None and error["error"]["type"] == "NotFound" and "1" * 40 in error["error"]["msg"]


def test_columns_are_metrics_first_then_parameters_each_with_the_shortest_title(trained):
    trained.write("metrics.json", b'{"loss": 0.5, "train": {"acc": 1}}')
    trained.write("params.yaml", b"lr: 0.123456\nloss: mse\ntrain: {acc: 2, opt: {name: adam}}\nflag: true\nnone: ~\n")
    first, workspace, _ = lines(trained)
    assert first.split() == [
        "Experiment", "Created", "metrics.json:loss", "metrics.json:train.acc", "lr", "params.yaml:loss",
        "params.yaml:train.acc", "train.opt.name", "flag", "none", "epochs",
    ]
    assert workspace.split() == ["workspace", "-", "0.5", "1", "0.12346", "mse", "2", "adam", "True", "-", "-"]


def test_numbers_stand_to_the_right_and_words_to_the_left(trained):
    trained.write("params.yaml", b"n: 1000\nw: ab\n")
    trained.commit("numbers")
    trained.write("params.yaml", b"n: 1\nw: abcd\n")
    _, workspace, baseline = lines(trained)
    assert workspace.endswith("   1  abcd") and baseline.endswith("1000  ab")


@pytest.mark.parametrize("text", ["\x1b[31mred", "two\nlines", "\u202egnirts", "\x00", "\u009b31m", "\ud800", "a\tb"])
def test_values_and_names_of_others_never_reach_the_terminal_raw(trained, text):
    trained.write("metrics.json", json.dumps({text: text}).encode())
    table = lines(trained)
    assert all(line.isprintable() for line in table) and len(table) == 3


def test_wide_letters_keep_the_columns_straight(trained):
    trained.write("params.yaml", "w: 実験\nz: 1\n".encode())
    trained.commit("wide")
    trained.write("params.yaml", b"w: ab\nz: 2\n")
    _, workspace, baseline = lines(trained)
    assert workspace.endswith("ab    2") and baseline.endswith("実験  1")


def test_today_is_a_time_and_another_day_a_date(trained):
    commit_experiment(trained, "old", 1_700_000_000)
    saved(trained, "new", b"lr: 1\n")
    new, old = lines(trained)[3:]
    assert re.search(r" \d\d:\d\d [AP]M ", new) and re.search(r" Nov 1\d, 2023 ", old)


@pytest.mark.parametrize("target", ["small.yaml", "configs/one.yaml", "./configs/../small.yaml", "link"])
def test_a_link_is_read_as_the_file_that_it_leads_to(trained, target):
    trained.write("configs/one.yaml", b"lr: 1\n")
    trained.write("small.yaml", b"lr: 2\n")
    (trained.path / "link").symlink_to("small.yaml")
    (trained.path / "params.yaml").unlink()
    (trained.path / "params.yaml").symlink_to(target)
    trained.commit("a link")
    workspace, baseline = as_json(trained)
    assert baseline["data"]["params"] == workspace["data"]["params"]
    assert list(baseline["data"]["params"]["params.yaml"]["data"]) == ["lr"]


