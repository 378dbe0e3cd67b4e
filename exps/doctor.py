"""Doctor: what is wrong with a repository as far as experiments need it, and what to do about it.

`examine` changes nothing. `repair` does what `Problem.repair` says, and that loses nothing: locks that a dead process
of ours left are removed, refs of ours that say nothing are put aside. Locks of others are never touched.
"""

import os
import re
import time
from collections.abc import Iterator

from expref.objstore.errors import GitError
from expref.objstore.lighttyping import NamedTuple
from expref.objstore.stores.lockmarks import holder

from .errors import ExpError
from .experiments import listing
from .formats.refnames import HIDDEN, PREFIX, is_of_dvc
from .model import ExperimentRef
from .project import Project

YOUNG_S = 60  # a lock is nothing to worry about before
ASIDE = "broken-refs"  # in the shared state folder: where a ref of ours goes that says nothing
_TEMPORARY = re.compile(r"\.(\d+)-[0-9a-f]{8}\.tmp\Z")


class Problem(NamedTuple):
    """Something that is wrong, and what to do.

    `repair` says what `exps doctor --fix` does about `path`: "remove" or "put aside" it; empty if nothing.
    """

    what: str
    remedy: str
    repair: str = ""
    path: str = ""


def examine(project: Project) -> list[Problem]:
    """All that is found: in what to sign with, HEAD and the index, refs, experiments, locks, and files of ours."""
    return [
        *_identity(project), *_head(project), *_refs(project), *_experiments(project), *_locks(project),
        *_leftovers(project),
    ]  # fmt: skip


def repair(project: Project, problems: list[Problem]) -> list[Problem]:
    """Repair what can be; return what was. Raises OSError for what the system refuses."""
    done = [each for each in problems if each.repair]
    for problem in done:
        if problem.repair == "remove":
            _remove(problem.path)
        else:
            aside = project.state.path(f"{ASIDE}/{os.path.relpath(problem.path, project.repository.common_dir)}")
            os.makedirs(os.path.dirname(aside), exist_ok=True)
            os.replace(problem.path, aside)
    return done


def _remove(path: str) -> None:
    """Remove a file of a dead process; a lock that somebody else has taken since stays."""
    owner = holder(path)
    if not path.endswith(".lock") or (owner and owner.is_gone()):
        os.unlink(path)


def state_size(project: Project) -> tuple[int, int]:
    """What we keep beside Git's own files: how many files, of how many bytes."""
    sizes = [size for folder in _state_folders(project) for _, size in _files(folder)]
    return len(sizes), sum(sizes)


def _identity(project: Project) -> Iterator[Problem]:
    for role in ("author", "committer"):
        try:
            project.signature(role, project.now())
        except ExpError as error:
            yield Problem(error.message, error.hint)
            return


def _head(project: Project) -> Iterator[Problem]:
    repository = project.repository
    try:
        head = repository.head()
        if head.id is None:
            yield Problem(f"branch {head.branch!r} has no commit yet", "commit something: experiments stand on commits")
        else:
            repository.objects.find_tree(repository.objects.find_commit(head.id).tree)
    except GitError as error:
        remedy = "`git fsck` says more; `git fetch` or a copy may have what is missing"
        yield Problem(f"HEAD cannot be read: {error}", remedy)
    try:
        repository.index.read()
    except GitError as error:
        yield Problem(f"the index cannot be read: {error}", error.hint)
    except OSError as error:
        yield Problem(f"the index cannot be read: {error}", "make it readable for you")


def _refs(project: Project) -> Iterator[Problem]:
    repository = project.repository
    for ref in repository.refs.refs("refs/"):
        path = f"{repository.common_dir}/{ref.name}"
        ours = ref.name.startswith((PREFIX, HIDDEN)) and not is_of_dvc(ref.name)
        if ref.broken:
            aside = f"--fix puts its file aside, into {project.state.path(ASIDE)}"
            remedy, repaired = (aside, "put aside") if ours and os.path.isfile(path) else (_DELETE.format(ref.name), "")
            yield Problem(f"broken ref {ref.name}: {ref.broken}", remedy, repaired, path)
        elif ref.id and not repository.objects.has(ref.id):
            remedy = "fetch it from where it came, or `exps remove` it" if ours else _DELETE.format(ref.name)
            yield Problem(f"{ref.name} leads to object {ref.id}, which is missing", remedy)


_DELETE = "see what it was in its reflog, then `git update-ref --no-deref -d {}`"


def _experiments(project: Project) -> Iterator[Problem]:
    objects = project.repository.objects
    for each in listing(project.repository).found:
        try:
            if objects.has(each.id):
                objects.find_tree(objects.find_commit(each.id).tree)
            if not objects.has(each.baseline):
                yield Problem(f"the baseline of {_shown(each)} is missing: commit {each.baseline}", "fetch that commit")
        except GitError as error:
            yield Problem(f"{_shown(each)} cannot be read: {error}", "`git fsck` says more")


def _shown(each: ExperimentRef) -> str:
    return f"experiment {each.name!r} on {str(each.baseline)[:7]}"


def _locks(project: Project) -> Iterator[Problem]:
    for path in _lock_files(project):
        age_s = _age_s(path)
        if age_s is None:  # its holder is done
            continue
        owner = holder(path)
        if owner and owner.is_gone():
            what = f"{path} is a lock of ours ({age_s} s old), and process {owner.pid}, which made it, is gone"
            yield Problem(what, "--fix removes it", "remove", path)
        elif age_s >= YOUNG_S:
            whose = f"process {owner.pid} on {owner.host}" if owner else "another program, or was left by one"
            remedy = f"if no git or exps is running here, type: rm {_quoted(path)}"
            yield Problem(f"{path} is held by {whose} ({age_s} s old)", remedy)


def _age_s(path: str) -> int | None:
    """For how many seconds a file has not changed; None if it has gone."""
    try:
        return max(0, int(time.time() - os.lstat(path).st_mtime))
    except OSError:
        return None


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w@%+=:,./-]+", path) else "'" + path.replace("'", "'\\''") + "'"


def _lock_files(project: Project) -> Iterator[str]:
    """The locks in the Git folders of all work trees, without looking at thousands of objects."""
    objects = f"{project.repository.common_dir}/objects"
    for top in dict.fromkeys((project.repository.common_dir, project.repository.git_dir)):
        for folder, folders, names in os.walk(top):
            if folder == objects:
                folders[:] = ["info"]
            yield from (f"{folder}/{name}" for name in sorted(names) if name.endswith(".lock"))


def _leftovers(project: Project) -> Iterator[Problem]:
    """Temporary files of ours whose process is gone."""
    for folder in _state_folders(project):
        for path, size in _files(folder):
            made = _TEMPORARY.search(path)
            is_old = made and (_age_s(path) or 0) >= YOUNG_S  # a young one may be of another machine
            if made and is_old and not _is_alive(int(made[1])):
                what = f"{path} was left by a process that is gone ({size} bytes)"
                yield Problem(what, "--fix removes it", "remove", path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0) if os.name == "posix" else None
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _state_folders(project: Project) -> list[str]:
    return list(dict.fromkeys(state.path("")[:-1] for state in (project.state, project.own_state)))


def _files(folder: str) -> Iterator[tuple[str, int]]:
    for above, _, names in os.walk(folder):
        for name in names:
            try:
                yield f"{above}/{name}", os.lstat(f"{above}/{name}").st_size
            except OSError:  # just gone
                continue
