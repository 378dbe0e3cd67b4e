"""Walks, merge bases and closures of generated histories, beside `git rev-list` and `git merge-base`."""

import random
import re

import pytest
from expref.objstore.closure import objects_between
from expref.objstore.errors import NotFound
from expref.objstore.history import commits, first_parents, is_ancestor, merge_base, nodes
from expref.objstore.ids import ObjectId
from expref.objstore.revisions import find, find_commit

from tests.conftest import needs

pytestmark = needs("git")

START = 1_700_000_000
STEPS = {  # seconds from one commit to the next
    "clocks that go on": (60, 120),
    "clocks that stand still": (0, 0),
    "clocks that stand still at times": (0, 1),
    "clocks that go backwards at times": (-300, 400),
}


def build(repo, seed, *, step=(60, 120), size=40, paths=6):
    """Make a history of `size` commits, each with a tag `c<number>`: merges of two and three, several roots."""
    rng, when, stream = random.Random(seed), START, []
    for number in range(1, size + 1):
        when += rng.randint(*step)
        if number % 15 == 1:
            parents = []
        else:
            count = min(rng.choice([1, 1, 1, 2, 2, 3]), number - 1)
            parents = rng.sample(range(max(1, number - 7), number), count)
        stream += [f"commit refs/tags/c{number}", f"mark :{number}", f"committer C <c@example.com> {when} +0100"]
        stream += ["data 2", f"{number % 10}"]
        stream += [f"{word} :{parent}" for word, parent in zip(["from", "merge", "merge"], parents, strict=False)]
        for _ in range(rng.randint(0, 2)):
            name = "/".join(rng.choice("abc") for _ in range(rng.randint(1, 3))) + str(rng.randrange(paths))
            stream += [f"M 100644 inline {name}", "data 4", f"{rng.randrange(1000):03}"]
    repo.git("fast-import", "--quiet", stdin="\n".join([*stream, ""]).encode())
    repo.git("update-ref", "refs/heads/main", f"refs/tags/c{size}")
    return repo, rng


def ids(repository, names):
    return [find(repository, name) for name in names]


def hexes(found):
    return [id_.hex() for id_, _ in found]


def rev_list(repo, *args):
    return repo.git("rev-list", *args).split()


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("seed", range(3))
def test_commits_come_in_the_order_of_git_log(seed, step, repo):
    repo, rng = build(repo, seed, step=step)
    repository = repo.open()
    for _ in range(12):
        starts = [f"c{rng.randint(1, 40)}" for _ in range(rng.randint(1, 3))]
        assert hexes(commits(repository, ids(repository, starts))) == rev_list(repo, *starts)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("seed", range(3))
def test_commits_without_what_others_have(seed, step, repo):
    repo, rng = build(repo, seed, step=step)
    repository = repo.open()
    for _ in range(25):
        starts = [f"c{rng.randint(20, 40)}" for _ in range(rng.randint(1, 3))]
        without = [f"c{rng.randint(1, 40)}" for _ in range(rng.randint(1, 2))]
        found = nodes(repository, ids(repository, starts), without=ids(repository, without))
        assert hexes(found) == rev_list(repo, *starts, "--not", *without)


def test_commits_are_read_whole_on_both_ways(repo):
    repo, _ = build(repo, 1)
    repository = repo.open()
    main, old = ids(repository, ["main", "c30"])
    for found in commits(repository, [main]), commits(repository, [main], without=[old]):
        assert all(commit == repository.objects.find_commit(id_) for id_, commit in found)


def test_first_parents(repo):
    repo, rng = build(repo, 2)
    repository = repo.open()
    for name in rng.sample([f"c{number}" for number in range(1, 41)], 10):
        assert hexes(first_parents(repository, find(repository, name))) == rev_list(repo, "--first-parent", name)


def test_tags_stand_for_what_they_lead_to(repo):
    repo, _ = build(repo, 3)
    repo.git("tag", "-a", "-m", "x", "outer", repo.git("commit-tree", "-m", "x", "-p", "main", "main^{tree}"))
    repo.git("tag", "-a", "-m", "x", "nested", "outer")
    repo.git("tag", "-a", "-m", "x", "old", "main~2")
    repository = repo.open()
    nested, old = ids(repository, ["nested", "old"])
    assert hexes(commits(repository, [nested], without=[old])) == rev_list(repo, "nested", "^old")
    assert merge_base(repository, nested, old) == [find_commit(repository, "old")]
    assert is_ancestor(repository, old, nested)
    assert hexes(first_parents(repository, nested)) == rev_list(repo, "--first-parent", "nested")


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("seed", range(2))
def test_merge_bases(seed, step, repo):
    repo, rng = build(repo, seed, step=step)
    repository = repo.open()
    for _ in range(40):
        names = f"c{rng.randint(1, 40)}", f"c{rng.randint(1, 40)}"
        one, other = ids(repository, names)
        found = [id_.hex() for id_ in merge_base(repository, one, other)]
        expected = repo.try_git("merge-base", "--all", *names).stdout.decode().split()
        assert sorted(found) == sorted(expected)
        assert step[0] <= 0 or found == expected  # in the same second there is no order to agree on
        assert is_ancestor(repository, one, other) == (one.hex() in expected)


