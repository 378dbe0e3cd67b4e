"""Packets and lines of Git's protocols: what is written is read again; what is broken is refused, wherever it breaks."""
import io

import pytest
from expref.objstore.errors import BadName, Corrupt, RemoteError
from expref.objstore.formats import pktline, protocol
from expref.objstore.formats.pktline import (
    DELIMITER,
    FLUSH,
    NOTHING,
    RESPONSE_END,
    Blocks,
    encode,
    read_bands,
    read_packet,
)
from expref.objstore.ids import SHA1, SHA256, ObjectId
from hypothesis import given
from hypothesis import strategies as st

payloads = st.binary(max_size=200)
packets = st.one_of(payloads, st.sampled_from([FLUSH, DELIMITER, RESPONSE_END]))
ID, OTHER = ObjectId(b"\x11" * 20), ObjectId(b"\xab" * 20)


def written(each):
    return encode(each) if isinstance(each, bytes) else each.encoded


def all_packets(stream):
    read = io.BytesIO(stream).read
    while (packet := read_packet(read, "x")) is not NOTHING:
        yield packet


@given(st.lists(packets, max_size=10))
def test_packets_are_read_as_they_were_written(sent):
    assert list(all_packets(b"".join(map(written, sent)))) == sent


@given(st.lists(payloads, min_size=1, max_size=4))
def test_a_stream_that_is_cut_anywhere_is_read_up_to_there_or_refused(sent):
    stream = b"".join(map(encode, sent))
    ends = {0}
    for each in sent:
        ends.add(max(ends) + 4 + len(each))
    for at in range(len(stream)):
        if at in ends:
            assert list(all_packets(stream[:at])) == sent[: sorted(ends).index(at)]
        else:
            with pytest.raises(Corrupt, match="^x: the connection ended in the middle of a packet"):
                list(all_packets(stream[:at]))


@pytest.mark.parametrize("head", [b"-001", b"+00a", b" 00a", b"0x0a", b"00_a", b"000g", b"HTTP", b"\xff\xff\xff\xff", b"00 4"])
def test_a_length_that_is_not_four_hexadecimal_digits_is_refused(head):
    with pytest.raises(Corrupt, match="instead of the length"):
        list(all_packets(head + b"x" * 100))


@pytest.mark.parametrize("head", [b"0003", b"fff1", b"ffff", b"FFF5"])
def test_a_length_that_no_packet_has_is_refused_before_anything_of_it_is_read(head):
    with pytest.raises(Corrupt, match="bad length|more than 65520"):
        read_packet(io.BytesIO(head + b"x" * 65536).read, "x")


def test_the_largest_packet_is_read_and_a_larger_one_is_not_written():
    largest = b"x" * pktline.MAX_PAYLOAD
    assert encode(largest)[:4] == b"fff0"
    assert list(all_packets(encode(largest))) == [largest]
    with pytest.raises(ValueError, match="do not fit"):
        encode(largest + b"x")


@pytest.mark.parametrize("end", [b"", b"0001", b"0002"])
def test_a_message_without_its_flush_is_refused(end):
    with pytest.raises(Corrupt, match="in the middle of a message"):
        list(pktline.read_lines(io.BytesIO(encode(b"a\n") + end).read, "x"))
    with pytest.raises(Corrupt, match="in the middle of a side band"):
        list(read_bands(io.BytesIO(encode(b"\x01a") + end).read, "x"))


@pytest.mark.parametrize("line", [b"", b"a" * 200])
def test_a_message_without_an_end_is_refused(monkeypatch, line):
    monkeypatch.setattr(pktline, "LARGEST_MESSAGE", 1000)
    with pytest.raises(Corrupt, match="a message of more than 1000 bytes"):
        list(pktline.read_lines(io.BytesIO(20 * encode(line)).read, "x"))


@pytest.mark.parametrize("payload", [b"", b"\x00a", b"\x04a", b"a"])
def test_a_band_that_does_not_exist_is_refused(payload):
    with pytest.raises(Corrupt, match="bad side band"):
        list(read_bands(io.BytesIO(encode(payload) + b"0000").read, "x"))


@given(st.lists(payloads, max_size=8), st.lists(st.integers(0, 40), max_size=60))
def test_blocks_are_one_stream(blocks, sizes):
    stream, file = Blocks(blocks), io.BytesIO(b"".join(blocks))
    for size in sizes:
        assert stream.read(size) == file.read(size)


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_advertisement_makes_anything_but_an_advertisement_or_a_git_error(lines):
    for parse in (
        lambda: protocol.parse_advertisement(lines, "x"),
        lambda: list(protocol.parse_refs(lines, SHA1, "x")),
        lambda: protocol.parse_report(lines, "x"),
        lambda: [protocol.parse_ack(line, SHA1, "x") for line in lines],
        lambda: [protocol.parse_shallow(line, SHA1, "x") for line in lines],
        lambda: protocol.parse_capability_lines(lines),
    ):
        try:
            parse()
        except (Corrupt, RemoteError) as error:
            assert str(error).startswith("x: ")


