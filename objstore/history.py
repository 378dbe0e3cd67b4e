"""The graph of commits: walks, newest first, what one side has and the other has not, merge bases.

Reads objects, writes nothing; trees and what is in them are `closure.py`'s. Walks end at the commits that `shallow`
lists, as if these had no parents; a `Commit` that is handed out has the parents that are written in it. Where ids are
asked for, annotated tags may be given for what they lead to. Commits of the same second come in the order in which they
were met, as in git. Memory grows with the number of ids met, not with contents. Authority: git-rev-list(1), git's
`revision.c`, `commit-reach.c`.
"""
from binascii import unhexlify
from collections.abc import Callable, Collection, Iterable, Iterator
from heapq import heappop, heappush
from math import inf

from .errors import BadName, Corrupt, NotFound
from .formats.objects import Commit, decode_commit
from .ids import Kind, ObjectId
from .lighttyping import NamedTuple
from .patterns import re
from .repository import Repository
from .stores.files import read_file
from .stores.objectstore import ObjectStore

SLOP = 5  # commits looked at when only unwanted ones are left: a clock may have gone backwards. As git
_HEADERS = (  # a date that is none is 0, as in git; what an author has before the date may be anything
    rb"tree ([0-9a-fA-F]{%d})\n((?:parent [0-9a-fA-F]{%d}\n)*+)(?!parent)"
    rb"(?:author [^\n]*\ncommitter (?:[^\n>]*>)++[^\S\n]*([0-9]{1,19}))?"
)
_ONE, _OTHER, _STALE = 1, 2, 4  # from which sides a commit was reached; whether through a common ancestor


class Node(NamedTuple):
    """What a walk needs of a commit. `content` is the whole object; empty in walks that remember many."""

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    when: int
    content: bytes


def commits(
    repository: Repository, starts: Iterable[ObjectId], *, without: Iterable[ObjectId] = ()
) -> Iterator[tuple[ObjectId, Commit]]:
    """The commits that are reachable from `starts` and from none of `without`, in the order of `git log`.

    Raises NotFound for one that is missing, unless it is reachable from `without`.
    """
    objects = repository.objects
    for id_, node in nodes(repository, starts, without=without):
        content = node.content or objects.find(id_).content
        yield id_, decode_commit(content, objects.form, f"commit {id_}")


def nodes(
    repository: Repository,
    starts: Iterable[ObjectId],
    *,
    without: Iterable[ObjectId] = (),
    cut: Collection[ObjectId] = (),
) -> Iterator[tuple[ObjectId, Node]]:
    """The same, at half the cost, for who needs no author and no message.

    The parents of the commits `cut` count as absent, like those at the boundary of a shallow repository.
    """
    read = _reader(repository, cut)
    wanted = [peel(repository.objects, id_, "commit") for id_ in starts]
    unwanted = [peel(repository.objects, id_, "commit") for id_ in without if repository.objects.has(id_)]
    return iter(_Limited(read, wanted, unwanted).run()) if unwanted else _stream(read, wanted)


def first_parents(repository: Repository, start: ObjectId) -> Iterator[tuple[ObjectId, Commit]]:
    """A commit, its first parent, the first parent of that, and so on."""
    read, form = _reader(repository), repository.object_format
    todo: tuple[ObjectId, ...] = (peel(repository.objects, start, "commit"),)
    while todo:
        node = read(todo[0])
        yield todo[0], decode_commit(node.content, form, f"commit {todo[0]}")
        todo = node.parents


def parents(repository: Repository, id_: ObjectId) -> tuple[ObjectId, ...]:
    """The parents of a commit; none at the boundary of a shallow repository."""
    return _reader(repository)(id_).parents


def shallow_boundary(repository: Repository) -> frozenset[ObjectId]:
    """The commits whose parents this repository was made without."""
    path = f"{repository.common_dir}/shallow"
    lines = (read_file(path) or b"").splitlines()
    try:
        return frozenset(repository.object_format.parse_id(line) for line in lines)
    except BadName as wrong:
        raise Corrupt(path, None, str(wrong)) from None


