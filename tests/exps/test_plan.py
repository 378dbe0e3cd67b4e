"""The plan of a save: what `-I` names, what dvc.yaml declares, what stays outside, and what is refused."""

import os
import random
import shutil
import time

import pytest
from expref.exps.errors import ExpError
from expref.exps.plan import plan
from expref.exps.save import rehearse, save
from expref.objstore import worktree
from expref.objstore.errors import GitError
from expref.objstore.worktree import store

from tests.conftest import needs
from tests.gitrepo import users_files
from tests.projects import is_clean, open_project, refs

pytestmark = needs("git")

PIPELINE = b"""\
stages:
  train:
    cmd: python train.py
    params: [lr, {other.json: [depth]}]
    outs: [model.pkl, {kept.txt: {cache: false}}]
    metrics: [loss.json: {cache: false}, cached.json]
    plots: [curve.csv: {cache: false}]
metrics: [top.json, ignored/m.json]
plots: [plots, {Loss: {y: {series/loss.tsv: loss}}}]
"""


def saved(repo, *include, below="", **options):
    """The paths that a save has and HEAD has not."""
    project = open_project(repo, below)
    experiment = save(project, include=[str(repo.path / below / each) for each in include], **options)
    assert is_clean(repo)
    return set(repo.git("diff", "--name-only", "-z", "HEAD", str(experiment.id)).split("\0")) - {""}


@pytest.fixture
def full(trained):
    """The project with untracked and ignored files."""
    trained.write(".gitignore", b"ignored/\n*.tmp\n")
    trained.commit("ignore")
    for name in ("new.py", "data/a.csv", "data/deep/b.csv", "data/c.tmp", "ignored/d.txt", "ignored/e.tmp", "x.tmp"):
        trained.write(name, name.encode())
    (trained.path / "link").symlink_to("data")
    return trained


@pytest.mark.parametrize("include, expected", [
    ([], []), (["new.py"], ["new.py"]), (["x.tmp"], ["x.tmp"]), (["data"], ["data/a.csv", "data/deep/b.csv", "data/c.tmp"]),
    (["data/"], ["data/a.csv", "data/deep/b.csv", "data/c.tmp"]), (["ignored"], ["ignored/d.txt", "ignored/e.tmp"]),
    (["ignored/d.txt", "new.py"], ["ignored/d.txt", "new.py"]), (["link"], ["link"]), (["train.py"], []),
    (["data/../new.py", "./new.py"], ["new.py"]),
    (["."], ["new.py", "data/a.csv", "data/deep/b.csv", "data/c.tmp", "ignored/d.txt", "ignored/e.tmp", "x.tmp", "link"]),
])  # fmt: skip
def test_what_is_included_by_name_is_saved_even_if_it_is_ignored(full, include, expected):
    status, before = full.git("status", "--porcelain=v2", "--ignored"), users_files(full.path)
    assert saved(full, *include) == set(expected)
    assert {path: seen for path, seen in users_files(full.path).items() if path in before} == before
    assert full.git("status", "--porcelain=v2", "--ignored") == status


def test_paths_are_those_of_the_folder_that_they_are_given_in(full, exps, tmp_path):
    def run(*args, cwd):
        return exps("save", *args, cwd=cwd, env=full.environ).stderr

    assert "a.csv" not in run("-n", "below", "-I", "a.csv", "-I", "../new.py", cwd=full.path / "data")
    (tmp_path / "way").symlink_to(full.path)
    run("-n", "around", "-I", str(tmp_path / "way/new.py"), "-I", "data/a.csv", cwd=tmp_path / "way")
    ids = refs(full)
    assert full.git("rev-parse", f"{ids['below']}^{{tree}}") == full.git("rev-parse", f"{ids['around']}^{{tree}}")
    assert full.git("diff", "--name-only", "HEAD", ids["below"]).split() == ["data/a.csv", "new.py"]


def nested(repo):
    inner = repo.other("repo/nested").init()
    inner.write("f", b"1")
    inner.commit()


def fifo(repo):
    os.mkfifo(repo.path / "pipe")


@pytest.mark.parametrize("path, said, prepare", [
    ("../outside", "is outside of the repository", None), ("/etc/passwd", "is outside of the repository", None), ("..", "is outside", None),
    (".git", "is inside of the Git folder", None), (".git/config", "inside of the Git folder", None), ("data/.git", "inside of the Git folder", None),
    (".GIT/config", "inside of the Git folder", None), ("link/a.csv", "lies behind link, which is no folder", None),
    ("nested", "nested is a repository of its own", nested), ("nested/f", "lies in another repository, nested", nested),
    ("nowhere", "nowhere: No such file", None), ("data/nowhere", "data/nowhere: No such file", None), ("pipe", "pipe is no file", fifo),
    ("new.py/x", "new.py", None),
])  # fmt: skip
def test_what_cannot_be_included_is_refused_and_nothing_changes(full, path, said, prepare):
    if prepare:
        prepare(full)
    full.other("outside").path.mkdir()
    before = users_files(full.path), full.git("count-objects", "-v")
    with pytest.raises((ExpError, GitError), match=said):
        save(open_project(full), include=[str(full.path / path)])
    assert (users_files(full.path), full.git("count-objects", "-v")) == before


