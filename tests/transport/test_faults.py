"""Servers that break off, stall or lie in every phase of a conversation: one line each, no hang."""
import socket
import struct
import time

import pytest
from expref.objstore.errors import GitError, RemoteError
from expref.objstore.formats.pktline import encode
from expref.objstore.transport.api import PushCommand

from tests.servers import Script, free_port

FLUSH = b"0000"
CAPABILITIES = b"report-status delete-refs side-band-64k atomic ofs-delta multi_ack_detailed thin-pack"
ZERO = b"0" * 40


def advertisement(client):
    return encode(f"{client.tip} refs/heads/main\0".encode() + CAPABILITIES + b"\n") + FLUSH


def http_conversation(service, answers):
    """A server of http that gives the bodies `answers` to one request after the other."""

    def serve(talk):
        for answer in answers:
            if not talk.request()[0]:
                return
            kind = "advertisement" if answer is answers[0] else "result"
            talk.answer(answer, f"application/x-{service}-{kind}")

    return serve


def fetch(client, url, **options):
    class Nowhere:
        def write(self, block):
            pass

    with client.open(url, **options) as remote:
        remote.list_refs(["refs/heads/"])
        remote.fetch_pack([client.tip], [client.first], into=Nowhere())


def push(client, url, **options):
    with client.open(url, **options) as remote:
        [result] = remote.push([PushCommand("refs/heads/new", client.tip, None)], client.pack())
        assert result.status == "ok"


def answers_to_fetch(client):
    """A whole conversation of protocol 2, as the server speaks it: advertisement, refs, pack."""
    return [
        encode(b"version 2\n") + encode(b"ls-refs\n") + encode(b"fetch=shallow\n") + FLUSH,
        encode(f"{client.tip} refs/heads/main\n".encode()) + FLUSH,
        encode(b"packfile\n") + encode(b"\x02Counting\r") + encode(b"\x01PACK....") + FLUSH,
    ]


def answers_to_push(client):
    report = encode(b"unpack ok\n") + encode(b"ok refs/heads/new\n") + FLUSH
    return [advertisement(client), encode(b"\x01" + report) + encode(b"\x02bye\n") + FLUSH]


CONVERSATIONS = {
    "fetch": (fetch, "git-upload-pack", answers_to_fetch),
    "push": (push, "git-receive-pack", answers_to_push),
}


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_a_conversation_that_ends_anywhere_is_one_line(client, kind):
    act, service, make = CONVERSATIONS[kind]
    answers = make(client)
    cuts = [(number, at) for number, answer in enumerate(answers) for at in range(0, len(answer), 3)]
    for number, at in cuts:
        cut = [*answers[:number], answers[number][:at]]
        with Script(http_conversation(service, cut)) as server, pytest.raises(GitError) as error:
            act(client, f"http://127.0.0.1:{server.port}/a")
        assert "\n" not in str(error.value) and str(error.value).startswith(f"http://127.0.0.1:{server.port}/a: ")
    with Script(http_conversation(service, answers)) as server:
        act(client, f"http://127.0.0.1:{server.port}/a")


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_the_same_without_http(client, kind):
    act, _, make = CONVERSATIONS[kind]
    whole = b"".join(make(client))
    for at in range(0, len(whole), 7):
        def serve(talk, at=at):
            talk.send(whole[:at])
            talk._sock.shutdown(1)
            talk.file.read()

        with Script(serve) as server, pytest.raises(GitError) as error:
            act(client, f"git://127.0.0.1:{server.port}/a")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", CONVERSATIONS)
@pytest.mark.parametrize("scheme", ["http", "git"])
def test_bytes_that_trickle_in_are_not_waited_for_without_end(client, kind, scheme, monkeypatch):
    monkeypatch.setattr("expref.objstore.transport.client.REPORT_S", 0.5)
    act, service, make = CONVERSATIONS[kind]
    for number, answer in enumerate(make(client)):
        def serve(talk, number=number, answer=answer):
            for each in make(client)[:number]:
                if scheme == "http":
                    talk.request()
                    talk.answer(each, f"application/x-{service}-{'advertisement' if not number else 'result'}")
                else:
                    talk.send(each)
            if scheme == "http":
                talk.request()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-{service}-advertisement\r\n\r\n"
                answer = head.encode() + answer
            talk.dribble(answer, 0.15)

        started = time.monotonic()
        with Script(serve) as server, pytest.raises(RemoteError):
            act(client, f"{scheme}://127.0.0.1:{server.port}/a", timeout_s=0.4)
        assert time.monotonic() - started < 10  # a hard limit, no measurement


