"""User name and password for a server: from whom, in which order, and who is told whether they were right.

What stands in the URL, then ~/.netrc, the credential helpers, the askpass programs, and at last the user. Helpers are
run directly, never through git; where the program of `store` or `cache` is not installed, its file or socket is read.

Invariants: no field holds a line break or NUL (CVE-2020-5260, CVE-2020-11008, CVE-2024-52006), no question to the user
a control character (CVE-2024-50349); a helper hears "store" only after the server took what it gave, and "erase" after
401. Secrets are in no message and no repr.
Authority: gitcredentials(7), git-credential(1), "INPUT/OUTPUT FORMAT"; git's `credential.c`.
"""
import os
import re
import time
from binascii import b2a_base64
from collections.abc import Mapping, Sequence

from ..config import Config
from ..errors import BadName, GitError, RemoteError, Unsupported
from ..formats.config import as_bool
from ..lighttyping import NamedTuple
from .credentialfiles import BUILT_IN, Pairs, from_netrc
from .httpconfig import matching
from .urls import RemoteUrl
from .values import Ask

ANSWER_S = 300.0  # a helper may open a browser, an askpass program waits for somebody to type
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BREAK = re.compile(r"[\n\r\0]")
_EXEC_PATHS = (  # where Git's own helpers are, beside PATH
    "/usr/lib/git-core", "/usr/libexec/git-core", "/usr/local/libexec/git-core",
    "/opt/homebrew/opt/git/libexec/git-core", "/Library/Developer/CommandLineTools/usr/libexec/git-core",
)


class Credential(NamedTuple):
    """What one server is told of the user. `more` is what else the helper said of it, to be told back."""

    username: str
    password: str
    authtype: str = ""  # as "Bearer": then `password` is what goes behind this word
    more: tuple[tuple[str, str], ...] = ()
    is_fixed: bool = False  # it stands in the URL or in netrc: no helper is told of it

    @property
    def header(self) -> str:
        """The value of an Authorization header. Source: RFC 7617."""
        if self.authtype:
            return f"{self.authtype} {self.password}"
        pair = f"{self.username}:{self.password}".encode("utf-8", "surrogateescape")
        return "Basic " + b2a_base64(pair, newline=False).decode()

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r})"


