"""Refs in files: what is special about them. What every way of keeping refs can do is in tests/conformance."""
import os
import resource
import stat
import threading
import time
from pathlib import Path

import pytest
from expref.objstore.errors import BadName, Conflict, Corrupt, GitError, NotFound
from expref.objstore.formats.refs import Ref, SymbolicRef
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import Sharing
from expref.objstore.stores.filesrefs import FilesRefStore
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.stores.reftransaction import WriteRules

from tests.packmaker import oid

ONE, TWO, THREE = oid(1), oid(2), oid(3)
ME = b"A U Thor <author@example.com> 1700000000 +0100"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "refs").mkdir()
    return tmp_path


@pytest.fixture
def store(folder):
    return FilesRefStore(str(folder), str(folder), SHA1, WriteRules())


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) and len(content) != 20 else content.hex().encode() + b"\n")


def pack(folder, **refs):
    lines = [f"{id_} refs/{name.replace('_', '/')}\n" for name, id_ in refs.items()]
    (folder / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines))


def set_ref(store, name, new, expected="any"):
    store.update([RefUpdate(name, new, expected)])


def test_a_loose_ref_hides_a_packed_one(folder, store):
    pack(folder, heads_a=ONE, heads_b=TWO)
    write(folder, "refs/heads/a", THREE)
    assert store.get("refs/heads/a") == THREE
    assert list(store.refs("refs/")) == [Ref("refs/heads/a", THREE, None), Ref("refs/heads/b", TWO, None)]


def test_a_packed_ref_is_updated_by_a_loose_one(folder, store):
    pack(folder, heads_a=ONE)
    before = (folder / "packed-refs").read_bytes()
    set_ref(store, "refs/heads/a", TWO, ONE)
    assert (folder / "refs/heads/a").read_text() == f"{TWO}\n"
    assert (folder / "packed-refs").read_bytes() == before
    with pytest.raises(Conflict, match="exists already"):
        set_ref(store, "refs/heads/a", ONE, "absent")


def test_a_ref_that_is_packed_between_two_looks_is_found(folder, store, monkeypatch):
    """`git pack-refs` may do it after we looked for the loose ref, or undo it after we looked into packed-refs."""
    def packed_then_loose(name, look=store.packed.get):
        found = look(name)
        write(folder, "refs/heads/a", ONE)
        return found

    monkeypatch.setattr(store.packed, "get", packed_then_loose)
    assert store.read("refs/heads/a") == ONE


@pytest.mark.parametrize("content", [b"", b"junk\n", b"0" * 40 + b"\n", b"ref: refs/../x\n"])
def test_a_broken_loose_ref_is_corrupt_when_read_and_told_when_listed(folder, store, content):
    write(folder, "refs/heads/bad", content)
    write(folder, "refs/heads/good", ONE)
    with pytest.raises(Corrupt, match="refs/heads/bad:0"):
        store.get("refs/heads/bad")
    bad, good = store.refs("refs/heads/")
    assert good == Ref("refs/heads/good", ONE, None)
    assert bad.id is None
    assert bad.name in bad.broken


def test_a_broken_ref_is_never_overwritten(folder, store):
    write(folder, "refs/heads/bad", b"junk")
    for expected in ("any", "absent", ONE):
        with pytest.raises(Corrupt):
            set_ref(store, "refs/heads/bad", ONE, expected)
    assert (folder / "refs/heads/bad").read_bytes() == b"junk"
    assert os.listdir(folder / "refs/heads") == ["bad"]


def test_broken_packed_refs_are_told_one_by_one(folder, store):
    (folder / "packed-refs").write_text(f"{oid(0)} refs/heads/none\n{ONE} refs/heads/a..b\n{ONE} refs/heads/c\n")
    broken = {ref.name: ref.broken for ref in store.refs("refs/heads/")}
    assert broken["refs/heads/none"] == "its id is all zeros"
    assert "holds '..'" in broken["refs/heads/a..b"]
    assert broken["refs/heads/c"] is None
    with pytest.raises(Corrupt, match="packed-refs: refs/heads/none"):
        store.read("refs/heads/none")


