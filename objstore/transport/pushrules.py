"""What the settings of a repository refuse, whoever pushes: hidden refs, checked-out branches, deletions, rewinds.

Texts are git's. Authority: git-config(1) "receive.*", "transfer.hideRefs"; git's `builtin/receive-pack.c`.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from ..errors import BadName, GitError, NotFound
from ..formats.config import as_bool
from ..formats.refs import SymbolicRef, check_name
from ..history import is_ancestor
from ..repository import Repository
from .said import Said
from .values import PushCommand


class PushRules:
    """What the settings of a repository refuse, whoever pushes."""

    def __init__(self, repository: Repository, said: Said) -> None:
        self._repository, self._config, self._said = repository, repository.config, said
        self._checked_out = set(_checked_out(repository))
        head = repository.refs.read("HEAD")
        self._head = head.target if isinstance(head, SymbolicRef) else None

    def refusal(self, each: PushCommand) -> str:
        """Why a command is refused; "" if it is not."""
        for look in (self._name, self._current, self._object, self._deletion, self._rewind):
            reason, said = look(each)
            if said:
                self._said.add(f"{'error' if reason else 'warning'}: {said}\n".encode("utf-8", "surrogateescape"))
            if reason:
                return reason
        return ""

    def _name(self, each: PushCommand) -> tuple[str, str]:
        try:
            check_name(each.name)
            is_good = each.name.startswith("refs/") and (each.new is None or "/" in each.name[5:])
        except BadName:
            is_good = False
        return ("", "") if is_good else ("funny refname", f"refusing to update funny ref '{each.name}' remotely")

    def _current(self, each: PushCommand) -> tuple[str, str]:
        if each.name not in self._checked_out:
            return "", ""
        action = self._deny_action("receive.denycurrentbranch")
        if action in ("ignore", "warn"):
            return "", "updating the current branch" if action == "warn" else ""
        why = "; updating its files (updateInstead) is not supported" if action == "updateinstead" else ""
        return "branch is currently checked out", f"refusing to update checked out branch: {each.name}{why}"

    def _object(self, each: PushCommand) -> tuple[str, str]:
        if each.new is None or self._repository.objects.has(each.new):
            return "", ""
        return "bad pack", f"unpack should have generated {each.new}, but I can't find it!"

    def _deletion(self, each: PushCommand) -> tuple[str, str]:
        if each.new or not each.old:
            return "", ""
        if each.name.startswith("refs/heads/") and self._config.get_bool("receive.denydeletes", False):
            return "deletion prohibited", f"denying ref deletion for {each.name}"
        if each.name not in self._checked_out and each.name != self._head:
            return "", ""
        action = self._deny_action("receive.denydeletecurrent")
        if action in ("ignore", "warn"):
            return "", "deleting the current branch" if action == "warn" else ""
        return "deletion of the current branch prohibited", f"refusing to delete the current branch: {each.name}"

    def _rewind(self, each: PushCommand) -> tuple[str, str]:
        is_branch = each.name.startswith("refs/heads/")
        if not (each.new and each.old and is_branch and self._config.get_bool("receive.denynonfastforwards", False)):
            return "", ""
        try:
            if {self._repository.objects.find_kind(id_) for id_ in (each.old, each.new)} != {"commit"}:
                raise NotFound("no commits")
            is_forward = is_ancestor(self._repository, each.old, each.new)
        except GitError:
            return "bad ref", f"Bad sha1 objects {each.old} and {each.new} for {each.name}"
        if is_forward:
            return "", ""
        return "non-fast-forward", f"denying non-fast-forward {each.name} (you should pull first)"

    def _deny_action(self, name: str) -> str:
        text = (self._config.get(name, alone="true") or "refuse").lower()
        if text in ("ignore", "warn", "refuse", "updateinstead"):
            return text
        return "refuse" if as_bool(text) is not False else "ignore"


def _checked_out(repository: Repository) -> Iterator[str]:
    """The branches that work trees have checked out."""
    heads = [] if repository.is_bare else ["main-worktree/HEAD"]
    with suppress(FileNotFoundError, NotADirectoryError):
        heads += [f"worktrees/{name}/HEAD" for name in os.listdir(f"{repository.common_dir}/worktrees")]
    for head in heads:
        try:
            found = repository.refs.read(head)
        except GitError:
            continue
        if isinstance(found, SymbolicRef):
            yield found.target


def hidden_patterns(repository: Repository, section: str) -> list[str]:
    """The patterns that hide refs from who pushes ("receive") or fetches ("uploadpack"), in git's order."""
    names = ("transfer.hiderefs", f"{section}.hiderefs")
    return [str(setting.value) for setting in repository.config.items() if setting.name in names]


def is_for_proc_receive(each: PushCommand, pattern: str) -> bool:
    """Source: git-config(1) "receive.procReceiveRefs"; git's `proc_receive_ref_matches`."""
    flags, colon, place = pattern.partition(":")
    if not colon or set(flags) - set("adm!"):
        flags, place = "", pattern
    action = "m" if each.old and each.new else "a" if each.new else "d"
    if set(flags) & set("adm") and action not in flags:
        return False
    place = place.rstrip("/")
    return (each.name == place or each.name.startswith(place + "/")) != ("!" in flags)
