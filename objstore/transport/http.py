"""Git's smart protocol over http and https: the first request with its redirects, who we are, then one POST a message.

Invariants: only the first GET of a conversation is redirected, never from https to http; what identifies us (URL,
headers of the settings, credentials) stays at the scheme, host and port it was meant for; a request that cannot be sent
twice goes out after a small one has been let in.
Authority: gitprotocol-http(5), gitcredentials(7), git-config(1), `http.*`; git's `http.c`, `remote-curl.c`.
"""
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain

from ..config import Config
from ..errors import Corrupt, RemoteError, Unsupported
from ..formats.pktline import FLUSH
from .client import Service
from .credentials import Credential, Credentials
from .httpconfig import HttpSettings, http_settings
from .httpwire import Answer, ProxyLoginNeeded, Request, Wire
from .urls import RemoteUrl, check_allowed, parse_url
from .values import Ask

MAX_REDIRECTS = 20
MAX_WAITS = 3  # for a server that says when to come back
MAX_WAIT_S = 60.0  # for all of them together
MIN_GZIP = 1024  # bytes: git's limit too
MAX_TEXT = 300  # characters of what a server says of a failure
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REASONS = {
    401: "the user name or password was not accepted (401)",
    403: "access is denied (403)",
    404: "there is no such repository, or you may not see it (404)",
    407: "the proxy did not accept the user name or password (407)",
    413: "the server takes no request as large as this one (413): its limit must be raised",
    429: "too many requests (429)",
    503: "the server is not available for the moment (503)",
}
_Headers = Sequence[tuple[str, str]]


