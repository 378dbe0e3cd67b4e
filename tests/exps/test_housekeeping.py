"""Many saves leave few files: git tells what it finds."""
import os

from expref.exps import housekeeping
from expref.exps.save import save
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
