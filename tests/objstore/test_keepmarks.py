"""Packs that are held off `git repack` while nothing refers to them yet."""

import os
import subprocess

import pytest
from expref.objstore.ids import SHA1
from expref.objstore.packing import BulkWriter
from expref.objstore.stores.files import PRIVATE, Sharing
from expref.objstore.stores.keepmarks import Hold, release_left_over
from expref.objstore.stores.lockmarks import holder, mark
from expref.objstore.stores.objectstore import ObjectStore


@pytest.fixture
def objects(tmp_path):
    return ObjectStore(str(tmp_path), SHA1, PRIVATE)


def names(objects):
    return sorted(name.rpartition(".")[2] for name in os.listdir(f"{objects.path}/pack"))


def test_a_pack_is_held_until_it_is_released(objects):
    with Hold() as hold:
        with BulkWriter(objects, hold=hold) as out:
            out.write("blob", b"new")
        assert names(objects) == ["idx", "keep", "pack"]
        [keep] = [name for name in os.listdir(f"{objects.path}/pack") if name.endswith(".keep")]
        assert holder(f"{objects.path}/pack/{keep}").pid == os.getpid()
    assert names(objects) == ["idx", "pack"]
    hold.release()


def test_it_is_held_before_git_can_see_it(objects, monkeypatch):
    seen, link = [], os.link
    monkeypatch.setattr(os, "link", lambda *args: (seen.append(names(objects)), link(*args)))
    with Hold() as hold, BulkWriter(objects, hold=hold) as out:
        out.write("blob", b"new")
    assert len(seen) == 2 and all("keep" in each and "idx" not in each for each in seen)


def test_what_was_not_written_is_not_held(objects):
    with Hold() as hold:
        with BulkWriter(objects, hold=hold):
            pass
        with pytest.raises(ZeroDivisionError), BulkWriter(objects, hold=hold) as out:
            out.write("blob", b"new")
            1 / 0  # noqa: B018
        assert names(objects) == []


def test_what_somebody_else_holds_stays_held(objects):
    first, second = Hold(), Hold()
    first.take(f"{objects.path}/pack/pack-a", PRIVATE)
    second.take(f"{objects.path}/pack/pack-a", PRIVATE)
    second.release()
    assert names(objects) == ["keep"]
    first.release()
    assert names(objects) == []


def test_who_shares_the_repository_can_tell_who_holds_a_pack(objects):
    umask = os.umask(0o077)
    try:
        with Hold() as hold:
            hold.take(f"{objects.path}/pack/pack-a", Sharing("group"))
            assert os.stat(f"{objects.path}/pack/pack-a.keep").st_mode & 0o777 == 0o440
    finally:
        os.umask(umask)


def test_only_what_processes_of_ours_held_that_are_gone_is_released(objects):
    release_left_over(f"{objects.path}/pack")
    dead = subprocess.Popen(["true"])
    dead.wait()
    os.mkdir(f"{objects.path}/pack")
    dead_one, odd = (mark().replace(b" %d " % os.getpid(), b" %d " % pid) for pid in (dead.pid, 10**12))
    of = {"dead": dead_one, "odd": odd, "living": mark(), "user": b"", "pack": b"x"}
    for name, content in of.items():
        with open(f"{objects.path}/pack/{name}.{'pack' if name == 'pack' else 'keep'}", "wb") as file:
            file.write(content)
    release_left_over(f"{objects.path}/pack")
    assert sorted(os.listdir(f"{objects.path}/pack")) == ["living.keep", "odd.keep", "pack.pack", "user.keep"]
