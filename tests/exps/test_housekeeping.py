"""Many saves leave few files: git tells what it finds."""
import os
import subprocess
import sys

import pytest
from expref.exps import housekeeping
from expref.exps import save as save_module
from expref.exps.save import save
from expref.exps.tidy import tidy
from expref.objstore.ids import ObjectId

from tests.conftest import needs
from tests.projects import open_project, refs

pytestmark = needs("git")


def packs(repo):
    return [name for name in os.listdir(repo.path / ".git/objects/pack") if name.endswith(".pack")]


def test_many_saves_leave_few_loose_objects(trained, monkeypatch):
    monkeypatch.setattr(housekeeping, "MOST_LOOSE", 256)
    trained.git("config", "gc.auto", "6700")
    project = open_project(trained)
    for number in range(400):
        trained.write("params.yaml", b"lr: %d\n" % number)
        save(project, name=f"e{number}")
    loose = project.repository.objects.loose_ids()
    head_objects = trained.git("rev-list", "--objects", "HEAD").splitlines()
    assert len(loose) < 1000, "1200 were written"
    assert {str(id_) for id_ in loose} >= {line[:40] for line in head_objects}, "the user's own objects stay loose"
    assert len(refs(trained)) == 400
    assert trained.git("fsck", "--strict", "--no-dangling") == ""
    trained.git("gc", "-q", "--prune=now")
    assert trained.git("fsck", "--strict", "--no-dangling") == ""


def test_what_git_has_tidied_up_since_does_not_count(trained):
    state = trained.path / ".git/exps/crowd"
    state.parent.mkdir()
    state.write_text("5120 40\n")
    assert not housekeeping.is_due(open_project(trained)) and state.read_text() == "0 0\n"
    for number in range(housekeeping.MOST_LOOSE // 256 + 1):
        trained.write(f".git/objects/17/{number:038x}")
    assert housekeeping.is_due(open_project(trained)) and state.read_text() == "0 0\n"


def test_nothing_is_moved_where_git_is_told_to_leave_objects_alone(trained, monkeypatch):
    monkeypatch.setattr(housekeeping, "MOST_LOOSE", 0)
    trained.write("params.yaml", b"lr: 7\n")
    save(open_project(trained), name="one")  # gc.auto is 0 in this repository
    assert packs(trained) == []


def test_a_broken_experiment_does_not_stop_a_save(trained, monkeypatch):
    monkeypatch.setattr(housekeeping, "MOST_LOOSE", 0)
    trained.git("config", "gc.auto", "6700")
    broken = trained.path / f".git/refs/exps/{'a' * 2}/{'b' * 38}/lost"
    broken.parent.mkdir(parents=True)
    broken.write_text("1" * 40 + "\n")
    trained.write("params.yaml", b"lr: 7\n")
    assert save(open_project(trained), name="one").name == "one"
    assert isinstance(open_project(trained).repository.refs.get(f"refs/exps/{'a' * 2}/{'b' * 38}/lost"), ObjectId)


MANY = 120  # files: more go into one pack


def change_many(repo, text):
    for number in range(MANY):
        repo.write(f"many/{number}", b"%s %d\n" % (text, number))


@pytest.fixture
def large(trained):
    change_many(trained, b"first")
    trained.commit("many")
    return trained


def test_a_repack_between_data_and_name_takes_nothing(large, monkeypatch):
    """`git repack -ad` drops from packs what no ref leads to, however young it is."""
    change = save_module.change_and_keep

    def change_late(*args, **options):
        large.git("repack", "-adq")
        change(*args, **options)

    monkeypatch.setattr(save_module, "change_and_keep", change_late)
    change_many(large, b"second")
    save(open_project(large), name="one")
    assert large.git("fsck", "--strict", "--no-dangling") == ""
    assert large.git("show", f"{refs(large)['one']}:many/7") == "second 7"
    assert not [name for name in os.listdir(large.path / ".git/objects/pack") if name.endswith(".keep")]


def test_nothing_is_lost_while_git_repacks_again_and_again(large, child_env):
    repack = "import os, subprocess\nwhile not os.path.exists('stop'):\n subprocess.run(['git', 'repack', '-adq'])\n"
    env = child_env | large.environ | {"PATH": child_env["PATH"]}
    busy = subprocess.Popen([sys.executable, "-c", repack], cwd=large.path, env=env)
    try:
        for number in range(8):
            change_many(large, b"%d" % number)
            save(open_project(large), name=f"e{number}")
    finally:
        (large.path / "stop").touch()
        busy.wait()
    assert large.git("fsck", "--strict", "--no-dangling") == "" and len(refs(large)) == 8


def test_a_save_that_is_refused_holds_nothing(large, monkeypatch):
    change_many(large, b"second")
    monkeypatch.setattr(save_module, "encode_commit", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(open_project(large), name="one")
    assert len(packs(large)) == 1
    assert not [name for name in os.listdir(large.path / ".git/objects/pack") if name.endswith(".keep")]


def test_what_a_killed_save_held_is_let_go(large, child_env):
    script = """
import os, signal
from expref.exps import save
from expref.exps.project import Project
save.encode_commit = lambda _: os.kill(os.getpid(), signal.SIGKILL)
save.save(Project.open(".", os.environ), name="one")
"""
    change_many(large, b"second")
    subprocess.run([sys.executable, "-c", script], cwd=large.path, env=child_env | large.environ)
    folder = large.path / ".git/objects/pack"
    assert [name for name in os.listdir(folder) if name.endswith(".keep")]
    tidy(open_project(large))
    assert not [name for name in os.listdir(folder) if name.endswith(".keep")]
    large.git("repack", "-adq")
    assert large.git("fsck", "--strict") == ""
