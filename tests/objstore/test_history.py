"""Histories made by hand: what walks yield when clocks, shapes and sizes are bad. The order of git: against_git."""
import random
import sys

import pytest
from expref.objstore.closure import objects_between
from expref.objstore.errors import Corrupt, NotFound
from expref.objstore.formats.objects import FILE, TREE, Commit, TreeEntry, encode_commit, encode_tree
from expref.objstore.history import (
    commits,
    first_parents,
    is_ancestor,
    merge_base,
    nodes,
    parents,
    peel,
    shallow_boundary,
)
from expref.objstore.ids import ObjectId
from expref.objstore.repository import Repository

EMPTY = ObjectId.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
MISSING = ObjectId(b"\x22" * 20)


@pytest.fixture
def repository(tmp_path):
    return Repository.init(str(tmp_path / "repo"), {})


def make(repository, *parent_ids, when=0, tree=EMPTY, committer=None, message=b""):
    """Store a commit. The number of the message tells it from others."""
    who = b"A <a@example.com> %d +0000"
    commit = Commit(tree, parent_ids, who % 1, committer or who % when, message)
    return repository.objects.write("commit", encode_commit(commit))


def tree_of(repository, *entries):
    listed = [TreeEntry(mode, name, id_) for mode, name, id_ in entries]
    return repository.objects.write("tree", encode_tree(listed))


def chain(repository, length, *, start=()):
    found = list(start)
    for number in range(length):
        found.append(make(repository, *found[-1:], when=number))
    return found


def shown(found):
    return [id_ for id_, _ in found]


