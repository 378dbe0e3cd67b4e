"""The parameters and metrics of a commit and of the work tree: the same files say the same in both."""

import os

import pytest
from expref.exps import sources
from expref.exps.memory import Rows
from expref.exps.plan import plan
from expref.exps.rows import FileValues

from tests.conftest import needs
from tests.projects import head, open_project

pytestmark = needs("git")


def of_work_tree(repo, below=""):
    row = Rows(open_project(repo, below)).of_work_tree()
    return row.params, row.metrics, row.error


def of_head(repo, below=""):
    row = Rows(open_project(repo, below)).of_commit(None, head(repo))
    return row.params, row.metrics, row.error


def of_both(repo, below=""):
    """The row, after it was committed and found to be the same there."""
    repo.commit("files")
    found = of_work_tree(repo, below)
    assert found == of_head(repo, below)
    return found


def values(cells):
    return {path: each.error[0] if each.error else each.values for path, each in cells.items()}


def test_a_project_without_anything_has_an_empty_row(repo):
    repo.write("train.py")
    assert of_both(repo) == ({}, {}, None)


@pytest.mark.parametrize("files, params, metrics", [
    ({"params.yaml": b"lr: 0.1"}, {"params.yaml": {"lr": 0.1}}, {}),
    ({"metrics.json": b'{"a": 1}'}, {}, {"metrics.json": {"a": 1}}),
    ({"metrics.yaml": b"a: 1"}, {}, {"metrics.yaml": {"a": 1}}),
    ({"metrics.yaml": b"a: 1", "metrics.json": b'{"a": 2}'}, {}, {"metrics.json": {"a": 2}, "metrics.yaml": {"a": 1}}),
    ({"params.yml": b"a: 1", "params.json": b"{}", "metrics.yml": b"a: 1", "sub/params.yaml": b"a: 1"}, {}, {}),
])  # fmt: skip
def test_without_dvc_yaml_three_files_at_the_root_count(repo, files, params, metrics):
    for name, content in files.items():
        repo.write(name, content)
    found = of_both(repo)
    assert (values(found[0]), values(found[1]), found[2]) == (params, metrics, None)


def test_with_dvc_yaml_metrics_are_those_that_it_names(trained):
    trained.write("dvc.yaml", b"metrics: [out/scores.yaml]\nparams: [more.json]\n")
    trained.write("out/scores.yaml", b"f1: 0.5\n")
    trained.write("more.json", b'{"depth": 3}')
    params, metrics, error = of_both(trained)
    assert values(params) == {"more.json": {"depth": 3}, "params.yaml": {"lr": 0.1, "epochs": 5}}
    assert (values(metrics), error) == ({"out/scores.yaml": {"f1": 0.5}}, None)


def test_a_stage_shows_the_keys_that_it_names(trained):
    trained.write("dvc.yaml", b"stages: {fit: {cmd: x, params: [{other.yaml: [a.b, c]}], metrics: [m.json]}}\n")
    trained.write("other.yaml", b"a: {b: 1, x: 2}\nc: 3\nd: 4\n")
    trained.write("m.json", b'{"f1": 1}')
    params, metrics, _ = of_both(trained)
    assert values(params)["other.yaml"] == {"a": {"b": 1}, "c": 3}
    assert values(metrics) == {"m.json": {"f1": 1}}


def test_paths_are_relative_to_the_root_of_a_dvc_project_in_a_folder(trained):
    trained.write("team/.dvc/config")
    trained.write("team/src/x")
    trained.write("team/dvc.yaml", b"metrics: [m.json]\n")
    trained.write("team/m.json", b'{"f1": 1}')
    trained.write("team/params.yaml", b"team: 1\n")
    for below in ("team", "team/src"):
        params, metrics, _ = of_both(trained, below)
        assert (values(params), values(metrics)) == ({"params.yaml": {"team": 1}}, {"m.json": {"f1": 1}})
    assert values(of_both(trained)[0]) == {"params.yaml": {"lr": 0.1, "epochs": 5}}


def test_a_declared_folder_stands_for_the_files_in_it(trained):
    trained.write("dvc.yaml", b"metrics: [runs]\n")
    for name in ("runs/b.json", "runs/a.yaml", "runs/deep/c.json"):
        trained.write(name, b'{"f1": 1}')
    assert list(of_both(trained)[1]) == ["runs/a.yaml", "runs/b.json", "runs/deep/c.json"]


