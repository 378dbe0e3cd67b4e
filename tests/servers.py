"""Real servers for tests, on free ports of this machine, each with its own folder and settings, all ended at the end.

    @needs("nginx")
    def test_something(web, tmp_path):
        web.repo("project.git")                  # a bare repository that the server offers
        url = web.url("project.git")             # http://127.0.0.1:PORT/open/project.git

What a test needs of the machine it names by `needs(…)`: nginx, fcgiwrap, sshd, jgit, tinyproxy, openssl.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.gitrepo import GitRepo, git_environ

START_S = 120
BACKENDS = [f"/usr/{folder}/git-core/git-http-backend" for folder in ("lib", "libexec")]
BACKEND = next(filter(os.path.exists, BACKENDS), "")
USER, PASSWORD = "ann", "se cret:1"
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])  # sshd and nginx are there


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


class Process:
    """A server that runs until `stop`; `ready` says when it can be used."""

    def __init__(self, command, ready, log, **options):
        self._log = Path(log)
        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                [shutil.which(command[0], path=PATH), *map(str, command[1:])], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
            )
        end = time.monotonic() + START_S
        while not ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                pytest.fail(f"{command[0]} did not start:\n{self._log.read_text('utf-8', 'replace')}")
            time.sleep(0.02)

    def stop(self):
        """End it and what it has started: fcgiwrap leaves its workers behind."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)


def listens(port):
    """A `ready` for what listens on a port of TCP."""

    def ready():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    return ready