@pytest.fixture
def deep():
    """How deep or long things are that no call for each of them could go down, within this test."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(250)
    yield 300
    sys.setrecursionlimit(before)


def test_a_long_history_needs_no_recursion(deep, repository):
    line = chain(repository, deep)
    assert shown(commits(repository, line[-1:])) == line[::-1]
    assert shown(first_parents(repository, line[-1])) == line[::-1]
    assert merge_base(repository, line[0], line[-1]) == line[:1]
    assert not is_ancestor(repository, line[-1], line[0])
    with_late_exclusion = make(repository, line[-1], when=0)  # hides the whole line only after it was met
    assert shown(nodes(repository, line[-1:], without=[with_late_exclusion])) == []


def test_deep_folders_need_no_recursion(deep, repository):
    tree = EMPTY
    for _ in range(deep):
        tree = tree_of(repository, (TREE, b"d", tree))
    found = list(objects_between(repository, [make(repository, tree=tree)]))
    assert len(found) == deep + 2
    assert found[-1].hint == b"/".join([b"d"] * deep)


def test_a_walk_reads_no_further_than_it_is_asked(repository):
    lost = make(repository, MISSING, when=1)
    last = make(repository, lost, when=2)
    walk = commits(repository, [last])
    assert next(walk)[0] == last
    assert next(walk)[0] == lost
    with pytest.raises(NotFound, match=str(MISSING)):
        next(walk)


def test_starts_that_are_given_twice_are_shown_once(repository):
    line = chain(repository, 3)
    assert shown(commits(repository, [line[2], line[2], line[1]])) == line[::-1]
    assert shown(commits(repository, [])) == shown(commits(repository, line, without=line)) == []


DATES = {  # as git reads them: what is no number is the beginning of 1970
    b"C <c@example.com> 77 +0000": 77,
    b"C <c@example.com> 77": 77,
    b"C > <c@example.com>  77  +0000": 77,
    b"<> 77 +0000": 77,
    b"C <c@example.com> -77 +0000": 0,
    b"C <c@example.com> soon": 0,
    b"C <c@example.com>": 0,
    b"": 0,
    b"C 77 +0000": 0,
    b"C <c@example.com> 18446744073709551616 +0000": 1844674407370955161,
}


@pytest.mark.parametrize("committer", DATES)
def test_a_date_is_read_wherever_there_is_one(committer, repository):
    commit = make(repository, committer=committer or b" ")
    assert [node.when for _, node in nodes(repository, [commit])] == [DATES[committer]]


def test_a_committer_in_the_message_is_none(repository):
    content = b"tree %s\nauthor A <a@b> 1 +0000\n\ncommitter C <c@d> 5 +0000\n" % str(EMPTY).encode()
    commit = repository.objects.write("commit", content)
    assert [node.when for _, node in nodes(repository, [commit])] == [0]


@pytest.mark.parametrize(
    "content",
    [b"", b"tree", b"tree " + b"g" * 40 + b"\n", b"tree " + b"1" * 39 + b"\n", b"tree " + b"1" * 41 + b"\n",
     b"parent " + b"1" * 40 + b"\n", b"tree " + b"1" * 40 + b"\nparent 11\n", b"tree " + b"1" * 40 + b"\nparent "],
)  # fmt: skip
def test_what_is_no_commit_is_corrupt(content, repository):
    commit = repository.objects.write("commit", content)
    with pytest.raises(Corrupt, match=str(commit)):
        list(nodes(repository, [commit]))


def test_a_parent_that_is_no_commit_is_corrupt(repository):
    commit = make(repository, repository.objects.write("blob", b"x"))
    with pytest.raises(Corrupt, match="a blob, where a commit is needed"):
        list(commits(repository, [commit]))


def test_the_boundary_of_a_shallow_repository_has_no_parents(repository, tmp_path):
    line = chain(repository, 4)
    (tmp_path / "repo/.git/shallow").write_text(f"{line[1]}\n{MISSING}\n")
    assert shallow_boundary(repository) == {line[1], MISSING}
    assert shown(commits(repository, line[3:])) == line[:0:-1]
    assert parents(repository, line[1]) == ()
    assert parents(repository, line[2]) == (line[1],)
    assert dict(commits(repository, line[3:]))[line[1]].parents == (line[0],), "a copy must name its real parent"
    assert merge_base(repository, line[0], line[3]) == []
    (tmp_path / "repo/.git/shallow").write_text("no id\n")
    with pytest.raises(Corrupt, match="shallow"):
        list(commits(repository, line))


def test_peel_says_what_it_found_instead(repository):
    commit = make(repository)
    content = b"object %s\ntype commit\ntag t\n\n" % str(commit).encode()
    tag = repository.objects.write("tag", content)
    blob = repository.objects.write("blob", b"x")
    assert peel(repository.objects, tag, None) == peel(repository.objects, tag, "commit") == commit
    assert peel(repository.objects, tag, "tree") == EMPTY
    assert peel(repository.objects, tag, "tag") == tag
    for id_, kind in (commit, "tag"), (commit, "blob"), (blob, "tree"), (EMPTY, "commit"), (tag, "blob"):
        with pytest.raises(NotFound, match=f", no {kind}"):
            peel(repository.objects, id_, kind)
    with pytest.raises(NotFound, match=str(MISSING)):
        peel(repository.objects, MISSING, None)


def ancestors(shape, of):
    """Every number that is reachable in {number: numbers of parents}."""
    found, todo = set(), list(of)
    while todo:
        number = todo.pop()
        if number not in found:
            found.add(number)
            todo += shape[number]
    return found


@pytest.mark.parametrize("seed", range(30))
def test_clocks_that_lie_cost_no_commit_and_no_merge_base(seed, repository):
    rng = random.Random(seed)
    shape = {number: rng.sample(range(number), min(number, rng.choice([0, 1, 1, 2, 2, 3]))) for number in range(14)}
    made = {}
    for number, above in shape.items():
        above_ids = [made[each] for each in above]
        made[number] = make(repository, *above_ids, when=rng.randrange(30), message=b"%d" % number)
    number_of = {id_: number for number, id_ in made.items()}
    for _ in range(12):
        one, other = rng.sample(range(14), 2)
        common = ancestors(shape, [one]) & ancestors(shape, [other])
        best = common - ancestors(shape, [above for each in common for above in shape[each]])
        assert {number_of[id_] for id_ in merge_base(repository, made[one], made[other])} == best
        assert is_ancestor(repository, made[one], made[other]) == (one in ancestors(shape, [other]))
        found = {number_of[id_] for id_ in shown(nodes(repository, [made[one]], without=[made[other]]))}
        assert ancestors(shape, [one]) - common <= found <= ancestors(shape, [one])


def test_trees_that_both_sides_have_are_not_read(repository):
    blob = repository.objects.write("blob", b"x")
    kept = TREE, b"kept", MISSING  # would be found missing
    old = make(repository, tree=tree_of(repository, kept))
    new = make(repository, old, tree=tree_of(repository, kept, (FILE, b"new", blob)), when=1)
    found = list(objects_between(repository, [new], [old]))
    assert [(each.kind, each.hint) for each in found] == [("commit", b""), ("tree", b""), ("blob", b"new")]
    with pytest.raises(NotFound, match=str(MISSING)):
        list(objects_between(repository, [new]))


def test_what_is_wanted_must_be_here(repository):
    with pytest.raises(NotFound, match=str(MISSING)):
        list(objects_between(repository, [MISSING]))
    assert list(objects_between(repository, [], [MISSING])) == []