def test_a_declared_folder_has_a_limit(trained, monkeypatch):
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    trained.write("dvc.yaml", b"metrics: [runs]\n")
    for number in range(5):
        trained.write(f"runs/{number}/m.json", b"{}")
    trained.commit("many")
    assert len(of_work_tree(trained)[1]) == len(of_head(trained)[1]) == 3


def test_git_and_dvc_folders_are_never_looked_into(trained):
    trained.write("dvc.yaml", b"metrics: ['.']\n")
    trained.write(".dvc/tmp/m.json", b"{}")
    assert not [path for path in of_work_tree(trained)[1] if ".git" in path or ".dvc/" in path]


BROKEN = {  # content of params.yaml: the kind of its error
    b"a: [1": "YAMLFileCorruptedError", b"\xff\xfe\xfa": "EncodingError", b"a: 1\na: 2": "YAMLFileCorruptedError",
    b"{" * 10000: "RecursionError", b"a: !!python/object/apply:os.system [x]": "YAMLFileCorruptedError",
}  # fmt: skip


@pytest.mark.parametrize("content", BROKEN)
def test_a_file_that_cannot_be_read_costs_its_own_cell(trained, content):
    trained.write("params.yaml", content)
    params, metrics, error = of_both(trained)
    assert (values(metrics), error) == ({"metrics.json": {"loss": 0.5}}, None)
    kind, message = params["params.yaml"].error
    assert kind == BROKEN[content] and message.startswith("params.yaml:") and "\n" not in message


def test_a_declared_file_that_is_missing_is_an_error_of_its_own(trained):
    trained.write("dvc.yaml", b"metrics: [m.json]\nparams: [gone.yaml]\n")
    params, metrics, error = of_both(trained)
    missing = FileValues(None, ("FileNotFoundError", "m.json: there is no such file"))
    assert (metrics, error) == ({"m.json": missing}, None)
    assert values(params) == {"gone.yaml": "FileNotFoundError", "params.yaml": {"lr": 0.1, "epochs": 5}}


@pytest.mark.parametrize("content, kind", [
    (b"stages: [", "YAMLSyntaxError"), (b"stages: 1", "YAMLValidationError"), (b"nonsense: 1", "YAMLValidationError"),
    (b"\xff", "EncodingError"),
])  # fmt: skip
def test_a_broken_dvc_yaml_costs_the_row(trained, content, kind):
    trained.write("dvc.yaml", content)
    params, metrics, error = of_both(trained)
    assert (params, metrics) == ({}, {}) and error[0] == kind and error[1].startswith("dvc.yaml")


def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def endless_link(path):
    path.symlink_to(path.name)


def broken_link(path):
    path.symlink_to("nowhere")


def device(path):
    path.symlink_to("/dev/zero")


KINDS = {  # what is in the place of a file: the kind of its error
    fifo: "OSError", device: "OSError", folder: "IsADirectoryError", endless_link: "FileNotFoundError",
    broken_link: "FileNotFoundError",
}  # fmt: skip


@pytest.mark.parametrize("name", ["params.yaml", "metrics.json"])
@pytest.mark.parametrize("make", KINDS)
def test_what_is_no_file_costs_its_own_cell(trained, name, make):
    trained.path.joinpath(name).unlink(missing_ok=True)
    make(trained.path / name)
    params, metrics, error = of_work_tree(trained)
    cells = params | metrics
    kind, message = cells[name].error
    assert (error, len(cells), kind) == (None, 2, KINDS[make]) and message.startswith(f"{name}: it is ")


@pytest.mark.parametrize("make", KINDS)
def test_a_pipeline_that_is_no_file_is_as_good_as_absent(trained, make):
    make(trained.path / "dvc.yaml")
    params, metrics, error = of_work_tree(trained)
    assert (list(params), list(metrics), error) == (["params.yaml"], ["metrics.json"], None)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="a file that even root cannot read is needed")
@pytest.mark.parametrize("name", ["params.yaml", "metrics.json", "dvc.yaml"])
def test_a_file_that_the_system_does_not_let_us_read_costs_its_own_cell(trained, name):
    trained.path.joinpath(name).unlink(missing_ok=True)
    (trained.path / name).symlink_to("/proc/self/mem")
    params, metrics, error = of_work_tree(trained)
    told = error or {**params, **metrics}[name].error
    assert told == ("OSError", f"{name}: Input/output error")
    assert error or len(params) + len(metrics) == 2


