"""Which files and variables Git's configuration comes from, and in which order: includes and their conditions.

Not here: the text of a file (`formats/config.py`), what a value means (`config.py`).
Authority: git-config(1), "FILES", "Includes", "Conditional includes", "ENVIRONMENT"; git's `config.c`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence

from .errors import BadName, GitError, Unsupported
from .formats.config import Level, Setting, as_bool, canonical_name, parse, parse_parameters
from .formats.wildmatch import path_matcher
from .stores import files

try:
    import pwd
except ImportError:  # Windows: "~user/" is unknown there
    pwd = None  # type: ignore[assignment]

SYSTEM_FILE = "/etc/gitconfig"
MAX_INCLUDE_DEPTH = 10
MAX_INCLUDES = 10_000  # files that others name, each time that one does; depth alone would let them be 10^30
MAX_BYTES = 4 << 20  # of one file; thousands of branches take a tenth of that
MAX_COUNT = (1 << 31) - 1  # of GIT_CONFIG_COUNT


def settings_of(
    git_dir: str | None, own: Sequence[Setting], environ: Mapping[str, str], branch: str | None
) -> Iterator[Setting]:
    """Every setting that holds in a work tree, in order, or, without a Git folder, outside of any repository.

    `own` is what the common configuration file says. Raises Corrupt, BadName and other GitErrors, with file and line.
    """
    settings = [*_of_the_machine(environ), *_of_the_user(environ), *own]
    found = [each for each in own if each.name == "extensions.worktreeconfig"]
    if found and as_bool(found[-1].value):  # an include cannot switch it on
        settings += _read(f"{git_dir}/config.worktree", "worktree")
    settings += _of_the_command(environ)
    return iter(_Includes(settings, git_dir, environ.get("HOME"), branch))


def read_file(path: str) -> list[Setting]:
    """The settings of one file of a repository, no includes; empty if there is none. Raises Corrupt, GitError."""
    return _read(path, "local")


def _read(path: str, level: Level) -> list[Setting]:
    """The settings of one file; none if it is missing, or if it belongs to the user and must not be read."""
    try:
        text = files.read_start(path, MAX_BYTES + 1)
    except OSError as error:
        if level == "global" and isinstance(error, PermissionError):
            return []
        raise GitError(f"{path}: {error.strerror}") from error
    if text is not None and len(text) > MAX_BYTES:
        raise Unsupported(f"a configuration file of more than {MAX_BYTES >> 20} MiB", path)
    return [] if text is None else parse(text, path, level)


def environment_bool(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """The truth of a variable; raises GitError if it is none. An empty one is false, as for git."""
    truth = as_bool(environ[name]) if name in environ else default
    if truth is None:
        raise GitError(f"bad boolean environment value {environ[name]!r} for {name}")
    return truth


def _of_the_machine(environ: Mapping[str, str]) -> list[Setting]:
    without = environment_bool(environ, "GIT_CONFIG_NOSYSTEM", False)
    return [] if without else _read(environ.get("GIT_CONFIG_SYSTEM", SYSTEM_FILE), "system")


def _of_the_user(environ: Mapping[str, str]) -> list[Setting]:
    if "GIT_CONFIG_GLOBAL" in environ:
        return _read(environ["GIT_CONFIG_GLOBAL"], "global")
    home, settings = environ.get("HOME"), []
    if environ.get("XDG_CONFIG_HOME"):
        settings += _read(f"{environ['XDG_CONFIG_HOME']}/git/config", "global")
    elif home is not None:
        settings += _read(f"{home}/.config/git/config", "global")
    return settings if home is None else settings + _read(f"{home}/.gitconfig", "global")


def _of_the_command(environ: Mapping[str, str]) -> Iterator[Setting]:
    """What `git -c` and scripts pass down. Source: git-config(1), `GIT_CONFIG_COUNT`."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    if count and not (count.isascii() and count.isdigit() and len(count) < 11 and int(count) <= MAX_COUNT):
        raise GitError(f"bad GIT_CONFIG_COUNT {count!r}")
    for number in range(int(count or 0)):
        key, value = f"GIT_CONFIG_KEY_{number}", f"GIT_CONFIG_VALUE_{number}"
        if key not in environ or value not in environ:
            raise GitError(f"GIT_CONFIG_COUNT is {count}, but there is no {value if key in environ else key}")
        yield _command_setting(environ[key], environ[value], key)
    for name, text in parse_parameters(environ.get("GIT_CONFIG_PARAMETERS", "")):
        yield _command_setting(name, text, "GIT_CONFIG_PARAMETERS")


def _command_setting(name: str, value: str | None, variable: str) -> Setting:
    try:
        return Setting(canonical_name(name), value, "command", variable, 0)
    except BadName as error:
        raise BadName(f"{variable}: {error}") from None


def text_of(setting: Setting) -> str:
    """The value; raises GitError for a key that stands alone."""
    if setting.value is None:
        raise GitError(f"{setting.place}: missing value for {setting.name!r}")
    return setting.value


def expanded(text: str, setting: Setting, home: str | None) -> str:
    """The path that `text`, from the value of `setting`, means; raises GitError if "~user/" is not known."""
    if text.startswith("%(prefix)/"):
        raise Unsupported(f"%(prefix)/ in {setting.name!r}", setting.place)
    path = _with_home(text, home)
    if path is None:
        raise GitError(f"{setting.place}: {setting.name}: cannot expand {text!r}: no such home folder")
    return path


