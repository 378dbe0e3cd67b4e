"""Names to ids: what `git rev-parse` answers, for everything that `formats/revision.py` can take apart.

A full id goes before everything and is taken as it is, as git does, whether there is such an object or not. A ref goes
before an abbreviated id of the same letters. Nothing is written. Authority: gitrevisions(7), git's `object-name.c`.
"""

import os
from collections.abc import Callable, Iterable
from itertools import islice

from .errors import Ambiguous, BadName, NotFound, Unsupported
from .formats.dates import parse_date
from .formats.objects import TREE
from .formats.revision import Ancestor, Base, Parent, Peel, Revision, Search, Staged, Suffix, parse
from .formats.searches import compile_search
from .history import first_parents, nodes, parents, peel
from .ids import Kind, ObjectId
from .patterns import lazy_pattern
from .refnames import get_ref, prior_branch, value_at, value_before
from .repository import Repository
from .stores.objectstore import ObjectStore
from .tracking import push_target, upstream
from .trees import get_entry

SHORTEST = 4  # digits of an abbreviated id
SHOWN = 10  # candidates listed in a message
_HEX = lazy_pattern("(?ai)[0-9a-f]+")
_DESCRIBED = lazy_pattern(r"(?ai)(.+)-[0-9a-f]+-g([0-9a-f]{4,})")  # v1.0-3-gabcdef0

Fits = Callable[[ObjectStore, ObjectId], bool]


def find(repository: Repository, text: str, *, now: int | None = None) -> ObjectId:
    """The object that `text` names. `now`, in epoch seconds, is what dates in it are seen from.

    Raises BadName if nothing can be called so, NotFound if nothing is, Ambiguous with the candidates if several objects
    are, and Unsupported, by name, for dates and regular expressions beyond those of `formats/dates.py` and
    `formats/searches.py`.
    """
    return _resolve(repository, text, None, now)


def find_commit(repository: Repository, text: str, *, now: int | None = None) -> ObjectId:
    """The commit that `text` names, tags followed. Abbreviations are of commits and tags first. Raises as `find`."""
    return _resolve(repository, text, "commit", now)


def find_tree(repository: Repository, text: str, *, now: int | None = None) -> ObjectId:
    """The tree that `text` names, tags and commits followed. Raises as `find`."""
    return _resolve(repository, text, "tree", now)


def _resolve(repository: Repository, text: str, kind: Kind | None, now: int | None) -> ObjectId:
    """The object that `text` names, of a kind if that is given. Every error says what was asked for."""
    named = parse(text)
    try:
        id_ = _named_by(repository, named, kind, now)
        return peel(repository.objects, id_, kind) if kind else id_
    except NotFound as error:
        raise NotFound(_with_text(error, text)) from None
    except Ambiguous as error:
        raise Ambiguous(_with_text(error, text)) from None


def _named_by(
    repository: Repository, named: Revision | Staged | Search, kind: Kind | None, now: int | None
) -> ObjectId:
    if isinstance(named, Search):
        return _newest(repository, _tips(repository), named)
    if isinstance(named, Staged):
        return _staged(repository, named)
    if named.path is None:
        return _object(repository, named, _fits(kind), now)
    start = _object(repository, named, _leads_to_tree, now)
    return _at_path(repository.objects, start, _from_top(repository, named.path))


def _with_text(error: Exception, text: str) -> str:
    return str(error) if repr(text) in str(error) else f"{text!r}: {error}"


def _staged(repository: Repository, staged: Staged) -> ObjectId:
    index, path = repository.index.read(), _from_top(repository, staged.path)
    first = index.find(path)
    for number in range(len(index) if first is None else first, len(index)):
        if index.path(number) != path:
            break
        row = index.row(number)
        if row.stage == staged.stage:
            return row.id
    raise NotFound(f"the index has no {_shown(path)}" + (f" at stage {staged.stage}" if staged.stage else ""))


