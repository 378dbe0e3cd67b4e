"""What only http has: users, redirects, TLS, proxies, headers, statuses. nginx with `git http-backend` is the judge."""
import base64
import os
import time

import pytest
from expref.objstore.errors import GitError, RemoteError, Unsupported
from expref.objstore.ids import ObjectId
from expref.objstore.transport.api import PushCommand

from tests.conftest import needs
from tests.servers import PASSWORD, USER, Script
from tests.transport.conftest import Content

pytestmark = [needs("git"), needs("nginx"), needs("fcgiwrap"), needs("openssl")]
IN_URL = f"{USER}:{PASSWORD.replace(' ', '%20').replace(':', '%3A')}@"


@pytest.fixture
def name(web):
    """A new repository on the server, also where a test is run once more."""
    made = f"{os.urandom(8).hex()}.git"
    web.repo(made)
    return made


def asked_for(answers):
    """An `ask` with prepared answers, and what it was asked."""
    questions = []

    def ask(prompt, secret):
        questions.append((prompt, secret))
        return answers.pop(0) if answers else None

    return ask, questions


def test_the_user_is_asked_once_for_all_requests(client, web, name, sink):
    ask, questions = asked_for([USER, PASSWORD])
    with client.open(web.url(name, "private"), ask=ask) as remote:
        remote.push([PushCommand("refs/heads/main", client.tip, None)], client.pack())
        remote.fetch_pack([client.tip], [], into=sink)
    place = f"127.0.0.1:{web.port}"
    assert questions == [(f"Username for 'http://{place}': ", False), (f"Password for 'http://{USER}@{place}': ", True)]


def test_a_wrong_password_is_one_line_without_it(client, web, name):
    with client.open(web.url(name, "private", user=f"{USER}:wr0ng@")) as remote, pytest.raises(RemoteError) as error:
        remote.list_refs()
    assert "(401)" in str(error.value)
    assert "wr0ng" not in str(error.value) and USER not in str(error.value)


def test_nobody_there_to_ask_is_one_line(client, web, name):
    with client.open(web.url(name, "private")) as remote, pytest.raises(RemoteError, match="nobody is there to be asked"):
        remote.list_refs()
    ask, questions = asked_for([USER, PASSWORD])
    with client.open(web.url(name, "private"), ask=ask, env={"GIT_TERMINAL_PROMPT": "0"}) as remote, pytest.raises(RemoteError):
        remote.list_refs()
    assert questions == []


@pytest.mark.parametrize("way", ["url", "netrc", "askpass", "store", "helper", "header"])
def test_every_way_to_say_who_we_are(client, web, name, way, tmp_path):
    place, env, user = f"127.0.0.1:{web.port}", {}, ""
    home = tmp_path / "home"
    if way == "url":
        user = IN_URL
    elif way == "netrc":
        (home / ".netrc").write_text(f'# mine\nmachine 127.0.0.1\n  login {USER} password "{PASSWORD}"\n')
    elif way == "askpass":
        script = tmp_path / "askpass"
        script.write_text(f'#!/bin/sh\ncase "$1" in User*) echo {USER};; *) echo "{PASSWORD}";; esac\n')
        script.chmod(0o755)
        env["GIT_ASKPASS"] = str(script)
    elif way == "store":
        client.setting("credential.helper", "store")
        (home / ".git-credentials").write_text(f"https://{IN_URL}{place}\nhttp://{IN_URL}{place}\n")
    elif way == "helper":
        client.setting(f"credential.http://{place}.helper", f"!f() {{ echo username={USER}; echo 'password={PASSWORD}'; }}; f")
    else:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        client.setting(f"http.http://{place}/.extraHeader", f"AUTHORIZATION: basic {login}")
    with client.open(web.url(name, "private", user=user), env=env) as remote:
        assert remote.list_refs() == []
        [result] = remote.push([PushCommand("refs/heads/main", client.tip, None)], client.pack())
    assert result.status == "ok"