def test_files_that_git_does_not_take_for_refs_are_no_refs(folder, store):
    for name in (".hidden", "a.lock", "b/.x", "c"):
        write(folder, f"refs/heads/{name}", ONE)
    assert [ref.name for ref in store.refs("refs/")] == ["refs/heads/c"]


def test_files_with_names_that_no_ref_has_are_told(folder, store):
    write(folder, "refs/heads/a b", ONE)
    ref, = store.refs("refs/")
    assert ref.id is None
    assert "holds ' '" in ref.broken


def test_names_that_are_not_utf_8_are_kept(folder, store):
    name = "refs/heads/\udcff\udcfe"
    set_ref(store, name, ONE)
    assert os.listdir(os.fsencode(folder / "refs/heads")) == [b"\xff\xfe"]
    assert list(store.refs("refs/")) == [Ref(name, ONE, None)]


def test_a_symbolic_link_to_a_ref_is_a_symbolic_ref_and_stays_one(folder, store):
    (folder / "HEAD").symlink_to("refs/heads/main")
    assert store.read("HEAD") == SymbolicRef("refs/heads/main")
    assert store.get("HEAD") is None
    set_ref(store, "HEAD", ONE, "absent")
    assert os.readlink(folder / "HEAD") == "refs/heads/main"
    assert (folder / "refs/heads/main").read_text() == f"{ONE}\n"


def test_any_other_symbolic_link_is_read_through(folder, store):
    write(folder, "elsewhere", ONE)
    write(folder, "refs/heads/x", TWO)
    (folder / "refs/heads/a").symlink_to("../../elsewhere")
    (folder / "refs/heads/b").symlink_to("nowhere")
    (folder / "refs/heads/c").symlink_to(".")
    (folder / "refs/heads/d").symlink_to("d")
    assert store.read("refs/heads/a") == ONE
    assert store.read("refs/heads/b") is None
    assert store.read("refs/heads/c") is None
    assert [(ref.name, ref.id) for ref in store.refs("refs/")] == [
        ("refs/heads/a", ONE), ("refs/heads/c/a", ONE), ("refs/heads/c/x", TWO), ("refs/heads/x", TWO),
    ], "a folder is entered through one link only, a link to nothing is no ref"
    with pytest.raises(GitError, match="refs/heads/d: Too many levels"):
        store.read("refs/heads/d")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_nobody_waits_for_a_fifo(folder, store):
    os.mkfifo(folder / "packed-refs")
    os.makedirs(folder / "refs/heads")
    os.mkfifo(folder / "refs/heads/a")
    assert [(ref.name, ref.id) for ref in store.refs("refs/")] == [("refs/heads/a", None)]
    with pytest.raises(Corrupt):
        store.get("refs/heads/a")


def test_empty_folders_that_git_leaves_are_removed(folder, store):
    (folder / "refs/heads/a/b/c").mkdir(parents=True)
    (folder / "refs/heads/a/d").mkdir()
    assert store.read("refs/heads/a") is None
    set_ref(store, "refs/heads/a", ONE)
    assert store.read("refs/heads/a") == ONE


def test_a_folder_with_files_of_others_is_in_the_way(folder, store):
    write(folder, "refs/heads/a/b.lock", b"")
    with pytest.raises(Conflict, match="a folder that is not empty"):
        set_ref(store, "refs/heads/a", ONE)
    assert (folder / "refs/heads/a/b.lock").exists()


def test_work_trees_share_refs_except_their_own(tmp_path):
    common, linked = tmp_path / "common", tmp_path / "common/worktrees/w"
    linked.mkdir(parents=True)
    main = FilesRefStore(str(common), str(common), SHA1, WriteRules())
    other = FilesRefStore(str(linked), str(common), SHA1, WriteRules())
    for name in ("refs/heads/a", "refs/exps/x/y/z"):
        set_ref(other, name, ONE)
        assert main.get(name) == ONE
    for name in ("refs/bisect/a", "refs/worktree/a", "refs/rewritten/a", "ORIG_HEAD"):
        set_ref(other, name, ONE)
        assert main.read(name) is None
    set_ref(main, "refs/bisect/mine", TWO)
    assert [ref.name for ref in other.refs("refs/")] == [
        "refs/bisect/a", "refs/exps/x/y/z", "refs/heads/a", "refs/rewritten/a", "refs/worktree/a",
    ]
    assert [ref.name for ref in other.refs("refs/bisect/")] == ["refs/bisect/a"]
    assert [ref.name for ref in main.refs("refs/")] == ["refs/bisect/mine", "refs/exps/x/y/z", "refs/heads/a"]