class Root:
    """A folder of bare repositories that a server offers, with the settings that git has there."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.root = self.folder / "root"
        self.root.mkdir(parents=True)
        self.environ = git_environ(self.folder / "home")

    def repo(self, name, *settings, **options):
        """A new bare repository that takes pushes: `repo("a.git", "receive.denyDeletes=true")`."""
        made = GitRepo(self.root / name, self.environ).init("--bare", *options.get("init", ()))
        for setting in ("http.receivepack=true", "receive.fsckObjects=true", *settings):
            made.git("config", *setting.split("=", 1))
        return made

    def hook(self, name, hook, script):
        """Give a repository a hook: `hook("a.git", "pre-receive", "exit 1")`."""
        path = self.root / name / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


NGINX = """\
daemon off;
master_process off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  log_format short '$server_port $request_method $uri $status $http_content_encoding $request_length';
  access_log {folder}/access.log short;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  fastcgi_param SCRIPT_FILENAME {backend};
  fastcgi_param GIT_PROJECT_ROOT {root};
  fastcgi_param GIT_HTTP_EXPORT_ALL "";
  fastcgi_param GIT_PROTOCOL $http_git_protocol;
  fastcgi_param HOME {home};
  fastcgi_param GIT_CONFIG_NOSYSTEM 1;
  fastcgi_param PATH_INFO /$repository;
  fastcgi_param QUERY_STRING $query_string;
  fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param CONTENT_TYPE $content_type;
  fastcgi_param CONTENT_LENGTH $content_length;
  fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
  fastcgi_param REMOTE_USER $remote_user;
  fastcgi_param REMOTE_ADDR $remote_addr;
{servers}
}}
"""
SERVER = """\
  server {{
    listen 127.0.0.1:{port} {tls};
    {certificates}
    location ~ ^/open/(?<repository>.*)$ {{ fastcgi_pass unix:{folder}/fcgi; }}
    location ~ ^/private/(?<repository>.*)$ {{
      auth_basic "private"; auth_basic_user_file {folder}/passwords; fastcgi_pass unix:{folder}/fcgi;
    }}
    location ~ ^/readable/(?<repository>.*/info/refs)$ {{ fastcgi_pass unix:{folder}/fcgi; }}
    location ~ ^/readable/(?<repository>.*)$ {{
      auth_basic "private"; auth_basic_user_file {folder}/passwords; fastcgi_pass unix:{folder}/fcgi;
    }}
    location ~ ^/token/(?<repository>.*)$ {{
      if ($http_authorization != "Bearer t0ken") {{ add_header WWW-Authenticate 'Bearer realm="x"' always; return 401; }}
      fastcgi_pass unix:{folder}/fcgi;
    }}
    location ~ ^/small/(?<repository>.*)$ {{ client_max_body_size 2k; fastcgi_pass unix:{folder}/fcgi; }}
    location ~ ^/files/(.*)$ {{ alias {root}/$1; }}
    location ~ ^/moved/(.*)$ {{ return 302 /open/$1$is_args$args; }}
    location ~ ^/to-private/(.*)$ {{ return 301 /private/$1$is_args$args; }}
    location ~ ^/elsewhere/(.*)$ {{ return 307 http://localhost:{other}/private/$1$is_args$args; }}
    location ~ ^/downgrade/(.*)$ {{ return 302 http://127.0.0.1:{other}/open/$1$is_args$args; }}
    location ~ ^/page/ {{ default_type text/html; return 200 "<html>hello"; }}
    location ~ ^/to-page/ {{ return 302 /login; }}
    location ~ ^/circle/ {{ return 302 $request_uri; }}
    {statuses}
  }}
"""


STATUS = "location ^~ /status/{0}/ {{ default_type text/plain; return {0} 'because of\x1b this'; }}\n"


class Web(Root):
    """nginx with `git http-backend`: one server speaks http, the other https with a private authority."""

    def __init__(self, folder):
        super().__init__(folder)
        self.authority = None
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True
        ).stdout.strip()
        (self.folder / "passwords").write_text(f"{USER}:{hashed}\n")
        self.certificates = make_certificates(self.folder)
        self.authority = self.folder / "ca.pem"
        socket_path = self.folder / "fcgi"
        self._processes = [
            Process(["fcgiwrap", "-c", "4", "-s", f"unix:{socket_path}"], socket_path.exists, self.folder / "fcgi.log")
        ]
        self.port, self.tls_port, self.expired_port = free_port(), free_port(), free_port()  # late: others look for some too
        (self.folder / "nginx.conf").write_text(self._settings())
        command = ["nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"]
        try:
            self._processes.append(Process(command, listens(self.port), self.folder / "nginx.log"))
        except BaseException:
            self.stop()
            raise

    def _settings(self):
        def server(port, certificate, other):
            lines = f"ssl_certificate {self.folder}/{certificate}.pem; ssl_certificate_key {self.folder}/{certificate}.key;"
            lines += f"ssl_client_certificate {self.folder}/ca.pem; ssl_verify_client optional;"
            return SERVER.format(
                port=port, tls="ssl" if certificate else "", certificates=lines if certificate else "",
                folder=self.folder, root=self.root, other=other, statuses="".join(map(STATUS.format, (400, 403, 404, 413, 429, 500, 503))),
            )

        servers = server(self.port, "", self.port) + server(self.tls_port, "server", self.port)
        servers += server(self.expired_port, "expired", self.port)
        return NGINX.format(
            user="user root;" if os.geteuid() == 0 else "", folder=self.folder, backend=BACKEND, root=self.root,
            home=self.environ["HOME"], servers=servers,
        )

    def url(self, name, kind="open", *, tls=False, user=""):
        """Where a repository is: kind is the part of the server (see SERVER)."""
        scheme, port = ("https", self.tls_port) if tls else ("http", self.port)
        return f"{scheme}://{user}127.0.0.1:{port}/{kind}/{name}"

    def log(self, name, enough):
        """Requests that name `name`, as "PORT METHOD PATH STATUS ENCODING LENGTH", from when they are `enough` on.

        A request is written down after its answer was sent, so the last one may be late.
        """
        for _ in range(200):
            lines = [line for line in (self.folder / "access.log").read_text().splitlines() if name in line]
            if enough(lines):
                break
            time.sleep(0.05)
        return lines

    def stop(self):
        for process in reversed(self._processes):
            process.stop()


def make_certificates(folder):
    """ca.pem, and server, expired, client with their keys (that of the client encrypted by "key word")."""

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", 30,
            "-subj", "/CN=Test Authority")
    for name, days in {"server": 30, "expired": -1, "client": 30}.items():
        key = ["-passout", "pass:key word"] if name == "client" else ["-nodes"]
        openssl("req", "-newkey", "rsa:2048", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", "-days", days, "-extfile", "names")


SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AcceptEnv GIT_PROTOCOL GIT_CONFIG_GLOBAL
"""
SSH = """\
Host *
  User {user}
  Port {port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  StrictHostKeyChecking accept-new
  LogLevel ERROR
  BatchMode yes
Host work
  HostName 127.0.0.1
"""


class Ssh(Root):
    """OpenSSH's sshd, and settings for ssh to log in there: `command` is for GIT_SSH_COMMAND."""

    def __init__(self, folder):
        super().__init__(folder)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        self.port = free_port()
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        values = {"port": self.port, "folder": self.folder, "user": user_name()}
        (self.folder / "sshd_config").write_text(SSHD.format(**values))
        (self.folder / "ssh_config").write_text(SSH.format(**values))
        command = [shutil.which("sshd", path=PATH), "-D", "-e", "-f", self.folder / "sshd_config"]
        self._process = Process(command, listens(self.port), self.folder / "sshd.log")
        self.command = f"ssh -F '{self.folder}/ssh_config'"

    def url(self, name):
        return f"ssh://127.0.0.1:{self.port}{self.root}/{name}"

    def stop(self):
        self._process.stop()


def user_name():
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


class Daemon(Root):
    """A server of git://: git's own, or JGit's."""

    def __init__(self, folder, program="git"):
        super().__init__(folder)
        self.port = free_port()
        git = ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={self.port}", "--export-all",
               "--enable=receive-pack", f"--base-path={self.root}"]
        jgit = ["java", "-cp", "/usr/share/java/*", "org.eclipse.jgit.pgm.Main", "daemon", "--listen", "127.0.0.1", "--port",
                self.port, "--export-all", "--enable", "receive-pack", self.root]
        command = {"git": git, "jgit": jgit}[program]
        self._process = Process(command, listens(self.port), self.folder / "daemon.log", env=self.environ)

    def url(self, name):
        return f"git://127.0.0.1:{self.port}/{name}"

    def stop(self):
        self._process.stop()


class Proxy:
    """tinyproxy, which asks for a user name and a password."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.port = free_port()
        settings = f'Port {self.port}\nListen 127.0.0.1\nTimeout 30\nMaxClients 20\nBasicAuth prox pr0xy\nLogFile "{folder}/log"\n'
        (folder / "conf").write_text(settings)
        self._process = Process(["tinyproxy", "-d", "-c", folder / "conf"], listens(self.port), folder / "out")
        self._log = folder / "log"

    def log(self):
        return self._log.read_text("utf-8", "replace")

    def stop(self):
        self._process.stop()


class Script:
    """A server that does to each connection what a function says: `Script(lambda connection: …)`.

    The function gets a Talk; when it returns, the connection is closed.
    """

    def __init__(self, serve):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._serve, self.connections = serve, 0
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            with sock, contextlib.suppress(OSError):
                sock.settimeout(10)
                self._serve(Talk(sock, self.stopped))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(15)


class Talk:
    """One connection to a Script."""

    def __init__(self, sock, stopped):
        self._sock, self._stopped, self.file = sock, stopped, sock.makefile("rb")

    def request(self):
        """Read a request of HTTP; return (first line, headers in lower case, body)."""
        first = self.file.readline()
        headers = {}
        while (line := self.file.readline()) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers.get("content-length", 0)))
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.file.readline(), 16):
                body += self.file.read(size)
                self.file.readline()
            self.file.readline()
        return first.decode().strip(), headers, body

    def send(self, *blocks):
        for block in blocks:
            self._sock.sendall(block)

    def answer(self, body=b"", kind="", status="200 OK", headers=()):
        """Send an answer of HTTP."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        lines += [f"Content-Type: {kind}"] if kind else []
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def dribble(self, content, pause_s):
        """Send byte after byte, with a pause before each."""
        for byte in content:
            if self._stopped.wait(pause_s):
                return
            self.send(bytes([byte]))

    def wait(self):
        """Say nothing until the test is over."""
        self._stopped.wait(30)


def _running(make):
    server = make()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def web(tmp_path_factory):
    yield from _running(lambda: Web(tmp_path_factory.mktemp("web") / "server"))


@pytest.fixture(scope="session")
def sshd(tmp_path_factory):
    yield from _running(lambda: Ssh(tmp_path_factory.mktemp("sshd") / "server"))


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    yield from _running(lambda: Daemon(tmp_path_factory.mktemp("daemon") / "server"))


@pytest.fixture(scope="session")
def jgit(tmp_path_factory):
    yield from _running(lambda: Daemon(tmp_path_factory.mktemp("jgit") / "server", "jgit"))


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    yield from _running(lambda: Proxy(tmp_path_factory.mktemp("proxy") / "server"))
