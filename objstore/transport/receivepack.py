"""Taking a push into a repository on this machine: what `git receive-pack` does, without it.

    quarantine      the pack, verified; all that the new values lead to must be there
    pre-receive     the hook sees the objects in the quarantine, and may refuse everything
    migrate         the objects become part of the repository: data before names
    refs            one by one, or all or none (atomic): the settings of the repository, the hook update,
                    reference-transaction, then the change itself, compared with the expected value
    post-receive    and post-update hear of what was changed

Texts of refusals are git's. Differences: `receive.denyCurrentBranch = updateInstead` refuses, refs that
`receive.procReceiveRefs` names are refused, nothing is collected afterwards; "prepared" of reference-transaction comes
right before the refs are locked. Authority: git's `builtin/receive-pack.c`, githooks(5), git-config(1) "receive.*".
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack

from ..errors import GitError
from ..formats.hiddenrefs import is_hidden
from ..formats.refs import SymbolicRef
from ..progress import SILENT, Progress
from ..repository import Repository
from ..stores.keepmarks import release_left_over
from ..stores.refstore import RefUpdate
from .hooks import Hooks
from .objectcheck import ObjectCheck, wants_check
from .pushrules import PushRules, hidden_patterns, is_for_proc_receive
from .quarantine import Quarantine
from .receive import UNPACK_LIMIT, IncomingPack, Received, check_connected
from .said import Said
from .values import PushCommand, PushResult

LOG_MESSAGE = "push"
_ABORTED = "ref updates aborted by hook"


class _HookAborted(Exception):
    """The hook reference-transaction refused: git ends there."""


class ReceivePack:
    """One push. What hooks print and why refs are refused goes to `said`, as it does to who pushes over a wire."""

    def __init__(
        self, repository: Repository, environ: Mapping[str, str], said: Said, *, signature: bytes = b""
    ) -> None:
        """Prepare a push into `repository`; hooks run with `environ`. `signature` is for logs, a guess if empty."""
        self._repository, self._config, self._said, self._signature = repository, repository.config, said, signature
        self._hooks = Hooks(repository.git_dir, repository.common_dir, repository.config, environ)
        self._no_id = bytes(repository.object_format.width).hex()
        self._reasons: dict[PushCommand, str] = {}
        self._absent: set[PushCommand] = set()  # deletions of what was not there
        self._skipped: set[PushCommand] = set()
        self._push_options = {"GIT_PUSH_OPTION_COUNT": "0"}

    def run(
        self,
        commands: Sequence[PushCommand],
        pack: Iterable[bytes] | None,
        *,
        atomic: bool = False,
        options: Sequence[str] = (),
        progress: Progress = SILENT,
    ) -> list[PushResult]:
        """Take the pack and change the refs; a result for each command, in their order."""
        if options:
            numbered = {f"GIT_PUSH_OPTION_{number}": text for number, text in enumerate(options)}
            self._push_options = {"GIT_PUSH_OPTION_COUNT": str(len(options)), **numbered}
        with ExitStack() as held:
            ended = self._accept(commands, pack, held, progress) and self._change(commands, atomic)
        release_left_over(f"{self._repository.objects.path}/pack")
        if ended:
            self._tell(commands)
        return [
            PushResult(each.name, "rejected" if each in self._reasons else "ok", self._reasons.get(each, ""))
            for each in commands
        ]

    def _refuse(self, commands: Iterable[PushCommand], reason: str, said: str = "") -> None:
        """Refuse those of the commands that are not refused yet."""
        for each in commands:
            self._reasons.setdefault(each, reason)
        if said:
            self._said.add(f"error: {said}\n".encode("utf-8", "surrogateescape"))

    def _open(self, commands: Iterable[PushCommand]) -> list[PushCommand]:
        return [each for each in commands if each not in self._reasons]

    # The objects.

    def _accept(
        self, commands: Sequence[PushCommand], pack: Iterable[bytes] | None, held: ExitStack, progress: Progress
    ) -> bool:
        """Take the objects in and ask whether all may go on; whether any command is left to carry out."""
        quarantine = None
        received = None
        if any(each.new for each in commands):
            quarantine = held.enter_context(Quarantine(self._repository))
            try:
                received = self._take(pack, quarantine, progress)
            except GitError as error:
                self._refuse(commands, f"unpacker error: {error}")
                return False
            self._check_connected(commands, quarantine.inside(), received)
        self._refuse_hidden(commands)
        self._refuse_proc_receive(commands)
        extra = {**self._push_options, **(quarantine.environ() if quarantine else {})}
        if self._open(commands) and not self._run("pre-receive", stdin=self._lines(commands), extra=extra):
            self._refuse(commands, "pre-receive hook declined")
            return False
        if quarantine:
            quarantine.migrate()
        if received and received.keep:
            moved = received._replace(keep=f"{self._repository.objects.path}/pack/{os.path.basename(received.keep)}")
            held.callback(moved.release)
        return True

    def _take(self, pack: Iterable[bytes] | None, quarantine: Quarantine, progress: Progress) -> Received | None:
        if pack is None:
            return None
        objects, config = self._repository.objects, self._config
        limit = config.get_int("receive.unpacklimit", config.get_int("transfer.unpacklimit", UNPACK_LIMIT))
        check = ObjectCheck(config, "receive", objects.form) if wants_check(config, "receive") else None
        largest = config.get_int("receive.maxinputsize", 0)
        with IncomingPack(objects, folder=quarantine.path, largest=largest) as incoming:
            for block in pack:
                incoming.write(block)
            received = incoming.finish(unpack_below=limit, check=check, progress=progress)
        if check:
            check.finish(quarantine.inside().objects)
            self._said.add("".join(f"{line}\n" for line in check.warnings).encode())
        return received

    def _check_connected(self, commands: Sequence[PushCommand], inside: Repository, received: Received | None) -> None:
        """Refuse the commands whose new values lead to something that is missing."""
        known = [ref.id for ref in self._repository.refs.refs("refs/") if ref.id]
        try:
            check_connected(inside, [each.new for each in commands if each.new], known, received)
            return
        except GitError:  # find out which
            pass
        for each in commands:
            try:
                check_connected(inside, [each.new] if each.new else [], known, received)
            except GitError as error:
                self._refuse([each], "missing necessary objects", str(error))

    def _refuse_hidden(self, commands: Sequence[PushCommand]) -> None:
        patterns = hidden_patterns(self._repository, "receive")
        for each in self._open(commands):
            if is_hidden(each.name, patterns):
                self._refuse([each], f"deny {'updating' if each.new else 'deleting'} a hidden ref")

    def _refuse_proc_receive(self, commands: Sequence[PushCommand]) -> None:
        patterns = self._config.get_all("receive.procreceiverefs")
        for each in self._open(commands):
            if any(is_for_proc_receive(each, pattern) for pattern in patterns):
                said = f"the hook proc-receive, which {each.name} is for, is not run"
                self._refuse([each], "fail to run proc-receive hook", said)

    # Hooks.

    def _run(
        self, name: str, arguments: Sequence[str] = (), *, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> bool:
        """Run a hook; whether it agreed."""
        warning = self._hooks.ignored(name)
        ran = self._hooks.run(name, arguments, stdin=stdin, extra=extra)
        said = (f"{warning}\n".encode("utf-8", "surrogateescape") if warning else b"") + ran.output
        self._said.add(said if not said or said.endswith(b"\n") else said + b"\n")
        return ran.ok

    def _lines(self, commands: Iterable[PushCommand]) -> bytes:
        """The commands as hooks read them."""
        lines = (f"{each.old or self._no_id} {each.new or self._no_id} {each.name}\n" for each in commands)
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _tell(self, commands: Sequence[PushCommand]) -> None:
        done = [each for each in self._open(commands) if each not in self._absent]
        if done:
            self._run("post-receive", stdin=self._lines(done), extra=self._push_options)
            self._run("post-update", [each.name for each in done])

    # The refs.

    def _change(self, commands: Sequence[PushCommand], atomic: bool) -> bool:
        """Change the refs; whether it came to an end, which a hook can prevent."""
        self._refuse_aliases(commands)
        rules = PushRules(self._repository, self._said)
        try:
            if atomic:
                self._change_all(commands, rules)
            elif not self._change_at_once(commands, rules):
                for each in self._due(commands):
                    self._change_one(each, rules)
        except _HookAborted:
            self._refuse(self._due(commands), _ABORTED, _ABORTED)
            return False
        return True

    def _due(self, commands: Iterable[PushCommand]) -> Iterator[PushCommand]:
        return (each for each in self._open(commands) if each not in self._skipped)

    def _change_at_once(self, commands: Sequence[PushCommand], rules: PushRules) -> bool:
        """Where no hook asks for each ref, try all that may be changed in one transaction; whether that went well."""
        if any(self._hooks.find(name) for name in ("update", "reference-transaction")):
            return False
        for each in list(self._due(commands)):
            reason = rules.refusal(each)
            if reason:
                self._reasons[each] = reason
        updates = [self._update_of(each) for each in self._due(commands)]
        try:
            self._repository.refs.update(updates, signature=self._signature)
        except (GitError, OSError):  # because of one of them; nothing is changed, unless a disk failed midway
            self._skipped |= {each for each in self._due(commands) if self._is_done(each)}
            return False
        return True

    def _is_done(self, each: PushCommand) -> bool:
        try:
            return self._repository.refs.get(each.name) == each.new
        except GitError:
            return False

    def _change_one(self, each: PushCommand, rules: PushRules) -> None:
        reason = rules.refusal(each) or self._ask_update(each)
        if not reason:
            reason = self._commit([each], "failed to update ref")
        if reason:
            self._reasons[each] = reason
        else:
            self._skipped.add(each)  # done

    def _change_all(self, commands: Sequence[PushCommand], rules: PushRules) -> None:
        reason = "atomic push failure" if self._reasons else ""
        due = list(self._due(commands)) if not reason else []
        for each in due:
            own = rules.refusal(each) or self._ask_update(each)
            if own:
                self._reasons[each], reason = own, "atomic push failure"
                break
        reason = reason or self._commit(due, "atomic transaction failed")
        if reason:
            self._refuse(commands, reason)

    def _ask_update(self, each: PushCommand) -> str:
        values = [each.name, str(each.old or self._no_id), str(each.new or self._no_id)]
        if self._run("update", values):
            return ""
        self._said.add(f"error: hook declined to update {each.name}\n".encode("utf-8", "surrogateescape"))
        return "hook declined"

    def _commit(self, commands: Sequence[PushCommand], reason: str) -> str:
        """Change refs together; return why that was refused, "" if it was not. Raises _HookAborted."""
        updates = [self._update_of(each) for each in commands]
        lines = self._lines(commands) if self._hooks.find("reference-transaction") else b""
        if not updates:
            return ""
        if lines and not self._run("reference-transaction", ["prepared"], stdin=lines):
            self._run("reference-transaction", ["aborted"], stdin=lines)
            raise _HookAborted
        try:
            self._repository.refs.update(updates, signature=self._signature)
        except (GitError, OSError) as error:
            self._said.add(f"error: {error}\n".encode("utf-8", "surrogateescape"))
            if lines:
                self._run("reference-transaction", ["aborted"], stdin=lines)
            return reason
        if lines:
            self._run("reference-transaction", ["committed"], stdin=lines)
        return ""

    def _update_of(self, each: PushCommand) -> RefUpdate:
        if each.new or (each.old and self._repository.objects.has(each.old)):
            return RefUpdate(each.name, each.new, each.old or "absent", LOG_MESSAGE)
        if self._repository.refs.get(each.name) is None:
            self._absent.add(each)
            self._said.add(b"warning: deleting a non-existent ref\n")
        return RefUpdate(each.name, None, "any", LOG_MESSAGE)

    def _refuse_aliases(self, commands: Sequence[PushCommand]) -> None:
        """A symbolic ref and what it leads to may be named both, if they are to become the same."""
        by_name = {each.name: each for each in self._open(commands)}
        there = {"HEAD", *self._repository.refs.names("refs/")}
        for each in (command for name, command in by_name.items() if name in there):
            try:
                found = self._repository.refs.read(each.name)
            except GitError:
                continue
            other = by_name.get(found.target) if isinstance(found, SymbolicRef) else None
            if other is None:
                continue
            self._skipped.add(each)
            if (each.old, each.new) != (other.old, other.new):
                said = f"refusing inconsistent update between symref '{each.name}' and its target '{other.name}'"
                self._refuse([each, other], "inconsistent aliased update", said)
