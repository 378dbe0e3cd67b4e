"""The hooks of a repository that is pushed to by path: programs of its owner, run as git runs them.

They are run in the Git folder with `GIT_DIR=.`; what they print, on either stream, goes to who pushes. A hook that is
not executable is passed over, as by git; one that cannot be started counts as one that refused.
Authority: githooks(5); git's `hook.c`, `run-command.c`.
"""

import errno
import os
from collections.abc import Mapping, Sequence

from ..config import Config
from ..lighttyping import NamedTuple

SHELL = "/bin/sh"  # for a hook that does not say what runs it
OF_A_REPOSITORY = frozenset({  # what belongs to one repository and must not reach another
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR",
    "GIT_INTERNAL_SUPER_PREFIX", "GIT_QUARANTINE_PATH", "GIT_PUSH_OPTION_COUNT",
})  # fmt: skip


class Ran(NamedTuple):
    """What came of a hook: `ok` also where there is none; `output` is what it printed."""

    ok: bool
    output: bytes = b""


class Hooks:
    """The hooks of one repository."""

    def __init__(self, git_dir: str, common_dir: str, config: Config, environ: Mapping[str, str]) -> None:
        """Look at the hooks of a Git folder, which `core.hooksPath` may have elsewhere; run them with `environ`."""
        self._git_dir = git_dir
        named = config.get_path("core.hookspath")
        self._folder = f"{common_dir}/hooks" if named is None else os.path.join(git_dir, named)
        self._environ = {name: text for name, text in environ.items() if name not in OF_A_REPOSITORY}

    def find(self, name: str) -> str | None:
        """The program of a hook; None if there is none that may be run."""
        path = f"{self._folder}/{name}"
        return path if os.path.isfile(path) and os.access(path, os.X_OK) else None

    def ignored(self, name: str) -> str | None:
        """What to say of a hook that is there and not executable; None if there is nothing to say."""
        path = f"{self._folder}/{name}"
        if self.find(name) or not os.path.isfile(path):
            return None
        return f"hint: The '{path}' hook was ignored because it's not set as executable."

    def run(
        self, name: str, arguments: Sequence[str] = (), *, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a hook to its end, if there is one, with `extra` variables."""
        path = self.find(name)
        if path is None:
            return Ran(True)
        try:
            return self._run([path, *arguments], stdin, extra or {})
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                return Ran(False, f"error: cannot run {path}: {error.strerror}\n".encode())
            return self._run([SHELL, path, *arguments], stdin, extra or {})

    def _run(self, argv: list[str], stdin: bytes, extra: Mapping[str, str]) -> Ran:
        import subprocess  # a tenth of the time of a short command; most repositories have no hooks

        done = subprocess.run(
            argv, input=stdin, cwd=self._git_dir, env={**self._environ, "GIT_DIR": ".", **extra},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return Ran(done.returncode == 0, done.stdout)