def test_a_helper_hears_what_became_of_its_answer(client, web, name, tmp_path):
    log, answer = tmp_path / "log", tmp_path / "answer"
    client.setting("credential.helper", f"!f() {{ (echo \"$1:\"; cat) >>'{log}'; [ \"$1\" = get ] && cat '{answer}'; }}; f")
    answer.write_text(f"username={USER}\npassword=old\n")
    with client.open(web.url(name, "private")) as remote, pytest.raises(RemoteError, match="401"):
        remote.list_refs()
    answer.write_text(f"username={USER}\npassword={PASSWORD}\n")
    with client.open(web.url(name, "private")) as remote:
        remote.list_refs()
        remote.list_refs()
    blocks = [set(block.splitlines()) for block in log.read_text().split("\n\n")]
    place = {"protocol=http", f"host=127.0.0.1:{web.port}"}
    assert [block & {"get:", "erase:", "store:"} for block in blocks if block] == [{"get:"}, {"erase:"}, {"get:"}, {"store:"}]
    assert all(place <= block for block in blocks if block)
    assert 'wwwauth[]=Basic realm="private"' in blocks[0]
    assert f"password={PASSWORD}" in blocks[3] and "password=old" in blocks[1]


def test_a_token_of_a_helper_is_sent_as_it_says(client, web, name):
    client.setting("credential.helper", "!f() { echo capability[]=authtype; echo authtype=Bearer; echo credential=t0ken; }; f")
    with client.open(web.url(name, "token")) as remote:
        assert remote.list_refs() == []


def test_a_way_to_log_in_that_we_do_not_have_is_named(client, web, name):
    with client.open(web.url(name, "token"), ask=lambda *_: "x") as remote, pytest.raises(Unsupported, match="by bearer"):
        remote.list_refs()


def test_a_large_push_asks_for_credentials_before_it_sends(client, web, name):
    large = client.large(2 << 20)
    ask, _ = asked_for([USER, PASSWORD])
    with client.open(web.url(name, "readable"), ask=ask) as remote:
        [result] = remote.push([PushCommand("refs/heads/large", large, None)], client.pack())
    assert result.status == "ok"
    lines = web.log(name, lambda lines: sum(" POST " in line for line in lines) > 2)
    posts = [line.split() for line in lines if " POST " in line]
    assert [(post[3], int(post[5]) > 1 << 20) for post in posts] == [("401", False), ("200", False), ("200", True)]


def test_a_connection_is_used_again(client):
    requests = []

    def serve(talk):
        while (first := talk.request())[0]:
            requests.append(first[0])
            refs = b"001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000"
            if "GET" in first[0]:
                talk.answer(refs, "application/x-git-upload-pack-advertisement")
            else:
                talk.answer(b"0000", "application/x-git-upload-pack-result")

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        assert remote.list_refs() == remote.list_refs() == []
        assert server.connections == 1
    assert len(requests) == 3


REFS = b"001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000"


