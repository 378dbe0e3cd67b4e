"""Push: experiments go to another repository, each with its own result. What is not fast-forward is refused.

The walk: what the remote has → what it lacks → one pack → refs, compare-and-swap → the remote's answer for each.
Objects go before names, so a push that was cut off can simply be repeated. Notes travel with their experiments.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain

from expref.objstore.errors import GitError
from expref.objstore.history import shallow_boundary
from expref.objstore.ids import ObjectId
from expref.objstore.transport.receive import IncomingPack
from expref.objstore.transport.send import Outgoing, check_history_is_whole, objects_to_send, pack_stream
from expref.objstore.transport.values import Advertisement, PushCommand, PushResult, Remote

from .formats.refnames import NOTES, ref_of
from .lineage import is_behind
from .model import ExperimentRef
from .notes import merged, read
from .project import Project
from .remotes import Place, writing
from .results import Moved, Result

_TRIES = 5  # for notes: each means that somebody else has pushed some meanwhile
_MOST_HAVES = 50_000


def push(
    project: Project,
    where: Place,
    experiments: Sequence[ExperimentRef],
    *,
    replace: bool = False,
    atomic: bool = False,
    options: Sequence[str] = (),
) -> Moved:
    """Push experiments to each address of a remote; with several the worst result of each experiment counts.

    `replace` overwrites what has diverged there. `atomic`: all or none. Raises GitError where the remote cannot be
    reached or the transfer fails.
    """
    found: dict[ExperimentRef, Result] = {}
    said: list[str] = []
    warnings: list[str] = []
    for remote in writing(project, where) if experiments else ():
        with remote:
            sending = _Sending(project, remote, replace=replace, atomic=atomic, options=options)
            for result in sending.send(experiments):
                known = found.get(result.experiment)
                if known is None or known.is_done:
                    found[result.experiment] = result
            said += remote.messages()
            warnings += sending.warnings
    return Moved(tuple(found[each] for each in experiments), tuple(said), tuple(warnings))


class _Sending:
    """A push to one address."""

    def __init__(
        self, project: Project, remote: Remote, *, replace: bool, atomic: bool, options: Sequence[str]
    ) -> None:
        self._project, self._remote, self._replace = project, remote, replace
        self._atomic, self._options = atomic, options
        self.warnings: list[str] = []

    def send(self, experiments: Sequence[ExperimentRef]) -> list[Result]:
        before = self._remote.advertised()
        theirs = {ref.name: ref.id for ref in before.refs}
        results = [self._judge(each, theirs.get(_ref(each))) for each in experiments]
        results, outgoing = self._gather(results, before)
        if self._atomic and any(not each.is_done for each in results):
            return [each._replace(status="rejected", reason=_OTHER) if _is_due(each) else each for each in results]
        commands = [
            PushCommand(name, each.experiment.id, theirs.get(name))
            for each in results
            if _is_due(each) and (name := _ref(each.experiment))
        ]
        done = {each.name: each for each in self._push(commands, outgoing, before)} if commands else {}
        results = self._look_again([_with_answer(each, done) for each in results], theirs)
        self._send_notes([each.experiment.id for each in results if each.is_done], before)
        return results

    def _judge(self, experiment: ExperimentRef, there: ObjectId | None) -> Result:
        """What is to be done about an experiment, given what the remote has under its name."""
        if there is None:
            return Result(experiment, "new")
        if there == experiment.id:
            return Result(experiment, "up to date")
        if self._replace or is_behind(self._project, there, experiment.id):
            return Result(experiment, "updated")
        return Result(experiment, "diverged", f"the remote has {str(there)[:7]} under this name")

    def _gather(self, results: list[Result], before: Advertisement) -> tuple[list[Result], Outgoing]:
        """What must be sent for the experiments that are due; those that something is missing of are refused."""
        here = self._project.repository.objects.here
        due = [each.experiment.id for each in results if _is_due(each)]
        offered = dict.fromkeys(chain((ref.id for ref in before.refs), before.haves)) if due else ()
        known = here(list(offered)[:_MOST_HAVES])
        try:
            return results, self._objects_for(due, known)
        except GitError:  # find out which, so that the others can go
            results = [self._refused_if_broken(each, known) if _is_due(each) else each for each in results]
        return results, self._objects_for([each.experiment.id for each in results if _is_due(each)], known)

    def _refused_if_broken(self, result: Result, known: Sequence[ObjectId]) -> Result:
        try:
            self._objects_for([result.experiment.id], known)
        except GitError as error:
            return result._replace(status="rejected", reason=f"not sent: {error}")
        return result

    def _objects_for(self, wants: Sequence[ObjectId], known: Iterable[ObjectId]) -> Outgoing:
        """Raises NotFound or Corrupt if something is missing or broken, Conflict for a history that is cut off."""
        outgoing = objects_to_send(self._project.repository, wants, known)
        check_history_is_whole(self._project.repository, outgoing)
        return outgoing

    def _push(self, commands: Sequence[PushCommand], outgoing: Outgoing, before: Advertisement) -> list[PushResult]:
        repository, capabilities = self._project.repository, before.capabilities
        thin, ofs_delta = "no-thin" not in capabilities, "ofs-delta" in capabilities
        progress = self._project.progress
        pack = pack_stream(repository, outgoing, thin=thin, ofs_delta=ofs_delta, progress=progress)
        return self._remote.push(
            commands,
            pack if outgoing.objects else None,
            atomic=self._atomic,
            options=self._options,
            shallow=shallow_boundary(repository),
        )

    def _look_again(self, results: list[Result], before: dict[str, ObjectId]) -> list[Result]:
        """Of what was refused, find what others pushed at the same moment: they may have pushed the very same."""
        refused = [_ref(each.experiment) for each in results if each.status == "rejected"]
        if not refused or self._atomic:
            return results
        with suppress(GitError):
            now = {ref.name: ref.id for ref in self._remote.advertised().refs}
            moved = {name: now[name] for name in refused if name in now and now[name] != before.get(name)}
            return [_changed_there(each, moved.get(_ref(each.experiment))) for each in results]
        return results

    def _send_notes(self, ids: Sequence[ObjectId], before: Advertisement) -> None:
        """Send the notes of experiments, merged into the remote's; what goes wrong is a warning."""
        objects = self._project.repository.objects
        try:
            notes = read(objects, self._project.repository.refs.get(NOTES), ids)
            for _ in range(_TRIES if notes else 0):
                there = next((ref.id for ref in before.refs if ref.name == NOTES), None)
                if there and not objects.has(there):
                    self._fetch(there)
                commit = merged(self._project, there, notes, "notes: pushed by exps")
                if commit is None or commit == there:
                    return
                known = [there] if there else []
                (result,) = self._push([PushCommand(NOTES, commit, there)], self._objects_for([commit], known), before)
                if result.status != "rejected":
                    return
                before = self._remote.advertised()
            if notes:
                self.warnings.append(f"the notes of the experiments were not taken: {result.reason}")
        except GitError as error:
            self.warnings.append(f"the notes of the experiments were not sent: {error}")

    def _fetch(self, commit: ObjectId) -> None:
        objects = self._project.repository.objects
        with IncomingPack(objects) as incoming:
            self._remote.fetch_pack([commit], [], into=incoming)
            incoming.finish().release()
        objects.rescan()


_OTHER = "another one was refused, and --atomic was given"


def _is_due(result: Result) -> bool:
    return result.status in ("new", "updated")


def _ref(experiment: ExperimentRef) -> str:
    return ref_of(experiment.baseline, experiment.name)


def _with_answer(result: Result, done: dict[str, PushResult]) -> Result:
    answer = done.get(_ref(result.experiment))
    if answer is None or answer.status != "rejected":
        return result
    return result._replace(status="rejected", reason=answer.reason or "the remote gave no reason")


def _changed_there(result: Result, now: ObjectId | None) -> Result:
    if now is None:
        return result
    if now == result.experiment.id:
        return result._replace(status="up to date", reason="")
    return result._replace(status="diverged", reason=f"somebody else has just pushed {str(now)[:7]} under this name")