@pytest.mark.parametrize(("answer", "words"), {
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello": "came instead of Git's protocol",
    b"SSH-2.0-OpenSSH_9.2\r\n": "this is not HTTP",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n": "this is not HTTP",
    b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n": "this is not HTTP",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 100\r\n\r\n000e": "too early",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": "instead of the size of a chunk",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n000e": "too early",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n000eX": "too early",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n0000": "this is not HTTP",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 8\r\n\r\n-001fooo": "instead of the length",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 8\r\n\r\nfff5fooo": "65525 bytes",
    b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n": "only https or the same protocol",
    b"HTTP/1.1 302 Found\r\nLocation: http://ex%0aample.com/a\r\nContent-Length: 0\r\n\r\n": "line break",
    b"HTTP/1.1 302 Found\r\nLocation: ext::sh -c id\r\nContent-Length: 0\r\n\r\n": "",
    b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n": "redirects",
    b"HTTP/1.1 304 Not Modified\r\n\r\n": "unexpected answer 304",
    b"": "closed the connection",
}.items())  # fmt: skip
def test_an_answer_that_is_none_is_one_line(client, answer, words):
    def serve(talk):
        talk.request()
        talk.send(answer)

    with Script(serve) as server, client.open(f"http://127.0.0.1:{server.port}/a") as remote, pytest.raises(GitError) as error:
        remote.list_refs()
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("lines", "words"), {
    (b"ERR access denied or repository not exported: /a",): "access denied or repository not exported: /a",
    (b"version 3\n",): "bad object id",
    (b"version 2\n", b"ls-refs\n", b"object-format=sha256\n"): "object format sha256",
    (b"version 2\n", b"ls-refs\n", b"object-format=md5\n"): "unknown object format 'md5'",
    (ZERO + b" refs/heads/main\0" + CAPABILITIES,): "all zeros",
    (b"1" * 40 + b" refs/heads/../../../etc/passwd\0" + CAPABILITIES,): "bad ref name",
    (b"1" * 40 + b" refs/heads/main\0multi_ack",): "",
}.items())  # fmt: skip
def test_an_advertisement_that_lies_is_one_line(client, lines, words):
    def serve(talk):
        talk.send(*map(encode, lines), FLUSH)
        talk.wait()

    with Script(serve) as server, pytest.raises(GitError) as error:
        fetch(client, f"git://127.0.0.1:{server.port}/a", timeout_s=1)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("report", "status", "reason"), [
    ([b"unpack ok", b"ok refs/heads/new"], "ok", ""),
    ([b"unpack ok", b"ng refs/heads/new nope"], "rejected", "nope"),
    ([b"unpack ok", b"ok refs/heads/other"], "rejected", "did not say"),
    ([b"unpack ok"], "rejected", "did not say"),
    ([b"unpack index-pack failed", b"ok refs/heads/new"], "rejected", "index-pack failed"),
])  # fmt: skip
@pytest.mark.parametrize("side_band", [True, False])
def test_only_what_the_report_says_is_a_success(client, report, status, reason, side_band):
    has = CAPABILITIES if side_band else b"report-status"
    content = b"".join(map(encode, report)) + FLUSH

    def serve(talk):
        talk.send(encode(ZERO + b" capabilities^{}\0" + has), FLUSH)
        talk.send(encode(b"\x01" + content[:5]) + encode(b"\x01" + content[5:]) + FLUSH if side_band else content)
        talk.file.read()

    with Script(serve) as server, client.open(f"git://127.0.0.1:{server.port}/a") as remote:
        [result] = remote.push([PushCommand("refs/heads/new", client.tip, None)], client.pack())
    assert result.status == status and reason in result.reason


