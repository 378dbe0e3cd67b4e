"""Open a remote by its address: which transport that is, and nothing of the transport itself.

Only the modules that a URL needs are loaded. Authority: git-clone(1), "Git URLs"; git-config(1), `protocol.version`.
"""
import os
from collections.abc import Mapping

from ..config import Config
from ..errors import GitError
from ..ids import SHA1, ObjectFormat
from ..lighttyping import TYPE_CHECKING
from .urls import RemoteUrl, check_allowed, parse_url
from .values import Ask, Remote

if TYPE_CHECKING:
    from .client import Transport

SILENCE_S = 120.0  # for one packet, or for the head of an answer of HTTP; Git's servers speak every 5 s while they work
_VERSIONS = {"0": 0, "1": 1, "2": 2}


def open_remote(
    url: str, *, config: Config, environ: Mapping[str, str], ask: Ask | None = None, name: str | None = None,
    folder: str = ".", form: ObjectFormat = SHA1, timeout_s: float = SILENCE_S, signature: bytes = b"",
) -> Remote:
    """The repository at `url`, which `urls.reading_url` or `urls.pushing_urls` gave. Nothing is connected yet.

    `name` is that of the remote, if it has one, `folder` what a relative path is meant from, `form` the object format
    of the repository here. `ask` puts a question to the user, `timeout_s` is how long the other side may be silent,
    `signature` is who stands in the logs of refs that a push to a path changes.
    Raises BadName, Unsupported and GitError for what must not or cannot be opened.
    """
    place = parse_url(url)
    check_allowed(place.scheme, config, environ)
    if place.scheme == "file":
        from .local import LocalRemote

        return LocalRemote(os.path.join(folder, place.path), environ, form, signature=signature)
    version = _VERSIONS.get(config.get("protocol.version") or "2")
    if version is None:
        raise GitError(f"bad value {config.get('protocol.version')!r} for protocol.version: 0, 1 or 2 is needed")
    from .client import WireRemote

    return WireRemote(_transport(place, config, environ, ask, name=name, version=version, timeout_s=timeout_s), form)


def _transport(
    place: RemoteUrl, config: Config, environ: Mapping[str, str], ask: Ask | None, *, name: str | None, version: int,
    timeout_s: float,
) -> "Transport":
    if place.scheme == "ssh":
        from .ssh import SshTransport

        return SshTransport(place, config, environ, timeout_s=timeout_s, remote=name, version=version)
    if place.scheme == "git":
        from .daemon import DaemonTransport

        return DaemonTransport(place, config, timeout_s=timeout_s, version=version)
    from .http import HttpTransport

    return HttpTransport(place, config, environ, ask=ask, timeout_s=timeout_s, remote=name, version=version)