class Credentials:
    """The ways to credentials for one URL. `in_url` are those that stand in it."""

    def __init__(self, url: RemoteUrl, config: Config, environ: Mapping[str, str], ask: Ask | None) -> None:
        self._url, self._config, self._environ, self._ask = url, config, environ, ask
        self.place = f"{url.scheme}://{url.authority}{'' if url.host else url.path}"  # for questions and messages
        self.in_url: Credential | None = None
        if url.user is not None and url.password is not None:
            self.in_url = Credential(url.user, url.password, is_fixed=True)
        found = matching(config, "credential", url)
        last = {setting.key: setting.value for setting in found}
        self._username = last.get("username") if url.user is None else url.user
        self._where = {"protocol": url.scheme, "host": url.authority}
        if "usehttppath" in last and as_bool(last["usehttppath"]):
            self._where["path"] = url.path.lstrip("/")
        self._helpers: list[str] = []
        for helper in (setting.value or "" for setting in found if setting.key == "helper"):
            self._helpers = [*self._helpers, helper] if helper.strip() else []

    def fill(self, challenges: Sequence[str] = ()) -> Credential:
        """Credentials to try; `challenges` are the WWW-Authenticate headers.

        Raises RemoteError if there are none, Unsupported if the server takes no password and no helper has a token.
        """
        schemes = sorted({each.split()[0].lower() for each in challenges if each.strip()})
        takes_password = not schemes or "basic" in schemes
        in_netrc = from_netrc(self._netrc_paths(), self._url.host, self._username)
        if in_netrc and takes_password:
            return Credential(*in_netrc, is_fixed=True)
        username = self._username
        for helper in self._helpers:
            pairs = self._helper_answer(helper, username, challenges)
            answer = dict(pairs)
            username = answer.get("username", username)
            credential = _complete(pairs, username)
            if credential and (takes_password or credential.authtype):
                return credential
            if as_bool(answer.get("quit", "false")):
                raise RemoteError(f"{self.place}: the credential helper gave up")
        if not takes_password:
            raise Unsupported(f"authentication by {', '.join(schemes)}", self.place)
        if username is None:
            username = self._question(f"Username for '{self.place}': ", secret=False)
        owner = self.place.replace("://", f"://{_quoted(username)}@", 1) if username else self.place
        return Credential(username, self._question(f"Password for '{owner}': ", secret=True))

    def approve(self, credential: Credential) -> None:
        """The server took it: have the helpers keep it."""
        self._tell("store", credential)

    def reject(self, credential: Credential) -> None:
        """The server did not take it: have the helpers forget it."""
        self._tell("erase", credential)

    def _tell(self, action: str, credential: Credential) -> None:
        if credential.is_fixed:
            return
        pairs = [("username", credential.username)] if credential.username else []
        if credential.authtype:
            secret = [("authtype", credential.authtype), ("credential", credential.password)]
            pairs = [("capability[]", "authtype"), ("capability[]", "state"), *pairs, *secret]
        else:
            pairs.append(("password", credential.password))
        for helper in self._helpers:
            self._run_helper(helper, action, [*pairs, *credential.more])

    def _helper_answer(self, helper: str, username: str | None, challenges: Sequence[str]) -> Pairs:
        told = [("capability[]", "authtype"), ("capability[]", "state")]
        told += [("username", username)] if username is not None else []
        told += [("wwwauth[]", " ".join(each.split())) for each in challenges]
        return self._run_helper(helper, "get", told)

    def _run_helper(self, helper: str, action: str, told: Pairs) -> Pairs:
        """Tell one helper about the server and `told`; what it answers, nothing if it has no answer or fails."""
        description = [*told, *self._where.items()]
        for key, value in description:
            if _BREAK.search(value):
                raise BadName(f"{self.place}: a line break or NUL in the {key} of a credential")
        import shutil  # this and subprocess take longer to load than a server needs that asks for nothing

        name, *arguments = helper.split()
        path = self._search_path()
        if helper.startswith("!"):
            command = helper[1:]
        elif os.path.isabs(helper):
            command = helper
        elif shutil.which(f"git-credential-{name}", path=path):
            command = f"git-credential-{helper}"
        else:
            return BUILT_IN[name](arguments, dict(told) | self._where, self._environ) if name in BUILT_IN else []
        text = "".join(f"{key}={value}\n" for key, value in description) + "\n"
        answer = run(["sh", "-c", f"{command} {action}"], {**self._environ, "PATH": path}, text)
        return [(key, value) for key, equals, value in (line.partition("=") for line in answer.split("\n")) if equals]

    def _search_path(self) -> str:
        listed = self._environ.get("PATH", os.defpath)
        return os.pathsep.join(filter(None, [self._environ.get("GIT_EXEC_PATH"), listed, *_EXEC_PATHS]))

    def _question(self, prompt: str, *, secret: bool) -> str:
        """Have somebody answer: an askpass program, then the user. Raises RemoteError if there is nobody."""
        if _CONTROL.search(prompt):
            raise BadName(f"a control character in the address {self.place!r}")
        programs = [self._environ.get("GIT_ASKPASS"), self._config.get_path("core.askpass")]
        program = next(filter(None, [*programs, self._environ.get("SSH_ASKPASS")]), None)
        answer = run([program, prompt], self._environ, "").rstrip("\r\n") if program else ""
        if not answer and self._ask is not None and as_bool(self._environ.get("GIT_TERMINAL_PROMPT", "true")):
            answer = self._ask(prompt, secret) or ""
        if not answer:
            raise RemoteError(f"{self.place}: user name and password are needed, and nobody is there to be asked")
        if _BREAK.search(answer):
            raise BadName(f"{self.place}: a line break or NUL in a credential")
        return answer

    def _netrc_paths(self) -> list[str]:
        home = self._environ.get("HOME")
        if self._environ.get("NETRC"):
            return [self._environ["NETRC"]]
        return [f"{home}/.netrc", f"{home}/_netrc"] if home else []


def _complete(pairs: Pairs, username: str | None) -> Credential | None:
    """The credential that a helper's answer makes; None if something is missing or it has expired."""
    answer = dict(pairs)
    expiry = answer.get("password_expiry_utc", "")
    if expiry.isdigit() and int(expiry) < time.time():
        return None
    more = tuple(pair for pair in pairs if pair[0] in ("password_expiry_utc", "oauth_refresh_token", "state[]"))
    if answer.get("authtype") and "credential" in answer:
        return Credential(username or "", answer["credential"], answer["authtype"], more)
    if username is None or "password" not in answer:
        return None
    return Credential(username, answer["password"], "", more)


def _quoted(username: str) -> str:
    """As it stands in a URL."""
    plain = re.compile(rb"[^A-Za-z0-9._~!$&'()*+,;=-]")
    return plain.sub(lambda found: b"%%%02X" % found[0][0], username.encode("utf-8", "surrogateescape")).decode()


def run(command: Sequence[str], environ: Mapping[str, str], text: str) -> str:
    """What a program prints when it reads `text`; empty if it fails. Its standard error is the user's."""
    import subprocess

    try:
        done = subprocess.run(
            command, env=dict(environ), input=text.encode("utf-8", "surrogateescape"), stdout=subprocess.PIPE,
            timeout=ANSWER_S, check=False,
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"{command[-1].split(' ')[0]!r} did not answer within {ANSWER_S:g} s") from None
    except OSError as error:
        raise GitError(f"cannot run {command[0]!r}: {error.strerror}") from error
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
