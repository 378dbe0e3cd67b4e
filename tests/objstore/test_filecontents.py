"""Contents of files that are not what they were a moment ago. All else is in tests/against_git/test_snapshot_trouble.py."""

import os

import pytest
from expref.objstore.conversion import Cleaner, LineEnds
from expref.objstore.filecontents import FileContents
from expref.objstore.ids import SHA1

CONTENT = b"one\r\ntwo\n"


@pytest.fixture
def contents(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    return FileContents(os.fsencode(tmp_path) + b"/", SHA1)


def cleaner(**changes):
    nothing = Cleaner(None, None, None, False, "file", False, False, lambda: None)
    return nothing._replace(**changes)


CLEANERS = [cleaner(line_ends=LineEnds(auto=False, crlf=False)), cleaner(ident=True), cleaner(filter="lfs")]


def test_a_content_is_named_as_it_is_and_as_it_is_converted(contents):
    raw = SHA1.name_object("blob", CONTENT)
    assert contents.hash(b"file", len(CONTENT)) == raw
    made = [contents.cleaned_id(b"file", len(CONTENT), each, raw) for each in CLEANERS]
    assert made == [SHA1.name_object("blob", b"one\ntwo\n"), raw, raw]


def test_a_file_that_has_grown_is_not_read_to_its_end(contents, tmp_path):
    raw, converted = (SHA1.name_object("blob", content) for content in (CONTENT, b"one\ntwo\n"))
    os.truncate(tmp_path / "file", 1 << 40)
    assert contents.hash(b"file", len(CONTENT)) != raw
    for each in CLEANERS:
        assert contents.cleaned_id(b"file", len(CONTENT), each, raw) not in (raw, converted)
