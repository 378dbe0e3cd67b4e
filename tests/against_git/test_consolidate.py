"""Loose objects and small packs in one pack: git finds everything as before, and what is not ours to move stays."""

import os

import pytest
from expref.objstore import consolidate as module
from expref.objstore.consolidate import consolidate, is_wanted
from expref.objstore.crowd import Crowd, crowd
from expref.objstore.errors import Corrupt
from expref.objstore.packing import BulkWriter

from tests.conftest import needs
from tests.crash import crashes
from tests.gitrepo import GitRepo
from tests.projects import fill

pytestmark = needs("git")
CONSOLIDATE = """
import os
from expref.objstore.closure import objects_between
from expref.objstore.consolidate import consolidate
from expref.objstore.repository import Repository

repository = Repository.discover(".", os.environ)
tips = [ref.id for ref in repository.refs.refs("refs/")]
consolidate(repository, {each.id for each in objects_between(repository, tips)})
"""


def objects(repo):
    """Everything that git finds, with its kind and size."""
    return repo.git("cat-file", "--batch-all-objects", "--batch-check")


def packs(repo):
    return sorted(name for name in os.listdir(repo.path / ".git/objects/pack") if name.endswith(".pack"))


def fsck(repo):
    assert repo.git("fsck", "--strict", "--no-dangling") == ""


def bulk(repository, *contents):
    with BulkWriter(repository.objects) as out:
        return [out.write("blob", content) for content in contents]


def test_loose_objects_and_small_packs_become_one_pack(repo):
    fill(repo)
    ours = repo.open()
    ids = {*bulk(ours, b"a", b"b"), *bulk(ours, b"c"), *ours.objects.loose_ids()}
    before = objects(repo)
    consolidate(ours, ids)
    assert (len(packs(repo)), ours.objects.loose_ids()) == (1, set())
    assert objects(repo) == before
    fsck(repo)
    assert repo.open().objects.find(next(iter(ids)))


def test_what_may_not_be_moved_stays_where_it_is(repo):
    fill(repo)
    ours = repo.open()
    mine, yours = bulk(ours, b"a"), bulk(ours, b"b")
    third = bulk(ours, b"c")
    loose = sorted(ours.objects.loose_ids())
    before = packs(repo)
    consolidate(ours, {*mine, *third, loose[0]})
    assert ours.objects.loose_ids() == set(loose[1:])
    assert len(packs(repo)) == 2
    assert len(set(packs(repo)) & set(before)) == 1
    assert repo.open().objects.has(yours[0])


@pytest.mark.parametrize("mark", [".keep", ".promisor", ".mtimes"])
def test_a_marked_pack_stays(repo, mark):
    fill(repo)
    ours = repo.open()
    ids = [*bulk(ours, b"a"), *bulk(ours, b"b"), *bulk(ours, b"c")]
    marked = packs(repo)[0]
    (repo.path / ".git/objects/pack" / marked).with_suffix(mark).write_bytes(b"")
    consolidate(ours, set(ids))
    assert marked in packs(repo)
    assert len(packs(repo)) == 2


def test_a_pack_in_a_multi_pack_index_stays(repo):
    fill(repo)
    ours = repo.open()
    ids = [*bulk(ours, b"a"), *bulk(ours, b"b")]
    repo.git("multi-pack-index", "write")
    before = packs(repo)
    consolidate(ours, {*ids, *bulk(ours, b"c")})
    assert set(before) < set(packs(repo))
    repo.git("multi-pack-index", "verify")


def test_one_small_pack_alone_is_not_copied(repo):
    fill(repo)
    ours = repo.open()
    ids = bulk(ours, b"a")
    before = packs(repo)
    consolidate(ours, set(ids))
    assert packs(repo) == before


def test_large_objects_and_packs_are_not_copied(repo, monkeypatch):
    fill(repo)
    ours = repo.open()
    monkeypatch.setattr(module, "LARGEST_OBJECT", 20)
    large = ours.objects.write("blob", b"x" * 21)
    consolidate(ours, ours.objects.loose_ids())
    assert ours.objects.loose_ids() >= {large}
    monkeypatch.setattr(module, "LARGEST_PACK", 10)
    before = {*packs(repo)}
    consolidate(ours, {*bulk(ours, b"a"), *bulk(ours, b"b")})
    assert len(packs(repo)) == len(before) + 2


def test_a_broken_loose_object_stops_it_and_nothing_is_removed(repo):
    fill(repo)
    ours = repo.open()
    ids = ours.objects.loose_ids()
    broken = sorted(ids)[-1]
    path = repo.path / f".git/objects/{str(broken)[:2]}/{str(broken)[2:]}"
    path.chmod(0o644)
    path.write_bytes(b"no zlib")
    with pytest.raises(Corrupt):
        consolidate(ours, ids)
    assert ours.objects.loose_ids() == ids
    assert os.listdir(repo.path / ".git/objects/pack") == []


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("gc.auto", "0", False),
        ("gc.auto", "6700", True),
        ("extensions.preciousObjects", "true", False),
    ],
)
def test_the_settings_of_the_repository_are_respected(repo, key, value, wanted):
    repo.git("config", key, value)
    assert is_wanted(repo.open()) == wanted


def test_the_crowd_is_counted_as_git_does(repo):
    fill(repo)
    ours = repo.open()
    bulk(ours, b"a")
    bulk(ours, b"b")
    kept = (repo.path / ".git/objects/pack" / packs(repo)[0]).with_suffix(".keep")
    kept.write_bytes(b"")
    folder = repo.path / ".git/objects/17"
    folder.mkdir(exist_ok=True)
    for name in range(8 - len(os.listdir(folder))):
        (folder / f"{name:038}").write_bytes(b"")
    assert crowd(ours) == Crowd(8 * 256, 1)


def test_a_kill_at_any_moment_loses_nothing(repo, tmp_path, child_env):
    fill(repo)
    ours = repo.open()
    for number in range(3):
        id_ = bulk(ours, b"%d" % number)[0]
        repo.git("update-ref", f"refs/exps/{number}", str(id_))
    before = objects(repo)
    child = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    for crash in crashes(CONSOLIDATE, source=repo.path, copies=tmp_path / "copies", env=child):
        found = GitRepo(crash.folder, repo.environ)
        assert set(before.splitlines()) <= set(objects(found).splitlines()), crash
        fsck(found)
        odd = [
            name for name in os.listdir(crash.folder / ".git/objects/pack") if not name.startswith(("pack-", "tmp_"))
        ]
        assert odd == []