def test_a_large_file_is_refused_before_anything_is_stored(full):
    full.git("config", "exps.maxFileSize", "1k")
    full.write("data/large.bin", b"1" * 1025)
    before = full.git("count-objects", "-v"), users_files(full.path)
    for include in (["data"], ["data/large.bin"]):
        with pytest.raises(ExpError, match=r"data/large\.bin is new and has 1025 bytes"):
            save(open_project(full), include=[str(full.path / each) for each in include])
    assert (full.git("count-objects", "-v"), users_files(full.path)) == before


# --- what is declared


@pytest.fixture
def declaring(full):
    """The project with an untracked pipeline and all that it declares."""
    full.write("dvc.yaml", PIPELINE)
    for name in (
        "dvc.lock",
        "other.json",
        "model.pkl",
        "kept.txt",
        "loss.json",
        "cached.json",
        "curve.csv",
        "top.json",
        "ignored/m.json",
        "plots/a.csv",
        "plots/b.tmp",
        "series/loss.tsv",
    ):
        full.write(name, b"{}")
    return full


DECLARED = {"dvc.yaml", "dvc.lock", "other.json", "loss.json", "curve.csv", "top.json", "ignored/m.json", "plots/a.csv",
            "plots/b.tmp", "series/loss.tsv"}  # fmt: skip


def test_what_the_pipeline_declares_is_saved_before_git_tracks_it(declaring):
    status = declaring.git("status", "--porcelain=v2", "--ignored")
    assert saved(declaring) == DECLARED
    assert saved(declaring, "new.py") == DECLARED | {"new.py"}
    planned = plan(open_project(declaring))
    assert (
        {os.fsdecode(path) for path in planned.declared} == DECLARED and planned.outputs == 2 and planned.problems == ()
    )
    left = {os.fsdecode(path) for path in planned.untracked}
    assert left == {"new.py", "data/", "link", "model.pkl", "kept.txt", "cached.json"}
    assert declaring.git("status", "--porcelain=v2", "--ignored") == status


def test_what_a_stage_declares_is_not_saved_where_it_is_ignored(declaring):
    declaring.write(".gitignore", b"ignored/\n*.tmp\nloss.json\ncurve.csv\n")
    assert saved(declaring) == DECLARED - {"loss.json", "curve.csv"} | {".gitignore"}


def test_nothing_is_looked_for_where_git_tracks_it_all(declaring):
    declaring.git("add", "--force", *DECLARED)
    declaring.git("commit", "--quiet", "-m", "all")
    assert saved(declaring) == set() and plan(open_project(declaring)).declared == frozenset()


def test_pipelines_in_folders_count_from_there(full):
    full.write("sub/dvc.yaml", b"metrics: [m.json, ../top.json]\nstages: {s: {cmd: x, outs: [o]}}")
    full.write("sub/m.json", b"{}")
    full.write("top.json", b"{}")
    assert saved(full) == {"sub/dvc.yaml", "sub/m.json", "top.json"}
    assert plan(open_project(full)).outputs == 1


def test_a_project_below_the_top_has_its_own_root(full):
    full.write("project/.dvc/config", b"")
    full.write("project/dvc.yaml", b"metrics: [m.json]")
    full.write("project/m.json", b"{}")
    assert saved(full, below="project") == {"project/dvc.yaml", "project/m.json"}


@pytest.mark.parametrize("content, said", [
    (b"nonsense: 1\n", "unknown key 'nonsense'"), (b"metrics: [", "dvc.yaml"), (b"metrics: ['${gone}']", "gone"), (b"\xff\xfe\xff", "dvc.yaml"),
])  # fmt: skip
def test_a_pipeline_that_cannot_be_read_is_saved_and_told_of(full, content, said):
    full.write("dvc.yaml", content)
    assert saved(full) == {"dvc.yaml"}
    (problem,) = plan(open_project(full)).problems
    assert said in problem and "\n" not in problem


def test_what_is_declared_and_cannot_be_stored_is_left_out(full):
    nested(full)
    os.mkfifo(full.path / "pipe.json")
    full.write("dvc.yaml", b"metrics: [nested/f, pipe.json, link/a.csv, gone.json, nested, .git/config, data]")
    assert saved(full) == {"dvc.yaml", "data/a.csv", "data/deep/b.csv", "data/c.tmp"}


def test_single_files_of_dvc_count_as_outputs(full):
    full.write("data/a.csv.dvc", b"outs:\n- md5: 0123456789abcdef0123456789abcdef\n  size: 1\n  path: a.csv\n")
    full.git("add", "data/a.csv.dvc")
    assert plan(open_project(full)).outputs == 1


