"""What every way of keeping refs can do: one suite, run by each implementation of `RefStore`.

An implementation is a class here with what a test needs beside the interface: making symbolic refs and broken ones,
holding a lock as another program does, another store on the same refs.
"""
import os
import random
import subprocess
import sys
import threading
import time

import pytest
from expref.objstore.errors import BadName, Conflict, Corrupt
from expref.objstore.formats.refs import Ref, SymbolicRef
from expref.objstore.ids import SHA1
from expref.objstore.stores.filesrefs import FilesRefStore
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.stores.reftransaction import WriteRules

from tests.conftest import needs
from tests.packmaker import oid

ONE, TWO, THREE = oid(1), oid(2), oid(3)


class Files:
    """Refs in files, all loose."""

    def __init__(self, folder):
        self.folder = str(folder)

    def store(self, **rules):
        return FilesRefStore(self.folder, self.folder, SHA1, WriteRules(**rules))

    def settle(self):
        """Bring the refs into the form that this implementation is about."""

    def make_symbolic(self, name, target):
        self._write(name, f"ref: {target}\n")

    def make_broken(self, name):
        self._write(name, "")

    def hold(self, name):
        self._write(name + ".lock", "")
        return f"{self.folder}/{name}.lock"

    def release(self, name):
        os.unlink(f"{self.folder}/{name}.lock")

    def _write(self, name, text):
        path = f"{self.folder}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


class PackedFiles(Files):
    """Refs in files, packed as by `git pack-refs --all --prune`."""

    def settle(self):
        store, found = self.store(), []
        for ref in store.refs("refs/"):
            if isinstance(store.read(ref.name), bytes):
                found.append(ref)
        with open(f"{self.folder}/packed-refs", "w") as file:
            file.write("# pack-refs with: peeled fully-peeled sorted \n")
            file.writelines(f"{ref.id} {ref.name}\n" for ref in found)
        for ref in found:
            path = f"{self.folder}/{ref.name}"
            while os.path.lexists(path) and path != f"{self.folder}/refs":
                (os.rmdir if os.path.isdir(path) else os.unlink)(path)
                path = os.path.dirname(path)
                if os.path.isdir(path) and os.listdir(path):
                    break


class MadePacked(Files):
    """Refs in files, of which new ones go into packed-refs from the first on, not only where there are many."""

    def store(self, **rules):
        return super().store(find_kind=lambda _: "commit", **rules)


@pytest.fixture(params=[Files, PackedFiles, MadePacked])
def kept(request, tmp_path, monkeypatch):
    (tmp_path / "refs").mkdir()
    if request.param is MadePacked:
        for module in ("reftransaction", "refglance"):
            monkeypatch.setattr(f"expref.objstore.stores.{module}.MANY", 1)
    return request.param(tmp_path)


@pytest.fixture
def store(kept):
    return kept.store()


@pytest.fixture
def fill(kept):
    """Make refs: `fill("refs/a", "refs/b")`; all are at ONE."""

    def make(*names):
        kept.store().update([RefUpdate(name, ONE, "absent") for name in names])
        kept.settle()

    return make


def set_ref(store, name, new, expected):
    store.update([RefUpdate(name, new, expected)])


def test_what_is_not_there_is_none(store):
    assert store.read("refs/heads/a") is None
    assert store.get("refs/heads/a") is None
    assert store.get("HEAD") is None
    assert list(store.refs("refs/")) == []


def test_what_was_made_is_read_by_every_store(kept, store, fill):
    fill("refs/heads/a", "refs/exps/x/y/z")
    for each in (store, kept.store()):
        assert each.read("refs/heads/a") == each.get("refs/heads/a") == ONE
        assert each.get("refs/exps/x/y/z") == ONE
        assert each.get("refs/heads") is None
        assert each.get("refs/exps/x/y") is None


def test_refs_come_sorted_and_only_those_below_the_prefix(store, fill):
    names = ["refs/heads/b", "refs/heads/a/x", "refs/heads/a-b", "refs/headset", "refs/tags/t", "refs/heads/é"]
    fill(*names)
    assert [ref.name for ref in store.refs("refs/")] == sorted(names)
    assert [ref.name for ref in store.refs("refs/heads/")] == ["refs/heads/a-b", "refs/heads/a/x", "refs/heads/b", "refs/heads/é"]
    assert list(store.refs("refs/heads/a/")) == [Ref("refs/heads/a/x", ONE, None)]
    assert list(store.refs("refs/none/")) == []