def test_an_advertisement_of_protocol_0_is_read():
    lines = [
        f"{ID} HEAD\0 multi_ack symref=HEAD:refs/heads/main agent=git/2 symref=refs/a:refs/b".encode(),
        f"{ID} refs/heads/main".encode(),
        f"{OTHER} refs/tags/v1".encode(),
        f"{ID} refs/tags/v1^{{}}".encode(),
        f"{OTHER} .have".encode(),
        f"shallow {OTHER}".encode(),
    ]
    found = protocol.parse_advertisement(lines, "x")
    assert found.refs == [
        protocol.RemoteRef("HEAD", ID, "refs/heads/main"),
        protocol.RemoteRef("refs/heads/main", ID),
        protocol.RemoteRef("refs/tags/v1", OTHER, None, ID),
    ]
    assert found.haves == found.shallow == {OTHER}
    assert found.capabilities == {"multi_ack": "", "symref": "HEAD:refs/heads/main refs/a:refs/b", "agent": "git/2"}
    assert found.object_format == SHA1


def test_an_advertisement_of_an_empty_repository_has_capabilities_and_no_refs():
    found = protocol.parse_advertisement([f"{'0' * 64} capabilities^{{}}\0object-format=sha256 atomic".encode()], "x")
    assert (found.refs, found.object_format, "atomic" in found.capabilities) == ([], SHA256, True)


@pytest.mark.parametrize("name", [
    "refs/heads/../../x", "refs/heads/x.lock", "refs/heads/a~b", "refs/heads/-\x1b[31m", "hooks/post-update", "config",
    "refs/heads/a//b", "refs//x", "refs/heads/@{1}", "", "refs/heads/x\ny",
])  # fmt: skip
def test_a_ref_with_a_name_that_git_forbids_is_refused(name):
    line = f"{ID} {name}".encode()
    with pytest.raises(Corrupt):
        protocol.parse_advertisement([line], "x")
    with pytest.raises(Corrupt):
        list(protocol.parse_refs([line], SHA1, "x"))


@pytest.mark.parametrize("id_", ["0" * 40, "1" * 39, "1" * 41, "g" * 40, "../" + "1" * 37, "", "1" * 64])
def test_a_ref_with_an_id_that_is_none_is_refused(id_):
    line = f"{id_} refs/heads/main".encode()
    with pytest.raises(Corrupt):
        protocol.parse_advertisement([line], "x")
    with pytest.raises(Corrupt):
        list(protocol.parse_refs([line], SHA1, "x"))


def test_refs_of_protocol_2_are_read_and_the_unborn_are_left_out():
    lines = [
        b"unborn HEAD symref-target:refs/heads/main",
        f"{ID} refs/tags/v1 peeled:{OTHER}".encode(),
        f"{ID} refs/remotes/o/HEAD symref-target:refs/remotes/o/main".encode(),
    ]
    assert list(protocol.parse_refs(lines, SHA1, "x")) == [
        protocol.RemoteRef("refs/tags/v1", ID, None, OTHER),
        protocol.RemoteRef("refs/remotes/o/HEAD", ID, "refs/remotes/o/main"),
    ]


def test_more_refs_than_anybody_has_are_refused(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_REFS", 10)
    lines = [f"{ID} refs/heads/b{number}".encode() for number in range(12)]
    with pytest.raises(Corrupt, match="more than 10 refs"):
        protocol.parse_advertisement(lines, "x")
    with pytest.raises(Corrupt, match="more than 10 refs"):
        list(protocol.parse_refs(lines, SHA1, "x"))


@pytest.mark.parametrize("parse", [
    lambda line: protocol.parse_advertisement([line], "x"),
    lambda line: list(protocol.parse_refs([line], SHA1, "x")),
    lambda line: protocol.parse_ack(line, SHA1, "x"),
])  # fmt: skip
def test_an_error_of_the_server_is_its_own_words(parse):
    with pytest.raises(RemoteError, match="^x: access denied$"):
        parse(b"ERR access denied\n")


def test_a_report_tells_of_each_ref():
    lines = [b"unpack ok", b"ok refs/a", b"option old-oid 1", b"ng refs/b hook declined: no", b"ng refs/c"]
    report = protocol.parse_report(lines, "x")
    assert report.unpack == "ok"
    assert [tuple(each) for each in report.results.values()] == [
        ("refs/a", "ok", ""), ("refs/b", "rejected", "hook declined: no"), ("refs/c", "rejected", "no reason given"),
    ]


@pytest.mark.parametrize("lines", [[], [b"ok refs/a"], [b"unpack ok", b"maybe refs/a"], [b"unpack ok", b""]])
def test_a_report_that_is_none_is_refused(lines):
    with pytest.raises(Corrupt):
        protocol.parse_report(lines, "x")


@given(st.lists(st.sampled_from(["refs/heads/a", "refs/exps/00/x", "refs/tags/ü"]), min_size=1, max_size=4))
def test_the_commands_of_a_push_are_what_git_reads(names):
    commands = [protocol.PushCommand(name, ID, None) for name in names]
    lines = list(all_packets(b"".join(protocol.update_lines(commands, ["atomic"], SHA1))))
    assert lines[0] == f"{'0' * 40} {ID} {names[0]}\0 atomic".encode()
    assert lines[1:] == [f"{'0' * 40} {ID} {name}".encode() for name in names[1:]]


def test_a_command_with_a_bad_name_is_refused_before_it_is_written():
    with pytest.raises(BadName):
        list(protocol.update_lines([protocol.PushCommand("refs/heads/a\n0000", ID, None)], [], SHA1))
    with pytest.raises(BadName):
        protocol.command("ls-refs", [], ["ref-prefix refs/a\n0000"])
