"""The address of a remote: which one a name or URL means, its parts, and what is refused before anything starts.

    https://user:password@host:8443/path     http, https, git, ssh
    user@host:path   [host:port]:path        ssh, as scp writes it: a colon before the first slash
    file:///path   /path   ../path           a folder

Invariants: no field of a RemoteUrl holds a line break or NUL, and none that becomes an argument of a program begins
with "-"; `str()` of it has no password, and no user for http and https, where the user may be a token.
Authority: git-clone(1), "Git URLs"; git-config(1), `url.*`, `remote.*`, `protocol.*`; git's `connect.c`, `transport.c`.
"""
import os
import re
from collections.abc import Mapping

from ..config import Config
from ..errors import BadName, GitError, Unsupported
from ..formats.config import as_bool
from ..lighttyping import NamedTuple

_SCHEMES = {
    "http": "http", "https": "https", "git": "git", "file": "file",
    "ssh": "ssh", "git+ssh": "ssh", "ssh+git": "ssh",
}
_POLICY = {"http": "always", "https": "always", "git": "always", "ssh": "always", "ext": "never"}  # others: "user"
_FORBIDDEN = re.compile("[\0\r\n]")
_WITH_SCHEME = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HELPER = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)::")
_SCP = re.compile(r"(?:([^/:@\[]*)@)?(\[[^\[\]/]*\]|[^/:@\[]*):(.*)", re.DOTALL)
_USER_INFO = re.compile(r"(?<=//)[^/?#]*@")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


class RemoteUrl(NamedTuple):
    """Where a remote is. Fields are decoded, except that `path` of http and https stays as it was written."""

    scheme: str  # http, https, git, ssh or file
    path: str
    host: str = ""  # without brackets
    port: int | None = None
    user: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        if self.scheme == "file":
            return self.path
        user = f"{self.user}@" if self.user and self.scheme == "ssh" else ""
        slash = "" if self.path.startswith("/") else "/"
        return f"{self.scheme}://{user}{self.authority}{slash}{self.path}"

    def __repr__(self) -> str:
        return f"RemoteUrl({str(self)!r})"

    @property
    def authority(self) -> str:
        """The host, with the port if one is given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def without_password(text: str) -> str:
    """`text` without what stands before the "@" of a URL in it: for messages."""
    return _USER_INFO.sub("", text)


def reading_url(config: Config, remote: str) -> str:
    """The URL that is read from: of the remote of this name, or `remote` itself, as `url.*.insteadOf` rewrites it."""
    urls = _listed(config, f"remote.{remote}.url")
    return _rewritten(config, urls[0] if urls else remote, "insteadof")


def pushing_urls(config: Config, remote: str) -> list[str]:
    """The URLs that a push goes to, each of them. `pushInsteadOf` counts only where there is no `pushurl`."""
    pushed = _listed(config, f"remote.{remote}.pushurl")
    if pushed:
        return [_rewritten(config, url, "insteadof") for url in pushed]
    found = []
    for url in _listed(config, f"remote.{remote}.url") or [remote]:
        rewritten = _rewritten(config, url, "pushinsteadof")
        found.append(rewritten if rewritten != url else _rewritten(config, url, "insteadof"))
    return found


def _listed(config: Config, name: str) -> list[str]:
    """The values of a list, of which an empty one drops those before it."""
    if name.endswith("..url") or "\n" in name or "\0" in name:
        return []
    found: list[str] = []
    for value in config.get_all(name):
        found = [*found, value] if value else []
    return found


def _rewritten(config: Config, url: str, key: str) -> str:
    """`url` with the longest prefix that a setting `url.<base>.<key>` names replaced by that base."""
    best = base = ""
    for setting in config.items("url."):
        prefix = setting.value
        if setting.key == key and prefix and url.startswith(prefix) and len(prefix) > len(best):
            best, base = prefix, setting.subsection or ""
    return base + url[len(best) :]


def parse_url(text: str) -> RemoteUrl:
    """Take a URL or path apart. Raises BadName for one that is unsafe or incomplete, Unsupported for other schemes."""
    if _FORBIDDEN.search(text):
        raise BadName(f"a line break or NUL in the address {without_password(text)!r}")
    if not text or text.startswith("-"):
        raise BadName(f"bad address of a remote: {without_password(text)!r}")
    helper = _HELPER.match(text)
    if helper:
        raise Unsupported(f"the remote helper {helper[1]!r}", without_password(text))
    parts = _WITH_SCHEME.fullmatch(text)
    if parts:
        url = _parse_with_scheme(parts[1].lower(), parts[2], text)
    else:
        url = RemoteUrl("file", text) if _is_path(text) else _parse_scp(text)
    return _checked(url, text)


def _is_path(text: str) -> bool:
    """Whether this is a path, not "host:path". Source: git's `url_is_local_not_ssh`."""
    colon, slash = text.find(":"), text.find("/")
    if text.startswith("["):
        return "]:" not in text
    return colon < 0 or 0 <= slash < colon or (os.name == "nt" and colon == 1)


