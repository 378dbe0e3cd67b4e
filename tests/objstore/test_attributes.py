"""The text of attributes files as rules, and what the rules say of a path. With git as the judge: against_git."""
import pytest
from expref.objstore.formats.attributes import BUILT_IN, EMPTY, MAX_FILE, decode_blob, decode_file, look_up


def said(text, path=b"a/b/f.txt", macros=BUILT_IN):
    """What one file at the top says of a path, its own macros counting."""
    file = decode_file(text)
    return look_up(path, [(0, file)], {**macros, **file.macros})


def test_states():
    text = b"* text -crlf !ident eol=lf filter= working-tree-encoding=\xc3\xa4\xff"
    assert said(text) == {
        "text": True, "crlf": False, "ident": None, "eol": "lf", "filter": "", "working-tree-encoding": "ä\udcff",
    }  # fmt: skip


@pytest.mark.parametrize("text", [
    b"", b"\n\n", b" \t\r\n", b"# * text", b"  #* text", b"*", b"f text", b"!* text", b'"!*" text', b"b/ text",
    b"/f.txt text", b"* --text", b"* text, eol=lf", b"* -", b"* =x", b"* \xc3\xa4", b"* text\v", b"* builtin_text",
    b"* text -builtin_x=1", b"\0* text", b"*\0 text", b'"* text', b'"\\x" text', b'"\\400" text', b'"" text',
    b"[attr] text", b"[attr]text,", b"[attr]-m", b"* x" + b" " * 2045, b"\xef\xbb\xbf\xef\xbb\xbf* text",
])  # fmt: skip
def test_a_line_that_says_nothing_of_a_file(text):
    assert said(text) == {}


@pytest.mark.parametrize("text", [
    b"* text", b"\xef\xbb\xbf* text\r\n", b" \t* \t text \r", b"*.txt text", b"f.txt text", b"a/b/f.txt text",
    b"/a/b/* text", b"a/** text", b"**/f.txt text", b'"*.t\\170t" text', b'"a/\\142/f.txt"text', b"* text\0 -text",
    b"\\f.txt text", b"[f]* text", b"* -text\n* text", b"* -text text", b"* -text\n* text\n* -text,",
    b"* text" + b" " * 2041, b"f?txt text", b"* -text\n\n*.txt\ttext",
])  # fmt: skip
def test_a_line_that_sets_text(text):
    assert said(text) == {"text": True}


def test_the_last_line_decides_for_each_attribute():
    assert said(b"* text eol=lf\n*.txt eol=crlf\n*.c -text\na/* -text\n") == {"text": True, "eol": "crlf"}


def test_binary_is_a_macro():
    assert said(b"* binary") == {"binary": True, "text": False, "diff": False, "merge": False}


def test_what_a_line_says_behind_a_macro_decides_before_it():
    assert said(b"* binary text")["text"] is True
    assert said(b"* text binary")["text"] is False


@pytest.mark.parametrize("state", [b"-binary", b"!binary", b"binary=x"])
def test_only_a_macro_that_is_set_counts(state):
    assert list(said(b"* " + state)) == ["binary"]


def test_macros_in_macros_may_go_in_circles():
    text = b"[attr]one two -x\n[attr]two one y\n* one\n"
    assert said(text) == {"one": True, "x": False, "two": True, "y": True}


def test_the_last_definition_of_a_macro_counts():
    assert decode_file(b"[attr]m text\n[attr]m -text eol=lf").macros == {"m": (("text", False), ("eol", "lf"))}


def test_a_quoted_macro():
    assert decode_file(b'"[attr]m x"-text').macros == {"m": (("text", False),)}


def test_macros_count_only_if_the_caller_says_so():
    assert look_up(b"f", [(0, decode_file(b"[attr]m text\n* m"))], BUILT_IN) == {"m": True}


def test_files_of_folders_decide_in_the_order_in_which_they_come():
    near, far = decode_file(b"/f.txt text\nb/f.txt eol=lf"), decode_file(b"*.txt -text\n/b/* ident\na/b/* ident")
    assert look_up(b"a/b/f.txt", [(4, near), (2, far), (0, far)], {}) == {"text": True, "ident": True}


def test_letters_can_be_equal_in_both_cases():
    file = decode_file(b"a/*.txt text\n*.Txt ident\n/A/F.txt eol=lf", fold=True)
    assert look_up(b"A/f.TXT", [(0, file)], {}) == {"text": True, "ident": True, "eol": "lf"}


def test_a_blob_ends_at_a_nul_and_a_mark_in_it_is_text():
    blob = b"\xef\xbb\xbf* text\r\n* ident\r\n\0* -ident"
    assert look_up(b"f", [(0, decode_blob(blob))], {}) == {"ident": True}
    assert look_up(b"\xef\xbb\xbff", [(0, decode_blob(blob))], {}) == {"text": True, "ident": True}


@pytest.mark.parametrize("decode", [decode_file, decode_blob])
def test_too_long_a_file_is_ignored(decode, monkeypatch):
    assert MAX_FILE == 100 << 20
    monkeypatch.setattr("expref.objstore.formats.attributes.MAX_FILE", 10)
    assert decode(b"abc* text\n") == EMPTY
    assert decode(b"ab* text\n").rules


def test_a_pattern_with_many_stars_takes_no_time():
    text = b"/a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b text\n" + b"*a" * 500 + b"b ident\n" + b"**/a/" * 200 + b"b eol=lf"
    assert said(text, b"a" * 2000) == said(text, b"a/" * 1000 + b"c") == {}