def test_criss_cross_merges_have_all_their_bases(repo):
    tree = repo.git("mktree")
    sides = [repo.git("commit-tree", "-m", str(number), tree) for number in range(5)]
    merges = [
        repo.git("commit-tree", "-m", f"merge {number}", tree, *(word for side in sides for word in ("-p", side)))
        for number in range(2)
    ]
    repository = repo.open()
    found = merge_base(repository, *ids(repository, merges))
    assert sorted(id_.hex() for id_ in found) == sorted(sides)


def closure(repo, *args):
    """{id: a path, a tag's name or nothing} of everything that is reachable."""
    lines = (line.partition(" ") for line in repo.git("rev-list", "--objects", *args).splitlines())
    return {id_: path for id_, _, path in lines}


def reached(repository, wants, haves=()):
    found = list(objects_between(repository, wants, haves))
    names = {each.id.hex(): each.hint.decode() for each in found}
    assert len(names) == len(found), "each object once"
    assert all(repository.objects.find(each.id).kind == each.kind for each in found)
    return names


@pytest.mark.parametrize("seed", range(4))
def test_objects_that_one_side_has_and_the_other_has_not(seed, repo):
    repo, rng = build(repo, seed)
    repository = repo.open()
    for _ in range(8):
        wants = [f"c{rng.randint(20, 40)}" for _ in range(rng.randint(1, 2))]
        haves = [f"c{rng.randint(1, 40)}" for _ in range(rng.randint(0, 2))]
        found = reached(repository, ids(repository, wants), ids(repository, haves))
        everything = closure(repo, *wants)
        lacking = everything.keys() - (closure(repo, *haves).keys() if haves else set())
        assert lacking <= found.keys() <= everything.keys()
        assert len(found) <= len(closure(repo, *wants, "--not", *haves)) + 3  # moved files, at worst
        shown = rev_list(repo, *wants, "--not", *haves)
        assert [id_ for id_ in found if id_ in shown] == shown


def test_hints_are_paths_at_which_the_objects_are(repo):
    repo, _ = build(repo, 5)
    repository = repo.open()
    listed = [repo.git("ls-tree", "-r", "-t", "-z", id_).split("\0") for id_ in rev_list(repo, "main")]
    places = {tuple(re.split(r"\t| ", line)[2:4]) for lines in listed for line in lines if line}
    hints = {pair for pair in reached(repository, [find(repository, "main")]).items() if pair[1]}
    assert hints and hints <= places


def test_the_same_file_in_two_places_is_not_met_again_where_it_was(repo):
    for name in "a", "b", "c":
        repo.write(f"{name}/deep/er/file", name.encode() * 100)
    repo.commit("first")
    repo.write("b/deep/er/other", b"new")
    repo.write("b/deep/er/copy", b"b" * 100)
    repo.commit("second")
    repository = repo.open()
    found = reached(repository, [find(repository, "HEAD")], [find(repository, "HEAD~1")])
    assert found == closure(repo, "HEAD", "^HEAD~1")
    assert sorted(found.values()) == ["", "", "b", "b/deep", "b/deep/er", "b/deep/er/other"]


def test_tags_trees_and_blobs_may_be_wanted_and_had(repo):
    repo, _ = build(repo, 6)
    repo.git("tag", "-a", "-m", "x", "inner", "main")
    repo.git("tag", "-a", "-m", "x", "outer", "inner")
    repo.git("tag", "-a", "-m", "x", "folder", "main~3^{tree}")
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"alone")
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tfile\n".encode())
    repository = repo.open()
    cases = {
        ("outer",): (), ("outer", "c3"): ("main",), ("outer",) * 2: ("inner",), ("folder",): ("main~3",),
        (tree, blob): (), (tree,): (blob,), ("inner",): ("outer",),
        ("folder", blob, "main"): ("c5", blob),
    }  # fmt: skip
    for wants, haves in cases.items():
        found = reached(repository, ids(repository, wants), ids(repository, haves))
        expected = closure(repo, *wants, "--not", *haves)
        assert found.keys() == expected.keys(), (wants, haves)
        tags = {name: repo.git("rev-parse", name) for name in ("inner", "outer", "folder")}
        assert all(found[id_] == name for name, id_ in tags.items() if id_ in found)


def test_submodules_are_not_entered(repo):
    repo.write("f")
    repo.commit("first")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    repo.git("commit", "-q", "-m", "second")
    repository = repo.open()
    assert reached(repository, [find(repository, "HEAD")]) == closure(repo, "HEAD")


def test_what_the_other_side_has_need_not_be_here(repo):
    repo, _ = build(repo, 7)
    repository = repo.open()
    unknown = ObjectId(b"\x11" * 20)
    main, old = ids(repository, ["main", "c30"])
    assert reached(repository, [main], [unknown, old]) == reached(repository, [main], [old])
    assert hexes(commits(repository, [main], without=[old, unknown])) == rev_list(repo, "main", "^c30")


