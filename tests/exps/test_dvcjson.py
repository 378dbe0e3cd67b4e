"""The table as DVC's JSON, and as records for data frames."""

import json

import pytest
from expref.exps import dvcjson
from expref.exps.save import save
from expref.exps.show import show

from tests.conftest import needs
from tests.projects import head, open_project

pytestmark = needs("git")


@pytest.fixture
def saved(trained):
    trained.write("metrics.json", b'{"loss": 0.5, "deep": {"lr": 1, "list": [1]}}')
    trained.write("params.yaml", b"lr: 0.1\ndeep: {lr: 2, names: [a, {b: ~}]}\nnothing: {}\n")
    trained.commit("nested")
    trained.write("params.yaml", b"lr: 0.2\n")
    save(open_project(trained), name="one", when=1_700_000_000)
    return trained


def text(repo, **options):
    return "".join(dvcjson.pieces(show(open_project(repo), **options)))


def test_it_is_json_in_one_line_of_ascii(saved):
    saved.write("params.yaml", '"é\\u2028": "\\0"\n'.encode())
    found = text(saved)
    assert found.isascii() and found.isprintable() and json.loads(found)[0]["data"]["params"]


def test_without_the_work_tree_it_begins_with_a_commit(saved):
    assert [state["rev"] for state in json.loads(text(saved, workspace=False))] == [str(head(saved))]
    assert json.loads(text(saved, workspace=False, baselines=[])) == []
    assert [state["rev"] for state in json.loads(text(saved, baselines=[]))] == ["workspace"]


def test_names_may_be_anything(saved):
    baseline = saved.git("rev-parse", "HEAD")
    saved.git(
        "update-ref",
        f'refs/exps/{baseline[:2]}/{baseline[2:]}/a"é\udcff',
        saved.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "x"),
    )
    assert 'a"é' in {each["name"][:3] for each in json.loads(text(saved))[1]["experiments"]}


def test_records_are_flat_and_say_where_each_row_stands(saved):
    workspace, baseline, one = show(open_project(saved)).to_records()
    assert (workspace["rev"], workspace["baseline"], workspace["created"]) == ("workspace", None, None)
    assert (baseline["rev"], baseline["name"]) == (str(head(saved)), "main")
    assert (one["name"], one["baseline"]) == ("one", str(head(saved))) and one["created"].startswith("2023-11-1")
    assert {key: value for key, value in baseline.items() if key not in ("name", "rev", "baseline", "created")} == {
        "loss": 0.5, "metrics.json:deep.lr": 1, "lr": 0.1, "params.yaml:deep.lr": 2, "deep.names": ["a", {"b": None}],
    }  # fmt: skip
    assert [row.name for row in show(open_project(saved)).rows] == [None, "main", "one"]


def test_records_make_a_data_frame(saved):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(show(open_project(saved)).to_records())
    assert list(frame["lr"]) == [0.2, 0.1, 0.2]


def test_records_of_files_that_cannot_be_read_are_left_out(saved):
    saved.write("params.yaml", b"lr: [")
    assert "lr" not in show(open_project(saved)).to_records()[0]
