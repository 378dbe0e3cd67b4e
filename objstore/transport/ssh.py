"""A remote behind ssh: the user's own `ssh` program is started, so that its settings, keys and agent hold.

Invariants: nothing that goes to it begins with "-" unless we put it there (`urls.parse_url` sees to host, user and
path; CVE-2017-1000117), and the path is quoted for the shell on the other side.
Authority: git(1), `GIT_SSH`, `GIT_SSH_COMMAND`, `GIT_SSH_VARIANT`; git-config(1), `core.sshCommand`, `ssh.variant`;
git's `connect.c`.
"""
import os
import re
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Mapping

from ..config import Config
from ..errors import BadName, RemoteError, Unsupported
from ..lighttyping import IO, NamedTuple
from .client import Service
from .streams import Duplex
from .urls import RemoteUrl

MAX_STDERR = 4096  # bytes of it that are looked at
END_S = 5.0  # for the program to end by itself, once the conversation is over
_LINES = 5


class Variant(NamedTuple):
    """How a program for ssh is called. `port` is its option for the port, None if it has none."""

    port: str | None
    options: tuple[str, ...] = ()
    can_send_environment: bool = False


_VARIANTS = {
    "ssh": Variant("-p", can_send_environment=True),
    "simple": Variant(None),
    "plink": Variant("-P"),
    "putty": Variant("-P"),
    "tortoiseplink": Variant("-P", ("-batch",)),
}


class SshTransport:
    """One remote behind ssh. `version` is the protocol that is asked for."""

    def __init__(
        self, url: RemoteUrl, config: Config, environ: Mapping[str, str], *, timeout_s: float,
        remote: str | None = None, version: int = 2,
    ) -> None:
        self.where = str(url)
        self._url, self._config, self._environ, self._remote = url, config, environ, remote
        self._timeout_s, self._version = timeout_s, version
        if url.password is not None:
            raise BadName(f"a password in the address {self.where!r}: ssh takes none")

    def connect(self, service: Service) -> "_Session":
        """Log in and start a service there. Raises RemoteError."""
        asked = self._version if service == "git-upload-pack" else 0
        command = self._command(service, asked)
        environ = {**self._environ, **({"GIT_PROTOCOL": f"version={asked}"} if asked else {})}
        if not asked:
            environ.pop("GIT_PROTOCOL", None)
        return _Session(command, environ, self.where, self._timeout_s)

    def _command(self, service: Service, asked: int) -> list[str]:
        program, variant = self._program()
        options = list(variant.options)
        if asked and variant.can_send_environment:
            options += ["-o", "SendEnv=GIT_PROTOCOL"]
        if self._url.port is not None:
            if variant.port is None:
                raise Unsupported(f"a port with the ssh program {program[-1]!r}", self.where)
            options += [variant.port, str(self._url.port)]
        host = f"{self._url.user}@{self._url.host}" if self._url.user else self._url.host
        key = service.removeprefix("git-").replace("-", "")
        named = self._config.get(f"remote.{self._remote}.{key}") if self._remote else None
        return [*program, *options, host, f"{named or service} {quoted(self._url.path)}"]

    def _program(self) -> tuple[list[str], Variant]:
        """The start of the command line, and the kind of program it is."""
        text = self._environ.get("GIT_SSH_COMMAND") or self._config.get("core.sshcommand")
        if text:  # for a shell, which adds what follows
            name = next((word for word in _words(text) if not re.match(r"\w+=", word)), text)
            program = ["sh", "-c", f'{text} "$@"', text]
        else:
            name = self._environ.get("GIT_SSH") or "ssh"
            program = [name]
        return program, self._variant(program, name)

    def _variant(self, program: list[str], name: str) -> Variant:
        """Source: git-config(1), `ssh.variant`."""
        word = (self._environ.get("GIT_SSH_VARIANT") or self._config.get("ssh.variant") or "auto").lower()
        if word == "auto":
            word = os.path.basename(name).lower().removesuffix(".exe")
            if word not in _VARIANTS:
                word = "ssh" if self._knows_g(program) else "simple"
        return _VARIANTS.get(word, _VARIANTS["ssh"])

    def _knows_g(self, program: list[str]) -> bool:
        """Whether the program has OpenSSH's option to print its settings: then it has the others too."""
        try:
            done = subprocess.run(
                [*program, "-G", self._url.host], env=dict(self._environ), timeout=self._timeout_s, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def close(self) -> None:
        """Nothing is kept between conversations."""


class _Session(Duplex):
    """A running ssh. What it says on its standard error is kept for messages."""

    def __init__(self, command: list[str], environ: Mapping[str, str], where: str, timeout_s: float) -> None:
        ours, theirs = socket.socketpair()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the conversation
        try:
            self._process = subprocess.Popen(
                command, env=environ, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=self._stderr
            )
        except OSError as error:
            ours.close()
            self._stderr.close()
            raise RemoteError(f"{where}: cannot start {command[0]!r}: {error.strerror}") from error
        finally:
            theirs.close()
        super().__init__(ours, where, timeout_s)

    def why_ended(self) -> str:
        """The last lines that ssh, or the service behind it, wrote to its standard error."""
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return super().why_ended()
        size = os.fstat(self._stderr.fileno()).st_size
        self._stderr.seek(max(0, size - MAX_STDERR))
        lines = [line.strip() for line in self._stderr.read().decode("utf-8", "surrogateescape").splitlines()]
        said = "; ".join([line for line in lines if line][-_LINES:])
        return said or f"ssh ended with status {status}"

    def close(self) -> None:
        """End the conversation, and ssh if it does not end itself."""
        super().close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote alone: the shell will say so
        return []


def quoted(path: str) -> str:
    """`path` for the shell of the other side. Source: git's `sq_quote`.

    >>> quoted("it's")
    "'it'\\\\''s'"
    """
    return "'" + path.replace("'", "'\\''").replace("!", "'\\!'") + "'"