@pytest.mark.parametrize("expected", ["absent", "any"])
def test_a_ref_is_made(store, expected):
    set_ref(store, "refs/heads/a", ONE, expected)
    assert store.get("refs/heads/a") == ONE


@pytest.mark.parametrize("expected", [ONE, "any"])
def test_a_ref_is_changed(store, fill, expected):
    fill("refs/heads/a", "refs/heads/b")
    set_ref(store, "refs/heads/a", TWO, expected)
    assert list(store.refs("refs/")) == [Ref("refs/heads/a", TWO, None), Ref("refs/heads/b", ONE, None)]


@pytest.mark.parametrize(("name", "expected", "why"), [
    ("refs/heads/a", "absent", f"refs/heads/a exists already: it is at {ONE}"),
    ("refs/heads/a", TWO, f"refs/heads/a is not at {TWO} any more: it is at {ONE}"),
    ("refs/heads/b", TWO, f"refs/heads/b is not at {TWO} any more: it does not exist"),
])
def test_an_update_is_refused_when_the_ref_is_not_as_expected(store, fill, name, expected, why):
    fill("refs/heads/a")
    with pytest.raises(Conflict, match=why):
        set_ref(store, name, THREE, expected)
    assert list(store.refs("refs/")) == [Ref("refs/heads/a", ONE, None)]


def test_an_update_to_the_same_value_is_fine(store, fill):
    fill("refs/heads/a")
    set_ref(store, "refs/heads/a", ONE, ONE)
    assert store.get("refs/heads/a") == ONE


@pytest.mark.parametrize("new", [ONE, None])
def test_a_ref_is_deleted(kept, store, fill, new):
    fill("refs/heads/a", "refs/heads/ab", "refs/heads/c/d")
    for name, expected in (("refs/heads/a", ONE), ("refs/heads/c/d", "any")):
        set_ref(store, name, None, expected)
        assert kept.store().read(name) is store.get(name) is None
    assert list(store.refs("refs/")) == [Ref("refs/heads/ab", ONE, None)]
    set_ref(store, "refs/heads/c", TWO, "absent")
    if new:
        set_ref(store, "refs/heads/a/b", new, "absent")
        kept.settle()
    assert [ref.name for ref in store.refs("refs/")] == ["refs/heads/a/b"] * bool(new) + ["refs/heads/ab", "refs/heads/c"]


def test_a_deleted_ref_stays_deleted_however_often_it_was_changed(kept, store, fill):
    fill("refs/heads/a", "refs/heads/b")
    set_ref(store, "refs/heads/a", TWO, ONE)
    set_ref(store, "refs/heads/a", None, TWO)
    assert store.get("refs/heads/a") is None
    kept.settle()
    assert list(kept.store().refs("refs/")) == [Ref("refs/heads/b", ONE, None)]


@pytest.mark.parametrize("expected", ["any", "absent"])
def test_deleting_what_is_not_there_changes_nothing(store, fill, expected):
    fill("refs/heads/b")
    set_ref(store, "refs/heads/a", None, expected)
    assert list(store.refs("refs/")) == [Ref("refs/heads/b", ONE, None)]


def test_a_deletion_is_refused_when_the_ref_is_not_as_expected(store, fill):
    fill("refs/heads/a")
    for name, expected in (("refs/heads/a", TWO), ("refs/heads/a", "absent"), ("refs/heads/b", ONE)):
        with pytest.raises(Conflict, match=name):
            set_ref(store, name, None, expected)
    assert list(store.refs("refs/")) == [Ref("refs/heads/a", ONE, None)]


@pytest.mark.parametrize("refused", [
    RefUpdate("refs/heads/m", TWO, "absent"), RefUpdate("refs/heads/m", None, TWO), RefUpdate("refs/heads/n", TWO, ONE),
    RefUpdate("refs/heads/m/x", TWO, "any"), RefUpdate("refs/heads", TWO, "any"), RefUpdate("refs/heads/..", TWO, "any"),
])
def test_of_several_changes_either_all_are_made_or_none(store, fill, refused):
    fill("refs/heads/a", "refs/heads/m", "refs/heads/z")
    before = list(store.refs("refs/"))
    others = [RefUpdate("refs/heads/a", TWO, ONE), RefUpdate("refs/heads/b", TWO, "absent"), RefUpdate("refs/heads/z", None, ONE)]
    for updates in ([*others, refused], [refused, *others]):
        with pytest.raises((Conflict, BadName)):
            store.update(updates)
        assert list(store.refs("refs/")) == before
    store.update(others)
    assert {ref.name: ref.id for ref in store.refs("refs/")} == {"refs/heads/a": TWO, "refs/heads/b": TWO, "refs/heads/m": ONE}


