"""The row of the work tree as it was read last: believed while every file is as it was, and never longer."""

import os

import pytest
from expref.exps.collecting import Collector
from expref.exps.show import show
from expref.exps.sources import WorkFiles
from expref.exps.worktreerow import Noted

from tests.conftest import needs
from tests.projects import open_project

pytestmark = needs("git")

PIPELINE = b"""\
vars: [more.yaml]
params: [deep.yaml, runs]
metrics: [out/m.json, lost.json]
stages: {fit: {cmd: "x ${width}", deps: [a], params: [lr]}}
"""


@pytest.fixture
def known(trained):
    """A work tree with files of every kind, whose row is remembered."""
    for name, content in {
        "dvc.yaml": PIPELINE, "deep.yaml": b"a: {b: 1}\n", "more.yaml": b"width: 3\n", "out/m.json": b'{"f1": 0.5}',
        "runs/one.yaml": b"x: 1\n", "data.dvc": b"outs: [{path: data, hash: md5, md5: 0123}]\n", ".dvcignore": b"old\n",
    }.items():  # fmt: skip
        trained.write(name, content)
    trained.commit("everything")
    here(trained)
    return trained


def here(repo, folder="", **options):
    row = show(open_project(repo, folder), **options).workspace
    return row.text, row.chosen


def nothing_may_be_read(monkeypatch):
    def fail(*_args):
        raise AssertionError("the work tree was read")

    monkeypatch.setattr(Collector, "of_work_tree", fail)


def test_a_work_tree_that_is_as_it_was_is_not_read(known, monkeypatch):
    expected = here(known, fresh=True)
    nothing_may_be_read(monkeypatch)
    assert here(known) == expected
    os.utime(known.path / "params.yaml", (1, 1))
    known.write("unrelated.txt", b"new")
    assert here(known) == expected


def test_fresh_believes_nothing(known, monkeypatch):
    nothing_may_be_read(monkeypatch)
    with pytest.raises(AssertionError, match="was read"):
        here(known, fresh=True)


CHANGES = {
    "a parameter": lambda repo: repo.write("params.yaml", b"lr: 7\n"),
    "a declared parameter file": lambda repo: repo.write("deep.yaml", b"a: {b: 2}\n"),
    "a file of variables": lambda repo: repo.write("more.yaml", b"width: 4\n"),
    "a metric": lambda repo: repo.write("out/m.json", b'{"f1": 0.6}'),
    "a metric that was missing": lambda repo: repo.write("lost.json", b'{"f2": 1}'),
    "a metric that is gone": lambda repo: os.unlink(repo.path / "out/m.json"),
    "a metric that is a folder": lambda repo: repo.write("lost.json/a.json", b'{"f2": 1}'),
    "a file in a declared folder": lambda repo: repo.write("runs/two.yaml", b"x: 2\n"),
    "a file that is no file": lambda repo: (os.unlink(repo.path / "deep.yaml"), os.mkfifo(repo.path / "deep.yaml")),
    "a file that is too large": lambda repo: repo.write("deep.yaml", b"#" * 10_000_001),
    "a lock": lambda repo: repo.write(
        "dvc.lock", b"schema: '2.0'\nstages: {fit: {cmd: x, deps: [{path: a, hash: md5, md5: ab}]}}\n"
    ),
    "a pipeline that is new": lambda repo: repo.write("sub/dvc.yaml", b"params: [p.yaml]\n"),
    "a pipeline that is broken": lambda repo: repo.write("dvc.yaml", b"stages: ["),
    "a pipeline that is gone": lambda repo: os.unlink(repo.path / "dvc.yaml"),
    "a data source that is gone": lambda repo: os.unlink(repo.path / "data.dvc"),
    "what DVC ignores": lambda repo: repo.write(".dvcignore", b"data.dvc\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_seen_at_once_and_when_it_is_changed_back(known, change):
    before = here(known)
    CHANGES[change](known)
    changed = here(known)
    assert changed == here(known, fresh=True) != before
    assert here(known) == changed
    known.git("checkout", "-f", "HEAD", "--", ".")
    known.git("clean", "-fdq")
    assert here(known) == before


def test_what_may_pass_is_not_remembered(known):
    digest = "a1" * 16
    known.write(
        "dvc.lock", b"schema: '2.0'\nstages: {fit: {cmd: x, outs: [{path: m.json, md5: %s}]}}\n" % digest.encode()
    )
    known.write("dvc.yaml", b"stages: {fit: {cmd: x, metrics: [m.json]}}\n")
    assert '"error"' in here(known)[0]
    known.write(f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}", b'{"f1": 1}')
    assert '"metrics": {"m.json": {"data": {"f1": 1}}}' in here(known)[0]


def test_nor_is_what_changes_while_it_is_read(known):
    def files():
        return Noted(WorkFiles(open_project(known)))

    seen = files()
    for number in range(2):
        known.write("params.yaml", b"lr: %d\n" % number)
        known.write(f"runs/{number}.yaml")
        seen.get("params.yaml"), seen.below("runs"), seen.get("deep.yaml")
    assert [files().agrees({question: answer}) for question, answer in seen.answers.items()] == [False, False, True]


def test_projects_of_one_work_tree_do_not_mix(known):
    known.write("sub/.dvc/config")
    known.write("sub/params.yaml", b"sub: 1\n")
    for _ in range(2):
        assert "sub" in here(known, "sub")[0] and "f1" in here(known)[0]


def test_a_memory_that_is_damaged_costs_nothing_but_time(known):
    expected, path = here(known), known.path / ".git/exps/worktree"
    whole = path.read_bytes()
    for at in (0, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at])
        assert here(known) == expected and path.read_bytes() == whole
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert here(known) == expected and path.read_bytes() == whole


def test_it_does_not_grow(known):
    size = (known.path / ".git/exps/worktree").stat().st_size
    for number in range(10, 30):
        known.write("params.yaml", b"lr: 0.%d\n" % number)
        here(known)
    assert (known.path / ".git/exps/worktree").stat().st_size < size + 20


def test_a_row_that_is_too_long_is_read_each_time(known):
    known.write("deep.yaml", b"a: %s\n" % (b"x" * (1 << 20)))
    assert here(known) == here(known) == here(known, fresh=True)