def _from_top(repository: Repository, path: bytes) -> bytes:
    """A path that begins with "./" or "../", as it is seen from the top of the work tree; any other as it is."""
    if not path.startswith((b"./", b"../")):
        return path
    if repository.prefix is None:
        raise BadName(f"{_shown(path)} is relative to the current folder, and that is outside of the work tree")
    names: list[bytes] = []
    parts = (os.fsencode(repository.prefix) + path).split(b"/")
    for part in parts:
        if part == b".." and not names:
            raise BadName(f"{_shown(path)} leads out of the work tree")
        if part == b"..":
            names.pop()
        elif part not in (b"", b"."):
            names.append(part)
    is_folder = names and parts[-1] in (b"", b".", b"..")
    return b"/".join(names) + (b"/" if is_folder else b"")


def _at_path(objects: ObjectStore, id_: ObjectId, path: bytes) -> ObjectId:
    tree = peel(objects, id_, "tree")
    entry = get_entry(objects, tree, path.removesuffix(b"/")) if path else None
    if path and (entry is None or (path.endswith(b"/") and entry.mode != TREE)):
        raise NotFound(f"there is no {_shown(path)} in tree {tree}")
    return entry.id if entry else tree


def _shown(path: bytes) -> str:
    return repr(path.decode("utf-8", "surrogateescape"))


def _object(repository: Repository, revision: Revision, fits: Fits | None, now: int | None) -> ObjectId:
    """`fits` says which of several objects is meant by an abbreviation; a suffix behind it knows better."""
    if revision.suffixes:
        first = revision.suffixes[0]
        fits = _fits(first.kind if isinstance(first, Peel) else "commit")
    id_ = _base(repository, revision.base, fits, now)
    for suffix in revision.suffixes:
        id_ = _follow(repository, id_, suffix)
    return id_


def _follow(repository: Repository, id_: ObjectId, suffix: Suffix) -> ObjectId:
    if isinstance(suffix, Ancestor):
        return _ancestor(repository, id_, suffix.generation)
    if isinstance(suffix, Parent):
        return _parent(repository, peel(repository.objects, id_, "commit"), suffix.number)
    if isinstance(suffix, Search):
        return _newest(repository, [peel(repository.objects, id_, "commit")], suffix)
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


def _tips(repository: Repository) -> list[ObjectId]:
    """Where a search in all commits starts. The order decides between those of the same second, as in git."""
    refs = repository.refs
    found = [refs.get("HEAD"), *reversed([ref.id for ref in refs.refs("refs/")])]
    return [id_ for id_ in found if id_ and _leads_to_commit(repository.objects, id_)]


def _newest(repository: Repository, starts: Iterable[ObjectId], search: Search) -> ObjectId:
    """The first commit that `search` means. Source: git's `object-name.c`, `get_oid_oneline`."""
    fits = compile_search(search.pattern)
    for id_, node in nodes(repository, starts):
        message = node.content.partition(b"\n\n")[2].partition(b"\0")[0]
        if (fits.search(message) is None) == search.negated:
            return id_
    raise NotFound(f"no commit has a message with{'out' if search.negated else ''} {search.pattern!r}")


def _base(repository: Repository, base: Base, fits: Fits | None, now: int | None) -> ObjectId:
    name = prior_branch(repository, base.prior) if base.prior else base.name
    if base.tracking:
        mapped = upstream if base.tracking == "upstream" else push_target
        name = mapped(repository.config, _current_branch(repository) if name in ("", "HEAD") else name)
    if base.entry is not None:
        return value_before(repository, name, base.entry)
    if base.date is not None:
        if now is None:
            raise Unsupported(f"the date {base.date!r}, where no time is given to see it from,")
        return value_at(repository, name, parse_date(base.date, now))
    if base.prior or base.tracking:
        return _get_full_id(repository, name) or _of_ref(repository, name)
    return _named(repository, name, fits)


def _current_branch(repository: Repository) -> str:
    branch = repository.head().branch
    if branch is None:
        raise NotFound("HEAD is detached: no branch is checked out")
    return branch


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