@pytest.mark.parametrize("what", ["HEAD~1", "HEAD~1^{tree}", "HEAD~1:d", "HEAD~1:d/f"])
def test_a_missing_object_is_named(what, repo):
    for number in range(3):
        repo.write("d/f", b"%d" % number)
        repo.commit(f"number {number}")
    missing = repo.git("rev-parse", what)
    (repo.path / f".git/objects/{missing[:2]}/{missing[2:]}").unlink()
    repository = repo.open()
    with pytest.raises(NotFound, match=missing):
        list(objects_between(repository, [find(repository, "HEAD")]))
    if what == "HEAD~1":
        with pytest.raises(NotFound, match=missing):
            list(commits(repository, [find(repository, "HEAD")]))


def test_what_is_missing_on_the_far_side_does_not_matter(repo):
    for number in range(4):
        repo.write("d/f", b"%d" % number)
        repo.commit(f"number {number}")
    ids_here = repo.git("rev-parse", "HEAD~2", "HEAD~1^{tree}", "HEAD~1:d").split()
    repository = repo.open()
    head, parent = ids(repository, ["HEAD", "HEAD~1"])
    for missing in ids_here:
        (repo.path / f".git/objects/{missing[:2]}/{missing[2:]}").unlink()
    assert hexes(commits(repository, [head], without=[parent])) == [head.hex()]
    assert len(reached(repository, [head], [parent])) == 4


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_shallow_clone(depth, repo):
    repo, _ = build(repo, 8)
    shallow = repo.other("shallow")
    repo.git("clone", "-q", "--bare", "--depth", str(depth), "--no-single-branch", f"file://{repo.path}", shallow.path)
    repository = shallow.open()
    head, tag = find_commit(repository, "HEAD"), find_commit(repository, "c37")
    assert hexes(commits(repository, [head])) == rev_list(shallow, "HEAD")
    assert hexes(commits(repository, [head], without=[tag])) == rev_list(shallow, "HEAD", "^c37")
    assert hexes(first_parents(repository, head)) == rev_list(shallow, "--first-parent", "HEAD")
    assert reached(repository, [head]).keys() == closure(shallow, "HEAD").keys()
    expected = shallow.try_git("merge-base", "--all", "HEAD", "c37").stdout.decode().split()
    assert [id_.hex() for id_ in merge_base(repository, head, tag)] == expected


@pytest.mark.parametrize("kept", ["blob:none", "tree:0", "tree:2"])
def test_a_partial_clone_may_lack_what_was_promised(kept, repo):
    repo, _ = build(repo, 9)
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    partial = repo.other("partial")
    repo.git("clone", "-q", "--no-checkout", f"--filter={kept}", f"file://{repo.path}", partial.path)
    here = partial.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    repository = partial.open()
    found = reached(repository, [find(repository, "HEAD")])
    empty_tree = repo.git("mktree")  # it is everywhere
    assert found.keys() - {empty_tree} == (set(here) & closure(repo, "main").keys()) - {empty_tree}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("depth", [1, 3, 8])
def test_walks_end_at_the_boundary_of_a_shallow_clone(repo, step, depth):
    repo, rng = build(repo, depth, step=step, size=60)
    clone = repo.other("shallow")
    repo.git("branch", "side", "c50")
    repo.git("clone", "-q", "--no-single-branch", "--depth", str(depth), f"file://{repo.path}", clone.path)
    repository, known = clone.open(), rev_list(clone, "--all")
    for _ in range(20):
        starts, without = rng.sample(known, min(2, len(known))), rng.choice(known)
        wanted = [ObjectId(bytes.fromhex(each)) for each in starts]
        unwanted = ObjectId(bytes.fromhex(without))
        assert hexes(commits(repository, wanted)) == rev_list(clone, *starts)
        assert hexes(nodes(repository, wanted, without=[unwanted])) == rev_list(clone, *starts, "--not", without)
        bases = clone.try_git("merge-base", "--all", starts[0], without).stdout.decode().split()
        assert sorted(each.hex() for each in merge_base(repository, wanted[0], unwanted)) == sorted(bases)
    for start in rng.sample(known, min(5, len(known))):
        assert hexes(first_parents(repository, ObjectId(bytes.fromhex(start)))) == rev_list(
            clone, "--first-parent", start
        )


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("seed", range(10, 16))
def test_many_large_histories(repo, step, seed):
    repo, rng = build(repo, seed, step=step, size=400)
    repository = repo.open()
    for _ in range(30):
        starts = [f"c{rng.randint(200, 400)}" for _ in range(rng.randint(1, 3))]
        without = [f"c{rng.randint(1, 400)}" for _ in range(rng.randint(0, 2))]
        found = nodes(repository, ids(repository, starts), without=ids(repository, without))
        assert hexes(found) == rev_list(repo, *starts, *(["--not", *without] if without else []))
        one, other = ids(repository, [starts[0], f"c{rng.randint(1, 400)}"])
        expected = repo.try_git("merge-base", "--all", one.hex(), other.hex()).stdout.decode().split()
        assert sorted(each.hex() for each in merge_base(repository, one, other)) == sorted(expected)