def test_changes_may_be_of_all_kinds_at_once(store, fill):
    fill("refs/heads/a", "refs/heads/b", "refs/heads/d")
    store.update([
        RefUpdate("refs/heads/b", TWO, ONE), RefUpdate("refs/heads/a", TWO, "any"), RefUpdate("refs/heads/c", TWO, "absent"),
        RefUpdate("refs/heads/d", None, ONE), RefUpdate("refs/heads/e", None, "any"),
    ])
    assert [(ref.name[-1], ref.id) for ref in store.refs("refs/heads/")] == [("a", TWO), ("b", TWO), ("c", TWO)]
    store.update([])


def test_a_ref_is_changed_only_once_at_a_time(kept, store, fill):
    fill("refs/heads/a")
    kept.make_symbolic("HEAD", "refs/heads/a")
    for name in ("HEAD", "refs/heads/a"):
        with pytest.raises(Conflict, match="refs/heads/a cannot be changed twice at once"):
            store.update([RefUpdate("refs/heads/a", TWO, ONE), RefUpdate(name, THREE, "any")])
    assert store.get("HEAD") == ONE


@pytest.mark.parametrize("names", [("refs/heads/a", "refs/heads/a/b"), ("refs/heads/a/b/c", "refs/heads/a")])
@pytest.mark.parametrize("other", [TWO, None])
def test_of_refs_in_each_others_way_not_both_are_changed_at_once(store, names, other):
    with pytest.raises(Conflict, match="cannot be changed at once"):
        store.update([RefUpdate(names[0], TWO, "absent"), RefUpdate(names[1], other, "any")])
    assert list(store.refs("refs/")) == []


@pytest.mark.parametrize(("there", "new"), [("refs/heads/a", "refs/heads/a/b"), ("refs/heads/a/b", "refs/heads/a")])
def test_a_ref_does_not_make_room_for_another_in_the_same_call(store, fill, there, new):
    """As in git, which locks both before it removes one."""
    fill(there)
    with pytest.raises(Conflict):
        store.update([RefUpdate(there, None, ONE), RefUpdate(new, TWO, "absent")])
    assert list(store.refs("refs/")) == [Ref(there, ONE, None)]
    set_ref(store, there, None, ONE)
    set_ref(store, new, TWO, "absent")
    assert list(store.refs("refs/")) == [Ref(new, TWO, None)]


def test_a_symbolic_ref_stays_when_what_it_leads_to_is_deleted(kept, store, fill):
    fill("refs/heads/a")
    kept.make_symbolic("refs/heads/s", "refs/heads/a")
    set_ref(store, "refs/heads/s", None, ONE)
    assert store.read("refs/heads/s") == SymbolicRef("refs/heads/a")
    assert store.read("refs/heads/a") is None


@pytest.mark.parametrize("name", ["", "config", "refs/..", "refs/a.lock", "refs/a b", "../refs/a", "/refs/a", "refs/a\0b", "a/b"])
def test_a_bad_name_is_refused(store, name):
    for call in (store.read, store.get, lambda name: set_ref(store, name, ONE, "any")):
        with pytest.raises(BadName):
            call(name)
    assert list(store.refs("refs/")) == []


def test_a_symbolic_ref_leads_to_another(kept, store, fill):
    fill("refs/heads/a")
    kept.make_symbolic("HEAD", "refs/heads/a")
    kept.make_symbolic("refs/heads/s", "HEAD")
    assert store.read("refs/heads/s") == SymbolicRef("HEAD")
    assert store.get("refs/heads/s") == ONE
    assert [(ref.name, ref.id) for ref in store.refs("refs/")] == [("refs/heads/a", ONE), ("refs/heads/s", ONE)]