class HttpTransport:
    """One remote behind http or https. `version` is the protocol that is asked for."""

    def __init__(
        self, url: RemoteUrl, config: Config, environ: Mapping[str, str], *, ask: Ask | None, timeout_s: float,
        remote: str | None = None, version: int = 2,
    ) -> None:
        self.where = str(url)
        self._config, self._environ, self._ask, self._remote, self._version = config, environ, ask, remote, version
        self._wire = Wire(self.where, timeout_s, self._key_password)
        self._proxy: _Account | None = None
        self._go_to(url, http_settings(config, environ, url, remote=remote))

    def _go_to(self, base: RemoteUrl, settings: HttpSettings) -> None:
        """Take `base` as the place of the repository, where nobody knows us yet."""
        self._base, self.settings = base, settings
        self._account = self._account_at(base)
        if settings.proxy is None or (self._proxy is not None and self._proxy.url != settings.proxy):
            self._proxy = None
        if settings.proxy is not None and self._proxy is None:
            self._proxy = self._account_at(settings.proxy)

    def _account_at(self, url: RemoteUrl) -> "_Account":
        return _Account(url, Credentials(url, self._config, self._environ, self._ask))

    def _key_password(self) -> str:
        place = RemoteUrl("cert", self.settings.key or "", user="")
        return Credentials(place, self._config, self._environ, self._ask).fill().password

    def connect(self, service: Service) -> "_Conversation":
        """Ask for the advertisement of a service. Raises RemoteError, Unsupported."""
        asked = service == "git-upload-pack" and self._version
        headers = [("Git-Protocol", f"version={self._version}")] if asked else []
        tail = f"/info/refs{'&' if '?' in self._base.path else '?'}service={service}"
        for _ in range(MAX_REDIRECTS):
            answer = self.request("GET", tail, headers)
            if answer.status not in _REDIRECTS:
                _check(answer, f"application/x-{service}-advertisement", self.where)
                return _Conversation(self, service, headers, answer)
            self._follow(answer.head.get("location") or "", tail)
        raise RemoteError(f"{self.where}: more than {MAX_REDIRECTS} redirects")

    def _follow(self, location: str, tail: str) -> None:
        """Go on where a redirect points to. Raises RemoteError where that is no place of a repository."""
        from urllib.parse import urljoin  # few servers redirect

        old = self._base
        try:
            url = parse_url(urljoin(f"{old.scheme}://{old.authority}{_below(old, tail)}", location))
        except ValueError as error:  # of urljoin
            raise RemoteError(f"{self.where}: redirected to what is no address: {error}") from error
        to = f"{self.where}: redirected to {str(url).partition('?')[0]}"
        if not self.settings.follow_redirects:
            raise RemoteError(f"{to}, and http.followRedirects forbids to follow")
        if url.scheme not in ("http", "https") or (old.scheme, url.scheme) == ("https", "http"):
            raise RemoteError(f"{to}, and only https or the same protocol is followed")
        check_allowed(url.scheme, self._config, {**self._environ, "GIT_PROTOCOL_FROM_USER": "0"})
        if not url.path.endswith(tail):
            raise RemoteError(f"{to}, which is no address of a Git repository")
        base = url._replace(path=url.path.removesuffix(tail), user=None, password=None)
        settings = http_settings(self._config, self._environ, base, remote=self._remote)
        if (base.scheme, base.host, base.port) == (old.scheme, old.host, old.port):
            self._base, self.settings = base._replace(user=old.user, password=old.password), settings
        else:
            self._go_to(base, settings._replace(headers=()))

    def request(
        self, method: str, tail: str, headers: _Headers, body: bytes | Iterable[bytes] = b"", *,
        patience_s: float | None = None,
    ) -> Answer:
        """Send a request to a place below the repository; the answer has a status below 400. Raises RemoteError.

        It is repeated with credentials, or later, if that is what the server wants. A body of blocks is sent once.
        """
        waits, waited_s = 0, 0.0
        while True:
            answer = self._send(method, tail, headers, body, patience_s)
            again = isinstance(body, bytes)
            if answer is None:
                continue
            if answer.status < 400:
                self._account.approve()
                if self._proxy is not None:
                    self._proxy.approve()
                return answer
            if answer.status in (429, 503) and again and waits < MAX_WAITS:
                wait_s = _retry_after(answer)
                if wait_s is not None and waited_s + wait_s <= MAX_WAIT_S:
                    waits, waited_s = waits + 1, waited_s + wait_s
                    time.sleep(wait_s)
                    continue
            if not again or not self._introduce(answer):
                raise _failure(answer, self.where)

    def _introduce(self, answer: Answer) -> bool:
        """Whether `answer` asks who we are, and we found something new to say."""
        if answer.status == 401 and not _has_login(self.settings):
            return self._account.learn(answer.head.get_all("www-authenticate"))
        if answer.status == 407 and self._proxy is not None:
            return self._proxy.learn(answer.head.get_all("proxy-authenticate"))
        return False

    def _send(
        self, method: str, tail: str, headers: _Headers, body: bytes | Iterable[bytes], patience_s: float | None
    ) -> Answer | None:
        """Send it once; None if the proxy wants to know who we are first, and now it does."""
        every = [("User-Agent", self.settings.user_agent), ("Accept", "*/*"), ("Pragma", "no-cache"), *headers]
        extra = [header.partition(":") for header in self.settings.headers]
        every += [(name, value.strip()) for name, _, value in extra if value.strip()]
        if self._account.login is not None and not _has_login(self.settings):
            every.append(("Authorization", self._account.login))
        url = self._base._replace(path=_below(self._base, tail))
        proxy_login = self._proxy.login if self._proxy else None
        try:
            return self._wire.request(Request(method, url, every, self.settings, body, proxy_login, patience_s))
        except ProxyLoginNeeded:
            if self._proxy is None or not self._proxy.learn():
                raise
            return None

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()


class _Account:
    """Who we are to one server or proxy: at first what its URL says."""

    def __init__(self, url: RemoteUrl, credentials: Credentials) -> None:
        self.url, self._credentials = url, credentials
        self._credential: Credential | None = credentials.in_url
        self._is_approved = False

    @property
    def login(self) -> str | None:
        """The value of an Authorization header, None as long as nobody asked."""
        return self._credential.header if self._credential else None

    def learn(self, challenges: Sequence[str] = ()) -> bool:
        """Answer to 401 or 407 by finding credentials; False if those that we have were refused."""
        if self._credential is not None:
            self._credentials.reject(self._credential)
            return False
        self._credential = self._credentials.fill(challenges)
        return True

    def approve(self) -> None:
        """The server let us in."""
        if self._credential is not None and not self._is_approved:
            self._is_approved = True
            self._credentials.approve(self._credential)