def _parse_with_scheme(scheme: str, rest: str, text: str) -> RemoteUrl:
    known = _SCHEMES.get(scheme)
    if known is None:
        raise Unsupported(f"the protocol {scheme!r}", without_password(text))
    if known == "file":
        host, slash, path = rest.partition("/")
        if host not in ("", "localhost"):
            raise BadName(f"{text!r}: a file has no host; three slashes are needed")
        return RemoteUrl("file", _decoded(slash + path))
    cut = re.search(r"[/?#]", rest)
    authority, path = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "")
    info, at, place = authority.rpartition("@")
    user, colon, password = info.partition(":")
    host, port = _host_and_port(place, text)
    if known not in ("http", "https"):
        path = _decoded(path)
    if known == "ssh" and path.startswith("/~"):
        path = path[1:]
    return RemoteUrl(
        known, path, _decoded(host), port,
        _decoded(user) if at else None, _decoded(password) if colon else None,
    )


def _parse_scp(text: str) -> RemoteUrl:
    parts = _SCP.fullmatch(text)
    if parts is None:
        raise BadName(f"bad address of a remote: {without_password(text)!r}")
    user, place, path = parts.groups()
    port = None
    if place.startswith("["):
        inner, at, place = place[1:-1].rpartition("@")
        user = inner if at else user
        if place.count(":") == 1:  # "[host:port]:path"; with more it is an address of IPv6
            place, port = _host_and_port(place, text)
    return RemoteUrl("ssh", path[1:] if path.startswith("/~") else path, place, port, user)


def _host_and_port(place: str, text: str) -> tuple[str, int | None]:
    """Split "host:port" or "[v6]:port"; an empty port is none."""
    parts = re.fullmatch(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{0,5}))?", place)
    if parts is None or int(parts[3] or 0) > 65535:
        raise BadName(f"bad host or port in {without_password(text)!r}")
    return parts[1] if parts[1] is not None else parts[2], int(parts[3]) if parts[3] else None


def _decoded(text: str) -> str:
    """`text` with %XX replaced by those bytes."""
    raw = _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _checked(url: RemoteUrl, text: str) -> RemoteUrl:
    """`url` itself, if nothing in it can be taken for something else (CVE-2017-1000117, CVE-2020-5260)."""
    shown = without_password(text)
    fields = [url.host, url.user or "", url.password or "", _decoded(url.path)]
    if any(_FORBIDDEN.search(field) for field in fields):
        raise BadName(f"a line break or NUL in the address {shown!r}")
    if url.scheme == "file":
        return url
    if not url.host:
        raise BadName(f"no host in {shown!r}")
    if any(field.startswith("-") for field in (url.host, url.user or "", url.path)):
        raise BadName(f"host, user or path of {shown!r} begins with '-'")
    if re.search(r"[\s/@%\\\x00-\x20\x7f]", url.host.partition("%")[0]):
        raise BadName(f"bad host in {shown!r}")
    if not url.path.strip("/") and url.scheme != "http" and url.scheme != "https":
        raise BadName(f"no path in {shown!r}")
    return url


def check_allowed(scheme: str, config: Config, environ: Mapping[str, str]) -> None:
    """Raise GitError if settings forbid to use this protocol. Source: git-config(1), `protocol.allow`."""
    listed = environ.get("GIT_ALLOW_PROTOCOL")
    if listed is not None:
        allowed, why = scheme in listed.split(":"), "GIT_ALLOW_PROTOCOL"
    else:
        why = f"protocol.{scheme}.allow"
        policy = config.get(why) or config.get("protocol.allow") or _POLICY.get(scheme, "user")
        if policy.lower() not in ("always", "never", "user"):
            raise GitError(f"bad value {policy!r} for {why}: always, never or user is needed")
        by_user = as_bool(environ.get("GIT_PROTOCOL_FROM_USER", "true"))
        allowed = policy.lower() == "always" or (policy.lower() == "user" and by_user is not False)
    if not allowed:
        raise GitError(f"the protocol {scheme!r} is not allowed here ({why})")