def test_an_update_of_a_symbolic_ref_is_one_of_what_it_leads_to(kept, store):
    kept.make_symbolic("HEAD", "refs/heads/new")
    set_ref(store, "HEAD", ONE, "absent")
    assert store.get("refs/heads/new") == ONE
    assert store.read("HEAD") == SymbolicRef("refs/heads/new")
    with pytest.raises(Conflict, match="refs/heads/new exists already"):
        set_ref(store, "HEAD", TWO, "absent")


def test_a_symbolic_ref_to_nothing_is_none_and_told_when_listed(kept, store):
    kept.make_symbolic("refs/heads/s", "refs/heads/none")
    assert store.get("refs/heads/s") is None
    assert list(store.refs("refs/")) == [Ref("refs/heads/s", None, "a symbolic ref to nothing")]


def test_symbolic_refs_in_a_circle_are_corrupt(kept, store):
    kept.make_symbolic("refs/heads/a", "refs/heads/b")
    kept.make_symbolic("refs/heads/b", "refs/heads/a")
    for call in (store.get, lambda name: set_ref(store, name, ONE, "any")):
        with pytest.raises(Corrupt, match="symbolic refs after each other"):
            call("refs/heads/a")
    assert [ref.id for ref in store.refs("refs/")] == [None, None]


def test_a_broken_ref_is_corrupt_and_does_not_hide_the_others(kept, store, fill):
    fill("refs/heads/a", "refs/heads/c")
    kept.make_broken("refs/heads/b")
    with pytest.raises(Corrupt, match="refs/heads/b"):
        store.get("refs/heads/b")
    assert [(ref.name, ref.id, bool(ref.broken)) for ref in store.refs("refs/heads/")] == [
        ("refs/heads/a", ONE, False), ("refs/heads/b", None, True), ("refs/heads/c", ONE, False),
    ]


@pytest.mark.parametrize(("there", "new"), [
    ("refs/heads/a", "refs/heads/a/b"), ("refs/heads/a/b", "refs/heads/a"), ("refs/heads/a", "refs/heads/a/b/c"),
    ("refs/heads/a/b/c", "refs/heads/a"), ("refs/x", "refs/x/y"),
])
def test_a_ref_never_stands_where_a_folder_of_refs_is(store, fill, there, new):
    fill(there)
    for expected in ("any", "absent"):
        with pytest.raises(Conflict, match=f"{new} cannot be made: {there} exists"):
            set_ref(store, new, TWO, expected)
    assert list(store.refs("refs/")) == [Ref(there, ONE, None)]


def test_a_lock_of_others_is_named_with_its_age_waited_for_shortly_and_never_broken(kept, store, fill):
    fill("refs/heads/a")
    lock = kept.hold("refs/heads/a")
    os.utime(lock, (time.time() - 7200,) * 2)
    with pytest.raises(Conflict, match=rf"{lock} is held by another program \(72\d\d s old\); if none is running, remove"):
        set_ref(store, "refs/heads/a", TWO, ONE)
    assert os.path.exists(lock)
    assert store.get("refs/heads/a") == ONE
    assert list(store.refs("refs/")) == [Ref("refs/heads/a", ONE, None)]
    threading.Timer(0.02, kept.release, ["refs/heads/a"]).start()
    set_ref(kept.store(lock_timeout_s=60), "refs/heads/a", TWO, ONE)  # who releases it may be late on a busy machine