def test_a_ref_of_a_shared_repository_is_shared(folder):
    before = os.umask(0o077)
    try:
        set_ref(FilesRefStore(str(folder), str(folder), SHA1, WriteRules(Sharing("group"))), "refs/exps/a", ONE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(folder / "refs/exps/a").st_mode) == 0o660
    assert stat.S_IMODE(os.stat(folder / "refs/exps").st_mode) == 0o2770


def ruled(folder, **rules):
    return FilesRefStore(str(folder), str(folder), SHA1, WriteRules(**rules))


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_deleted_packed_ref_is_taken_out_of_packed_refs_and_nothing_else_is(folder, store):
    pack(folder, heads_a=ONE, heads_b=TWO, tags_t=THREE)
    with open(folder / "packed-refs", "a") as file:
        file.write(f"^{ONE}\n")
    write(folder, "refs/heads/a", THREE)
    set_ref(store, "refs/heads/a", None, THREE)
    header = "# pack-refs with: peeled fully-peeled sorted \n"
    assert (folder / "packed-refs").read_text() == f"{header}{TWO} refs/heads/b\n{THREE} refs/tags/t\n^{ONE}\n"
    assert files_in(folder).keys() == {"packed-refs"}
    before = os.stat(folder / "packed-refs")
    set_ref(store, "refs/heads/new", ONE)
    set_ref(store, "refs/heads/new", None)
    assert os.stat(folder / "packed-refs") == before, "it was not listed there"


def test_packed_refs_that_are_a_symbolic_link_stay_one(tmp_path, folder, store):
    pack(folder, heads_a=ONE, heads_b=TWO)
    (folder / "elsewhere").mkdir()
    (folder / "packed-refs").rename(folder / "elsewhere/packed")
    (folder / "packed-refs").symlink_to("elsewhere/packed")
    set_ref(store, "refs/heads/a", None)
    assert os.readlink(folder / "packed-refs") == "elsewhere/packed"
    assert [ref.name for ref in store.refs("refs/")] == ["refs/heads/b"]
    assert os.listdir(folder / "elsewhere") == ["packed"]


def test_what_a_killed_writer_of_packed_refs_left_is_no_hindrance(folder, store):
    pack(folder, heads_a=ONE, heads_b=TWO)
    (folder / "packed-refs.new.lock").write_text("half of a fi")
    set_ref(store, "refs/heads/a", None)
    assert files_in(folder).keys() == {"packed-refs"}
    assert list(store.refs("refs/")) == [Ref("refs/heads/b", TWO, None)]


def test_damaged_packed_refs_are_not_written_anew(folder, store):
    (folder / "packed-refs").write_text(f"{ONE} refs/heads/a\n{TWO} refs/he")
    write(folder, "refs/heads/b", ONE)
    before = files_in(folder)
    with pytest.raises(Corrupt, match="packed-refs:2: the last line does not end"):
        store.update([RefUpdate("refs/heads/b", TWO, ONE), RefUpdate("refs/heads/a", None, ONE)])
    assert files_in(folder) == before


def test_a_deletion_leaves_no_empty_folders_but_the_first_two(folder):
    store = ruled(folder, logs="always")
    for name in ("refs/heads/a/b/c", "refs/heads/a/x", "refs/one"):
        set_ref(store, name, ONE)
    set_ref(store, "refs/heads/a/b/c", None)
    assert sorted(os.listdir(folder / "refs/heads/a")) == sorted(os.listdir(folder / "logs/refs/heads/a")) == ["x"]
    for name in ("refs/heads/a/x", "refs/one"):
        set_ref(store, name, None)
    assert files_in(folder) == {}
    assert os.listdir(folder / "refs") == os.listdir(folder / "logs/refs") == ["heads"]
    assert os.listdir(folder / "refs/heads") == os.listdir(folder / "logs/refs/heads") == []


def test_a_refused_update_leaves_no_folders(folder, store):
    with pytest.raises(Conflict):
        set_ref(store, "refs/heads/a/b/c", ONE, TWO)
    assert os.listdir(folder / "refs/heads") == []