def peel(objects: ObjectStore, id_: ObjectId, kind: Kind | None) -> ObjectId:
    """The object of this kind that tags, and for "tree" commits, lead to; None: the first that is not a tag.

    Raises NotFound if they lead to something else, or if one on the way is missing.
    """
    while True:
        found = objects.find_kind(id_)
        if found == kind or (kind is None and found != "tag"):
            return id_
        if found == "tag":
            id_ = objects.find_tag(id_).target
        elif found == "commit" and kind == "tree":
            id_ = objects.find_commit(id_).tree
        else:
            raise NotFound(f"object {id_} is a {found}, no {kind}")


_Read = Callable[[ObjectId], Node]


def _reader(repository: Repository, cut: Collection[ObjectId] = ()) -> _Read:
    """A function that reads commits as walks see them. It raises NotFound, and Corrupt for what is no commit."""
    find, boundary = repository.objects.find, shallow_boundary(repository).union(cut)
    headers = re.compile(_HEADERS.replace(b"%d", b"%d" % (2 * repository.object_format.width)))

    def read(id_: ObjectId) -> Node:
        kind, content = find(id_)
        if kind != "commit":
            raise Corrupt(f"object {id_}", None, f"a {kind}, where a commit is needed")
        found = headers.match(content)
        if found is None:
            raise Corrupt(f"commit {id_}", 0, f"not the headers of a commit: {content[:60]!r}")
        tree, above, when = found.groups()
        ids = () if id_ in boundary else tuple([ObjectId(unhexlify(each)) for each in above.split()[1::2]])
        return Node(ObjectId(unhexlify(tree)), ids, int(when or 0), content)

    return read


class _Queue:
    """Commits that a walk has met and not yet looked at; the newest comes out first."""

    __slots__ = ("_heap", "_met")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, ObjectId, Node]] = []
        self._met = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def push(self, id_: ObjectId, node: Node) -> None:
        self._met += 1
        heappush(self._heap, (-node.when, self._met, id_, node))

    def pop(self) -> tuple[ObjectId, Node]:
        return heappop(self._heap)[2:]

    def newest(self) -> float:
        """The date of what comes out next."""
        return -self._heap[0][0] if self._heap else -inf


def _stream(read: _Read, starts: list[ObjectId]) -> Iterator[tuple[ObjectId, Node]]:
    """A walk that hides nothing and can therefore show each commit as it comes."""
    queue, met = _Queue(), set[ObjectId]()
    todo: Iterable[ObjectId] = starts
    while True:
        for id_ in todo:
            if id_ not in met:
                met.add(id_)
                queue.push(id_, read(id_))
        if not queue:
            return
        shown, node = queue.pop()
        yield shown, node
        todo = node.parents


