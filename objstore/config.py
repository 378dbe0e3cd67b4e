"""Git's configuration as one command sees it: every file and variable in git's order, includes followed.

Not here: the text of a file (`formats/config.py`), and whether a repository may be trusted: `Config.load` without
folders reads only what belongs to the machine, the user and the command line, which is all that may decide about that.
Invariants: settings stand in the order in which git reads them, the last one wins; the environment is a parameter.
Authority: git-config(1), "FILES", "Includes", "Conditional includes", "ENVIRONMENT"; git's `config.c`.
"""
import os
from collections.abc import Iterable, Iterator, Mapping

from .errors import BadName, GitError, Unsupported
from .formats.config import Level, Setting, as_bool, as_int, canonical_name, parse, parse_parameters
from .stores import files

try:
    import pwd
except ImportError:  # Windows: "~user/" is unknown there
    pwd = None  # type: ignore[assignment]

SYSTEM_FILE = "/etc/gitconfig"
MAX_INCLUDE_DEPTH = 10
MAX_COUNT = (1 << 31) - 1  # of GIT_CONFIG_COUNT
_CLASSES = {  # of one byte, as git's `ctype.c` has them
    b"alnum": bytes.isalnum, b"alpha": bytes.isalpha, b"digit": bytes.isdigit, b"lower": bytes.islower,
    b"upper": bytes.isupper, b"blank": b" \t".__contains__, b"space": b" \t\r\n".__contains__,
    b"xdigit": b"0123456789abcdefABCDEF".__contains__, b"cntrl": bytes((*range(32), 127)).__contains__,
    b"print": bytes(range(32, 127)).__contains__, b"graph": bytes(range(33, 127)).__contains__,
    b"punct": b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".__contains__,
}


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
        cls, *, git_dir: str | None, common_dir: str | None, environ: Mapping[str, str], branch: str | None = None
    ) -> "Config":
        """Read everything that holds in this work tree, or, without folders, outside of any repository.

        The folders are absolute paths; `git_dir` decides `includeIf "gitdir:…"` both as it is passed and with symbolic
        links resolved. `branch` is the short name of the branch that is checked out. Raises Corrupt, BadName and
        other GitErrors, naming file and line.
        """
        home = environ.get("HOME")
        settings = [*_of_the_machine(environ), *_of_the_user(environ)]
        if git_dir is not None and common_dir is not None:
            settings += _of_the_repository(git_dir, common_dir)
        settings += _of_the_command(environ)
        return cls(_Includes(settings, git_dir, home, branch), home=home)

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
        return _text(found[-1]) if found else None

    def get_all(self, name: str) -> list[str]:
        """Every value in order. Where the setting is a list, an empty value drops those before it: the caller's job."""
        return [_text(setting) for setting in self.settings(name)]

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
        number = as_int(_text(found[-1]))
        if number is None:
            raise _bad("numeric", found[-1])
        return number

    def get_path(self, name: str) -> str | None:
        """The last value as a path, "~/" and "~user/" replaced; None if there is none.

        Also None where the value begins with ":(optional)" and there is no such file.
        """
        found = self.settings(name)
        if not found:
            return None
        text = _text(found[-1])
        path = _path(text.removeprefix(":(optional)"), found[-1], self._home)
        return None if text.startswith(":(optional)") and not os.path.exists(path) else path


def read_file(path: str) -> list[Setting]:
    """The settings of one file of a repository, no includes; empty if there is none. Raises Corrupt, GitError."""
    return _read(path, "local")


def _read(path: str, level: Level) -> list[Setting]:
    """The settings of one file; none if it is missing, or if it belongs to the user and must not be read."""
    try:
        text = files.read_file(path)
    except OSError as error:
        if level == "global" and isinstance(error, PermissionError):
            return []
        raise GitError(f"{path}: {error.strerror}") from error
    return [] if text is None else parse(text, path, level)


def _of_the_machine(environ: Mapping[str, str]) -> list[Setting]:
    without = environ.get("GIT_CONFIG_NOSYSTEM", "")
    if as_bool(without) is None:
        raise GitError(f"bad boolean environment value {without!r} for GIT_CONFIG_NOSYSTEM")
    return [] if as_bool(without) else _read(environ.get("GIT_CONFIG_SYSTEM", SYSTEM_FILE), "system")


def _of_the_user(environ: Mapping[str, str]) -> list[Setting]:
    if "GIT_CONFIG_GLOBAL" in environ:
        return _read(environ["GIT_CONFIG_GLOBAL"], "global")
    home, settings = environ.get("HOME"), []
    if environ.get("XDG_CONFIG_HOME"):
        settings += _read(f"{environ['XDG_CONFIG_HOME']}/git/config", "global")
    elif home is not None:
        settings += _read(f"{home}/.config/git/config", "global")
    return settings if home is None else settings + _read(f"{home}/.gitconfig", "global")


def _of_the_repository(git_dir: str, common_dir: str) -> list[Setting]:
    settings = read_file(f"{common_dir}/config")
    if Config(settings).get_bool("extensions.worktreeconfig", False):  # an include cannot switch it on
        settings += _read(f"{git_dir}/config.worktree", "worktree")
    return settings


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


def _text(setting: Setting) -> str:
    if setting.value is None:
        raise GitError(f"{setting.place}: missing value for {setting.name!r}")
    return setting.value


def _bad(kind: str, setting: Setting) -> GitError:
    return GitError(f"{setting.place}: bad {kind} config value {setting.value!r} for {setting.name!r}")


