"""From whom credentials come, in which order, and what must not get through."""
import os
import socket
import tempfile
import threading
from pathlib import Path

import pytest
from expref.objstore.config import Config
from expref.objstore.errors import BadName, GitError, RemoteError
from expref.objstore.formats.config import parse
from expref.objstore.transport.credentials import Credential, Credentials
from expref.objstore.transport.urls import RemoteUrl, parse_url

from tests.conftest import needs

URL = "https://example.com:8443/team/a.git"


@pytest.fixture
def chain(tmp_path):
    """`chain(settings, url=…, ask=…, env=…)` → Credentials, with a home folder of its own."""

    def make(text="", url=URL, ask=None, env=None):
        environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GIT_EXEC_PATH": "/nowhere"} | (env or {})
        return Credentials(parse_url(url), Config(parse(text.encode(), "config"), home=str(tmp_path)), environ, ask)

    return make


def helper(**fields):
    return "helper = \"!f() { " + " ".join(f"echo '{key}={value}';" for key, value in fields.items()) + " }; f\"\n"


def test_the_first_helper_that_knows_both_wins(chain):
    text = "[credential]\n" + helper(username="ann") + helper(password="1") + helper(username="bob", password="2")
    assert chain(text).fill() == Credential("ann", "1")
    assert chain(text + "helper =\n" + helper(username="eve", password="3")).fill() == Credential("eve", "3")


def test_settings_for_a_url_hold_below_it_only(chain):
    text = "[credential \"https://example.com:8443/team\"]\nusername = ann\n" + helper(password="1")
    assert chain(text).fill() == Credential("ann", "1")
    with pytest.raises(RemoteError, match="https://example.com:8443: user name and password are needed"):
        chain(text, url="https://example.com:8443/other").fill()
    assert chain("[credential \"*.com:8443\"]\n" + helper(username="u", password="1")).fill().username == "u"


@pytest.mark.parametrize(("text", "seen"), [("", set()), ("useHttpPath = true\n", {"path=team/a.git"})])
def test_a_helper_is_told_of_the_path_only_where_settings_say(chain, tmp_path, text, seen):
    log = tmp_path / "log"
    found = chain(f"[credential]\n{text}helper = \"!f() {{ cat >'{log}'; echo username=u; echo password=p; }}; f\"\n")
    found.fill(["Basic realm=\"x\"\r\n y"])
    lines = set(log.read_text().splitlines())
    assert {"protocol=https", "host=example.com:8443", 'wwwauth[]=Basic realm="x" y'} <= lines
    assert {line for line in lines if line.startswith("path")} == seen


def test_a_helper_that_fails_or_is_not_there_has_no_answer(chain):
    text = "[credential]\nhelper = \"!exit 1\"\nhelper = nothing-of-this-name\nhelper = /nowhere/at-all\n"
    assert chain(text, ask=lambda prompt, secret: "x").fill() == Credential("x", "x")


def test_a_helper_that_gives_up_ends_it(chain):
    with pytest.raises(RemoteError, match="gave up"):
        chain("[credential]\n" + helper(quit="1"), ask=lambda *_: "x").fill()


def test_an_expired_password_is_not_used(chain):
    text = "[credential]\n" + helper(username="u", password="old", password_expiry_utc="1") + helper(password="new")
    assert chain(text).fill().password == "new"


def test_a_helper_by_name_is_found_in_the_path_of_git(chain, tmp_path):
    program = tmp_path / "exec" / "git-credential-mine"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho username=$1\necho password=$2\n")
    program.chmod(0o755)
    found = chain("[credential]\nhelper = mine --flag\n", env={"GIT_EXEC_PATH": str(program.parent)})
    assert found.fill() == Credential("--flag", "get")


@pytest.mark.parametrize("line", [
    "https://ann:p%40ss@example.com:8443", "bad line\nhttps://bob:x@other.com\nhttps://ann:p%40ss@example.com:8443",
    "http://eve:x@example.com:8443\nhttps://ann:p%40ss@example.com:8443\nhttps://late:x@example.com:8443",
])  # fmt: skip
def test_the_file_of_store_is_read_where_there_is_no_program(chain, tmp_path, line):
    (tmp_path / ".git-credentials").write_text(line + "\n")
    env = {"PATH": "/nowhere"}
    with_program = os.access("/usr/lib/git-core/git-credential-store", os.X_OK)
    assert chain("[credential]\nhelper = store\n", env=env if not with_program else {}).fill() == Credential("ann", "p@ss")
    from expref.objstore.transport.credentialfiles import stored

    environ = {"HOME": str(tmp_path)}
    place = {"protocol": "https", "host": "example.com:8443"}
    assert stored([], place, environ) == [("username", "ann"), ("password", "p@ss")]
    assert stored([], place | {"username": "zoe"}, environ) == []
    (tmp_path / "other").write_text("https://zoe:1@example.com:8443\n")
    assert stored(["--file", "~/other"], place, environ)[0] == stored(["--file=~/other"], place, environ)[0] == ("username", "zoe")