def test_a_deletion_waits_for_packed_refs_and_says_who_has_it(folder):
    pack(folder, heads_a=ONE)
    write(folder, "refs/heads/b", ONE)
    lock = folder / "packed-refs.lock"
    lock.touch()
    store, before = ruled(folder, packed_timeout_s=0.05), files_in(folder)
    with pytest.raises(Conflict, match=rf"{lock} is held by another program \(\d s old\); if none is running, remove"):
        store.update([RefUpdate("refs/heads/a", None, ONE), RefUpdate("refs/heads/b", TWO, ONE)])
    assert files_in(folder) == before
    threading.Timer(0.1, lock.unlink).start()
    set_ref(ruled(folder, packed_timeout_s=10), "refs/heads/a", None)
    assert store.get("refs/heads/a") is None


def test_a_negative_time_is_for_ever_and_none_at_all_is_one_try(folder):
    lock = folder / "refs/a.lock"
    lock.touch()
    with pytest.raises(Conflict):
        set_ref(ruled(folder, lock_timeout_s=0), "refs/a", ONE)
    threading.Timer(0.4, lock.unlink).start()
    set_ref(ruled(folder, lock_timeout_s=-1), "refs/a", ONE)
    assert ruled(folder).get("refs/a") == ONE


def test_more_refs_than_descriptors_are_changed_at_once(folder, store):
    names = [f"refs/exps/{number:03d}" for number in range(300)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(name) for name in os.listdir("/dev/fd")) + 30, hard))
    try:
        store.update([RefUpdate(name, ONE, "absent") for name in names])
        store.update([RefUpdate(name, None, ONE) for name in names])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert list(store.refs("refs/")) == []


def many(store, *, folder="refs/exps/a", expected="absent", count=60):
    store.update([RefUpdate(f"{folder}/{number:03d}", ONE, expected) for number in range(count)], signature=ME)


@pytest.mark.parametrize("before", [
    b"", b"# pack-refs with: peeled fully-peeled sorted \n", f"{TWO} refs/z\n{TWO} refs/b\n".encode(),
    f"# pack-refs with: peeled \n{TWO} refs/z\n{TWO} refs/b\n".encode(),
    f"# pack-refs with: sorted \n{TWO} refs/b\n{TWO} refs/exps/a/005x\n^{ONE}\n{TWO} refs/exps/a/010a\n{TWO} refs/z\n^{ONE}\n".encode(),
])  # fmt: skip
def test_many_new_refs_go_into_packed_refs_at_once(folder, before):
    if before:
        write(folder, "packed-refs", before)
    store = ruled(folder, find_kind=lambda _: "commit")
    others = [ref.name for ref in store.refs("refs/")]
    many(store)
    content = (folder / "packed-refs").read_bytes()
    assert all(line in content for line in before.splitlines())
    assert [ref.name for ref in store.refs("refs/")] == sorted([*others, *(f"refs/exps/a/{number:03d}" for number in range(60))])
    assert all(store.get(name) == TWO for name in others) and store.get("refs/exps/a/007") == ONE
    assert sorted(path.name for path in folder.rglob("*")) == ["exps", "packed-refs", "refs"], "no lock and no empty folder stays"


def test_branches_tags_and_what_is_no_commit_are_files_however_many(folder):
    kinds = {ONE: "commit", TWO: "tree"}
    store = ruled(folder, find_kind=kinds.__getitem__)
    for place in ("refs/heads", "refs/tags", "refs/remotes/origin"):
        many(store, folder=place)
    store.update([RefUpdate(f"refs/exps/a/{number}", TWO, "absent") for number in range(60)])
    many(store, folder="refs/exps/b", expected="any")
    many(store, folder="refs/exps/c", count=49)
    assert not (folder / "packed-refs").exists()


