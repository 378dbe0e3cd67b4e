"""A web server for benchmarks: nginx with `git http-backend`, which offers this machine's repositories to itself."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from bench.runner import CommandFailed

BACKENDS = [f"/usr/{folder}/git-core/git-http-backend" for folder in ("lib", "libexec")]
NGINX = """\
daemon off; master_process off; {user}
pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  log_format short '$uri $request_length';
  access_log {folder}/access.log short;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass unix:{folder}/socket;
      fastcgi_param SCRIPT_FILENAME {backend}; fastcgi_param GIT_PROJECT_ROOT ""; fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param GIT_PROTOCOL $http_git_protocol; fastcgi_param HOME {folder}; fastcgi_param PATH_TRANSLATED $uri;
      fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string; fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
    }}
  }}
}}
"""


class Server(NamedTuple):
    port: int
    log: Path

    def received(self, folder):
        """The bytes of all requests so far about repositories in `folder`, headers and all."""
        time.sleep(0.2)  # it writes its log when an answer has ended
        lines = (line.split() for line in self.log.read_text().splitlines())
        return sum(int(size) for path, size in lines if path.startswith(f"{folder}/"))


@contextmanager
def web_server(parent):
    """A running Server with its files below `parent`; None where nginx, fcgiwrap or git's part of it are missing."""
    programs = [shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") for name in ("fcgiwrap", "nginx")]
    backend = next(filter(os.path.exists, BACKENDS), None)
    if not (all(programs) and backend):
        yield None
        return
    folder = parent / f"bench-server-{os.getpid()}"
    folder.mkdir()
    (folder / ".gitconfig").write_text("[http]\n\treceivepack = true\n[safe]\n\tdirectory = *\n")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "conf").write_text(NGINX.format(user=user, folder=folder, port=port, backend=backend))
    commands = [
        [programs[0], "-c", "2", "-s", f"unix:{folder}/socket"],
        [programs[1], "-p", folder, "-e", folder / "error.log", "-c", folder / "conf"],
    ]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen(command, start_new_session=True, **quiet) for command in commands]
    try:
        _wait_for(port)
        yield Server(port, folder / "access.log")
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            process.wait()
        shutil.rmtree(folder)


def _wait_for(port):
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise CommandFailed("nginx did not start")
