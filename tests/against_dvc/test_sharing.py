"""The same remote for both: DVC pulls what we pushed, we pull what DVC pushed, both list and remove the same."""

import pytest
from expref.exps.dvcconfig import get

from tests.conftest import needs
from tests.dvcrepo import DvcRepo, make_project
from tests.projects import is_clean, open_project, refs
from tests.sharing import bare, tried

pytestmark = [needs("git"), needs("dvc")]

FILES = {
    "params.yaml": b"lr: 0.1\n", "train.py": b"open('metrics.json', 'w').write('{}')\n",
    "dvc.yaml": b"stages:\n  train:\n    cmd: python train.py\n    deps: [train.py]\n    params: [lr]\n    metrics: [metrics.json: {cache: false}]\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory, import_folder):
    """A project whose "origin" is a bare repository, and another person's clone of that."""
    ann = make_project(tmp_path_factory.mktemp("shared"), import_folder, FILES)
    ann.dvc("exp", "run", "--quiet", "--name", "by-dvc", "--set-param", "lr=0.3")
    ann.git("checkout", "--quiet", "--force", "main")
    tried(ann, "by-us", lr=0.5)
    there = bare(ann)
    ann.git("remote", "add", "origin", there.path)
    bob = DvcRepo(ann.path.parent / "bob", ann.environ)
    ann.git("clone", "--quiet", there.path, bob.path)
    return ann, there, bob


def test_what_one_pushes_the_other_pulls(shared):
    ann, there, bob = shared
    ann.dvc("exp", "push", "--no-cache", "origin", "by-dvc")
    assert ann.exps("push", "origin").splitlines()[0].startswith("up to date ")  # what DVC pushed
    assert refs(there) == {name: refs(ann)[name] for name in ("by-dvc", "by-us")} and is_clean(there)
    theirs, ours = bob.dvc("exp", "list", "origin"), bob.exps("list", "origin")
    assert sorted(theirs.splitlines()) == sorted(ours.splitlines()) == ["\tby-dvc", "\tby-us", "main:"]
    assert sorted(bob.dvc("exp", "list", "origin", "--name-only").split()) == bob.exps("list", "origin", "--name-only").split()
    bob.dvc("exp", "pull", "--no-cache", "origin", "by-us")
    assert refs(bob) == {"by-us": refs(ann)["by-us"]}
    bob.exps("pull")
    assert refs(bob) == refs(there) and is_clean(bob)
    bob.dvc("exp", "apply", "by-us")
    assert (bob.path / "params.yaml").read_bytes() == b"lr: 0.5\n"
    bob.git("checkout", "--quiet", "--force", "main")


def test_one_removes_and_the_other_sees_it(shared):
    ann, there, _ = shared
    for name in ("x", "y", "z"):
        tried(ann, name, lr=name)
    ann.exps("push", "x", "y", "z")
    ann.dvc("exp", "remove", "--git-remote", "origin", "x")
    ann.exps("remove", "-g", "origin", "y")
    ann.exps("rename", "-g", "origin", "z", "zz")
    names = set(ann.exps("list", "origin", "-A", "--name-only").split())
    assert names == set(ann.dvc("exp", "list", "origin", "-A", "--name-only").split()) == refs(there).keys()
    assert names >= {"zz"} and names.isdisjoint({"x", "y", "z"})


def test_what_has_diverged_is_refused_by_both(shared):
    ann, there, bob = shared
    tried(ann, "both", lr=1)
    tried(bob, "both", lr=2)
    ann.exps("push", "both")
    bob.dvc("exp", "push", "--no-cache", "origin", "both")
    assert bob.try_dvc("exp", "push", "--no-cache", "origin", "both").returncode == 0  # DVC only warns
    assert refs(there)["both"] == refs(ann)["both"]
    bob.exps("push", "-f", "both")
    ann.dvc("exp", "pull", "--no-cache", "--force", "origin", "both")
    assert refs(ann)["both"] == refs(bob)["both"] == refs(there)["both"]


@pytest.mark.parametrize("text", [
    "[exp]\n    git_remote = team\n", "[exp]\n    git_remote = 'a b'\n", "[exp]\ngit_remote=team # why\n",
    '[exp]\n    git_remote = "https://h/x#y"\n    auto_push = True\n',
])  # fmt: skip
def test_a_setting_is_what_dvc_says_it_is(shared, text):
    _, _, bob = shared
    path = bob.path / ".dvc/config"
    before = path.read_text()
    path.write_text(text)
    try:
        assert get(open_project(bob), "exp", "git_remote") == bob.dvc("config", "exp.git_remote").strip()
    finally:
        path.write_text(before)
