"""`exps demo` does what it and README.md say, and stays out of what is there already."""
import json
import os
import subprocess
import sys

import pytest
from expref.exps.demo import EXPERIMENTS, demo
from expref.exps.errors import ExpError, Status
from expref.exps.show import show

from tests.conftest import needs
from tests.gitrepo import GitRepo, everything_in
from tests.projects import is_clean, refs

pytestmark = needs("git")


@pytest.fixture
def made(tmp_path, git_env):
    """The demo, as a GitRepo; the environment has no identity."""
    environ = {name: value for name, value in git_env.items() if not name.startswith("GIT_")}
    demo(str(tmp_path / "demo"), environ)
    return GitRepo(tmp_path / "demo", environ)


def values(repo, revision):
    return json.loads(repo.git("show", f"{revision}:metrics.json"))


def test_git_finds_an_ordinary_repository(made):
    assert is_clean(made)
    assert made.git("status", "--porcelain", "--untracked-files=all") == ""
    assert made.git("log", "--format=%an <%ae> %s") == "Demo <demo@example.com> Train a small model"
    assert made.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert made.git("ls-files").split() == [".gitignore", "README.md", "metrics.json", "params.yaml", "train.py"]


def test_git_reads_its_index_without_looking_at_a_file(made):
    """The stat data is right: `git diff-files` compares nothing else."""
    assert made.git("diff-files") == ""


def test_git_can_go_on_with_it(made):
    made.write("params.yaml", b"lr: 1\n")
    made.commit("by hand")
    made.git("checkout", "--quiet", "-b", "more-data", refs(made)["more-data"])
    assert made.git("status", "--porcelain") == "" and is_clean(made)


def test_its_experiments_differ_in_what_they_are_called_after(made):
    assert refs(made).keys() == EXPERIMENTS.keys()
    for name, id_ in refs(made).items():
        changed = made.git("diff", "--name-only", "HEAD", id_).split()
        assert changed == ["metrics.json", "params.yaml"], name
        assert made.git("rev-parse", f"{id_}^") == made.git("rev-parse", "HEAD")
    assert len({json.dumps(values(made, id_)) for id_ in refs(made).values()}) == len(EXPERIMENTS)


def test_its_metrics_are_what_its_program_makes(made):
    for revision in ("HEAD", *refs(made).values()):
        made.git("checkout", "--quiet", "--detach", revision)
        (made.path / "metrics.json").unlink()
        subprocess.run([sys.executable, "-I", "-S", "train.py"], cwd=made.path, check=True)  # without any package
        assert made.git("status", "--porcelain", "--untracked-files=all") == ""


@pytest.mark.parametrize("old, new", [
    ("lr: 0.05", "lr: 1e-3"), ("epochs: 5", "epochs: 7"), ("lr: 0.05", "lr: 2   # large"), ("noise: 0.6", "noise: .5"),
])  # fmt: skip
def test_numbers_may_be_changed_as_yaml_writes_them(made, old, new):
    text = (made.path / "params.yaml").read_text()
    assert old in text
    (made.path / "params.yaml").write_text(text.replace(old, new))
    subprocess.run([sys.executable, "-I", "-S", "train.py"], cwd=made.path, check=True)
    assert values(made, "HEAD") != json.loads((made.path / "metrics.json").read_text())


def test_the_table_shows_all_of_it(tmp_path, git_env):
    project, saved = demo(str(tmp_path / "demo"), git_env)
    table = show(project)
    assert [row.name for row in table.groups[0].experiments] and table.others == 0
    assert {row.name for row in table.groups[0].experiments} == {each.name for each in saved} == EXPERIMENTS.keys()
    rows = [table.workspace, table.groups[0].baseline, *table.groups[0].experiments]
    assert all(set(row.params) == {"params.yaml"} and set(row.metrics) == {"metrics.json"} for row in rows)
    assert not [row for row in rows if row.error or row.params["params.yaml"].error]


def a_file(path):
    path.write_text("mine")


def a_folder_with_something(path):
    path.mkdir()
    (path / ".hidden").write_text("mine")


def a_broken_link(path):
    path.symlink_to("nowhere")


def a_repository(path):
    (path / ".git").mkdir(parents=True)


@pytest.mark.parametrize("there", [a_file, a_folder_with_something, a_broken_link, a_repository])
def test_what_is_there_stays(tmp_path, git_env, there):
    there(tmp_path / "demo")
    before = everything_in(tmp_path)
    with pytest.raises(ExpError, match=f"{tmp_path}/demo is there already and not an empty folder") as caught:
        demo(str(tmp_path / "demo"), git_env)
    assert caught.value.status == Status.CONFLICT
    assert everything_in(tmp_path) == before


def test_an_empty_folder_and_one_deep_below_are_welcome(tmp_path, git_env):
    (tmp_path / "empty").mkdir()
    demo(str(tmp_path / "empty"), git_env)
    demo(str(tmp_path / "a/b/c"), git_env)
    assert (tmp_path / "empty/train.py").read_bytes() == (tmp_path / "a/b/c/train.py").read_bytes()


def test_inside_another_repository_it_is_one_of_its_own(trained):
    before = trained.git("for-each-ref"), trained.git("rev-parse", "HEAD")
    environ = trained.environ | {"GIT_DIR": str(trained.path / ".git"), "GIT_WORK_TREE": str(trained.path)}
    demo(str(trained.path / "demo"), environ)
    assert (trained.git("for-each-ref"), trained.git("rev-parse", "HEAD")) == before
    assert refs(trained.other("repo/demo")).keys() == EXPERIMENTS.keys()


@pytest.mark.parametrize("setting", ["core.autocrlf=input", "init.defaultBranch=trunk", "core.sharedRepository=group"])
def test_it_works_whatever_the_user_has_set(tmp_path, git_env, setting):
    subprocess.run(["git", "config", "--global", *setting.split("=")], env=git_env, check=True)
    demo(str(tmp_path / "demo"), git_env)
    assert is_clean(GitRepo(tmp_path / "demo", git_env))
    assert GitRepo(tmp_path / "demo", git_env).git("status", "--porcelain") == ""


def test_a_folder_that_cannot_be_made_is_the_systems_error(git_env):
    with pytest.raises(OSError):
        demo("/proc/demo", git_env)
    assert not os.path.exists("/proc/demo")
