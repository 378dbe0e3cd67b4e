"""Names to ids: what `git rev-parse` answers, for everything that `formats/revision.py` can take apart.

A full id goes before everything and is taken as it is, as git does, whether there is such an object or not. A ref goes
before an abbreviated id of the same letters; of several refs that a short name fits, git's order decides (`RULES`).
Nothing is written. Authority: gitrevisions(7), git's `object-name.c`, `refs.c`.
"""
import re
from collections.abc import Callable, Iterator
from itertools import islice

from .errors import Ambiguous, BadName, NotFound
from .formats.objects import TREE
from .formats.refs import SymbolicRef
from .formats.revision import Ancestor, Base, Parent, Peel, Revision, Staged, Suffix, parse
from .history import first_parents, parents, peel
from .ids import Kind, ObjectId
from .repository import Repository
from .stores.objectstore import ObjectStore
from .tracking import push_target, upstream
from .trees import get_entry

RULES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
SHORTEST = 4  # digits of an abbreviated id
SHOWN = 10  # candidates listed in a message
_HEX = re.compile("[0-9a-f]+", re.IGNORECASE | re.ASCII)
_DESCRIBED = re.compile(r"(.+)-[0-9a-f]+-g([0-9a-f]{4,})", re.IGNORECASE | re.ASCII)  # v1.0-3-gabcdef0
_SWITCH = re.compile(rb"checkout: moving from (.*?) to ")

Fits = Callable[[ObjectStore, ObjectId], bool]


def find(repository: Repository, text: str) -> ObjectId:
    """The object that `text` names.

    Raises BadName if nothing can be called so, NotFound if nothing is, Ambiguous with the candidates if several objects
    are, and Unsupported, by name, for searches by message, dates, and paths relative to the current folder.
    """
    return _resolve(repository, text, None)


def find_commit(repository: Repository, text: str) -> ObjectId:
    """The commit that `text` names, tags followed. Abbreviations are of commits and tags first. Raises as `find`."""
    return _resolve(repository, text, "commit")


def find_tree(repository: Repository, text: str) -> ObjectId:
    """The tree that `text` names, tags and commits followed. Raises as `find`."""
    return _resolve(repository, text, "tree")


def get_ref(repository: Repository, name: str) -> tuple[str, ObjectId] | None:
    """The full name of the ref that git means by a short name, and where it leads; None if there is none."""
    return next(_refs_called(repository, name), None)


def _refs_called(repository: Repository, name: str) -> Iterator[tuple[str, ObjectId]]:
    """All refs that a short name fits, in git's order. Those that lead to nothing are none."""
    for rule in RULES:
        full_name = rule.format(name)
        try:
            id_ = repository.refs.get(full_name)
        except BadName:  # "main" alone is no ref, "refs/heads/main" may be
            continue
        if id_:
            yield full_name, id_


def _resolve(repository: Repository, text: str, kind: Kind | None) -> ObjectId:
    """The object that `text` names, of a kind if that is given. Every error says what was asked for."""
    named = parse(text)
    try:
        id_ = _staged(repository, named) if isinstance(named, Staged) else _committed(repository, named, kind)
        return peel(repository.objects, id_, kind) if kind else id_
    except NotFound as error:
        raise NotFound(_with_text(error, text)) from None
    except Ambiguous as error:
        raise Ambiguous(_with_text(error, text)) from None


def _with_text(error: Exception, text: str) -> str:
    return str(error) if repr(text) in str(error) else f"{text!r}: {error}"


def _staged(repository: Repository, staged: Staged) -> ObjectId:
    index = repository.index.read()
    first = index.find(staged.path)
    for number in range(len(index) if first is None else first, len(index)):
        if index.path(number) != staged.path:
            break
        row = index.row(number)
        if row.stage == staged.stage:
            return row.id
    raise NotFound(f"the index has no {_shown(staged.path)}" + (f" at stage {staged.stage}" if staged.stage else ""))


def _committed(repository: Repository, revision: Revision, kind: Kind | None) -> ObjectId:
    if revision.path is None:
        return _object(repository, revision, _fits(kind))
    return _at_path(repository.objects, _object(repository, revision, _leads_to_tree), revision.path)


def _at_path(objects: ObjectStore, id_: ObjectId, path: bytes) -> ObjectId:
    tree = peel(objects, id_, "tree")
    entry = get_entry(objects, tree, path.removesuffix(b"/")) if path else None
    if path and (entry is None or (path.endswith(b"/") and entry.mode != TREE)):
        raise NotFound(f"there is no {_shown(path)} in tree {tree}")
    return entry.id if entry else tree


def _shown(path: bytes) -> str:
    return repr(path.decode("utf-8", "surrogateescape"))


def _object(repository: Repository, revision: Revision, fits: Fits | None) -> ObjectId:
    """`fits` says which of several objects is meant by an abbreviation; a suffix behind it knows better."""
    if revision.suffixes:
        first = revision.suffixes[0]
        fits = _fits(first.kind if isinstance(first, Peel) else "commit")
    id_ = _base(repository, revision.base, fits)
    for suffix in revision.suffixes:
        id_ = _follow(repository, id_, suffix)
    return id_


def _follow(repository: Repository, id_: ObjectId, suffix: Suffix) -> ObjectId:
    if isinstance(suffix, Ancestor):
        return _ancestor(repository, id_, suffix.generation)
    if isinstance(suffix, Parent):
        return _parent(repository, peel(repository.objects, id_, "commit"), suffix.number)
    if suffix.kind != "object":
        return peel(repository.objects, id_, suffix.kind)
    if not repository.objects.has(id_):
        raise NotFound(f"object {id_} is missing")
    return id_