# --- a rehearsal


def rehearsed(repo, *include, **options):
    project = open_project(repo)
    planned = plan(project, include=[str(repo.path / each) for each in include])
    return {os.fsdecode(each.path): (each.kind, each.size_bytes) for each in rehearse(project, planned, **options)}


def test_a_rehearsal_tells_what_would_be_saved_and_writes_nothing(declaring):
    declaring.write("params.yaml", b"lr: 9\n")
    (declaring.path / "train.py").unlink()
    declaring.write("staged.py", b"123")
    declaring.git("add", "staged.py")
    before = users_files(declaring.path), declaring.git("count-objects", "-v")
    told = rehearsed(declaring, "new.py")
    assert (users_files(declaring.path), declaring.git("count-objects", "-v")) == before
    assert told["params.yaml"] == ("modified", 6) and told["train.py"] == ("deleted", 0)
    assert (
        told["staged.py"] in {("staged", 3), ("new", 3)}
        and told["new.py"] == ("included", 6)
        and told["top.json"] == ("included", 2)
    )
    assert told.keys() == saved(declaring, "new.py")


def test_a_rehearsal_refuses_what_a_save_does(full):
    save(open_project(full), name="taken")
    for options, said in (
        ({"name": "taken"}, "exists already"),
        ({"name": "a/b"}, "bad experiment name"),
        ({"message": "\0"}, "NUL"),
    ):
        with pytest.raises(ExpError, match=said):
            rehearsed(full, **options)
    full.git("config", "exps.maxFileSize", "1")
    with pytest.raises(ExpError, match=r"new\.py is new"):
        rehearsed(full, "new.py")
    full.git("add", "new.py")
    with pytest.raises(ExpError, match=r"new\.py is new"):
        rehearsed(full)


def _add(path, _repo):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(3))


def _remove(path, _repo):
    path.unlink(missing_ok=True)


def _swap(path, _repo):
    """As many names as before, and another one."""
    if path.is_file():
        path.unlink()
        path.with_name(path.name + "2").write_bytes(b"")


def _track(path, repo):
    if path.is_file():
        repo.git("add", "-f", str(path))


def _nest(path, repo):
    if not (path.parent / ".git").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        inner = repo.other(str(path.parent.relative_to(repo.path.parent))).init()
        inner.write("inside", b"1")
        inner.commit()


def _unnest(path, _repo):
    shutil.rmtree(path.parent / ".git", ignore_errors=True)


def _ignore(path, repo):
    repo.write(".gitignore", b"%s\n" % path.name.encode())


CHANGES = [_add, _add, _add, _remove, _swap, _track, _nest, _unnest, _ignore, lambda path, repo: None, lambda path, repo: None]


@pytest.mark.parametrize("seed", range(4))
def test_a_folder_that_was_saved_before_is_saved_as_for_the_first_time(trained, monkeypatch, seed):
    """Where nothing has changed its folders are not listed; that must never show."""
    monkeypatch.setattr(worktree, "_WORTH", 0)
    monkeypatch.setattr(worktree, "_LISTING", 1 << 30)
    draw, known = random.Random(seed), 0
    places = [trained.path / "data" / below / name for below in ("", "d", "d/e", "f") for name in "xy"]
    for place in places:
        _add(place, trained)
    for number in range(8):
        change = draw.choice(CHANGES) if number else CHANGES[-1]
        change(draw.choice(places), trained)
        for _ in range(3):
            time.sleep(0.05)  # so that folders are old enough to be remembered
            found, folders = outcome(trained)
            known += folders
        open_project(trained).own_state.remove("index")
        assert found == outcome(trained)[0]
    assert known


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 60))
def test_many_folders_that_were_saved_before(trained, monkeypatch, seed):
    test_a_folder_that_was_saved_before_is_saved_as_for_the_first_time(trained, monkeypatch, seed)


def outcome(repo):
    """The tree and what is not in it, or why there is none; and how many folders were not listed."""
    try:
        planned = plan(open_project(repo), include=[str(repo.path / "data")])
        return (store(planned.seen).tree, planned.untracked), len(planned.seen.as_then)
    except (GitError, ExpError) as error:
        return str(error), 0


def test_a_save_whose_objects_are_gone_is_made_anew_with_all_that_was_named(full):
    """The copy of the index tells of blobs that `git gc` has taken since; what is ignored in a folder comes again, too."""
    expected = saved(full, "data")
    for ref in refs(full).values():
        full.git("update-ref", "-d", full.git("for-each-ref", "--format=%(refname)", "--points-at", ref, "refs/exps"))
    shutil.rmtree(full.path / ".git/exps/undo", ignore_errors=True)
    for ref in full.git("for-each-ref", "--format=%(refname)", "refs/expref").split():
        full.git("update-ref", "-d", ref)
    full.git("gc", "--quiet", "--prune=now")
    assert saved(full, "data") == expected == {"data/a.csv", "data/deep/b.csv", "data/c.tmp"}
