"""Remembered rows: nothing is read twice, and whatever happens to the memory, the rows are the same."""

import json
import os
import shutil

import pytest
from expref.exps import collecting, memory
from expref.exps.collecting import Collector
from expref.exps.formats import params, yaml12
from expref.exps.memory import Rows
from expref.exps.save import save
from expref.exps.show import show
from expref.objstore.forking import alongside

from tests.conftest import needs
from tests.projects import head, open_project

pytestmark = needs("git")


def texts(repo, **options):
    return [(row.name, row.id, row.created, row.text) for row in show(open_project(repo), **options).rows]


def no_files(*_args):
    raise AssertionError("a file was parsed")


@pytest.fixture
def saved(trained):
    trained.write(
        "dvc.yaml", b"params: [deep.yaml]\nstages: {fit: {cmd: x, deps: [a], params: [lr]}}\nmetrics: [metrics.json]\n"
    )
    trained.write("deep.yaml", b"a: {b: [1, {c: 2}]}\nd: 2020-01-01\n")
    trained.commit("more")
    for number in range(3):
        trained.write("params.yaml", b"lr: 0.%d\n" % number)
        save(open_project(trained), name=f"e{number}")
    return trained


def test_a_saved_experiment_is_never_read_again(saved, monkeypatch):
    expected = texts(saved, fresh=True)
    texts(saved)
    monkeypatch.setattr(yaml12, "decode", no_files)
    monkeypatch.setattr(params, "decode", no_files)
    assert texts(saved) == expected and len(expected) == 5


@pytest.fixture
def apart(saved, monkeypatch):
    """Nothing is remembered, and two rows are enough for a second process."""
    shutil.rmtree(saved.path / ".git/exps")
    monkeypatch.setattr(memory, "_MANY", 2)
    return saved


def test_two_processes_read_what_one_does(apart, monkeypatch):
    expected, asked = texts(apart, fresh=True), []
    shutil.rmtree(apart.path / ".git/exps")
    monkeypatch.setattr(memory, "alongside", lambda *both: asked.append(both) or alongside(*both))
    assert texts(apart, workers=2) == expected and len(asked) == 1
    assert texts(apart, workers=2, fresh=True) == expected and len(asked) == 2
    monkeypatch.setattr(yaml12, "decode", no_files)
    assert texts(apart, workers=2) == expected and len(asked) == 2


def test_what_a_second_process_cannot_read_is_read_here(apart, monkeypatch, capfd):
    expected, here = texts(apart, fresh=True), os.getpid()
    shutil.rmtree(apart.path / ".git/exps")
    read = Collector.of_commit

    def fail(self, id_):
        if os.getpid() != here:
            raise ValueError
        return read(self, id_)

    monkeypatch.setattr(Collector, "of_commit", fail)
    assert texts(apart, workers=2) == expected
    assert capfd.readouterr().err == ""


def test_nothing_is_forked_where_that_is_not_safe(apart, monkeypatch):
    monkeypatch.setattr(memory, "can_fork", lambda: False)
    monkeypatch.setattr(memory, "alongside", no_files)
    assert texts(apart, workers=2) == texts(apart)


def test_what_may_pass_is_not_remembered_by_a_second_process_either(apart):
    blobs = {apart.git("rev-parse", f"{line.split()[0]}:deep.yaml") for line in refs_of(apart)}
    (blob,) = blobs
    path = apart.path / ".git/objects" / blob[:2] / blob[2:]
    path.rename(path.with_suffix(".away"))
    kinds = [row.params["deep.yaml"].error for row in show(open_project(apart), workers=2).groups[0].experiments]
    assert len(kinds) == 3 and all(error[0] == "NotFound" for error in kinds)
    path.with_suffix(".away").rename(path)
    for row in show(open_project(apart), workers=2).groups[0].experiments:
        assert row.params["deep.yaml"].error is None


def refs_of(repo):
    return repo.git("for-each-ref", "--format=%(objectname)", "refs/exps/").splitlines()