@pytest.fixture
def short():
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_running_cache_is_asked_where_there_is_no_program(short):
    from expref.objstore.transport.credentialfiles import cached

    place = {"protocol": "https", "host": "example.com"}
    assert cached([], place, {"HOME": str(short)}) == []
    folder = short / ".cache" / "git" / "credential"
    folder.mkdir(parents=True)
    asked = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        server.listen()

        def serve():
            connection, _ = server.accept()
            with connection:
                asked.append(connection.makefile().read())
                connection.sendall(b"username=ann\npassword=p\n")

        thread = threading.Thread(target=serve)
        thread.start()
        assert cached([], place, {"HOME": str(short)}) == [("username", "ann"), ("password", "p")]
        thread.join(10)
    assert asked == ["action=get\ntimeout=900\nprotocol=https\nhost=example.com\n"]


@needs("git")
def test_the_cache_of_git_itself_is_read(repo, tmp_path):
    from expref.objstore.transport.credentialfiles import cached

    place = tmp_path / "s"
    place.mkdir(mode=0o700)
    done = repo.try_git("credential-cache", "--socket", place / "socket", "store",
                        stdin=b"protocol=https\nhost=example.com\nusername=ann\npassword=p\n\n")
    assert done.returncode == 0
    found = cached([f"--socket={place}/socket"], {"protocol": "https", "host": "example.com"}, repo.environ)
    repo.git("credential-cache", "--socket", place / "socket", "exit")
    assert {("username", "ann"), ("password", "p")} <= set(found)


@pytest.mark.parametrize(("text", "found"), {
    "machine example.com login ann password p": Credential("ann", "p", is_fixed=True),
    "machine other.com login x password y\ndefault login ann password 'p q'": Credential("ann", "p q", is_fixed=True),
    "machine EXAMPLE.com\n\tlogin ann\n\taccount z\n\tpassword p # no comment": Credential("ann", "p", is_fixed=True),
    "macdef x\nmachine example.com login eve password e\n\nmachine example.com login ann password p": Credential("ann", "p", is_fixed=True),
    "machine example.com login ann": None,
    "machine example.com\nlogin": None,
    "password machine \"": None,
}.items())  # fmt: skip
def test_netrc_is_read(chain, tmp_path, text, found):
    (tmp_path / ".netrc").write_text(text)
    if found is None:
        with pytest.raises(RemoteError):
            chain().fill()
    else:
        assert chain().fill() == found


def test_askpass_programs_come_in_git_s_order(chain, tmp_path):
    def program(name):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho {name}\n")
        path.chmod(0o755)
        return str(path)

    text = f"[core]\naskPass = {program('config')}\n"
    assert chain(text, env={"GIT_ASKPASS": program("git"), "SSH_ASKPASS": program("ssh")}).fill() == Credential("git", "git")
    assert chain(text, env={"SSH_ASKPASS": program("ssh")}).fill() == Credential("config", "config")
    assert chain(env={"SSH_ASKPASS": program("ssh")}).fill() == Credential("ssh", "ssh")
    with pytest.raises(GitError, match="cannot run '/nowhere/askpass'"):
        chain(env={"GIT_ASKPASS": "/nowhere/askpass"}).fill()


@pytest.mark.parametrize("field", ["host", "user", "path"])
@pytest.mark.parametrize("bad", ["\n", "\r", "\0", "\x1b"])
def test_no_line_break_gets_to_a_helper_nor_a_control_character_to_a_question(tmp_path, field, bad):
    parts = {"host": "example.com", "user": "ann", "path": "/a"} | {field: f"a{bad}host=evil"}
    url = RemoteUrl("https", parts["path"], parts["host"], None, parts["user"])
    log = tmp_path / "log"
    text = f"[credential]\nuseHttpPath = true\nhelper = \"!f() {{ cat >>'{log}'; }}; f\"\n"
    found = Credentials(url, Config(parse(text.encode(), "config")), {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, lambda *_: "x")
    if bad == "\x1b" and field != "host":  # a user name is written as %1B; the path is in no question
        found.fill()
    else:
        with pytest.raises(BadName):
            found.fill()
    assert bad == "\x1b" or not log.exists()


def test_a_password_with_a_line_break_goes_nowhere(chain, tmp_path):
    found = chain("[credential]\nhelper = \"!cat >>log\"\n", ask=lambda prompt, secret: "a\nhost=evil")
    with pytest.raises(BadName):
        found.fill()


def test_secrets_are_in_no_repr():
    assert "s3cret" not in f"{Credential('ann', 's3cret')!r} {Credential('ann', 's3cret')}"
    assert Credential("ann", "s3cret").header == "Basic YW5uOnMzY3JldA=="
