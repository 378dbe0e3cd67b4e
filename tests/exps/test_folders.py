"""Folders as experiments: which ones a pattern means, and what each of them says."""

import json
import os

import pytest
from expref.exps import dvcjson
from expref.exps.errors import ExpError, Status
from expref.exps.folders import matching
from expref.exps.foldertable import show_folders

from tests.conftest import needs
from tests.projects import open_project

FILES = [
    "params.yaml", "runs/run-1/params.yaml", "runs/run-2/metrics.json", "runs/run-10/metrics.yaml", "runs/x/dvc.yaml",
    "runs/.hidden/params.yaml", "runs/deep/a/params.yaml", "runs/deep/a/b/params.yaml", "runs/empty/README.md",
    "other/params.yaml", ".git/params.yaml", "runs/.dvc/params.yaml", "runs/odd [1]/params.yaml",
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a: 1\n")
    return tmp_path


@pytest.mark.parametrize("pattern, found", [
    ("runs/*", "runs/odd [1]|runs/run-1|runs/run-2|runs/run-10|runs/x"), ("runs/run-?", "runs/run-1|runs/run-2"),
    ("./runs//run-1/", "runs/run-1"), ("*", "other"), (".", "."), ("runs/[x-z]", "runs/x"), ("nothing/*", ""),
    ("runs/run-[!1]", "runs/run-2"), ("runs/.*", "runs/.hidden"), ("runs/.hidden", "runs/.hidden"),
    ("**/b", "runs/deep/a/b"), ("runs/deep/**", "runs/deep/a|runs/deep/a/b"), ("*/run-1*", "runs/run-1|runs/run-10"),
    ("**/a/**", "runs/deep/a|runs/deep/a/b"), (".git", ""), ("runs/.dvc", ""), ("RUNS/*", ""),
    ("**/**", ".|other|runs/deep/a|runs/deep/a/b|runs/odd [1]|runs/run-1|runs/run-2|runs/run-10|runs/x"),
    ("runs/../other", "other"), ("runs/run-1/params.yaml", ""), ("runs/odd [[]1]", "runs/odd [1]"),
])  # fmt: skip
def test_a_pattern_means_folders_that_hold_parameters_or_metrics(root, pattern, found):
    assert matching(str(root), pattern) == (found.split("|") if found else [])


@pytest.mark.parametrize("pattern", ["", "/etc", "../x", "runs/../../x"])
def test_a_pattern_does_not_lead_out_of_the_project(root, pattern):
    with pytest.raises(ExpError, match="leads out of") as caught:
        matching(str(root), pattern)
    assert caught.value.status == Status.USAGE


def test_links_are_followed_where_they_are_named_but_never_in_circles(root):
    (root / "runs/latest").symlink_to("run-10")
    (root / "runs/deep/circle").symlink_to("..")
    assert "runs/latest" in matching(str(root), "runs/*")
    assert "runs/latest" not in matching(str(root), "runs/**")
    assert matching(str(root), "runs/deep/circle/x") == ["runs/deep/circle/x"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_cannot_be_read_is_passed_over(root):
    (root / "runs/deep").chmod(0)
    assert "runs/x" in matching(str(root), "runs/**")
    (root / "runs/deep").chmod(0o755)


def rows(repo, pattern, **options):
    return {row.name: row for row in show_folders(open_project(repo), pattern, **options).rows}


@needs("git")
def test_each_folder_is_read_as_a_project(repo):
    repo.write("runs/a/params.yaml", b"lr: 1\n")
    repo.write("runs/a/metrics.json", b'{"loss": 0.5}')
    repo.write(
        "runs/b/dvc.yaml", b"params: [conf.toml]\nmetrics: [out]\nstages: {fit: {cmd: x, deps: [d], params: [lr]}}\n"
    )
    repo.write("runs/b/params.yaml", b"lr: 2\nother: 3\n")
    repo.write("runs/b/conf.toml", b"a = 1\n")
    repo.write("runs/b/out/m.json", b'{"acc": 1}')
    repo.write(
        "runs/b/dvc.lock", b"schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    deps: [{path: d, md5: f00d, size: 1}]\n"
    )
    repo.write("runs/c/dvc.yaml", b"stages: [")
    repo.write("runs/d/dvc.yaml", b"stages: {fit: {cmd: x}}\n")
    os.utime(repo.path / "runs/a/params.yaml", (1_500_000_000, 1_500_000_000))
    os.utime(repo.path / "runs/a/metrics.json", (1_600_000_000, 1_600_000_000))
    found = rows(repo, "runs/*")
    assert list(found) == ["runs/a", "runs/b", "runs/c"]
    a, b, c = found.values()
    assert a.created == 1_600_000_000 and a.metrics["metrics.json"].values == {"loss": 0.5}
    assert {path: each.values for path, each in b.params.items()} == {
        "params.yaml": {"lr": 2, "other": 3},
        "conf.toml": {"a": 1},
    }
    assert b.metrics["out/m.json"].values == {"acc": 1} and b.deps["d"].hash == "f00d"
    assert "dvc.yaml" in c.error[1] and c.created is None
    assert rows(repo, "runs/b", only_deps=True)["runs/b"].params["params.yaml"].values == {"lr": 2}


@needs("git")
def test_paths_out_of_a_folder_are_not_followed(repo):
    repo.write("secret.yaml", b"a: 1\n")
    repo.write("runs/a/dvc.yaml", b"params: [../../secret.yaml]\nmetrics: [../]\n")
    repo.write("runs/a/params.yaml", b"lr: 1\n")
    assert "secret" not in rows(repo, "runs/a")["runs/a"].text


@needs("git")
def test_folders_that_git_ignores_count_and_changes_are_seen_at_once(trained):
    trained.write(".gitignore", b"runs\n")
    for value in (1, 2):
        trained.write("runs/a/params.yaml", b"lr: %d\n" % value)
        assert rows(trained, "runs/*")["runs/a"].params["params.yaml"].values == {"lr": value}


@needs("git")
def test_the_json_is_a_list_of_rows_of_the_work_tree(trained):
    trained.write("runs/a/params.yaml", b"lr: 1\n")
    trained.write("runs/b/params.yaml", b"lr: {\n")
    table = show_folders(open_project(trained), "runs/*")
    first, second = json.loads("".join(dvcjson.pieces(table)))
    assert (first["rev"], first["name"], first["experiments"], first["error"]) == ("workspace", "runs/a", None, None)
    assert first["data"]["params"] == {"params.yaml": {"data": {"lr": 1}}} and first["data"]["timestamp"]
    assert "error" in second["data"]["params"]["params.yaml"]
    assert json.loads("".join(dvcjson.pieces(show_folders(open_project(trained), "x")))) == []
    assert [each["name"] for each in table.to_records()] == ["runs/a", "runs/b"]