@pytest.mark.parametrize("there", ["refs/exps/a/007", "refs/exps/a/007/x", "refs/exps/a", "refs/exps/a/007.lock", "packed-refs.lock"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_of_many_new_refs_none_is_made_where_one_is_refused(folder, there, is_packed):
    if is_packed and not there.endswith(".lock"):
        pack(folder, **{there.removeprefix("refs/").replace("/", "_"): TWO})
    else:
        write(folder, there, TWO)
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    store = ruled(folder, find_kind=lambda _: "commit", packed_timeout_s=0)
    with pytest.raises(Conflict, match=there.removesuffix("/x")):
        many(store)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("place", ["refs/exps/a\0b", "refs/exps/../..", "/etc"])
def test_of_many_refs_with_bad_names_none_becomes_a_path(folder, place):
    with pytest.raises(BadName, match="bad ref name"):
        many(ruled(folder, find_kind=lambda _: "commit"), folder=place)


def test_many_new_refs_and_changes_and_deletions_are_one_update(folder):
    store = ruled(folder, find_kind=lambda _: "commit")
    many(store)
    set_ref(store, "refs/exps/b", ONE)
    news = [RefUpdate(f"refs/exps/c/{number}", TWO, "absent") for number in range(60)]
    gone = [RefUpdate(f"refs/exps/a/{number:03d}", None, ONE) for number in range(60)]
    store.update([*gone, *news, RefUpdate("refs/exps/b", TWO, ONE)])
    assert {ref.name for ref in store.refs("refs/")} == {"refs/exps/b", *(update.name for update in news)}
    assert {ref.id for ref in store.refs("refs/")} == {TWO}


def test_many_new_refs_are_logged_where_logs_are_kept(folder):
    store = ruled(folder, logs="always", find_kind=lambda _: "commit")
    many(store)
    assert [entry.new for entry in store.get_log("refs/exps/a/059")] == [ONE]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("there", "new"), [
    ("refs/heads/a", "refs/heads/A"), ("refs/heads/Dir/x", "refs/heads/dir/X"), ("refs/heads/A", "refs/heads/a/b"),
    ("refs/heads/a/b", "refs/heads/A/B/c"), ("refs/heads/É", "refs/heads/é"),
])
def test_where_capital_letters_make_no_difference_a_ref_must_differ_in_more(folder, packed, there, new):
    store = ruled(folder, ignore_case=True)
    if packed:
        pack(folder, **{there.removeprefix("refs/").replace("/", "_"): ONE})
    else:
        write(folder, there, ONE)
    for update in (RefUpdate(new, TWO, "any"), RefUpdate(new, None, "any")):
        with pytest.raises(Conflict, match=f"{new} and {there} differ in nothing but capital letters"):
            store.update([RefUpdate("refs/heads/0", ONE, "any"), update])
    set_ref(store, there, TWO, ONE)
    set_ref(store, there.replace("/heads/", "/tags/") + "x", TWO, "absent")
    assert [ref.name for ref in store.refs("refs/")] == [there, there.replace("/heads/", "/tags/") + "x"]


def test_two_new_refs_must_differ_in_more_than_capital_letters_there(folder):
    updates = [RefUpdate(f"refs/heads/{name}", ONE, "absent") for name in ("a", "A")]
    with pytest.raises(Conflict, match="refs/heads/A and refs/heads/a differ"):
        ruled(folder, ignore_case=True).update(updates)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "hEAD").symlink_to("HEAD")  # as it looks on such a file system
    with pytest.raises(Conflict, match="refs/heads/A and refs/heads/a differ"):
        ruled(folder).update(updates)
    (folder / "hEAD").unlink()
    ruled(folder).update(updates)


def test_a_ref_is_set_only_to_what_there_is_and_a_branch_only_to_a_commit(folder):
    def find_kind(id_):
        if id_ == THREE:
            raise NotFound("object is missing")
        return "commit" if id_ == ONE else "blob"

    store = ruled(folder, find_kind=find_kind)
    with pytest.raises(NotFound, match=f"refs/exps/a cannot be set to {THREE}: object is missing"):
        store.update([RefUpdate("refs/exps/0", ONE, "any"), RefUpdate("refs/exps/a", THREE, "any")])
    for name in ("refs/heads/a", "HEAD"):
        with pytest.raises(GitError, match=f"{name} cannot be set to {TWO}, which is a blob"):
            set_ref(store, name, TWO)
    assert files_in(folder) == {}
    for name, id_ in (("refs/exps/a", TWO), ("refs/heads/a", ONE), ("HEAD", ONE)):
        set_ref(store, name, id_)