def test_a_row_is_remembered_when_it_is_saved(saved, monkeypatch):
    monkeypatch.setattr(Rows, "_read", no_files)
    project = open_project(saved)
    assert (
        Rows(project).of_commit("e2", project.repository.refs.get(next(saved_refs(saved)))).params["params.yaml"].values
    )


def saved_refs(repo):
    return iter(repo.git("for-each-ref", "--format=%(refname)", "refs/exps/**/e2").splitlines())


@pytest.mark.parametrize("spoil", [
    lambda path: shutil.rmtree(path), lambda path: [open(f"{path}/{name}", "wb").close() for name in os.listdir(path)],
    lambda path: [os.truncate(f"{path}/{name}", 100) for name in ("rows", "files")],
    lambda path: [os.chmod(f"{path}/{name}", 0) for name in ("rows", "files")],
])  # fmt: skip
def test_the_memory_may_go_at_any_time(saved, spoil):
    expected = texts(saved)
    spoil(saved.path / ".git/exps")
    assert texts(saved) == expected == texts(saved) == texts(saved, fresh=True)


def test_each_project_of_a_repository_has_rows_of_its_own(saved):
    saved.write("sub/.dvc/config")
    saved.write("sub/params.yaml", b"sub: 1\n")
    saved.commit("a project inside")
    for _ in range(2):
        assert list(show(open_project(saved, "sub")).rows[1].params["params.yaml"].values) == ["sub"]
        assert list(show(open_project(saved)).rows[1].params["params.yaml"].values) == ["lr"]
    memories = {path.name: path.read_bytes() for path in saved.path.glob(".git/exps/rows*")}
    assert len(memories) == 2
    show(open_project(saved, "sub")), show(open_project(saved))
    assert {path.name: path.read_bytes() for path in saved.path.glob(".git/exps/rows*")} == memories


def test_what_an_object_that_is_missing_is_to_blame_for_is_not_remembered(saved):
    blob = saved.git("rev-parse", "HEAD:deep.yaml")
    path = saved.path / ".git/objects" / blob[:2] / blob[2:]
    shutil.rmtree(saved.path / ".git/exps")
    saved.write("deep.yaml", b"other: 1\n")
    path.rename(path.with_suffix(".away"))
    assert show(open_project(saved)).groups[0].baseline.params["deep.yaml"].error[0] == "NotFound"
    path.with_suffix(".away").rename(path)
    assert show(open_project(saved)).groups[0].baseline.params["deep.yaml"].error is None


def test_nor_is_a_folder_that_is_missing(trained):
    for number in range(40):
        trained.write(f"src/part{number}/x", b"%d" % number)
    trained.write("conf/a.yaml", b"a: 1\n")
    trained.write("dvc.yaml", b"params: [conf]\n")
    trained.commit("many folders without pipelines, which are remembered")
    show(open_project(trained))
    (trained.path / ".git/exps/rows").unlink()
    tree = trained.git("rev-parse", "HEAD:conf")
    path = trained.path / ".git/objects" / tree[:2] / tree[2:]
    path.rename(path.with_suffix(".away"))
    assert "conf" in show(open_project(trained)).groups[0].baseline.params
    path.with_suffix(".away").rename(path)
    assert "conf/a.yaml" in show(open_project(trained)).groups[0].baseline.params


def test_a_broken_file_is_remembered_as_it_is_broken(saved):
    saved.write("deep.yaml", b"a: [")
    save(open_project(saved), name="broken")
    first = texts(saved)
    assert first == texts(saved)
    assert "YAMLFileCorruptedError" in next(text for name, _, _, text in first if name == "broken")


def test_changes_of_the_work_tree_are_seen_at_once(saved):
    for number in range(3):
        saved.write("params.yaml", b"lr: %d\n" % number)
        assert show(open_project(saved)).workspace.params["params.yaml"].values == {"lr": number}