@pytest.mark.parametrize(("has", "options", "words"), [
    (b"side-band-64k", {}, "report-status"), (b"report-status", {"atomic": True}, "atomic"),
    (b"report-status", {"options": ["a"]}, "push-options"),
])  # fmt: skip
def test_what_a_server_cannot_do_is_refused_before_anything_is_sent(client, has, options, words):
    def serve(talk):
        talk.send(encode(ZERO + b" capabilities^{}\0" + has), FLUSH)
        talk.file.read(4)  # the name of the repository
        talk.received = talk.file.read()

    with Script(serve) as server, client.open(f"git://127.0.0.1:{server.port}/a") as remote, pytest.raises(GitError, match=words):
        remote.push([PushCommand("refs/heads/new", client.tip, None)], client.pack(), **options)


def test_deleting_is_refused_for_each_ref_where_the_server_does_not_know_how(client):
    def serve(talk):
        talk.send(encode(ZERO + b" capabilities^{}\0report-status"), FLUSH)
        talk.file.read()

    with Script(serve) as server, client.open(f"git://127.0.0.1:{server.port}/a") as remote:
        [result] = remote.push([PushCommand("refs/heads/new", None, client.tip)], None)
    assert result.status == "rejected" and "delete" in result.reason


def test_an_error_band_is_the_reason(client):
    answers = [*answers_to_fetch(client)[:2], encode(b"packfile\n") + encode(b"\x01PACK") + encode(b"\x03out of memory\n") + FLUSH]
    with Script(http_conversation("git-upload-pack", answers)) as server, pytest.raises(RemoteError, match="a: out of memory$"):
        fetch(client, f"http://127.0.0.1:{server.port}/a")


def test_a_sink_that_cannot_write_ends_the_fetch(client):
    class Full:
        def write(self, block):
            raise OSError(28, "No space left on device")

    answers = answers_to_fetch(client)
    with (
        Script(http_conversation("git-upload-pack", [answers[0], answers[2]])) as server,
        client.open(f"http://127.0.0.1:{server.port}/a") as remote,
        pytest.raises(OSError, match="No space"),
    ):
        remote.fetch_pack([client.tip], [client.first], into=Full())


@pytest.mark.parametrize("url", ["http://nothing.invalid/a", "https://nothing.invalid/a", "git://nothing.invalid/a"])
def test_a_host_that_does_not_exist_is_one_line(client, url):
    with client.open(url) as remote, pytest.raises(RemoteError, match="the host 'nothing.invalid' is not known"):
        remote.list_refs()


@pytest.mark.parametrize("scheme", ["http", "https", "git"])
def test_a_port_where_nobody_listens_is_one_line(client, scheme):
    with client.open(f"{scheme}://127.0.0.1:{free_port()}/a") as remote, pytest.raises(RemoteError, match="Connection refused"):
        remote.list_refs()


def test_tls_with_a_server_that_speaks_none_is_one_line(client):
    with (
        Script(lambda talk: talk.send(b"hello\r\n" * 10)) as server,
        client.open(f"https://127.0.0.1:{server.port}/a") as remote,
        pytest.raises(RemoteError, match="no TLS connection"),
    ):
        remote.list_refs()


def test_tls_that_is_cut_off_or_never_comes_is_one_line(client):
    def reset(talk):
        talk.file.read(5)
        talk._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    for serve, timeout_s, words in ((reset, 20, "Connection reset"), (lambda talk: talk.wait(), 0.3, "in time")):
        with (
            Script(serve) as server,
            client.open(f"https://127.0.0.1:{server.port}/a", timeout_s=timeout_s) as remote,
            pytest.raises(RemoteError, match=f"no connection to 127.0.0.1:{server.port}.*{words}"),
        ):
            remote.list_refs()


def test_what_a_server_says_is_kept_with_a_limit(client):
    endless = b"".join(encode(b"\x02" + b"x" * 9000 + b"\n") for _ in range(3000))
    report = encode(b"\x01" + encode(b"unpack ok\n") + encode(b"ok refs/heads/new\n") + FLUSH)

    def serve(talk):
        talk.send(encode(ZERO + b" capabilities^{}\0" + CAPABILITIES), FLUSH, endless, report, FLUSH)
        talk.file.read()

    with Script(serve) as server, client.open(f"git://127.0.0.1:{server.port}/a") as remote:
        remote.push([PushCommand("refs/heads/new", client.tip, None)], None)
        said = remote.messages()
    assert len(said) == 1000 and {len(line) for line in said} == {4096}