@pytest.mark.parametrize("make", [fifo, endless_link, device])
def test_a_declared_folder_may_hold_anything(trained, make):
    trained.write("dvc.yaml", b"metrics: [runs]\n")
    trained.write("runs/m.json", b'{"f1": 1}')
    make(trained.path / "runs/odd.json")
    _, metrics, error = of_work_tree(trained)
    assert values(metrics) == {"runs/m.json": {"f1": 1}, "runs/odd.json": KINDS[make]} and error is None


def test_a_submodule_in_the_place_of_a_file_costs_its_own_cell(trained):
    inner = trained.other("inner").init()
    inner.commit("inner")
    trained.git("rm", "--quiet", "params.yaml")
    trained.git("submodule", "--quiet", "add", "../inner", "params.yaml")
    trained.commit("a submodule")
    for params, metrics, error in (of_work_tree(trained), of_head(trained)):
        assert params["params.yaml"].error == ("IsADirectoryError", "params.yaml: it is a submodule")
        assert (len(params), values(metrics), error) == (1, {"metrics.json": {"loss": 0.5}}, None)


@pytest.mark.parametrize("target", ["params.yaml", "nowhere", "/etc/hostname", "../../outside", "src", ""])
def test_a_link_of_a_commit_that_leads_to_no_file_of_it_costs_its_own_cell(trained, target):
    trained.write("src/x")
    link = trained.git("hash-object", "-w", "--stdin", stdin=target.encode())
    trained.git("add", "src")
    trained.git("update-index", "--cacheinfo", f"120000,{link},params.yaml")
    trained.git("commit", "--quiet", "--message", "a link")
    params, _, error = of_head(trained)
    kind, message = params["params.yaml"].error
    assert (error, kind) == (None, "FileNotFoundError") and "link" in message


@pytest.mark.parametrize("name", ["a\\0b", "\\x1b[31m", "\\n", "x" * 300, "d/" * 200, "~", "-rf", "\\xff"])
def test_a_declared_name_may_be_anything(trained, name):
    trained.write("dvc.yaml", b'metrics: ["%s"]\n' % name.encode())
    _, metrics, error = of_both(trained)
    assert [each.error[0] for each in metrics.values()] == ["FileNotFoundError"] and error is None


@pytest.mark.parametrize("path", ["../outside.json", "/etc/passwd", "s3://bucket/m.json", "runs/../../outside.json"])
def test_nothing_outside_of_the_project_is_read(trained, path):
    (trained.path.parent / "outside.json").write_bytes(b'{"a": 1}')
    trained.write("dvc.yaml", b"metrics: [%s]\n" % path.encode())
    assert of_both(trained)[1:] == ({}, None)


def test_nor_are_variables_read_there(trained):
    (trained.path.parent / "outside.json").write_bytes(b'{"a": "metrics"}')
    trained.write("dvc.yaml", b"vars: [../outside.json]\nmetrics: ['${a}.json']\n")
    assert "'../outside.json' does not exist" in of_both(trained)[2][1]
    assert "'../outside.json' does not exist" in plan(open_project(trained)).problems[0]


def test_an_object_that_is_missing_costs_what_is_in_it(trained):
    blob = trained.git("rev-parse", "HEAD:metrics.json")
    (trained.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    params, metrics, error = of_head(trained)
    assert values(params) == {"params.yaml": {"lr": 0.1, "epochs": 5}} and error is None
    kind, message = metrics["metrics.json"].error
    assert kind == "NotFound" and blob in message


def test_a_file_that_is_too_large_costs_its_cell_and_is_not_read(trained):
    with open(trained.path / "params.yaml", "r+b") as file:
        file.truncate(3 << 30)
    params, _, error = of_work_tree(trained)
    assert error is None and params["params.yaml"].error[0] == "FileTooLarge"


def test_files_of_git_itself_are_not_read(trained):
    trained.write("dvc.yaml", b"metrics: [.git/logs, .git/config]\n")
    _, metrics, _ = of_work_tree(trained)
    assert [each.error[0] for each in metrics.values()] == ["FileNotFoundError"] * 2
