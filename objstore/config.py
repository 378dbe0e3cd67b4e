"""Git's configuration as one command sees it: every setting, in git's order, and what the last one says.

Not here: the text of a file (`formats/config.py`), which files there are (`configfiles.py`), and whether a repository
may be trusted: `Config.load` without folders reads only what belongs to the machine, the user and the command line,
which is all that may decide about that.
Invariants: settings stand in the order in which git reads them, the last one wins; the environment is a parameter.
Authority: git-config(1), "Values"; git's `config.c`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .configfiles import expanded, settings_of, text_of
from .errors import GitError
from .formats.config import Setting, as_bool, as_int, canonical_name


class Config:
    """All settings that hold in one place. Names are taken in any case: `get("core.fileMode")`."""

    __slots__ = ("_by_name", "_home", "_settings")

    def __init__(self, settings: Iterable[Setting] = (), *, home: str | None = None) -> None:
        """Hold `settings`, later ones winning; `home` is what "~/" in paths stands for."""
        self._settings = list(settings)
        self._home = home
        self._by_name: dict[str, list[Setting]] = {}
        for setting in self._settings:
            self._by_name.setdefault(setting.name, []).append(setting)

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        *,
        git_dir: str | None = None,
        own: Sequence[Setting] = (),
        branch: str | None = None,
    ) -> "Config":
        """Read everything that holds in this work tree, or, without a Git folder, outside of any repository.

        `git_dir` is an absolute path; it decides `includeIf "gitdir:…"` both as it is passed and with symbolic links
        resolved. `own` is what `configfiles.read_file` found in the common configuration file, `branch` the short name
        of the branch that is checked out. Raises Corrupt, BadName and other GitErrors, naming file and line.
        """
        return cls(settings_of(git_dir, own, environ, branch), home=environ.get("HOME"))

    def settings(self, name: str) -> list[Setting]:
        """Every setting of this name with its level and place, in order. Raises BadName."""
        return self._by_name.get(name) or self._by_name.get(canonical_name(name), [])

    def items(self, prefix: str = "") -> Iterator[Setting]:
        """Every setting whose canonical name begins with `prefix`, in order: `items("remote.")`."""
        return (setting for setting in self._settings if setting.name.startswith(prefix))

    def get(self, name: str, *, alone: str | None = None) -> str | None:
        """The last value, None if there is none.

        `alone` is what a key without "=" means. It is needed where words and truth values are mixed, as in
        `core.autocrlf`; for other settings such a key is an error.
        """
        found = self.settings(name)
        if found and found[-1].value is None and alone is not None:
            return alone
        return text_of(found[-1]) if found else None

    def get_all(self, name: str) -> list[str]:
        """Every value in order. Where the setting is a list, an empty value drops those before it: the caller's job."""
        return [text_of(setting) for setting in self.settings(name)]

    def get_bool(self, name: str, default: bool) -> bool:
        """The truth of the last value; raises GitError if it is none."""
        found = self.settings(name)
        if not found:
            return default
        truth = as_bool(found[-1].value)
        if truth is None:
            raise _bad("boolean", found[-1])
        return truth

    def get_int(self, name: str, default: int) -> int:
        """The last value as a number of 64 bits, with k, m and g for powers of 1024; raises GitError if it is none."""
        found = self.settings(name)
        if not found:
            return default
        number = as_int(text_of(found[-1]))
        if number is None:
            raise _bad("numeric", found[-1])
        return number

    def get_path(self, name: str) -> str | None:
        """The last value as a path, "~/" and "~user/" replaced; None if there is none.

        Also None where the value begins with ":(optional)" and there is no such file.
        """
        found = self.settings(name)
        return self.path_of(found[-1]) if found else None

    def path_of(self, setting: Setting) -> str | None:
        """The same for one setting of several."""
        text = text_of(setting)
        path = expanded(text.removeprefix(":(optional)"), setting, self._home)
        return None if text.startswith(":(optional)") and not os.path.exists(path) else path


def _bad(kind: str, setting: Setting) -> GitError:
    return GitError(f"{setting.place}: bad {kind} config value {setting.value!r} for {setting.name!r}")
