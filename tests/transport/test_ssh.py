"""The program for ssh: which one, with which words, and what it says when it fails. sshd is the judge."""
import shutil

import pytest
from expref.objstore.errors import RemoteError, Unsupported
from expref.objstore.transport.ssh import quoted

from tests.conftest import needs

pytestmark = needs("git")


@pytest.fixture
def program(tmp_path):
    """A program that notes its arguments and GIT_PROTOCOL, then serves `tmp_path / "home"`'s repository or fails."""

    def make(name="ssh", script='echo "no way in" >&2; exit 255'):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nfor each; do echo "$each"; done >"{tmp_path}/log"; echo "P=$GIT_PROTOCOL" >>"{tmp_path}/log"\n{script}\n')
        path.chmod(0o755)
        return str(path)

    return make


def words(client, tmp_path, url, **env):
    """What the program was called with."""
    with client.open(url, env=env) as remote, pytest.raises(RemoteError, match="no way in"):
        remote.list_refs()
    return (tmp_path / "log").read_text().splitlines()


URL = "ssh://ann@example.com:2222/a b/it's!.git"
PATH = "git-upload-pack '/a b/it'\\''s'\\!'.git'"


def test_openssh_gets_the_port_and_the_protocol(client, program, tmp_path):
    assert words(client, tmp_path, URL, GIT_SSH=program()) == [
        "-o", "SendEnv=GIT_PROTOCOL", "-p", "2222", "ann@example.com", PATH, "P=version=2",
    ]
    assert words(client, tmp_path, "example.com:x", GIT_SSH=program()) == [
        "-o", "SendEnv=GIT_PROTOCOL", "example.com", "git-upload-pack 'x'", "P=version=2",
    ]
    assert words(client, tmp_path, "ssh://[::1]/~ann/x", GIT_SSH=program())[2:4] == ["::1", "git-upload-pack '~ann/x'"]


def test_the_order_of_the_settings_is_git_s(client, program, tmp_path):
    log = tmp_path / "log"
    first = program("ssh", "echo no way in: first >&2; exit 1")
    client.setting("core.sshCommand", f"A=b {first} -i 'my key'")
    assert words(client, tmp_path, "example.com:x", GIT_SSH="/nowhere")[:2] == ["-i", "my key"]
    second = program("ssh", "echo no way in: second >&2; exit 1")
    assert words(client, tmp_path, "example.com:x", GIT_SSH_COMMAND=f"{second} -v", GIT_SSH="/nowhere")[0] == "-v"
    assert log.exists()


@pytest.mark.parametrize(("name", "variant", "found"), [
    ("plink.exe", "", ["-P", "2222"]), ("TortoisePlink", "", ["-batch", "-P", "2222"]), ("mine", "putty", ["-P", "2222"]),
    ("mine", "ssh", ["-o", "SendEnv=GIT_PROTOCOL", "-p", "2222"]),
])  # fmt: skip
def test_other_programs_get_their_own_words(client, program, tmp_path, name, variant, found):
    if variant:
        client.setting("ssh.variant", variant)
    assert words(client, tmp_path, URL, GIT_SSH=program(name))[: len(found)] == found


def test_an_unknown_program_is_asked_whether_it_is_like_openssh(client, program, tmp_path):
    is_like = 'if [ "$1" = -G ]; then exit 0; fi; echo no way in >&2; exit 1'
    assert words(client, tmp_path, URL, GIT_SSH=program("mine", is_like))[:2] == ["-o", "SendEnv=GIT_PROTOCOL"]
    with client.open(URL, env={"GIT_SSH": program("mine")}) as remote, pytest.raises(Unsupported, match="a port with the ssh program"):
        remote.list_refs()
    assert words(client, tmp_path, "example.com:x", GIT_SSH=program("mine"))[0] == "example.com"


def test_the_program_on_the_other_side_can_be_named(client, program, tmp_path):
    client.setting("remote.origin.uploadpack", "/opt/git/upload")
    with client.open("example.com:x", env={"GIT_SSH": program()}, name="origin") as remote, pytest.raises(RemoteError):
        remote.list_refs()
    assert "/opt/git/upload 'x'" in (tmp_path / "log").read_text()


def test_a_program_that_cannot_be_started_is_one_line(client):
    with client.open("example.com:x", env={"GIT_SSH": "/nowhere/ssh"}) as remote, pytest.raises(RemoteError) as error:
        remote.list_refs()
    assert str(error.value) == "ssh://example.com/x: cannot start '/nowhere/ssh': No such file or directory"


def test_what_the_program_says_is_the_reason_and_not_too_much_of_it(client, program):
    noisy = program("ssh", 'yes "line" | head -n 100000 >&2; echo "last words" >&2; exit 3')
    with client.open("example.com:x", env={"GIT_SSH": noisy}) as remote, pytest.raises(RemoteError, match="last words$") as error:
        remote.list_refs()
    assert len(str(error.value)) < 200
    silent = program("ssh", "exit 3")
    with client.open("example.com:x", env={"GIT_SSH": silent}) as remote, pytest.raises(RemoteError, match="ssh ended with status 3$"):
        remote.list_refs()


def test_a_program_that_says_nothing_is_not_waited_for(client, program, monkeypatch):
    monkeypatch.setattr("expref.objstore.transport.ssh.END_S", 0.1)
    silent = client.open("example.com:x", env={"GIT_SSH": program("ssh", "exec sleep 30")}, timeout_s=0.3)
    with silent as remote, pytest.raises(RemoteError, match="no answer within 0.3 s"):
        remote.list_refs()


@needs("sshd")
def test_hosts_of_the_user_s_own_settings_are_known(client, sshd):
    sshd.repo("settings.git")
    with client.open(f"work:{sshd.root}/settings.git", env={"GIT_SSH_COMMAND": sshd.command}) as remote:
        assert remote.list_refs() == []
    assert [each.status for each in client.push_main(f"work:{sshd.root}/settings.git", env={"GIT_SSH_COMMAND": sshd.command})] == ["ok"]


@needs("sshd")
def test_a_key_that_is_not_known_there_is_one_line(client, sshd, tmp_path):
    command = f"{sshd.command} -o IdentityFile=/nowhere -o IdentityAgent=none"
    other = tmp_path / "ssh_config"
    other.write_text((sshd.folder / "ssh_config").read_text().replace(f"IdentityFile {sshd.folder}/user", "IdentityFile /nowhere"))
    command = f"ssh -F {other}"
    with client.open(sshd.url("x.git"), env={"GIT_SSH_COMMAND": command}) as remote, pytest.raises(RemoteError, match="Permission denied"):
        remote.list_refs()


def test_paths_are_quoted_as_git_quotes_them():
    import subprocess

    for path in ("/a", "it's", "a!b", "$(id)", "`x`", "a\\b", "-x", "~/x y"):
        shell = shutil.which("bash") or "sh"
        assert subprocess.run([shell, "-c", f"printf %s {quoted(path)}"], capture_output=True, text=True).stdout == path