class _Limited:
    """A walk that hides what is reachable from `unwanted`; only at its end it knows what to show."""

    def __init__(self, read: _Read, wanted: list[ObjectId], unwanted: list[ObjectId]) -> None:
        self._read, self._queue = read, _Queue()
        self.nodes: dict[ObjectId, Node] = {}
        self.hidden: set[ObjectId] = set(unwanted)
        self._waiting: set[ObjectId] = set()  # in the queue and not hidden
        self._meet(wanted)
        self._meet(unwanted)
        self._hide_above(self.hidden.copy())

    def run(self) -> list[tuple[ObjectId, Node]]:
        """What to show, newest first; the contents are left out."""
        shown: list[tuple[ObjectId, Node]] = []
        oldest, left = inf, SLOP
        while self._queue and left:
            id_, node = self._queue.pop()
            if id_ in self.hidden:
                self._hide(node.parents)
                self._meet(node.parents)
                self._hide_above(node.parents)
                left = left - 1 if not self._waiting and self._queue.newest() < oldest else SLOP
            else:
                self._waiting.discard(id_)
                self._meet(node.parents)
                shown.append((id_, node))
                oldest = node.when
        return [each for each in shown if each[0] not in self.hidden]

    def _meet(self, ids: Iterable[ObjectId]) -> None:
        for id_ in ids:
            if id_ in self.nodes:
                continue
            try:
                node = self._read(id_)._replace(content=b"")
            except NotFound:
                if id_ in self.hidden:  # the other side has it; that is all there is to know
                    continue
                raise
            self.nodes[id_] = node
            self._queue.push(id_, node)
            if id_ not in self.hidden:
                self._waiting.add(id_)

    def _hide_above(self, ids: Iterable[ObjectId]) -> None:
        """Hide the parents of hidden commits before their turn comes: it may not come. So does git."""
        for id_ in ids:
            self._hide(self.nodes[id_].parents if id_ in self.nodes else ())

    def _hide(self, ids: Iterable[ObjectId]) -> None:
        """Hide commits, and of their ancestors those that were met."""
        todo = list(ids)
        while todo:
            id_ = todo.pop()
            if id_ not in self.hidden:
                self.hidden.add(id_)
                self._waiting.discard(id_)
                todo += self.nodes[id_].parents if id_ in self.nodes else ()


def merge_base(repository: Repository, one: ObjectId, other: ObjectId) -> list[ObjectId]:
    """The best common ancestors of two commits, newest first: those that are no ancestors of each other."""
    read = _reader(repository)
    one, other = (peel(repository.objects, id_, "commit") for id_ in (one, other))
    found = _Paint(read, one, [other]).common()
    if len(found) > 1:
        found = [id_ for id_ in found if not _Paint(read, id_, [each for each in found if each != id_]).is_below(id_)]
    return sorted(found, key=lambda id_: -read(id_).when)


def is_ancestor(repository: Repository, ancestor: ObjectId, descendant: ObjectId) -> bool:
    """Whether a commit is another one or reachable from it."""
    ancestor, descendant = (peel(repository.objects, id_, "commit") for id_ in (ancestor, descendant))
    return _Paint(_reader(repository), ancestor, [descendant]).is_below(ancestor)


class _Paint:
    """The ancestors of two sides, each marked with the sides that reach it; no further than both are known to."""

    def __init__(self, read: _Read, one: ObjectId, others: Iterable[ObjectId]) -> None:
        self._read, self._queue = read, _Queue()
        self._marks: dict[ObjectId, int] = {}
        self._waiting: set[ObjectId] = set()
        self._fresh = 0  # how many of those waiting are not stale
        self._common: list[ObjectId] = []
        self._add(one, _ONE)
        for id_ in others:
            self._add(id_, _OTHER)
        while self._fresh:
            self._step()

    def common(self) -> list[ObjectId]:
        """Every best common ancestor; if clocks went backwards, others too."""
        return [id_ for id_ in self._common if not self._marks[id_] & _STALE]

    def is_below(self, id_: ObjectId) -> bool:
        """Whether a commit is an ancestor of the others, or one of them."""
        return bool(self._marks[id_] & _OTHER)

    def _step(self) -> None:
        id_, node = self._queue.pop()
        self._waiting.remove(id_)
        marks = self._marks[id_]
        self._fresh -= not marks & _STALE
        if marks == _ONE | _OTHER:
            self._common.append(id_)
            marks |= _STALE
        for parent in node.parents:
            self._add(parent, marks)

    def _add(self, id_: ObjectId, marks: int) -> None:
        before = self._marks.get(id_, 0)
        self._marks[id_] = after = before | marks
        if after == before:
            return
        if id_ not in self._waiting:
            self._waiting.add(id_)
            self._queue.push(id_, self._read(id_))
            self._fresh += not after & _STALE
        elif after & _STALE and not before & _STALE:
            self._fresh -= 1