@pytest.mark.parametrize(("head", "body", "connections"), [
    ("Transfer-Encoding: chunked", b"5\r\n001e#\r\n%x; of=a chunk\r\n%b\r\n0\r\nTrailer: a\r\n\r\n" % (len(REFS) - 5, REFS[5:]), 1),
    (f"Content-Length: {len(REFS) + 9}", REFS + b"left over", 1),
    (f"Content-Length: {len(REFS)}\r\nConnection: close", REFS, 2),
    ("X: up to the end of the connection", REFS, 2),
    (f"Content-Length: {len(REFS) + 1}", REFS, 2),
    ("Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(REFS), REFS), 2),
])  # fmt: skip
def test_every_way_to_say_how_long_an_answer_is(client, head, body, connections):
    def serve(talk):
        while (first := talk.request())[0]:
            if "GET" not in first[0]:
                talk.answer(b"0000", "application/x-git-upload-pack-result")
                continue
            talk.send(b"HTTP/1.1 100 Go on\r\n\r\n")
            kind = "Content-Type: application/x-git-upload-pack-advertisement"
            talk.send(f"HTTP/1.1 200 OK\r\n{kind}\r\n{head}\r\n\r\n".encode() + body)
            if connections == 2:
                return

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        assert remote.list_refs() == []
        assert server.connections == connections


def test_a_connection_that_was_closed_meanwhile_is_made_again(client):
    def serve(talk):
        first, _, _ = talk.request()
        if "GET" in first:
            talk.answer(b"000eversion 2\n000cls-refs\n0000", "application/x-git-upload-pack-advertisement")
        else:
            talk.answer(b"0000", "application/x-git-upload-pack-result")

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        assert remote.list_refs() == []
        assert remote.list_refs() == []
        assert server.connections == 3


def test_requests_to_read_are_compressed(client, web, name, sink):
    url = web.url(name)
    client.push_main(url)
    with client.open(url) as remote:
        remote.fetch_pack([client.tip], [client.first, *(ObjectId(bytes([each]) * 20) for each in range(1, 31))], into=sink)
    def is_there(lines):
        return any("git-upload-pack 200 gzip" in line for line in lines)
    assert is_there(web.log(name, is_there))
    assert sink.objects() == 3


@pytest.mark.parametrize(("kind", "user"), [("moved", ""), ("to-private", IN_URL)])
def test_a_redirect_of_the_first_request_moves_the_rest_too(client, web, name, kind, user):
    with client.open(web.url(name, kind, user=user)) as remote:
        assert remote.list_refs() == []
        [result] = remote.push([PushCommand("refs/heads/main", client.tip, None)], client.pack())
    assert result.status == "ok"


def test_who_we_are_does_not_go_to_another_host(client, web, name):
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    client.setting("http.extraHeader", f"Authorization: Basic {login}")
    ask, questions = asked_for([])
    with client.open(web.url(name, "elsewhere", user=IN_URL), ask=ask) as remote, pytest.raises(RemoteError, match="nobody"):
        remote.list_refs()
    assert questions == [(f"Username for 'http://localhost:{web.port}': ", False)]


@pytest.mark.parametrize(("kind", "words"), {
    "to-page": "which is no address of a Git repository", "circle": "more than 20 redirects",
    "page": "a web page came instead", "files": "a server that only offers files",
    "status/400": "status 400: because of\x1b this", "status/403": "access is denied (403)", "status/404": "no such repository",
    "status/413": "takes no request as large", "status/429": "too many requests", "status/500": "status 500", "status/503": "not available",
}.items())  # fmt: skip
def test_what_a_server_answers_instead_is_one_line(client, web, name, kind, words):
    bare = web.root / name / "info"
    bare.mkdir(exist_ok=True)
    (bare / "refs").write_text("")
    with client.open(web.url(name, kind)) as remote, pytest.raises(GitError) as error:
        remote.list_refs()
    assert words in str(error.value) and "\n" not in str(error.value)


def test_redirects_are_not_followed_where_settings_forbid(client, web, name):
    client.setting("http.followRedirects", "false")
    with client.open(web.url(name, "moved")) as remote, pytest.raises(RemoteError, match="forbids to follow"):
        remote.list_refs()


def test_a_small_limit_of_the_server_is_named(client, web, name):
    large = client.large(100_000)
    with client.open(web.url(name, "small")) as remote, pytest.raises(RemoteError, match=r"no request as large as this one \(413\)"):
        remote.push([PushCommand("refs/heads/large", large, None)], client.pack())
    large = client.large(6 << 20)
    with client.open(web.url(name, "small")) as remote, pytest.raises(RemoteError, match=r"\(413\)|closed the connection"):
        remote.push([PushCommand("refs/heads/large", large, None)], client.pack())


@pytest.mark.parametrize("retry_after", ["0", "Mon, 01 Jan 2001 00:00:00 GMT"])
@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy"])
def test_we_come_back_when_the_server_says(client, retry_after, status):
    def serve(talk):
        talk.request()
        if server.connections < 3:
            talk.answer(b"", status=status, headers=[f"Retry-After: {retry_after}", "Connection: close"])
        else:
            talk.answer(b"000eversion 1\n0000", "application/x-git-upload-pack-advertisement")

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        assert remote.list_refs() == []


@pytest.mark.parametrize(("status", "header", "words"), [
    ("429 No", "Retry-After: \u00b2", "too many requests .429."),
    ("503 No", f"Retry-After: Mon, 01 Jan 2024 00:00:00 +{'9' * 20}", "not available for the moment .503."),
    ("302 Go", "Location: http://[bad", "redirected to what is no address"),
    ("302 Go", "Location: http://a\u2100b/", "redirected to what is no address"),
    ("403 No", "Content-Type: text/plain\r\nTransfer-Encoding: gone", "the transfer encoding"),
    ("403 No", "Content-Type: text/plain\r\nTransfer-Encoding: chunked", "access is denied .403."),
])  # fmt: skip
def test_an_answer_with_a_header_that_means_nothing_is_one_line(client, status, header, words):
    def serve(talk):
        talk.request()
        talk.send(f"HTTP/1.1 {status}\r\n{header}\r\n\r\nno chunk\r\n".encode())

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        with pytest.raises(GitError, match=words) as error:
            remote.list_refs()
        assert "\n" not in str(error.value)


def test_a_long_wait_is_left_to_the_user(client):
    def serve(talk):
        talk.request()
        talk.answer(b"", status="429 No", headers=["Retry-After: 3600"])

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        with pytest.raises(RemoteError, match="too many requests .429.; try again in 3600 s"):
            remote.list_refs()
        assert server.connections == 1


@pytest.mark.parametrize("way", ["sslCAInfo", "sslCAPath", "GIT_SSL_CAINFO", "sslVerify", "GIT_SSL_NO_VERIFY"])
def test_a_private_authority_is_accepted_where_settings_name_it(client, web, name, way, tmp_path):
    url, env = web.url(name, tls=True), {}
    with client.open(url) as remote, pytest.raises(RemoteError, match="certificate is not accepted: .*http.sslCAInfo"):
        remote.list_refs()
    if way == "sslCAPath":
        import ssl

        folder = tmp_path / "authorities"
        folder.mkdir()
        digest = client_hash(web.authority)
        (folder / f"{digest}.0").write_bytes(web.authority.read_bytes())
        assert ssl.create_default_context(capath=str(folder))
        client.setting("http.sslCAPath", str(folder))
    elif way.startswith("GIT"):
        env[way] = str(web.authority)
    else:
        client.setting(f"http.https://127.0.0.1:{web.tls_port}.{way}", "false" if way == "sslVerify" else str(web.authority))
    assert [each.status for each in client.push_main(url, env=env)] == ["ok"]


def client_hash(certificate):
    import subprocess

    command = ["openssl", "x509", "-hash", "-noout", "-in", str(certificate)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_an_expired_certificate_is_one_line(client, web, name):
    client.setting("http.sslCAInfo", str(web.authority))
    url = f"https://127.0.0.1:{web.expired_port}/open/{name}"
    with client.open(url) as remote, pytest.raises(RemoteError, match="certificate has expired"):
        remote.list_refs()


def test_a_certificate_for_another_name_is_one_line(client, web, name):
    client.setting("http.sslCAInfo", str(web.authority))
    url = f"https://127.0.0.2:{web.tls_port}/open/{name}"
    with client.open(url) as remote, pytest.raises(RemoteError, match="no connection|IP address mismatch"):
        remote.list_refs()


@pytest.mark.parametrize("broken", ["/nowhere", "config"])
def test_a_file_of_authorities_that_is_none_is_named(client, web, name, broken, tmp_path):
    path = tmp_path / "home" / ".gitconfig" if broken == "config" else broken
    client.setting("http.sslCAInfo", str(path))
    with client.open(web.url(name, tls=True)) as remote, pytest.raises(GitError, match=f"^{path}: "):
        remote.list_refs()


def test_a_certificate_of_the_client_is_shown_and_its_key_unlocked(client, web, name):
    client.setting("http.sslCAInfo", str(web.authority))
    client.setting("http.sslCert", str(web.folder / "client.pem"))
    client.setting("http.sslKey", str(web.folder / "client.key"))
    ask, questions = asked_for(["key word"])
    with client.open(web.url(name, tls=True), ask=ask) as remote:
        assert remote.list_refs() == []
    assert questions == [(f"Password for 'cert://{web.folder}/client.key': ", True)]
    with client.open(web.url(name, tls=True), ask=lambda *_: "wrong") as remote, pytest.raises(GitError, match="cannot be used"):
        remote.list_refs()


def test_nothing_goes_from_https_to_http(client, web, name):
    client.setting("http.sslCAInfo", str(web.authority))
    with client.open(web.url(name, "downgrade", tls=True)) as remote, pytest.raises(RemoteError, match="only https"):
        remote.list_refs()


@needs("tinyproxy")
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("way", ["http.proxy", "remote", "variable", "asked"])
def test_a_proxy_with_a_password_is_gone_through(client, web, proxy, name, way, tls):
    client.setting("http.sslCAInfo", str(web.authority))
    login = "" if way == "asked" else "prox:pr0xy@"
    address = f"http://{login}127.0.0.1:{proxy.port}"
    env, remote_name = {}, None
    if way == "variable":
        env["https_proxy" if tls else "http_proxy"] = address
    elif way == "remote":
        client.setting("http.proxy", "http://127.0.0.1:1")
        client.setting("remote.origin.proxy", address)
        remote_name = "origin"
    else:
        client.setting("http.proxy", address)
    before = proxy.log().count("Request (file")
    ask, _ = asked_for(["prox", "pr0xy"])
    assert [each.status for each in client.push_main(web.url(name, tls=tls), env=env, ask=ask, name=remote_name)] == ["ok"]
    before, previous = proxy.log().count("Request (file"), before
    assert before > previous
    sink = Content()
    with client.open(web.url(name, tls=tls), env=env | {"no_proxy": "127.0.0.1"}, name=remote_name) as remote:
        remote.fetch_pack([client.tip], [], into=sink)
    assert proxy.log().count("Request (file") == before


@needs("tinyproxy")
@pytest.mark.parametrize("tls", [False, True])
def test_a_proxy_that_does_not_let_us_in_is_one_line_without_the_password(client, web, proxy, name, tls):
    client.setting("http.proxy", f"http://prox:wr0ng@127.0.0.1:{proxy.port}")
    with client.open(web.url(name, tls=tls)) as remote, pytest.raises(RemoteError) as error:
        remote.list_refs()
    assert not tls or "the proxy http://127.0.0.1" in str(error.value)  # without TLS tinyproxy says 401, as if it were the server
    assert "wr0ng" not in str(error.value)


def test_a_kind_of_proxy_that_we_do_not_have_is_named(client, web, name):
    client.setting("http.proxy", "socks5://127.0.0.1:1")
    with pytest.raises(Unsupported, match="socks5"):
        client.open(web.url(name))


def test_what_identifies_git_is_sent(client):
    seen = {}

    def serve(talk):
        seen.update(talk.request()[1])
        talk.answer(b"000eversion 1\n0000", "application/x-git-upload-pack-advertisement")

    client.setting("http.extraHeader", "X-One: 1")
    client.setting("http.extraHeader", "")
    client.setting("http.extraHeader", "X-Two: 2")
    client.setting("http.extraHeader", "X-Two: 3")
    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote:
        remote.list_refs()
    assert seen["user-agent"].startswith("git/")
    assert seen["git-protocol"] == "version=2"
    assert "x-one" not in seen and seen["x-two"] == "3"


def test_a_header_that_would_be_two_is_refused_and_not_shown(client):
    client.setting("http.extraHeader", "X-Token: s3cret\r\nHost: evil")
    with pytest.raises(GitError, match=r"http.extraheader is not 'Name: value'") as error:
        client.open("http://127.0.0.1:1/a")
    assert "s3cret" not in str(error.value)


def test_waiting_ends(client):
    with Script(lambda talk: talk.wait()) as server, client.open(f"http://127.0.0.1:{server.port}/a", timeout_s=0.3) as remote:
        started = time.monotonic()
        with pytest.raises(RemoteError, match=r"no answer within 0.3 s"):
            remote.list_refs()
        assert time.monotonic() - started < 10