class _Conversation:
    """Requests to one service of a repository; each is a POST of its own."""

    stateless = True

    def __init__(self, transport: HttpTransport, service: Service, headers: _Headers, answer: Answer) -> None:
        self.where = transport.where
        self._transport, self._service, self._answer = transport, service, answer
        kinds = [("Content-Type", f"application/x-{service}-request"), ("Accept", f"application/x-{service}-result")]
        self._headers = [*kinds, *headers]

    def read(self, size: int) -> bytes:
        """The next bytes of the last answer."""
        return self._answer.read(size)

    def send(self, request: Iterable[bytes], *, patience_s: float | None = None) -> None:
        """Send a request, whole or, if it is large, as it is made."""
        blocks, start, size = iter(request), [], 0
        for block in blocks:
            start.append(block)
            size += len(block)
            if size > self._transport.settings.post_buffer:
                self._post(FLUSH.encoded, patience_s=None)  # asks for credentials, if anything does
                self._post(chain(start, blocks), patience_s=patience_s)
                return
        self._post(b"".join(start), patience_s=patience_s)

    def _post(self, body: bytes | Iterable[bytes], *, patience_s: float | None) -> None:
        headers = self._headers
        if isinstance(body, bytes) and len(body) > MIN_GZIP and self._service == "git-upload-pack":
            body, headers = zlib.compress(body, wbits=31), [*headers, ("Content-Encoding", "gzip")]
        self._answer = self._transport.request("POST", f"/{self._service}", headers, body, patience_s=patience_s)
        if self._answer.status in _REDIRECTS:
            raise RemoteError(f"{self.where}: redirected in the middle of the conversation")
        _check(self._answer, f"application/x-{self._service}-result", self.where)

    def close(self) -> None:
        """Nothing: the connection is the transport's."""


def _has_login(settings: HttpSettings) -> bool:
    """Whether `http.extraHeader` says who we are, as CI systems have it: then nobody is asked."""
    return any(header.lower().startswith("authorization:") for header in settings.headers)


def _below(base: RemoteUrl, tail: str) -> str:
    return base.path.rstrip("/") + tail


def _check(answer: Answer, content_type: str, where: str) -> None:
    """Raise RemoteError unless the server speaks the smart protocol."""
    found = answer.head.content_type or "something of no known kind"
    if answer.status != 200:
        raise RemoteError(f"{where}: unexpected answer {answer.status}")
    if found == content_type:
        return
    if found == "text/html":
        raise RemoteError(f"{where}: a web page came instead of Git's protocol: is this the address of a repository?")
    if content_type.endswith("advertisement") and found in ("text/plain", "application/octet-stream"):
        raise Unsupported("a server that only offers files (\"dumb http\")", where)
    raise RemoteError(f"{where}: {found!r} came instead of Git's protocol: is this the address of a repository?")


def _retry_after(answer: Answer) -> float | None:
    """Seconds that the server wants us to wait; None if it does not say."""
    text = answer.head.get("retry-after") or ""
    if text.isdecimal():
        return float(text[:9])
    from email.utils import parsedate_to_datetime  # takes longer to load than a short command

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _failure(answer: Answer, where: str) -> RemoteError:
    """What a status of 400 or more means, with what the server says of it."""
    why = _REASONS.get(answer.status, f"the server answered with status {answer.status}")
    wait_s = _retry_after(answer) if answer.status in (429, 503) else None
    text = ""
    if answer.head.content_type == "text/plain":
        with suppress(RemoteError, Corrupt):  # where the text is cut off the status is what counts
            text = " ".join(answer.read_up_to(4 * MAX_TEXT).decode("utf-8", "replace").split())[:MAX_TEXT]
    later = f"; try again in {wait_s:.0f} s" if wait_s is not None else ""
    return RemoteError(f"{where}: {why}{later}{': ' if text else ''}{text}")