def test_a_change_is_logged_with_who_did_it_and_why(folder):
    store = ruled(folder, logs="always")
    for new, message in ((ONE, "first"), (TWO, " second\n\nline\t"), (TWO, "no change"), (THREE, "")):
        store.update([RefUpdate("refs/exps/a", new, "any", message)], signature=ME)
    found = store.get_log("refs/exps/a")
    assert [(entry.old, entry.new, entry.message) for entry in found] == [
        (TWO, THREE, b""), (ONE, TWO, b"second line"), (oid(0), ONE, b"first"),
    ]
    assert {entry.committer for entry in found} == {ME}
    set_ref(store, "refs/exps/a", None)
    assert store.get_log("refs/exps/a") is None


def test_without_a_name_the_log_gets_what_the_system_knows(folder):
    store, before = ruled(folder, logs="always"), int(time.time())
    set_ref(store, "refs/exps/a", ONE)
    entry, = store.get_log("refs/exps/a")
    who, when, _ = entry.committer.rsplit(b" ", 2)
    assert before <= int(when) <= time.time()
    assert who.endswith(b">") and os.uname().nodename.encode() in who


@pytest.mark.parametrize("in_the_way", ["logs/refs/heads/b/x", "logs/refs/heads", "logs/refs/heads/b/x/y"])
def test_a_log_that_cannot_be_written_stops_the_update_before_anything_is_changed(folder, in_the_way):
    write(folder, in_the_way, b"")
    before = files_in(folder)
    with pytest.raises(Conflict, match="the log .*logs/refs/heads/b cannot be written"):
        ruled(folder, logs="normal").update([RefUpdate("refs/exps/a", ONE, "any"), RefUpdate("refs/heads/b", ONE, "any")])
    assert files_in(folder) == before


def test_somebody_who_cannot_be_logged_stops_the_update_before_anything_is_changed(folder):
    for signature in (b"nobody", b"A <a> 1 +0000\nB"):
        with pytest.raises(BadName, match="cannot hold the committer"):
            ruled(folder, logs="always").update([RefUpdate("refs/heads/a", ONE, "any")], signature=signature)
    assert files_in(folder) == {}
    ruled(folder).update([RefUpdate("refs/heads/a", ONE, "any")], signature=b"nobody")


def test_an_empty_folder_where_a_log_goes_is_removed(folder):
    (folder / "logs/refs/heads/a/b").mkdir(parents=True)
    set_ref(ruled(folder, logs="normal"), "refs/heads/a", ONE)
    assert (folder / "logs/refs/heads/a").is_file()


def test_when_a_disk_fails_midway_the_error_says_what_was_changed(folder):
    store = ruled(folder, logs="always")
    write(folder, "logs/refs/exps/b", bytes(2000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(GitError) as caught:
            store.update([RefUpdate(f"refs/exps/{name}", ONE, "absent") for name in "abc"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    path = folder / "logs/refs/exps/b"
    assert str(caught.value) == f"{path}: File too large; changed already: refs/exps/a; not changed: refs/exps/b, refs/exps/c"
    assert [ref.name for ref in store.refs("refs/")] == ["refs/exps/a"]
    assert not list(folder.rglob("*.lock"))


def test_a_symbolic_ref_that_moves_while_it_is_locked_is_looked_at_again(folder, monkeypatch):
    write(folder, "HEAD", b"ref: refs/heads/a\n")
    store = ruled(folder)
    moves = iter([b"ref: refs/heads/b\n"])

    def check_case(self, names):
        for content in moves:
            write(folder, "HEAD", content)

    monkeypatch.setattr("expref.objstore.stores.reftransaction.RefTransaction._check_case", check_case)
    set_ref(store, "HEAD", ONE, "absent")
    assert [ref.name for ref in store.refs("refs/")] == ["refs/heads/b"]
    moves = iter([f"ref: refs/heads/{number}\n".encode() for number in range(4)])
    monkeypatch.setattr(
        "expref.objstore.stores.reftransaction.RefTransaction._check_case",
        lambda self, names: write(folder, "HEAD", next(moves)),
    )
    with pytest.raises(Conflict, match="HEAD was changed by another program again and again"):
        set_ref(store, "HEAD", TWO)
    assert files_in(folder).keys() == {"HEAD", "refs/heads/b"}
