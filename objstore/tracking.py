"""Which remote-tracking ref belongs to a branch: where it merges from (`@{upstream}`), where it pushes to (`@{push}`).

Reads the configuration only; whether the ref exists is not asked. Remotes in `.git/remotes` and `.git/branches` are not
known. Authority: git-config(1) "branch.*", "remote.*", "push.default"; git's `remote.c`.
"""
from collections.abc import Iterable

from .config import Config
from .errors import GitError, NotFound


def upstream(config: Config, branch: str) -> str:
    """The full name of the ref that follows what `branch` (a short name) merges from; raises NotFound."""
    remote = config.get(f"branch.{branch}.remote")
    merges = config.get_all(f"branch.{branch}.merge")
    if remote is None or not merges:
        raise NotFound(f"branch {branch!r} has no upstream")
    followed = mapped(config.get_all(f"remote.{remote}.fetch"), merges[0])
    if followed is None and remote != ".":
        raise NotFound(f"{merges[0]!r} of {remote!r}, the upstream of {branch!r}, has no remote-tracking branch here")
    return followed or merges[0]


def push_target(config: Config, branch: str) -> str:
    """The full name of the ref that follows where `branch` is pushed to; raises NotFound if that is not known."""
    remote = _push_remote(config, branch)
    target = f"refs/heads/{branch}"
    refspecs = config.get_all(f"remote.{remote}.push")
    if refspecs:
        pushed = mapped(refspecs, target)
        if pushed is None:
            raise NotFound(f"the push refspecs of {remote!r} do not include {branch!r}")
        return _followed(config, remote, pushed)
    if config.get_bool(f"remote.{remote}.mirror", False):
        return _followed(config, remote, target)
    return _by_default(config, remote, branch)


def _push_remote(config: Config, branch: str) -> str:
    settings = (f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote")
    remotes = {each.subsection for each in config.items("remote.") if each.subsection}
    default = remotes.pop() if len(remotes) == 1 else "origin"
    return next(filter(None, map(config.get, settings)), default)


def _by_default(config: Config, remote: str, branch: str) -> str:
    """What `push.default` makes of a branch. Source: git's `remote.c`, `branch_get_push_1`."""
    default = config.get("push.default") or "simple"
    if default in ("current", "matching"):
        return _followed(config, remote, f"refs/heads/{branch}")
    if default in ("upstream", "tracking"):
        return upstream(config, branch)
    if default == "nothing":
        raise NotFound(f"branch {branch!r} is pushed nowhere: push.default is 'nothing'")
    if default != "simple":
        raise GitError(f"push.default: bad value {default!r}")
    merged, pushed = upstream(config, branch), _followed(config, remote, f"refs/heads/{branch}")
    if merged != pushed:
        raise NotFound(f"branch {branch!r} merges from {merged} but would be pushed to {pushed}")
    return pushed


def _followed(config: Config, remote: str, name: str) -> str:
    found = mapped(config.get_all(f"remote.{remote}.fetch"), name)
    if found is None:
        raise NotFound(f"{name!r} of {remote!r}, which is pushed to, has no remote-tracking branch here")
    return found


def mapped(refspecs: Iterable[str], name: str) -> str | None:
    """What the first refspec that fits makes of a ref's name; None if none does. Exclusions do not count, as in git."""
    for source, _, target in (spec.removeprefix("+").rpartition(":") for spec in refspecs):
        middle = _between(source, name)
        if middle is not None and target:
            return target.replace("*", middle, 1) if "*" in source else target
    return None


def _between(pattern: str, name: str) -> str | None:
    """What the star in `pattern` stands for in `name`, "" if there is no star; None if they differ."""
    start, star, end = pattern.partition("*")
    if not star:
        return "" if pattern == name else None
    fits = name.startswith(start) and name.endswith(end) and len(name) >= len(start) + len(end)
    return name[len(start) : len(name) - len(end)] if fits else None
