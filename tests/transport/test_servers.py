"""The same conversation with every kind of server: what each of them must make possible."""
import os

import pytest
from expref.objstore.errors import RemoteError, Unsupported
from expref.objstore.ids import SHA256, ObjectId
from expref.objstore.transport.api import PushCommand, PushResult, RemoteRef

from tests.conftest import needs
from tests.transport.conftest import Content

KINDS = {
    "http": ("web", [needs("git"), needs("nginx"), needs("fcgiwrap"), needs("openssl")]),
    "ssh": ("sshd", [needs("git"), needs("sshd")]),
    "git": ("daemon", [needs("git")]),
    "jgit": ("jgit", [needs("jgit")]),
}


@pytest.fixture(params=[pytest.param(kind, marks=marks) for kind, (_, marks) in KINDS.items()])
def server(request, repo):
    found = request.getfixturevalue(KINDS[request.param][0])
    if request.param == "ssh":
        repo.environ["GIT_SSH_COMMAND"] = found.command
    return found


@pytest.fixture
def place(server):
    """(a new bare repository, its URL); with characters in its name that a shell or a URL would take apart."""
    name = f"{os.urandom(8).hex()}-it's a%20test.git"
    bare = server.repo(name, "receive.advertisePushOptions=true")
    plain = name.replace("%", "%25").replace(" ", "%20")
    return bare, server.url(plain)


def test_what_was_pushed_is_listed_and_fetched(client, place, sink):
    bare, url = place
    assert client.push_main(url) == [PushResult("refs/heads/main", "ok")]
    bare.git("fsck", "--strict")
    assert bare.git("for-each-ref", "--format=%(refname) %(objectname)") == f"refs/heads/main {client.tip}"
    with client.open(url) as remote:
        assert RemoteRef("HEAD", client.tip, "refs/heads/main") in remote.list_refs()
        assert remote.list_refs(["refs/heads/", "refs/exps/"]) == [RemoteRef("refs/heads/main", client.tip)]
        assert remote.list_refs(["refs/exps/"]) == []
        remote.fetch_pack([client.tip], [], into=sink)
    assert sink.objects() == 6


def test_only_what_is_missing_comes(client, place, sink):
    _, url = place
    client.push_main(url)
    with client.open(url) as remote:
        remote.fetch_pack([client.tip], [client.first], into=sink)
        assert sink.objects() == 3
        unknown = [ObjectId(os.urandom(20)) for _ in range(300)]
        after = Content()
        remote.fetch_pack([client.tip], iter([*unknown, client.first, *unknown]), into=after)
        assert after.objects() == 3


def test_nothing_in_common_is_everything(client, place, sink):
    _, url = place
    client.push_main(url)
    with client.open(url) as remote:
        remote.fetch_pack([client.tip, client.tip], [ObjectId(os.urandom(20)) for _ in range(100)], into=sink)
    assert sink.objects() == 6


def test_an_empty_repository_has_no_refs(client, place):
    with client.open(place[1]) as remote:
        assert remote.list_refs() == []
        advertised = remote.advertised()
    assert advertised.refs == []
    assert "report-status" in advertised.capabilities


def test_each_ref_of_a_push_has_its_own_result(client, place):
    bare, url = place
    client.push_main(url)
    bare.git("config", "receive.denyDeletes", "true")
    commands = [
        PushCommand("refs/heads/main", client.tip, client.tip),
        PushCommand("refs/exps/new", client.tip, None),
        PushCommand("refs/heads/main2", client.first, client.tip),
        PushCommand("refs/heads/main/below", client.tip, None),
    ]
    with client.open(url) as remote:
        results = remote.push(commands, None)
    assert [each.status for each in results] == ["up to date", "ok", "rejected", "rejected"]
    assert all(each.reason for each in results[2:])
    assert "refs/exps/new" in bare.git("for-each-ref")
    assert "refs/heads/main2" not in bare.git("for-each-ref")


def test_a_ref_is_deleted_without_a_pack_if_it_is_where_we_think(client, place):
    bare, url = place
    client.push_main(url)
    with client.open(url) as remote:
        remote.push([PushCommand("refs/exps/a", client.tip, None), PushCommand("refs/exps/b", client.tip, None)], None)
        found = remote.push([PushCommand("refs/exps/a", None, client.first), PushCommand("refs/exps/b", None, client.tip)], None)
    assert [each.status for each in found] == ["rejected", "ok"]
    assert bare.git("for-each-ref", "--format=%(refname)", "refs/exps") == "refs/exps/a"


def test_an_atomic_push_is_all_or_nothing(client, place):
    bare, url = place
    client.push_main(url)
    commands = [PushCommand("refs/exps/new", client.tip, None), PushCommand("refs/heads/main", client.tip, client.first)]
    with client.open(url) as remote:
        assert [each.status for each in remote.push(commands, None, atomic=True)] == ["rejected", "rejected"]
        assert [each.status for each in remote.push(commands, None)] == ["ok", "rejected"]
    assert "refs/exps/new" in bare.git("for-each-ref")


