"""What people call experiments and commits on the command line, and which of them they mean.

`find` is for what may be any commit: a Git revision first, then an experiment, `exp:NAME` always the experiment.
`find_experiments` is for what can only be experiments: by name, by full ref, by id. Of several experiments of one name
the one that stands on HEAD is meant. What takes whole revisions apart is loaded for a text that may be more than the
name of a ref: it takes longer than to compare two experiments (bench/diff.py).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from expref.objstore.errors import BadName, NotFound
from expref.objstore.ids import ObjectId
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.patterns import lazy_pattern
from expref.objstore.refnames import get_ref
from expref.objstore.repository import Repository

from .errors import ExpError, Status
from .experiments import experiments_called, listing
from .formats.refnames import PREFIX, ref_of
from .model import ExperimentRef

ALWAYS = "exp:"  # in front of a name: the experiment, whatever else is called so
_REST = lazy_pattern(r"[~^:]|@\{")  # where the name ends in a revision
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = lazy_pattern("[0-9a-f]{4,64}")


class Named(NamedTuple):
    """What a text means: `revision` is the text for `objstore.revisions`.

    `hidden` is an experiment that it would have meant, were there no Git revision of that name.
    """

    revision: str
    hidden: ExperimentRef | None


def find(repository: Repository, text: str) -> Named:
    """What `text` means, with or without `~1`, `:path` and the like behind a name, which are left to `revisions`.

    Raises ExpError if it names nothing, or an experiment and several are called so, and Ambiguous for a short id.
    """
    start = len(ALWAYS) if text.startswith(ALWAYS) else 0
    rest = _REST.search(text, start)
    name, behind = (text[start : rest.start()], text[rest.start() :]) if rest else (text[start:], "")
    called = experiments_called(repository, name)
    id_ = None if start else _get(repository, name)
    if id_ or not (start or name):
        return Named(text, next((each for each in called if each.id != id_), None))
    if not called:
        what = "no experiment" if start else "no Git revision and no experiment"
        raise _nothing(f"there is {what} {name!r}", [name], listing(repository).found)
    return Named(_ref(_the_one(repository, name, called)) + behind, None)


def find_experiment(
    repository: Repository, text: str, *, now: int | None = None
) -> tuple[ExperimentRef, ExperimentRef | None]:
    """The experiment that `text` means as a revision: the one of that name, or one whose commit it is.

    And the one of that name that is hidden, as in `Named`. `now` is as for `find_baselines`. Raises as `find`, and
    ExpError for a revision that is no experiment.
    """
    named = find(repository, text)
    id_ = commit_of(repository, named.revision, now=now)
    here = [each for each in listing(repository).found if each.id == id_]
    if not here:
        hint = f"the experiment of that name is {ALWAYS}{named.hidden.name}" if named.hidden else "see `exps list -A`"
        raise ExpError(f"{text!r} is commit {str(id_)[:7]}, and no experiment", hint, Status.NOT_FOUND)
    head = repository.head().id
    return min(here, key=lambda each: (_ref(each) != named.revision, each.baseline != head)), named.hidden


def find_experiments(
    repository: Repository, texts: Iterable[str], known: Sequence[ExperimentRef] | None = None
) -> list[ExperimentRef]:
    """The experiments that these are names, full refs or (abbreviated) ids of, each once.

    `known` are those of a remote; all that are here if it is None. A name goes before an id. Raises ExpError for all
    together that are none, and for one that may be several.
    """
    what, command = ("there is no", "list -A") if known is None else ("the remote has no", "list REMOTE -A")
    known = listing(repository).found if known is None else known
    found = {text: _called(text, known) for text in texts}
    unknown = [text for text, each in found.items() if not each]
    if unknown:
        raise _nothing(f"{what} experiment {', '.join(map(repr, unknown))}", unknown, known, command)
    return list(dict.fromkeys(_the_one(repository, text, each) for text, each in found.items()))


def find_baselines(
    repository: Repository, revs: Iterable[str], num: int = 1, *, now: int | None = None
) -> list[ObjectId]:
    """The commits that `revs` name, each with its first parents, `num` commits in all; all of them if it is negative.

    In this order, each once. `now`, in epoch seconds, is what dates like `@{yesterday}` are seen from. Raises as
    `find`, and NotFound for what is no commit.
    """
    found: dict[ObjectId, None] = {}
    for rev in revs:
        start = commit_of(repository, find(repository, rev).revision, now=now)
        found.update(dict.fromkeys(_line(repository, start, num) if num != 1 else (start,)))
    return list(found)


def _line(repository: Repository, start: ObjectId, num: int) -> Iterator[ObjectId]:
    from expref.objstore.history import first_parents

    return (id_ for id_, _ in islice(first_parents(repository, start), num if num >= 0 else None))


def commit_of(repository: Repository, revision: str, *, now: int | None = None) -> ObjectId:
    """The commit of a `Named.revision`. `now` is as for `find_baselines`. Raises as `revisions.find_commit`."""
    if revision.startswith(PREFIX) or _can_only_be_a_ref(revision):
        found = get_ref(repository, revision)
        if found and repository.objects.find_kind(found[1]) == "commit":
            return found[1]
    from expref.objstore.revisions import find_commit

    return find_commit(repository, revision, now=now)


def close_names(name: str, names: Collection[str]) -> list[str]:
    """Up to three of `names` that `name` may have been meant for."""
    from difflib import get_close_matches

    return get_close_matches(name, names, cutoff=0.7)


def _get(repository: Repository, name: str) -> ObjectId | None:
    """What a name means to Git; None if nothing."""
    if _can_only_be_a_ref(name):
        found = get_ref(repository, name)
        return found[1] if found else None
    from expref.objstore.revisions import find as find_object

    try:
        return find_object(repository, name)
    except (NotFound, BadName):
        return None


def _can_only_be_a_ref(name: str) -> bool:
    """Whether Git can only mean a ref by it: it is no id, no `v1.0-3-gabcdef0`, and there is nothing to take apart."""
    letters = name.replace("-", "").replace("_", "")
    is_plain = letters.isalnum() and letters.isascii() and not name.startswith("-")
    return is_plain and "-g" not in name and not _HEX.issuperset(letters)


def _ref(experiment: ExperimentRef) -> str:
    return ref_of(experiment.baseline, experiment.name)


def _called(text: str, known: Sequence[ExperimentRef]) -> list[ExperimentRef]:
    if text.startswith(PREFIX):
        return [each for each in known if _ref(each) == text]
    name = text.removeprefix(ALWAYS)
    found = [each for each in known if each.name == name]
    if found or not _DIGITS.fullmatch(text):
        return found
    return [each for each in known if str(each.id).startswith(text)]


def _the_one(repository: Repository, name: str, called: Sequence[ExperimentRef]) -> ExperimentRef:
    head = repository.head().id if len(called) > 1 else None
    here = [each for each in called if each.baseline == head] or called
    if len(here) == 1:
        return here[0]
    refs = ", ".join(map(_ref, called))
    raise ExpError(f"{name!r} may be any of {refs}", "give the full name of the ref", Status.NOT_FOUND)


def _nothing(message: str, texts: Iterable[str], known: Iterable[ExperimentRef], command: str = "list -A") -> ExpError:
    names = {each.name for each in known}
    close = dict.fromkeys(name for text in texts for name in close_names(text.removeprefix(ALWAYS), names))
    hint = f"do you mean {' or '.join(close)}?" if close else f"`exps {command}` shows all experiments"
    return ExpError(message, hint, Status.NOT_FOUND)