def test_of_many_that_want_the_same_exactly_one_gets_it(kept):
    won, lost, barrier = [], [], threading.Barrier(8)

    def want(number):
        barrier.wait()
        for step in range(10):
            try:
                set_ref(kept.store(), f"refs/exps/{step}/x", oid(number + 1), "absent")
                won.append((step, number))
            except Conflict as error:
                lost.append(str(error))

    threads = [threading.Thread(target=want, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(step for step, _ in won) == list(range(10))
    assert len(lost) == 70
    store = kept.store()
    assert all(store.get(f"refs/exps/{step}/x") == oid(number + 1) for step, number in won)


# Races with git itself. Each lasts RACE_S, or until both sides had a turn often enough; the child runs until we remove
# its "go" file, and writes a byte to its own for each success.
RACE_S, OFTEN, TOO_LONG_S = 2.0, 6, 120.0
CHILD = """
import os, subprocess, sys
go, done, kind, ids = sys.argv[1], sys.argv[2], sys.argv[3], open(sys.argv[4]).read().split()
def git(*args):
    return subprocess.run(["git", *args], capture_output=True, text=True)
count, wins = 0, open(done, "wb", buffering=0)
while os.path.exists(go):
    count += 1
    if kind in ("pack", "gc"):
        turns = [{"pack": ("pack-refs", "--all", "--prune"), "gc": ("gc", "--quiet")}[kind]]
    elif kind == "others":
        name = "refs/exps/{}/other".format
        turns = [("update-ref", name(count % 5), ids[count % 9]), ("update-ref", "-d", name((count + 2) % 5))]
    else:
        at = ids.index(git("rev-parse", "refs/exps/0/counter").stdout.strip())
        turns = [("update-ref", "refs/exps/0/counter", ids[at + 1], ids[at])]
    wins.write(b"." * sum(git(*turn).returncode == 0 for turn in turns))
"""


@pytest.fixture
def race(repo, tmp_path):
    """Start children that do `kind`; `won()` tells how often each had success, `stop()` ends them and tells the same."""
    lines = "".join(f"blob\nmark :{number + 1}\ndata 4\n{number:04d}\n" for number in range(3000))
    repo.git("fast-import", "--quiet", f"--export-marks={tmp_path}/marks", stdin=lines.encode())
    marks = dict(line.split() for line in (tmp_path / "marks").read_text().splitlines())
    ids = [marks[f":{number}"] for number in range(1, 3001)]
    (tmp_path / "ids").write_text("\n".join(ids))
    (tmp_path / "go").touch()
    children = []

    def start(*kinds):
        for kind in kinds:
            done = tmp_path / f"done-{len(children)}"
            done.touch()
            arguments = [sys.executable, "-c", CHILD, tmp_path / "go", done, kind, tmp_path / "ids"]
            children.append((done, subprocess.Popen(arguments, cwd=repo.path, env=repo.environ)))
        return [SHA1.parse_id(id_) for id_ in ids]

    def won():
        return [done.stat().st_size for done, _ in children]

    def stop():
        (tmp_path / "go").unlink(missing_ok=True)
        assert all(child.wait(120) == 0 for _, child in children)
        return won()

    yield start, won, stop
    (tmp_path / "go").unlink(missing_ok=True)
    for _, child in children:
        child.wait(120)


def for_a_while(enough):
    """Turns for RACE_S, and on until `enough()`."""
    start = time.monotonic()
    while time.monotonic() < start + RACE_S or not enough():
        assert time.monotonic() < start + TOO_LONG_S, "one side does not get its turn"
        yield


def try_update(store, *update):
    """Whether an update had success; a lock held too long counts as not."""
    try:
        store.update([RefUpdate(*update)])
    except Conflict:
        return False
    return True


@needs("git")
def test_no_ref_is_missed_or_lost_while_git_packs_refs(repo, race):
    start, won, stop = race
    store = repo.open().refs
    ids = start("pack")
    at = {f"refs/exps/{number}/{name}": 0 for number in range(3) for name in "ab"}
    store.update([RefUpdate(name, ids[0], "absent") for name in at])
    for _ in for_a_while(lambda: min(*won(), *at.values()) >= OFTEN):
        for name in at:
            assert store.get(name) == ids[at[name]]
            if try_update(store, name, ids[at[name] + 1], ids[at[name]]):
                at[name] += 1
        assert {ref.name: ref.id for ref in store.refs("refs/exps/")} == {name: ids[number] for name, number in at.items()}
    stop()
    repo.git("fsck", "--strict")
    assert repo.git("for-each-ref", "--format=%(objectname)").split() == [str(ids[number]) for number in at.values()]


@needs("git")
def test_no_update_is_lost_when_git_and_we_change_the_same_ref(repo, race):
    """Without `git pack-refs` beside it: then git alone loses some, because it takes a packed-refs file that was replaced
    twice within a second for the one it has read (seen with four `git update-ref` loops and git 2.39)."""
    start, won, stop = race
    store = repo.open().refs
    ids = start()
    store.update([RefUpdate("refs/exps/0/counter", ids[0], "absent")])
    start("counter")
    wins = []
    for _ in for_a_while(lambda: min(sum(wins), *won()) >= OFTEN):
        at = ids.index(store.get("refs/exps/0/counter"))
        wins.append(try_update(store, "refs/exps/0/counter", ids[at + 1], ids[at]))
        time.sleep(0.002)  # git needs more time for its turn
    theirs, = stop()
    assert ids.index(store.get("refs/exps/0/counter")) == sum(wins) + theirs
    repo.git("fsck", "--strict")


@needs("git")
def test_refs_are_made_while_git_makes_and_deletes_neighbours(repo, race):
    start, won, stop = race
    store, made = repo.open().refs, set()
    ids = start("others", "pack")
    for _ in for_a_while(lambda: min(len(made), *won()) >= OFTEN):
        name = f"refs/exps/{len(made) % 5}/mine{len(made)}"
        if try_update(store, name, ids[0], "absent"):
            made.add(name)
        found = {ref.name for ref in store.refs("refs/exps/") if ref.id}
        assert made <= found
    stop()
    assert made <= set(repo.git("for-each-ref", "--format=%(refname)").split())
    repo.git("fsck", "--strict")


@needs("git")
@pytest.mark.parametrize("kind", ["pack", "gc"])
def test_what_we_delete_stays_deleted_and_what_we_make_stays_while_git_packs_refs(repo, race, kind):
    """Names come back: a ref that is deleted while git reads it, packs it and removes its file may be there again."""
    start, won, stop = race
    store = repo.open().refs
    ids = start(kind)
    is_there, changes = dict.fromkeys((f"refs/exps/{number % 2}/{number}" for number in range(6)), False), []
    for _ in for_a_while(lambda: len(changes) >= OFTEN and won()[0] >= (1 if kind == "gc" else OFTEN)):
        names = random.sample(sorted(is_there), 3)
        updates = [RefUpdate(name, None if is_there[name] else ids[len(changes)], "any" if is_there[name] else "absent") for name in names]
        try:
            store.update(updates)
        except Conflict as error:
            assert "is held by another program" in str(error)
        else:
            is_there |= {name: not is_there[name] for name in names}
            changes.append(names)
        assert {ref.name for ref in store.refs("refs/exps/")} == {name for name, there in is_there.items() if there}
        assert all((store.get(name) is not None) == there for name, there in is_there.items())
    stop()
    assert set(repo.git("for-each-ref", "--format=%(refname)").split()) == {name for name, there in is_there.items() if there}
    repo.git("fsck", "--strict")


@needs("git")
def test_no_update_of_git_is_lost_while_we_delete_neighbours(repo, race):
    """Without `git pack-refs` beside it, which makes git lose some of its own: see above."""
    start, won, stop = race
    store = repo.open().refs
    ids = start()
    names = [f"refs/exps/0/packed{number}" for number in range(400)]
    store.update([RefUpdate(name, ids[0], "absent") for name in ["refs/exps/0/counter", *names]])
    repo.git("pack-refs", "--all")
    start("counter")
    for _ in for_a_while(lambda: len(names) <= 400 - OFTEN and won()[0] >= OFTEN):
        if names and try_update(store, names[-1], None, ids[0]):
            names.pop()
        if try_update(store, "refs/exps/1/new", ids[1], "absent"):
            assert try_update(store, "refs/exps/1/new", None, ids[1])
    theirs, = stop()
    assert ids.index(store.get("refs/exps/0/counter")) == theirs
    assert repo.git("for-each-ref", "--format=%(refname)").split() == sorted(["refs/exps/0/counter", *names])


@needs("git")
def test_of_several_refs_that_many_change_at_once_all_have_the_same_number(repo, race):
    """Each transaction raises both counters or none, and none is lost."""
    start, *_ = race
    ids = start()
    names = ["refs/exps/0/a", "refs/exps/1/b"]
    repo.open().refs.update([RefUpdate(name, ids[0], "absent") for name in names])
    wins, is_over = [], threading.Event()

    def raise_both():
        store = repo.open().refs
        while not is_over.is_set():
            at = [ids.index(store.get(name)) for name in names]
            try:
                store.update([RefUpdate(name, ids[number + 1], ids[number]) for name, number in zip(names, at, strict=True)])
                wins.append(1)
            except Conflict:
                pass

    threads = [threading.Thread(target=raise_both) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in for_a_while(lambda: len(wins) >= OFTEN):
            time.sleep(0.1)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    store = repo.open().refs
    assert [ids.index(store.get(name)) for name in names] == [len(wins)] * 2
    repo.git("fsck", "--strict")
