"""A repository in another folder of this machine as a `Remote`, without a protocol in between and without git.

Reading it is what `git upload-pack` does for a path, pushing what `git receive-pack` does (`receivepack.py`). The
repository has to belong to the user, or to be named by `safe.directory`; of the environment nothing reaches it that is
about another repository. Which ids may be fetched is git's rule for protocol 0: what a shown ref is at, or what
`uploadpack.allow*SHA1InWant` allows. Authority: git-upload-pack(1), git-config(1) "uploadpack.*"; git's `path.c`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType

from ..discovery import find_repository_at
from ..errors import GitError, NotFound, RemoteError, Unsupported
from ..formats.hiddenrefs import is_hidden
from ..formats.refs import SymbolicRef
from ..history import nodes, peel, shallow_boundary
from ..ids import ObjectFormat, ObjectId
from ..progress import SILENT, Progress
from ..repository import Repository
from .hooks import OF_A_REPOSITORY
from .pushrules import hidden_patterns
from .receivepack import ReceivePack
from .said import Said
from .send import objects_to_send, pack_stream
from .values import Advertisement, PushCommand, PushResult, RemoteRef, ShallowUpdate, Sink

ENOUGH_HAVES = 256  # common objects, after which no further ones are asked for
MOST_HAVES = 20_000  # objects asked for
LEVEL = 1  # zlib's, of what is sent: nothing goes over a wire


class LocalRemote:
    """A repository at a path."""

    def __init__(self, path: str, environ: Mapping[str, str], form: ObjectFormat, *, signature: bytes = b"") -> None:
        """Open the repository at `path`, for one whose ids are of `form`; `signature` is for the logs of its refs.

        Raises NotFound, Unsafe where the user does not trust it, Unsupported for another object format.
        """
        self.url = path
        self._environ = {name: text for name, text in environ.items() if name not in OF_A_REPOSITORY}
        self._repository = _open(path, self._environ)
        if self._repository.object_format != form:
            theirs = self._repository.object_format.name
            raise Unsupported(f"a remote with object format {theirs} for a repository with {form.name}", path)
        self._signature, self._said = signature, Said()
        self._listed: set[ObjectId] = set()  # what may be fetched because it was shown, as to a client of protocol 0

    def list_refs(self, prefixes: Sequence[str] = ()) -> list[RemoteRef]:
        """See `Remote`. Raises GitError."""
        refs = list(self._refs("uploadpack", prefixes))
        self._listed.update(ref.id for ref in refs)
        return refs

    def _refs(self, section: str, prefixes: Sequence[str] = ()) -> Iterator[RemoteRef]:
        """The refs that are shown, HEAD first. As in git, nobody looks whether the objects exist."""
        repository = self._repository
        patterns = hidden_patterns(repository, section)
        if not prefixes or any("HEAD".startswith(each) for each in prefixes):
            head = repository.refs.get("HEAD")
            named = repository.refs.read("HEAD")
            if head and not is_hidden("HEAD", patterns):
                yield RemoteRef("HEAD", head, named.target if isinstance(named, SymbolicRef) else None)
        folders = [each[: each.rindex("/") + 1] for each in prefixes if each.startswith("refs/")]
        places = sorted(set(folders)) if len(folders) == len(prefixes) and folders else ["refs/"]
        found = {ref.name: ref.id for place in places for ref in repository.refs.refs(place) if ref.id}
        wanted = tuple(prefixes) or ""
        for name, id_ in found.items():
            if name.startswith(wanted) and not is_hidden(name, patterns):
                yield RemoteRef(name, id_, None, self._peeled(name, id_))

    def _peeled(self, name: str, id_: ObjectId) -> ObjectId | None:
        """What a tag points to; only refs below "refs/tags/" are looked at."""
        if not name.startswith("refs/tags/"):
            return None
        try:
            peeled = peel(self._repository.objects, id_, None)
        except GitError:  # a broken one is listed nevertheless
            return None
        return peeled if peeled != id_ else None

    def fetch_pack(
        self, wants: Iterable[ObjectId], haves: Iterable[ObjectId], *, into: Sink,
        shallow: Iterable[ObjectId] = (), progress: Progress = SILENT,
    ) -> ShallowUpdate:  # fmt: skip
        """See `Remote`. Raises RemoteError for what may not be fetched, NotFound for what the remote lacks."""
        wanted = list(dict.fromkeys(wants))
        self._check_allowed(wanted)
        outgoing = objects_to_send(self._repository, wanted, self._common(haves), cut=shallow)
        for block in pack_stream(self._repository, outgoing, level=LEVEL):
            into.write(block)
            progress.advance(0, len(block))
        boundary = shallow_boundary(self._repository)
        return ShallowUpdate(frozenset(each.id for each in outgoing.objects if each.id in boundary))

    def _common(self, haves: Iterable[ObjectId]) -> Iterator[ObjectId]:
        found = 0
        for number, id_ in enumerate(haves):
            if found == ENOUGH_HAVES or number == MOST_HAVES:
                return
            if self._repository.objects.has_now(id_):
                found += 1
                yield id_

    def _check_allowed(self, wanted: list[ObjectId]) -> None:
        """Raise RemoteError for an id that is neither shown nor allowed by the settings of the repository."""
        config, repository = self._repository.config, self._repository
        if self._listed.issuperset(wanted) or config.get_bool("uploadpack.allowanysha1inwant", False):
            return
        shown = {ref.id for ref in self._refs("uploadpack")}
        if config.get_bool("uploadpack.allowtipsha1inwant", False):
            shown |= {ref.id for ref in repository.refs.refs("refs/") if ref.id}
        others = [id_ for id_ in wanted if id_ not in shown]
        if others and config.get_bool("uploadpack.allowreachablesha1inwant", False):
            tips = [id_ for id_ in shown if _is_commit(repository, id_)]
            reachable = {id_ for id_, _ in nodes(repository, tips)}
            others = [id_ for id_ in others if id_ not in reachable]
        if others:
            raise RemoteError(f"{self.url}: upload-pack: not our ref {others[0]}")

    def advertised(self) -> Advertisement:
        """See `Remote`. Raises GitError."""
        config = self._repository.config
        words = ["report-status-v2", "delete-refs", "ofs-delta"]
        words += ["atomic"] if config.get_bool("receive.advertiseatomic", True) else []
        words += ["push-options"] if config.get_bool("receive.advertisepushoptions", False) else []
        return Advertisement(
            [ref for ref in self._refs("receive") if ref.name != "HEAD"],
            frozenset(),
            dict.fromkeys(words, ""),
            self._repository.object_format,
            shallow_boundary(self._repository),
        )

    def push(
        self, commands: Sequence[PushCommand], pack: Iterator[bytes] | None, *, atomic: bool = False,
        options: Sequence[str] = (), shallow: Iterable[ObjectId] = (), progress: Progress = SILENT,  # noqa: ARG002
    ) -> list[PushResult]:  # fmt: skip
        """See `Remote`. A commit whose parents would be missing is refused, in `shallow` or not. Raises GitError."""
        config = self._repository.config
        if atomic and not config.get_bool("receive.advertiseatomic", True):
            raise Unsupported("a push with atomic to this repository (receive.advertiseAtomic)", self.url)
        if options and not config.get_bool("receive.advertisepushoptions", False):
            raise Unsupported("a push with push-options to this repository (receive.advertisePushOptions)", self.url)
        due = [each for each in commands if each.new != each.old or each.new is None]
        run = ReceivePack(self._repository, self._environ, self._said, signature=self._signature)
        done = dict(zip(due, run.run(due, pack, atomic=atomic, options=options, progress=progress), strict=True))
        return [done.get(each) or PushResult(each.name, "up to date") for each in commands]

    def messages(self) -> list[str]:
        """See `Remote`."""
        return self._said.take()

    def close(self) -> None:
        """See `Remote`. There is nothing to end."""

    def __enter__(self) -> "LocalRemote":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _open(path: str, environ: Mapping[str, str]) -> Repository:
    git_dir, top = find_repository_at(path, environ)
    return Repository(git_dir, top, environ, start=top or git_dir)


def _is_commit(repository: Repository, id_: ObjectId) -> bool:
    try:
        return peel(repository.objects, id_, None) == peel(repository.objects, id_, "commit")
    except (NotFound, GitError):
        return False