def _with_home(path: str, home: str | None) -> str | None:
    """`path` with "~" or "~user" at its start replaced; None if that folder is not known."""
    if path[:1] != "~":
        return path
    user, slash, rest = path[1:].partition("/")
    if user:
        try:
            home = pwd.getpwnam(user).pw_dir if pwd else None
        except KeyError:
            home = None
    return None if home is None else home + slash + rest


class _Includes:
    """All settings with those of included files right behind the setting that names the file.

    `_collecting` marks the reading that finds the URLs for `hasconfig:remote.*.url:…`: all such conditions hold in it.
    """

    __slots__ = ("_branch", "_collecting", "_count", "_git_dir", "_home", "_roots", "_urls")

    def __init__(self, roots: list[Setting], git_dir: str | None, home: str | None, branch: str | None) -> None:
        self._roots, self._git_dir, self._home, self._branch = roots, git_dir, home, branch
        self._collecting = False
        self._count = 0
        self._urls: list[str] | None = None

    def __iter__(self) -> Iterator[Setting]:
        return self._expand(self._roots, 0, in_condition=False)

    def _expand(self, settings: list[Setting], depth: int, *, in_condition: bool) -> Iterator[Setting]:
        for setting in settings:
            if in_condition and self._collecting and _is_remote_url(setting):
                raise GitError(f"{setting.place}: {setting.name!r} in a file that hasconfig:remote.*.url includes")
            yield setting
            if not setting.name.startswith("include"):
                continue
            if setting.name == "include.path":
                yield from self._expand(self._included(setting, depth), depth + 1, in_condition=in_condition)
            elif setting.section == "includeif" and setting.key == "path" and self._holds(setting):
                yield from self._expand(self._included(setting, depth), depth + 1, in_condition=True)

    def _included(self, setting: Setting, depth: int) -> list[Setting]:
        path = expanded(text_of(setting), setting, self._home)
        if not os.path.isabs(path):
            if not setting.line:
                raise GitError(f"{setting.place}: {setting.name}: a relative path must come from a file: {path!r}")
            path = setting.source[: setting.source.rfind("/") + 1] + path
        settings = _read(path, setting.level)
        self._count += 1
        if self._count > MAX_INCLUDES:
            raise Unsupported(f"a configuration that includes more than {MAX_INCLUDES} files", setting.place)
        if settings and depth == MAX_INCLUDE_DEPTH:
            raise GitError(f"{setting.place}: more than {MAX_INCLUDE_DEPTH} files include each other; a circle?")
        return settings

    def _holds(self, setting: Setting) -> bool:
        """Whether the condition in the subsection is true. Those that are unknown are false, as in git."""
        kind, colon, pattern = (setting.subsection or "").partition(":")
        if kind + colon in ("gitdir:", "gitdir/i:"):
            return self._git_dir_matches(pattern, setting, kind)
        if kind + colon == "onbranch:":
            return self._branch is not None and _fits(_and_below(pattern), self._branch)
        if kind == "hasconfig" and pattern.startswith("remote.*.url:"):
            glob = os.fsencode(pattern.removeprefix("remote.*.url:"))
            return self._collecting or any(_fits(glob, url) for url in self._remote_urls())
        return False

    def _git_dir_matches(self, pattern: str, setting: Setting, kind: str) -> bool:
        """Source: git-config(1), "gitdir", and `include_by_path` in git's `config.c`."""
        if self._git_dir is None:
            return False
        pattern = _with_home(pattern, self._home and os.path.realpath(self._home)) or pattern
        literal = 0  # how much of the pattern has no wildcards
        if pattern.startswith("./"):
            if not setting.line:
                raise GitError(f"{setting.place}: {setting.name}: a relative condition must come from a file")
            folder = os.path.dirname(os.path.realpath(setting.source))
            pattern, literal = folder + pattern[1:], len(os.fsencode(folder)) + 1
        elif not os.path.isabs(pattern):
            pattern = "**/" + pattern
        fold = kind == "gitdir/i"
        glob = _and_below(pattern)
        fits = path_matcher(glob[literal:], fold=fold)
        for path in (os.path.realpath(self._git_dir), self._git_dir):
            text, start = os.fsencode(path), glob[:literal]
            if text[:literal] != start and not (fold and text[:literal].lower() == start.lower()):
                return False
            if fits(text[literal:]):
                return True
        return False

    def _remote_urls(self) -> list[str]:
        if self._urls is None:
            found = _Includes(self._roots, self._git_dir, self._home, self._branch)
            found._collecting = True
            self._urls = [each.value for each in found if _is_remote_url(each) and each.value is not None]
        return self._urls


def _is_remote_url(setting: Setting) -> bool:
    return setting.section == "remote" and setting.key == "url" and setting.subsection is not None


def _and_below(pattern: str) -> bytes:
    return os.fsencode(pattern + "**" if pattern.endswith("/") else pattern)


def _fits(pattern: bytes, text: str) -> bool:
    return path_matcher(pattern)(os.fsencode(text)) is not None
