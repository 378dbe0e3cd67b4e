"""Refs: git and we see the same ones, take and refuse the same names, and respect each other's locks."""
import os
import random

import pytest
from expref.objstore.errors import BadName, Conflict, GitError
from expref.objstore.formats.refs import SymbolicRef, check_name
from expref.objstore.ids import SHA1
from expref.objstore.stores.refstore import RefUpdate

from tests.conftest import needs

pytestmark = needs("git")


@pytest.fixture
def three(repo):
    """A repository with three commits; `repo.ids` are their ids."""
    repo.ids = [SHA1.parse_id(repo.commit(str(number))) for number in range(3)]
    return repo


def set_ref(repo, name, new, expected="any"):
    repo.open().refs.update([RefUpdate(name, new, expected)])


def listed_by_git(repo, *patterns):
    lines = repo.git_bytes("for-each-ref", "--format=%(objectname) %(refname)", *patterns).splitlines()
    return {line[41:].decode("utf-8", "surrogateescape"): line[:40].decode() for line in lines}


def listed_by_us(repo, prefix="refs/"):
    return {ref.name: str(ref.id) for ref in repo.open().refs.refs(prefix) if ref.id}


def same_refs(repo):
    """Assert that both list the same refs and resolve each to the same id; return them."""
    theirs = listed_by_git(repo)
    assert listed_by_us(repo) == theirs
    refs = repo.open().refs
    for name, id_ in theirs.items():
        assert str(refs.get(name)) == id_, name
    return theirs


def names():
    """Names with and without faults, always the same ones."""
    chosen = random.Random(5)
    parts = ["a", "B", "9", ".", "..", "@", "@{", "{", "/", "//", ".lock", "lock", " ", "~", "^", ":", "?", "*", "[", "]", "\\",
             "\x7f", "\x01", "\t", "é", "\udcff", "-", "_", "+", "#", "$", "'", '"', "!", "refs", "heads", "HEAD"]
    yield from ("refs/" + "".join(chosen.choices(parts, k=chosen.randrange(1, 6))) for _ in range(400))
    yield from ("refs/heads/" + part for part in parts)
    yield from ("refs/" + part + "/x" for part in parts)


def test_git_takes_the_same_names(repo):
    for name in set(names()):
        taken = repo.try_git("check-ref-format", name).returncode == 0
        try:
            check_name(name)
        except BadName:
            assert not taken, name
        else:
            assert taken, name


def test_git_sees_what_we_write(three):
    for number, name in enumerate(["refs/exps/aa/bb/x", "refs/heads/new", "refs/tags/é", "refs/x", "refs/exps/\udcff"]):
        set_ref(three, name, three.ids[number % 3], "absent")
        set_ref(three, name, three.ids[0], three.ids[number % 3])
    assert len(same_refs(three)) == 6
    three.git("pack-refs", "--all", "--prune")
    set_ref(three, "refs/x", three.ids[2], three.ids[0])
    same_refs(three)
    three.git("fsck", "--strict")
    three.git("gc", "-q")
    assert same_refs(three)["refs/x"] == str(three.ids[2])


def test_we_see_what_git_writes(three):
    for number, name in enumerate(["refs/heads/a/b/c", "refs/exps/x", "refs/notes/n"]):
        three.git("update-ref", name, str(three.ids[number]))
    three.git("tag", "-a", "-m", "annotated", "v1")
    same_refs(three)
    three.git("pack-refs", "--all")
    same_refs(three)
    three.git("update-ref", "refs/heads/a/b/c", str(three.ids[2]))
    three.git("update-ref", "-d", "refs/exps/x")
    three.git("tag", "-d", "v1")
    assert len(same_refs(three)) == 3
    assert three.open().refs.read("refs/exps/x") is None


@pytest.mark.parametrize("head", ["refs/heads/main", "refs/heads/unborn", "refs/exps/x"])
def test_symbolic_refs(three, head):
    set_ref(three, "refs/exps/x", three.ids[1])
    three.git("symbolic-ref", "HEAD", head)
    three.git("symbolic-ref", "refs/heads/alias", head)
    refs = three.open().refs
    assert refs.read("HEAD") == refs.read("refs/heads/alias") == SymbolicRef(head)
    found = three.try_git("rev-parse", "-q", "--verify", "HEAD").stdout.decode().strip()
    assert str(refs.get("HEAD") or "") == found
    assert listed_by_us(three).get("refs/heads/alias", "") == found


def test_a_chain_of_symbolic_refs_is_followed_as_far_as_git_does(three):
    three.git("update-ref", "refs/s/0", str(three.ids[0]))
    for number in range(8):
        (three.path / f".git/refs/s/{number + 1}").write_text(f"ref: refs/s/{number}\n")
    for number in range(9):
        theirs = three.try_git("rev-parse", "-q", "--verify", f"refs/s/{number}")
        try:
            assert str(three.open().refs.get(f"refs/s/{number}")) == theirs.stdout.decode().strip()
        except GitError:
            assert theirs.returncode != 0


def test_an_update_through_a_symbolic_ref_changes_what_it_leads_to(three):
    set_ref(three, "HEAD", three.ids[0], three.ids[2])
    assert three.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert three.git("rev-parse", "main") == str(three.ids[0])


