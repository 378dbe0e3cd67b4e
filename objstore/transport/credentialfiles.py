"""Credentials that lie in files of the user, or in the memory of git's own cache: netrc, `store`, `cache`.

Nothing here writes or starts anything. A file that is missing or cannot be read holds nothing.
Authority: git-credential-store(1), git-credential-cache(1), the manual of curl about .netrc.
"""
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..errors import GitError
from ..stores.files import read_file
from .urls import parse_url

SOCKET_S = 10.0  # a running cache answers at once
MAX_ANSWER = 1 << 16  # bytes
Pairs = list[tuple[str, str]]
_NETRC_WORDS = {"login": "username", "password": "password", "account": ""}


def from_netrc(paths: Sequence[str], host: str, username: str | None) -> tuple[str, str] | None:
    """User name and password for `host` from the first file that names it, or has a "default" entry."""
    for path in paths:
        for machine, login, password in _netrc_entries(_text(path)):
            if machine in (None, host.lower()) and login and password is not None and username in (None, login):
                return login, password
    return None


def _netrc_entries(text: str) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Yield (machine or None for "default", login, password). A macro ends at an empty line."""
    entries: list[dict[str, str | None]] = []
    is_macro = False
    for line in text.splitlines():
        is_macro = is_macro and bool(line.strip())
        if is_macro or line.lstrip().startswith("#"):
            continue
        words = iter(_words(line))
        for word in words:
            if word == "macdef":
                is_macro = True
                break
            if word == "default":
                entries.append({"machine": None})
            elif word == "machine":
                entries.append({"machine": next(words, "").lower()})
            elif word in _NETRC_WORDS and entries:
                entries[-1][_NETRC_WORDS[word]] = next(words, "")
    return ((each["machine"], each.get("username"), each.get("password")) for each in entries)


def _words(line: str) -> list[str]:
    import shlex

    try:
        return shlex.split(line)
    except ValueError:  # a quote alone
        return line.split()


def stored(arguments: Sequence[str], asked: Mapping[str, str], environ: Mapping[str, str]) -> Pairs:
    """What `git credential-store` would answer: the first line `https://user:password@host` that fits."""
    home = environ.get("HOME", "")
    config_home = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    option = _option(arguments, "--file")
    paths = [os.path.join(home, option[2:]) if option.startswith("~/") else option] if option else []
    for path in paths or [f"{home}/.git-credentials", f"{config_home}/git/credentials"]:
        for line in _text(path).splitlines():
            try:
                url = parse_url(line)
            except GitError:  # a line that somebody wrote by hand
                continue
            found = {"protocol": url.scheme, "host": url.authority, "path": url.path.lstrip("/"), "username": url.user}
            if url.user is not None and url.password is not None and all(
                found[key] == value for key, value in asked.items() if key in found
            ):
                return [("username", url.user), ("password", url.password)]
    return []


def cached(arguments: Sequence[str], asked: Mapping[str, str], environ: Mapping[str, str]) -> Pairs:
    """What the running daemon of `git credential-cache` answers; nothing if there is none."""
    home = environ.get("HOME", "")
    cache_home = environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    path = _option(arguments, "--socket")
    lines = [("action", "get"), ("timeout", "900"), *asked.items()]
    request = "".join(f"{key}={value}\n" for key, value in lines)
    for each in [path] if path else [f"{home}/.git-credential-cache/socket", f"{cache_home}/git/credential/socket"]:
        text = _converse(each, request)
        pairs = [(key, value) for key, equals, value in (line.partition("=") for line in text.splitlines()) if equals]
        if pairs:
            return pairs
    return []


def _converse(path: str, request: str) -> str:
    """Write to the socket at `path` and read until its other side closes; empty where nobody listens."""
    if not hasattr(socket, "AF_UNIX"):
        return ""
    try:
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.settimeout(SOCKET_S)
            daemon.connect(path)
            daemon.sendall(request.encode("utf-8", "surrogateescape"))
            daemon.shutdown(socket.SHUT_WR)
            with daemon.makefile("rb") as answer:
                return answer.read(MAX_ANSWER).decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _option(arguments: Sequence[str], name: str) -> str:
    """The value of `--name VALUE` or `--name=VALUE`, empty if it is not given."""
    for at, argument in enumerate(arguments):
        if argument == name:
            return "".join(arguments[at + 1 : at + 2])
        if argument.startswith(name + "="):
            return argument[len(name) + 1 :]
    return ""


def _text(path: str) -> str:
    try:
        content = read_file(path)
    except OSError:
        return ""
    return (content or b"").decode("utf-8", "surrogateescape")


BUILT_IN: Mapping[str, Callable[[Sequence[str], Mapping[str, str], Mapping[str, str]], Pairs]] = {
    "store": stored,
    "cache": cached,
}