def _path(text: str, setting: Setting, home: str | None) -> str:
    """The path that `text`, from the value of `setting`, means."""
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

    __slots__ = ("_branch", "_collecting", "_git_dir", "_home", "_roots", "_urls")

    def __init__(self, roots: list[Setting], git_dir: str | None, home: str | None, branch: str | None) -> None:
        self._roots, self._git_dir, self._home, self._branch = roots, git_dir, home, branch
        self._collecting = False
        self._urls: list[bytes] | None = None

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
        path = _path(_text(setting), setting, self._home)
        if not os.path.isabs(path):
            if not setting.line:
                raise GitError(f"{setting.place}: {setting.name}: a relative path must come from a file: {path!r}")
            path = setting.source[: setting.source.rfind("/") + 1] + path
        settings = _read(path, setting.level)
        if settings and depth == MAX_INCLUDE_DEPTH:
            raise GitError(f"{setting.place}: more than {MAX_INCLUDE_DEPTH} files include each other; a circle?")
        return settings

    def _holds(self, setting: Setting) -> bool:
        """Whether the condition in the subsection is true. Those that are unknown are false, as in git."""
        kind, colon, pattern = (setting.subsection or "").partition(":")
        if kind + colon in ("gitdir:", "gitdir/i:"):
            return self._git_dir_matches(pattern, setting, kind)
        if kind + colon == "onbranch:":
            return self._branch is not None and _matches(_and_below(pattern), os.fsencode(self._branch))
        if kind == "hasconfig" and pattern.startswith("remote.*.url:"):
            glob = os.fsencode(pattern.removeprefix("remote.*.url:"))
            return self._collecting or any(_matches(glob, url) for url in self._remote_urls())
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
        fold = bytes.lower if kind == "gitdir/i" else bytes
        glob = fold(_and_below(pattern))
        for path in (os.path.realpath(self._git_dir), self._git_dir):
            text = fold(os.fsencode(path))
            if text[:literal] != glob[:literal]:
                return False
            if _matches(glob[literal:], text[literal:]):
                return True
        return False

    def _remote_urls(self) -> list[bytes]:
        if self._urls is None:
            found = _Includes(self._roots, self._git_dir, self._home, self._branch)
            found._collecting = True
            self._urls = [os.fsencode(each.value) for each in found if _is_remote_url(each) and each.value is not None]
        return self._urls


def _is_remote_url(setting: Setting) -> bool:
    return setting.section == "remote" and setting.key == "url" and setting.subsection is not None


def _and_below(pattern: str) -> bytes:
    return os.fsencode(pattern + "**" if pattern.endswith("/") else pattern)


def _matches(pattern: bytes, text: bytes) -> bool:
    """Whether `text` matches, "*" and "?" stopping at "/". Source: gitignore(5) and git's `wildmatch.c`.

    The time is proportional to the lengths multiplied: after a mismatch only the last "*", then the last "**", is
    made to take one character more.
    """
    at = pos = 0
    star: tuple[int, int] | None = None  # where in pattern and text to go on after "*"
    deep: tuple[int, int] | None = None  # the same for "**"
    while at < len(pattern) or pos < len(text):
        if pattern[at : at + 1] == b"*":
            behind = len(pattern) - len(pattern[at:].lstrip(b"*"))
            if _is_deep(pattern, at, behind):
                no_folder = pattern.startswith(b"/", behind)  # "**/" may match nothing, and its "/" with it
                star, deep, at = None, (behind, pos - no_folder), behind + no_folder
            else:
                star, at = (behind, pos), behind
            continue
        step = _step(pattern, at, text[pos]) if pos < len(text) and at < len(pattern) else 0
        if step:
            at, pos = at + step, pos + 1
        elif star and star[1] < len(text) and text[star[1]] != 0x2F:
            at, pos = star = (star[0], star[1] + 1)
        elif deep and deep[1] < len(text):
            at, pos = deep = (deep[0], deep[1] + 1)
            star = None
        else:
            return False
    return True


def _is_deep(pattern: bytes, at: int, behind: int) -> bool:
    """Whether the stars at `at` to `behind` also take "/": two or more that fill a path component."""
    ends = behind == len(pattern) or pattern.startswith((b"/", b"\\/"), behind)
    return behind - at > 1 and (at == 0 or pattern[at - 1] == 0x2F) and ends


def _step(pattern: bytes, at: int, char: int) -> int:
    """How many bytes of `pattern` match the one byte `char`; 0 if they do not."""
    first = pattern[at]
    if first == 0x3F:  # ?
        return 1 if char != 0x2F else 0
    if first == 0x5B:  # [
        return _class_step(pattern, at, char) if char != 0x2F else 0
    if first == 0x5C:  # backslash
        return 2 if pattern[at + 1 : at + 2] == bytes((char,)) else 0
    return 1 if first == char else 0


def _class_step(pattern: bytes, at: int, char: int) -> int:
    """The length of the "[…]" at `at` if the byte `char` is in it; else 0, also if it has no end or names no class."""
    negated = pattern[at + 1 : at + 2] in (b"!", b"^")
    now = start = at + 1 + negated
    found, low = False, 0
    while now == start or not pattern.startswith(b"]", now):  # a "]" that comes first is a member
        close = pattern.find(b"]", now + 2)
        if now >= len(pattern):
            return 0
        if pattern.startswith(b"[:", now) and close > now + 2 and pattern[close - 1] == 0x3A:
            is_member = _CLASSES.get(pattern[now + 2 : close - 1])
            if is_member is None:
                return 0
            found, low, now = found or is_member(bytes((char,))), 0, close + 1
            continue
        is_range = bool(low) and pattern[now] == 0x2D and pattern[now + 1 : now + 2] not in (b"]", b"")
        now += is_range
        now += pattern[now] == 0x5C
        if now >= len(pattern):
            return 0
        found = found or (low <= char <= pattern[now] if is_range else char == pattern[now])
        low = 0 if is_range else pattern[now]
        now += 1
    return now + 1 - at if found != negated else 0
