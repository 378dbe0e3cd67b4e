"""Heads of HTTP: a request is one head whatever stands in it; an answer is read, or refused wherever it breaks."""

import io

import pytest
from expref.objstore.errors import BadName, Corrupt
from expref.objstore.formats.httphead import encode_request, read_chunk_size, read_head
from hypothesis import given
from hypothesis import strategies as st

names = st.text("abcXYZ-", min_size=1, max_size=10)
values = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f\x85\xa0"), max_size=20)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n c\r\nWWW-Authenticate: one\r\nwww-authenticate: two\r\n\r\n"
)


def head_of(content):
    return read_head(io.BytesIO(content).readline, "x")


@given(st.lists(st.tuples(names, values), max_size=8))
def test_fields_are_read_as_they_were_written(fields):
    sent = encode_request("GET", "/a", fields)
    first, _, rest = sent.partition(b"\r\n")
    assert first == b"GET /a HTTP/1.1"
    read = head_of(b"HTTP/1.1 204 No\r\n" + rest)
    assert [(name.lower(), value) for name, value in fields] == list(read.fields)


@given(names, st.text(max_size=20), st.sampled_from("\r\n\0"), st.text(max_size=20))
def test_a_value_with_a_line_break_is_refused_and_not_shown(name, before, bad, after):
    with pytest.raises(BadName) as error:
        encode_request("GET", "/a", [(name, f"s3cret{before}{bad}{after}")])
    assert "s3cret" not in str(error.value) and name in str(error.value)


def test_several_fields_of_one_name_and_one_of_several_lines():
    head = head_of(ANSWER)
    assert (head.status, head.length, head.is_chunked, head.stays_open) == (200, 5, False, True)
    assert head.get_all("www-authenticate") == ["one", "two"]
    assert (head.get("x-a"), head.get("x-b"), head.content_type) == ("b c", None, "")


@pytest.mark.parametrize(("head", "found"), {
    "HTTP/1.1 200 OK\r\n\r\n": (False, False, None),
    "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n": (True, False, 0),
    "HTTP/1.1 200 OK\nContent-Length: 7\nContent-Length: 7\n\n": (True, False, 7),
    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n": (False, False, 7),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 7\r\n\r\n": (True, True, None),
    "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n": (False, False, 7),
    "HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: x, Keep-Alive\r\n\r\n": (True, False, 7),
    "HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n": (True, False, 0),
    "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n": (True, False, 0),
}.items())  # fmt: skip
def test_how_the_end_of_a_body_is_known(head, found):
    read = head_of(head.encode())
    assert (read.stays_open, read.is_chunked, read.length) == found


@pytest.mark.parametrize("head", [
    "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "\r\n", "ICY 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: no name\r\n\r\n", "HTTP/1.1 200 OK\r\n first: folded\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: " + "a" * 70_000, "HTTP/1.1 200 OK\r\n" + "X: a\r\n" * 101 + "\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n" + " more\r\n" * 100 + "\r\n",
])  # fmt: skip
def test_what_is_no_answer_is_refused(head):
    with pytest.raises(Corrupt, match="^x: this is not HTTP: "):
        head_of(head.encode())


def test_an_answer_that_is_cut_anywhere_is_refused():
    assert head_of(b"") is None
    for at in range(1, len(ANSWER)):
        with pytest.raises(Corrupt):
            head_of(ANSWER[:at])


@given(st.binary(max_size=60))
def test_bytes_that_are_no_answer_are_refused_and_nothing_else(content):
    for start in (b"", b"HTTP/1.1 200 OK\r\n"):
        try:
            head_of(start + content)
        except Corrupt as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(("line", "size"), {b"0\r\n": 0, b"fF\n": 255, b"10 ;name=value\r\n": 16, b"0;\r\n": 0}.items())
def test_sizes_of_chunks(line, size):
    assert read_chunk_size(io.BytesIO(line).readline, "x") == size


@pytest.mark.parametrize(
    "line",
    [b"", b"\r\n", b"-1\r\n", b"0x1\r\n", b"1_0\r\n", b"+1\r\n", b"1", b"g\r\n", b"f" * 16 + b"\r\n", b"1" * 70_000],
)
def test_what_is_no_size_of_a_chunk(line):
    with pytest.raises(Corrupt, match="^x: this is not HTTP: "):
        read_chunk_size(io.BytesIO(line).readline, "x")
