"""Short names of refs, as people write them, and what refs were before: the reflog's side of a revision.

Of several refs that a short name fits, git's order decides (`RULES`). Nothing is written. Authority: gitrevisions(7),
git's `refs.c` (`ref_rev_parse_rules`, `read_ref_at`).
"""

from collections.abc import Iterator
from itertools import islice

from .errors import BadName, NotFound
from .formats.reflog import LogEntry
from .formats.refs import SymbolicRef
from .ids import ObjectId
from .patterns import re
from .repository import Repository

RULES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_SWITCH = rb"checkout: moving from (.*?) to "


def get_ref(repository: Repository, name: str) -> tuple[str, ObjectId] | None:
    """The full name of the ref that git means by a short name, and where it leads; None if there is none."""
    return next(refs_called(repository, name), None)


def refs_called(repository: Repository, name: str) -> Iterator[tuple[str, ObjectId]]:
    """All refs that a short name fits, in git's order. Those that lead to nothing are none."""
    is_alone = "/" not in name and name != name.upper()  # "main" alone is no ref, and to learn why takes longer
    for rule in RULES[1:] if is_alone else RULES:
        full_name = rule.format(name)
        try:
            id_ = repository.refs.get(full_name)
        except BadName:  # "X" alone is no ref, "refs/heads/X" may be
            continue
        if id_:
            yield full_name, id_


def prior_branch(repository: Repository, number: int) -> str:
    """The branch, or the id, that was left when branches were switched for the last but `number - 1` time."""
    switches = (re.match(_SWITCH, entry.message) for entry in repository.refs.get_log("HEAD") or ())
    left = list(islice(filter(None, switches), number))
    if len(left) < number:
        raise NotFound(f"branches were switched {len(left)} times only")
    return left[-1][1].decode("utf-8", "surrogateescape")


def value_before(repository: Repository, name: str, count: int) -> ObjectId:
    """What a ref was before its last `count` changes; without a name, the branch that is checked out.

    Raises NotFound where its log does not go back so far.
    """
    for full_name, now, log in _logs(repository, name):
        if count == 0 and now and (log is not None or not name):
            return now
        if log and count < len(log):
            return log[count].new
        if log and count == len(log) and any(log[-1].old):
            return log[-1].old
        if log is not None:
            raise NotFound(f"the log of {full_name} has {len(log)} entries only")
    raise NotFound(f"{name or 'HEAD'!r} has no log")


def value_at(repository: Repository, name: str, when: int) -> ObjectId:
    """What a ref was at a time; if its log does not go back so far, the oldest value that it tells of.

    Raises NotFound where there is no log.
    """
    for full_name, now, log in _logs(repository, name):
        if log is None:
            continue
        if not log:
            raise NotFound(f"the log of {full_name} is empty")
        newest = log[0]
        found = next((entry for entry in log if _time(entry) <= when), None)
        if found is None:
            return log[-1].old if any(log[-1].old) else log[-1].new
        return now if found is newest and now and _time(found) != when else found.new
    raise NotFound(f"{name or 'HEAD'!r} has no log")


def _time(entry: LogEntry) -> int:
    return int(entry.committer.rpartition(b" ")[0].rpartition(b" ")[2])


def _logs(repository: Repository, name: str) -> Iterator[tuple[str, ObjectId | None, list[LogEntry] | None]]:
    """Each ref that a name fits, where it leads, and its log, newest entry first, None if it has none."""
    refs = repository.refs
    called = refs_called(repository, name) if name else iter([(_end(repository, "HEAD"), refs.get("HEAD"))])
    for full_name, now in called:
        yield full_name, now, refs.get_log(full_name) or refs.get_log(_end(repository, full_name))


def _end(repository: Repository, name: str) -> str:
    """The ref that symbolic refs lead to. A circle cannot be: `name` was read."""
    while isinstance(found := repository.refs.read(name), SymbolicRef):
        name = found.target
    return name