def _ancestor(repository: Repository, id_: ObjectId, count: int) -> ObjectId:
    found = next(islice(first_parents(repository, id_), count, None), None)
    if found is None:
        raise NotFound(f"the first parents of commit {id_} end before number {count}")
    return found[0]


def _parent(repository: Repository, commit: ObjectId, number: int) -> ObjectId:
    found = (commit, *parents(repository, commit))
    if number >= len(found):
        raise NotFound(f"commit {commit} has {len(found) - 1} parents, no number {number}")
    return found[number]


def _base(repository: Repository, base: Base, fits: Fits | None) -> ObjectId:
    name = _prior_branch(repository, base.prior) if base.prior else base.name
    if base.tracking:
        mapped = upstream if base.tracking == "upstream" else push_target
        name = mapped(repository.config, _current_branch(repository) if name in ("", "HEAD") else name)
    if base.entry is not None:
        return _logged(repository, name, base.entry)
    if base.prior or base.tracking:
        return _get_full_id(repository, name) or _of_ref(repository, name)
    return _named(repository, name, fits)


def _current_branch(repository: Repository) -> str:
    branch = repository.head().branch
    if branch is None:
        raise NotFound("HEAD is detached: no branch is checked out")
    return branch


def _prior_branch(repository: Repository, number: int) -> str:
    """The branch, or the id, that was left when branches were switched for the last but `number - 1` time."""
    switches = (_SWITCH.match(entry.message) for entry in repository.refs.get_log("HEAD") or ())
    left = list(islice(filter(None, switches), number))
    if len(left) < number:
        raise NotFound(f"branches were switched {len(left)} times only")
    return left[-1][1].decode("utf-8", "surrogateescape")


def _logged(repository: Repository, name: str, entry: int) -> ObjectId:
    """The value of a ref before its last `entry` changes; without a name, of the branch that is checked out."""
    refs = repository.refs
    called = _refs_called(repository, name) if name else iter([(_end(repository, "HEAD"), refs.get("HEAD"))])
    for full_name, now in called:
        log = refs.get_log(full_name) or refs.get_log(_end(repository, full_name))
        if entry == 0 and now and (log is not None or not name):
            return now
        if log and entry < len(log):
            return log[entry].new
        if log and entry == len(log) and any(log[-1].old):
            return log[-1].old
        if log is not None:
            raise NotFound(f"the log of {full_name} has {len(log)} entries only")
    raise NotFound(f"{name or 'HEAD'!r} has no log")


def _end(repository: Repository, name: str) -> str:
    """The ref that symbolic refs lead to. A circle cannot be: `name` was read."""
    while isinstance(found := repository.refs.read(name), SymbolicRef):
        name = found.target
    return name


def _of_ref(repository: Repository, name: str) -> ObjectId:
    found = get_ref(repository, name)
    if found is None:
        raise NotFound(f"there is no ref {name!r}")
    return found[1]


def _get_full_id(repository: Repository, name: str) -> ObjectId | None:
    form = repository.object_format
    return form.parse_id(name) if len(name) == 2 * form.width and _HEX.fullmatch(name) else None


def _named(repository: Repository, name: str, fits: Fits | None) -> ObjectId:
    id_ = _get_full_id(repository, name)
    if id_:
        return id_
    found = get_ref(repository, name)
    if found:
        return found[1]
    described = _DESCRIBED.fullmatch(name)
    if described:
        return _abbreviated(repository, described[2], _is_commit)
    if SHORTEST <= len(name) < 2 * repository.object_format.width and _HEX.fullmatch(name):
        return _abbreviated(repository, name, fits)
    raise NotFound(f"there is no revision {name!r}")


def _abbreviated(repository: Repository, digits: str, fits: Fits | None) -> ObjectId:
    """The one object whose id starts so; of several the one that fits. Source: gitrevisions(7), `core.disambiguate`."""
    objects = repository.objects
    found = sorted(objects.ids_starting_with(digits.lower()))
    fitting = [id_ for id_ in found if fits(objects, id_)] if fits and len(found) > 1 else found
    if not found:
        raise NotFound(f"there is no revision {digits!r}, no ref and no object")
    if len(fitting) != 1:
        raise Ambiguous(f"{digits!r} is the start of several ids: {_listed(objects, fitting or found)}")
    return fitting[0]


def _listed(objects: ObjectStore, ids: list[ObjectId]) -> str:
    """Ids with their kinds, as git lists them: tags, commits, trees, blobs."""
    kinds = {id_: objects.find_kind(id_) for id_ in ids}
    order = ("tag", "commit", "tree", "blob")
    listed = [f"{kinds[id_]} {id_}" for id_ in sorted(ids, key=lambda id_: (order.index(kinds[id_]), id_))]
    more = [f"and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else []
    return ", ".join(listed[:SHOWN] + more)


def _fits(kind: str | None) -> Fits | None:
    """What an abbreviation has to be where an object of this kind is needed; None if that decides nothing."""
    return {"commit": _leads_to_commit, "tree": _leads_to_tree}.get(kind or "")


def _is_commit(objects: ObjectStore, id_: ObjectId) -> bool:
    return objects.find_kind(id_) == "commit"


def _leads_to_commit(objects: ObjectStore, id_: ObjectId) -> bool:
    return objects.find_kind(peel(objects, id_, None)) == "commit"


def _leads_to_tree(objects: ObjectStore, id_: ObjectId) -> bool:
    return objects.find_kind(peel(objects, id_, None)) in ("commit", "tree")
