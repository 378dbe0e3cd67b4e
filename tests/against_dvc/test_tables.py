"""The same tables, CSV, Markdown and differences as the real DVC, in one project.

Not compared: `exp show --param-deps` as CSV, where DVC shows all parameters of baselines (docs/compatibility.md); its
JSON is, in test_show.py.
"""

import csv
import io
import json

import pytest

from tests.conftest import needs
from tests.dvcrepo import make_project

pytestmark = [needs("git"), needs("dvc")]


def few(number, *options):
    """The options of several runs; those after the first `number` are slow: DVC takes seconds for each."""
    return [
        pytest.param(each, id=" ".join(each), marks=[pytest.mark.slow] if place >= number else [])
        for place, each in enumerate(options)
    ]


FILES = {
    "params.yaml": b"lr: 0.123456789\nmodel: {depth: 3, name: net, layers: [1, 2.123456789]}\nloss: 7\nflag: true\nnone:\n",
    "other.json": b'{"lr": 1, "deep": {"x": 1e-12, "list": [{"a": 1}]}, "text, with comma": "a|b"}',
    "metrics.json": b'{"loss": 0.987654321, "acc": 1, "deep": {"f1": 0.5}}',
    "extra.json": b'{"loss": 12345.678901}',
    "data.txt": b"data\n",
    "nowhere/named.json": b'{"loss": 3, "deep": {"x": [1]}}',
    "dvc.yaml": b"""\
stages:
  train:
    cmd: cat data.txt
    deps: [data.txt]
    params: [lr, other.json: [deep.x]]
params: [other.json]
metrics: [metrics.json, extra.json]
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory, import_folder):
    """Two baselines, a tag and a branch; experiments with values that are new, missing and broken."""
    repo = make_project(tmp_path_factory.mktemp("tables"), import_folder, FILES)
    repo.git("tag", "v1")
    save(repo, "first", {"params.yaml": b"lr: 0.2\nmodel: {depth: 4}\nnew: 1\n"})
    repo.write("params.yaml", FILES["params.yaml"])
    repo.write("metrics.json", b'{"loss": 0.5, "acc": 1, "deep": {"f1": 0.5}}')
    repo.write("nowhere/named.json", b'{"loss": 4}')
    repo.commit("second")
    repo.git("branch", "side", "v1")
    save(repo, "a-small", {"params.yaml": b"lr: 0.3\nmodel: {depth: 3, name: net}\n", "metrics.json": b'{"loss": 0.1}'})
    save(repo, "b-big", {"params.yaml": b"lr: 20\nmodel: {depth: 30, name: net}\n", "metrics.json": b'{"loss": 0.01}'})
    save(repo, "c-broken", {"params.yaml": FILES["params.yaml"], "extra.json": b"{"})
    repo.git("checkout", "-q", "--", ".")
    repo.write("params.yaml", FILES["params.yaml"].replace(b"depth: 3", b"depth: 5"))
    return repo


def save(repo, name, files):
    for path, content in files.items():
        repo.write(path, content)
    repo.exps("save", "-q", "-n", name)


def rows(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("options", few(
    2,
    [], ["--all-tags"], ["--all-branches"], ["-A"], ["--rev", "v1"], ["-n", "2"], ["--hide-workspace"], ["--sha"],
    ["--only-changed"], ["--drop", "lo"], ["--drop", ".*", "--keep", "lo|Exp"], ["--only-changed", "--keep", "flag"],
    ["--sort-by", "metrics.json:loss"], ["--sort-by", "model.depth", "--sort-order", "desc"],
    ["--precision", "3"], ["--sort-by", "acc"],
))  # fmt: skip
def test_csv_is_the_same(project, options):
    theirs, ours = project.dvc("exp", "show", "--csv", *options), project.exps("show", "--csv", *options)
    assert rows(ours) == rows(theirs)


@pytest.mark.parametrize("options", few(1, [], ["-A", "--only-changed"], ["--drop", "lr"]))
def test_markdown_is_the_same(project, options):
    assert project.exps("show", "--md", *options) == project.dvc("exp", "show", "--md", *options)


@pytest.mark.parametrize("options", few(
    2,
    [], ["a-small"], ["a-small", "b-big"], ["v1", "main"], ["first", "a-small"], ["--all"], ["--param-deps", "v1"],
    ["--no-path", "a-small"], ["--precision", "2", "v1", "main"], ["c-broken", "a-small"], ["a-small", "c-broken"],
))  # fmt: skip
def test_differences_are_the_same(project, options):
    """DVC's order of files and keys is that of a set."""
    for form in ([], ["--md"]):
        ours, theirs = project.exps("diff", *form, *options), project.dvc("exp", "diff", *form, *options)
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
        assert [line[:4] for line in ours.splitlines() if "Path" in line] == [
            line[:4] for line in theirs.splitlines() if "Path" in line
        ]
    theirs = json.loads(project.dvc("exp", "diff", "--json", *options))
    assert json.loads(project.exps("diff", "--json", *options)) == theirs


@pytest.mark.parametrize("options", few(
    3,
    [], ["v1", "--targets", "nowhere/named.json"], ["v1"], ["v1", "main"], ["--all"], ["--no-path", "v1"],
    ["--all", "--targets", "other.json"], ["--deps", "v1"],
    ["--targets", "params.yaml"],
))  # fmt: skip
def test_params_diff_is_the_same(project, options):
    for form in ([], ["--md"]):
        ours, theirs = project.exps("params", "diff", *form, *options), project.dvc("params", "diff", *form, *options)
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
    theirs = json.loads(project.dvc("params", "diff", "--json", *options))
    assert json.loads(project.exps("params", "diff", "--json", *options)) == theirs


@pytest.mark.parametrize("options", few(
    3,
    [], ["v1", "--targets", "nowhere/named.json"], ["v1"], ["v1", "main"], ["--all"], ["--no-path", "v1"],
    ["v1", "--targets", "metrics.json"], ["--precision", "2", "v1"],
))  # fmt: skip
def test_metrics_diff_is_the_same(project, options):
    for form in ([], ["--md"]):
        ours, theirs = project.exps("metrics", "diff", *form, *options), project.dvc("metrics", "diff", *form, *options)
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
    theirs = json.loads(project.dvc("metrics", "diff", "--json", *options))
    assert json.loads(project.exps("metrics", "diff", "--json", *options)) == theirs


@pytest.mark.parametrize("options", few(2, [], ["-a", "nowhere/named.json"], ["-a"], ["-T"], ["-A"], ["--precision", "2"], ["extra.json"]))
def test_metrics_show_is_the_same(project, options):
    for form in ([], ["--md"]):
        assert project.exps("metrics", "show", *form, *options) == project.dvc("metrics", "show", *form, *options)
    theirs = json.loads(project.dvc("metrics", "show", "--json", *options))
    assert json.loads(project.exps("metrics", "show", "--json", *options)) == theirs


def test_paths_are_relative_to_the_folder_one_is_in(project, monkeypatch):
    (project.path / "below").mkdir(exist_ok=True)
    monkeypatch.setattr(project, "below", "below")
    for command in (["metrics", "diff", "v1"], ["params", "diff", "v1"], ["metrics", "show"]):
        assert sorted(project.exps(*command).splitlines()) == sorted(project.dvc(*command).splitlines())