def test_folders_without_pipelines_are_remembered(trained, monkeypatch):
    for number in range(40):
        trained.write(f"src/part{number}/x", b"%d" % number)
    trained.commit("many folders")
    Rows(open_project(trained)).keep()
    rows = Rows(open_project(trained))
    rows.of_commit(None, head(trained))
    rows.keep()
    trained.write("src/part0/x", b"new")
    trained.commit("one of them changed")
    again = Collector(open_project(trained))
    again._load_folders()
    assert len(again._trees.barren) == 41
    monkeypatch.setattr(collecting, "_MOST_FOLDERS", 5)
    few = Collector(open_project(trained))
    few._load_folders()
    assert not few._trees.barren


def test_a_chain_of_checkpoints_stands_behind_its_experiment(trained):
    baseline = trained.git("rev-parse", "HEAD")
    tip = baseline
    for number in range(3):
        trained.write("metrics.json", b'{"step": %d}' % number)
        trained.git("add", "metrics.json")
        tip = trained.git("commit-tree", trained.git("write-tree"), "-p", tip, "-m", str(number))
    trained.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/chain", tip)
    for _ in range(2):
        (row,) = show(open_project(trained)).groups[0].experiments
        steps = [each.metrics["metrics.json"].values["step"] for each in (row, *row.checkpoints)]
        assert steps == [2, 1, 0] and [each.name for each in (row, *row.checkpoints)] == ["chain", None, None]


def test_a_metric_that_only_dvcs_cache_holds_is_read_there(trained):
    digest = "a1" * 16
    trained.write("dvc.yaml", b"stages: {fit: {cmd: x, metrics: [m.json]}}\n")
    trained.write(
        "dvc.lock",
        b"schema: '2.0'\nstages: {fit: {cmd: x, outs: [{path: m.json, hash: md5, md5: %s}]}}" % digest.encode(),
    )
    trained.commit("a cached metric")
    assert show(open_project(trained)).groups[0].baseline.metrics["m.json"].error[0] == "FileNotFoundError"
    trained.write(f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}", b'{"f1": 1}')
    row = show(open_project(trained)).groups[0].baseline
    assert row.metrics["m.json"].values == {"f1": 1} and not row.outs


@pytest.mark.parametrize("settings, folder", [
    (b"[cache]\n    dir = ../shared\n", "shared"), (b"[cache\n    dir = ../shared\n", ".dvc/cache"),
])  # fmt: skip
def test_the_cache_is_where_dvcs_settings_put_it(trained, settings, folder):
    digest = "a1" * 16
    lock = b"schema: '2.0'\nstages: {fit: {cmd: x, outs: [{path: m.json, hash: md5, md5: %s}]}}"
    trained.write(".dvc/config", settings)
    trained.write("dvc.yaml", b"stages: {fit: {cmd: x, metrics: [m.json]}}\n")
    trained.write("dvc.lock", lock % digest.encode())
    trained.commit("a cached metric")
    trained.write(f"{folder}/files/md5/{digest[:2]}/{digest[2:]}", b'{"f1": 1}')
    assert show(open_project(trained)).groups[0].baseline.metrics["m.json"].values == {"f1": 1}


def test_only_what_stages_depend_on(saved):
    row = show(open_project(saved), only_deps=True).groups[0].baseline
    assert {path: each.values for path, each in row.params.items()} == {"params.yaml": {"lr": 0.1}}
    assert row.metrics == show(open_project(saved)).groups[0].baseline.metrics


def test_values_are_those_that_json_has(trained):
    trained.write("params.yaml", b"d: 2020-01-01\nt: 2020-01-01T10:00:00Z\n1: a\n2.5: b\n~: c\nn: .nan\n")
    found = show(open_project(trained)).workspace.params["params.yaml"].values
    assert list(found) == ["d", "t", "1", "2.5", "null", "n"]
    assert (found["d"], found["t"]) == ("2020-01-01", "2020-01-01T10:00:00+00:00")
    assert json.loads(show(open_project(trained)).workspace.text)["params"]