def test_a_detached_head_is_updated_itself(three):
    three.git("checkout", "-q", "--detach")
    set_ref(three, "HEAD", three.ids[0], three.ids[2])
    assert three.git("rev-parse", "HEAD") == str(three.ids[0])
    assert three.git("rev-parse", "main") == str(three.ids[2])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("there", "new"), [
    ("refs/exps/a", "refs/exps/a/b"), ("refs/exps/a/b", "refs/exps/a"), ("refs/exps/a/b/c/d", "refs/exps/a/b"),
    ("refs/stash", "refs/stash/x"), ("refs/exps/a", "refs/exps/a/b/c/d"),
])
def test_a_ref_never_stands_where_a_folder_of_refs_is(three, packed, there, new):
    three.git("update-ref", there, str(three.ids[0]))
    if packed:
        three.git("pack-refs", "--all", "--prune")
    assert three.try_git("update-ref", new, str(three.ids[1])).returncode != 0
    before = {path for path in three.path.rglob(".git/**/*") if path.is_file()}
    with pytest.raises(Conflict, match=f"{new} cannot be made: {there} exists"):
        set_ref(three, new, three.ids[1])
    assert {path for path in three.path.rglob(".git/**/*") if path.is_file()} == before
    assert list(listed_by_us(three, "refs/exps/")) == [there] or there == "refs/stash"
    three.git("update-ref", "-d", there)
    set_ref(three, new, three.ids[1])
    assert same_refs(three)[new] == str(three.ids[1])


def test_a_lock_of_git_is_respected_and_git_respects_ours(three):
    lock = three.path / ".git/refs/heads/main.lock"
    lock.touch()
    with pytest.raises(Conflict, match=r"main\.lock is held by another program \(\d s old\)"):
        set_ref(three, "refs/heads/main", three.ids[0])
    assert three.try_git("update-ref", "refs/heads/main", str(three.ids[0])).returncode != 0
    assert same_refs(three) == {"refs/heads/main": str(three.ids[2])}
    lock.unlink()
    set_ref(three, "refs/heads/main", three.ids[0])


def test_a_lock_of_packed_refs_does_not_stop_us_as_it_does_not_stop_git(three):
    three.git("pack-refs", "--all")
    (three.path / ".git/packed-refs.lock").touch()
    three.git("update-ref", "refs/heads/git", str(three.ids[0]))
    set_ref(three, "refs/heads/main", three.ids[0])
    set_ref(three, "refs/heads/ours", three.ids[1])
    assert len(same_refs(three)) == 3


BROKEN = {
    "empty": b"", "junk": b"junk\n", "zeros": b"0" * 40 + b"\n", "short": b"1" * 39 + b"\n", "bad name": b"ref: refs/../x\n",
    "circle": b"ref: refs/heads/bad\n", "dangling": b"ref: refs/heads/none\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_git_leaves_out_what_we_tell_to_be_broken(three, kind):
    (three.path / ".git/refs/heads/bad").write_bytes(BROKEN[kind])
    theirs = three.try_git("for-each-ref", "--format=%(refname)").stdout.decode().split()
    assert list(listed_by_us(three)) == theirs == ["refs/heads/main"]
    broken = [ref for ref in three.open().refs.refs("refs/") if ref.broken]
    assert [ref.name for ref in broken] == ["refs/heads/bad"]


@pytest.mark.parametrize("content", [b"ID", b"ID\n\n", b"ID \n", b"ID\r\n", b"ID\tmore\n"])
def test_odd_loose_refs_are_read_as_git_reads_them(three, content):
    (three.path / ".git/refs/heads/odd").write_bytes(content.replace(b"ID", three.ids[0].hex().encode()))
    assert three.git("rev-parse", "refs/heads/odd") == str(three.open().refs.get("refs/heads/odd")) == str(three.ids[0])
    same_refs(three)


def test_packed_refs_of_every_age(three):
    line = f"{three.ids[0]} refs/heads/old\n"
    for header in ("", "# pack-refs with: \n", "# pack-refs with: peeled \n", "# pack-refs with: peeled fully-peeled \n"):
        (three.path / ".git/packed-refs").write_text(f"{header}{line}{three.ids[1]} refs/exps/unsorted\n")
        same_refs(three)


def test_a_symbolic_link_as_head(three):
    os.unlink(three.path / ".git/HEAD")
    os.symlink("refs/heads/main", three.path / ".git/HEAD")
    assert three.open().head() == ("main", three.ids[2])
    set_ref(three, "HEAD", three.ids[0])
    assert three.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert os.path.islink(three.path / ".git/HEAD")


def test_refs_of_work_trees(three):
    three.git("worktree", "add", "-q", "../linked")
    linked = three.other("linked")
    for repo, number in ((three, 0), (linked, 1)):
        set_ref(repo, "refs/worktree/mine", repo_id := three.ids[number])
        set_ref(repo, "refs/bisect/bad", repo_id)
    set_ref(linked, "refs/exps/shared", three.ids[2])
    assert len(same_refs(three)) == len(same_refs(linked)) == 5
    assert same_refs(three) != same_refs(linked)
    assert linked.open().head() == ("linked", three.ids[2])


def test_special_refs_are_read(three):
    three.git("update-ref", "ORIG_HEAD", str(three.ids[1]))
    three.git("fetch", "-q", ".", "main")
    refs = three.open().refs
    assert refs.get("ORIG_HEAD") == three.ids[1]
    assert refs.get("FETCH_HEAD") == three.ids[2]
    assert refs.get("MERGE_HEAD") is None


def test_no_ref_of_ours_gets_a_reflog_and_none_of_the_users_is_lost(three):
    before = three.git("reflog", "main")
    set_ref(three, "refs/exps/x", three.ids[0])
    assert not (three.path / ".git/logs/refs/exps").exists()
    assert three.git("reflog", "main") == before
