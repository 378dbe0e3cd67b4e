"""A remote behind `git://`: a connection to git's own daemon, which knows no users.

Authority: gitprotocol-pack(5), "Git Transport"; git-daemon(1).
"""
from ..config import Config
from ..errors import Unsupported
from ..formats.pktline import encode
from .client import Service
from .streams import Duplex, connect
from .urls import RemoteUrl

PORT = 9418


class DaemonTransport:
    """One remote of a daemon. `version` is the protocol that is asked for."""

    def __init__(self, url: RemoteUrl, config: Config, *, timeout_s: float, version: int = 2) -> None:
        self.where = str(url)
        self._url, self._timeout_s, self._version = url, timeout_s, version
        if config.settings("core.gitproxy"):
            raise Unsupported("core.gitProxy", self.where)

    def connect(self, service: Service) -> Duplex:
        """Open a connection and name the repository. Raises RemoteError."""
        sock = connect(self._url.host, self._url.port or PORT, self.where, self._timeout_s)
        asked = f"\0version={self._version}\0" if self._version and service == "git-upload-pack" else ""
        request = f"{service} {self._url.path}\0host={self._url.authority}\0{asked}"
        connection = Duplex(sock, self.where, self._timeout_s)
        try:
            connection.send([encode(request.encode("utf-8", "surrogateescape"))])
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Nothing is kept between conversations."""