def test_a_hook_says_why_it_refuses(client, server, place):
    bare, url = place
    if "jgit" in str(server.folder):
        pytest.skip("JGit's daemon runs no hooks")
    server.hook(bare.path.name, "pre-receive", 'printf "first\\nnever \\033[31mred\\n" >&2; env | grep GIT_PUSH_OPTION_0 >&2; exit 1')
    with client.open(url) as remote:
        results = remote.push([PushCommand("refs/heads/main", client.tip, None)], client.pack(), options=["ci.skip=1 2"])
        said = remote.messages()
        assert remote.messages() == []
    assert results == [PushResult("refs/heads/main", "rejected", "pre-receive hook declined")]
    assert said == ["first", "never \x1b[31mred", "GIT_PUSH_OPTION_0=ci.skip=1 2"]
    assert bare.git("for-each-ref") == ""


def test_hidden_refs_are_neither_seen_nor_changed(client, place):
    bare, url = place
    client.push_main(url)
    bare.git("update-ref", "refs/hidden/a", "refs/heads/main")
    bare.git("config", "transfer.hideRefs", "refs/hidden")
    with client.open(url) as remote:
        names = [ref.name for ref in remote.list_refs()]
        if "refs/hidden/a" in names:
            pytest.skip("this server does not know transfer.hideRefs")
        [result] = remote.push([PushCommand("refs/hidden/b", client.tip, None)], None)
    assert (result.status, result.reason) == ("rejected", "deny updating a hidden ref")


def test_a_broken_pack_is_reported_for_each_ref(client, place):
    bare, url = place
    content = bytearray(b"".join(client.pack()))
    content[40] ^= 1
    with client.open(url) as remote:
        try:
            [result] = remote.push([PushCommand("refs/heads/main", client.tip, None)], iter([bytes(content)]))
        except RemoteError:
            pass  # JGit closes the connection
        else:
            assert result.status == "rejected" and result.reason.startswith("the pack was not taken: ")
    assert bare.git("for-each-ref") == ""


def test_a_repository_that_is_not_there_is_one_line(client, server):
    with client.open(server.url("nothing.git")) as remote, pytest.raises(RemoteError) as error:
        remote.list_refs()
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(remote.url + ": ")


def test_a_large_push_is_streamed(client, place, sink):
    bare, url = place
    large = client.large(3 << 20)
    with client.open(url) as remote:
        [result] = remote.push([PushCommand("refs/heads/large", large, None)], client.pack())
        assert result.status == "ok"
        remote.fetch_pack([large], [client.tip], into=sink)
    assert len(sink.content) > 3 << 20
    bare.git("fsck", "--strict")


@needs("git")
@needs("nginx")
@needs("fcgiwrap")
@needs("sshd")
@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_version_of_the_protocol_is_spoken(client, web, sshd, daemon, version):
    client.setting("protocol.version", version)
    client.repo.environ["GIT_SSH_COMMAND"] = sshd.command
    for server in (web, sshd, daemon):
        server.repo(f"version{version}.git")
        url = server.url(f"version{version}.git")
        client.push_main(url)
        for haves, objects in (([client.first], 3), ([ObjectId(os.urandom(20)) for _ in range(1500)] + [client.first], 3), ([], 6)):
            sink = Content()
            with client.open(url) as remote:
                assert len(remote.list_refs(["refs/heads/"])) == 1
                remote.fetch_pack([client.tip], haves, into=sink)
                assert len(remote.list_refs()) == 2, "a new connection where the old one has ended"
            assert sink.objects() == objects


@pytest.mark.parametrize("version", ["0", "2"])
def test_another_object_format_is_refused_before_a_byte_is_sent(client, server, version):
    if "jgit" in str(server.folder):
        pytest.skip("JGit of this age knows no SHA-256")
    client.setting("protocol.version", version)
    server.repo(f"sha256-{version}.git", init=["--object-format=sha256"])
    url = server.url(f"sha256-{version}.git")
    with client.open(url) as remote:
        with pytest.raises(Unsupported, match="object format sha256 for a repository with sha1"):
            remote.push([PushCommand("refs/heads/main", client.tip, None)], client.pack())
        if version == "2":  # before 2.47 an empty repository says nothing in protocol 0
            with pytest.raises(Unsupported, match="object format sha256"):
                remote.list_refs()
    with client.open(url, form=SHA256) as remote:
        assert remote.list_refs() == []


def test_a_shallow_client_gets_the_parents_it_lacks_nothing_of(client, place, sink):
    _, url = place
    client.push_main(url)
    third = ObjectId.fromhex(client.repo.commit("three"))
    with client.open(url) as remote:
        remote.push([PushCommand("refs/heads/main", third, client.tip)], client.pack("HEAD", f"^{client.tip}"))
        remote.fetch_pack([third], [client.tip], into=sink, shallow=[client.tip])
    assert sink.objects() == 1


def test_a_shallow_server_says_where_its_history_ends(client, server, sink, tmp_path):
    if "jgit" in str(server.folder):
        pytest.skip("JGit's daemon serves no shallow repository")
    name = f"shallow{abs(hash(str(tmp_path)))}.git"
    client.repo.git("clone", "--quiet", "--bare", "--depth=1", f"file://{client.repo.path}", str(server.root / name))
    with client.open(server.url(name)) as remote:
        update = remote.fetch_pack([client.tip], [], into=sink)
    assert update.shallow == {client.tip}
