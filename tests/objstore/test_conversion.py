"""Which contents are converted, and how, without git at hand. What git stores: against_git/test_conversion.py."""
import os
from functools import partial

import pytest
from expref.objstore import attributes as attributes_module
from expref.objstore.attributes import Attributes, indexed_blob
from expref.objstore.conversion import Cleaner, Conversion, LineEnds
from expref.objstore.errors import GitError, NotFound, Unsupported
from expref.objstore.formats.index import IndexRow
from expref.objstore.formats.objects import FILE
from expref.objstore.ids import ObjectId
from expref.objstore.repository import Repository


def of_index(repository):
    """What finds the blob of a path in the index, as Attributes and Conversion take it."""
    return partial(indexed_blob, repository, repository.index.read())


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A function that makes a repository, with attributes files below `tmp_path`; returns it and what finds blobs."""
    monkeypatch.setattr(attributes_module, "SYSTEM_FILE", str(tmp_path / "system"))

    def make(attributes=b"", config="", files=None, index=None, **environ):
        environ = {"HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"} | environ
        repository = Repository.init(str(tmp_path / "repo"), environ)
        with open(f"{repository.git_dir}/config", "a") as file:
            file.write(config)
        for name, content in {"repo/.gitattributes": attributes, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        repository.index.make([
            (name, IndexRow((0, 0), (0, 0), 0, FILE, 0, 0, 0, repository.objects.write("blob", content), 0, 0))
            for name, content in sorted((index or {}).items())
        ])
        repository = Repository.discover(str(tmp_path / "repo"), environ)
        return repository, of_index(repository)

    return make


@pytest.fixture
def cleaner(make):
    """What is done to the file "f": the same arguments."""
    return lambda *args, **kwargs: Conversion(*make(*args, **kwargs)).cleaner(b"f")


def test_the_nearest_file_decides_and_the_repositorys_own_before_it(make):
    folders = [f"repo/{folder}.gitattributes" for folder in ("", "a/", "a/b/")]
    names = ["system", "home/.config/git/attributes", *folders, "repo/.git/info/attributes"]
    texts = [b"* " + b" ".join(b"x%d=%d" % (at, place) for at in range(place, 6)) for place in range(6)]
    found = Attributes(*make(files=dict(zip(names, texts, strict=True)))).of(b"a/b/f")
    assert found == {f"x{at}": str(at) for at in range(6)}


def test_macros_come_from_outside_the_folders_only(make):
    files = {
        "home/.config/git/attributes": b"[attr]users eol=lf\n[attr]twice eol=lf",
        "repo/.git/info/attributes": b"[attr]twice eol=crlf",
        "repo/a/.gitattributes": b"[attr]mine eol=lf\n/1 users\n/2 twice\n/3 mine\n",
    }
    attributes = Attributes(*make(files=files))
    assert [attributes.of(b"a/%d" % number).get("eol") for number in (1, 2, 3)] == ["lf", "crlf", None]


def test_a_file_that_is_deleted_or_a_link_is_read_from_the_index(make, tmp_path):
    tracked = {b"a/.gitattributes": b"* text", b"b/.gitattributes": b"* text"}
    repository, indexed = make(files={"repo/x": b"* -text"}, index=tracked)
    (tmp_path / "repo/a").mkdir()
    (tmp_path / "repo/a/.gitattributes").symlink_to("../x")
    attributes = Attributes(repository, indexed)
    assert attributes.of(b"a/f") == attributes.of(b"b/f") == {"text": True}


def test_a_link_is_not_followed_where_there_is_no_flag_for_it(make, tmp_path, monkeypatch):
    repository, indexed = make(files={"repo/x": b"* -text"})
    (tmp_path / "repo/a").mkdir()
    (tmp_path / "repo/a/.gitattributes").symlink_to("../x")
    monkeypatch.setattr(attributes_module, "NOFOLLOW", 0)
    assert Attributes(repository, indexed).of(b"a/f") == {}


def test_a_fifo_does_not_block_and_a_folder_says_nothing(make, tmp_path):
    repository, indexed = make(files={"repo/a/.gitattributes/x": b"* text"}, index={b"a/.gitattributes": b"* text"})
    (tmp_path / "repo/b").mkdir()
    os.mkfifo(tmp_path / "repo/b/.gitattributes")
    attributes = Attributes(repository, indexed)
    assert attributes.of(b"a/f") == attributes.of(b"b/f") == {}


def test_a_blob_that_is_missing_is_an_error(make, tmp_path):
    repository, _ = make()
    (tmp_path / "repo/.git/index").unlink()
    row = IndexRow((0, 0), (0, 0), 0, FILE, 0, 0, 0, ObjectId(b"1" * 20), 0, 0)
    repository.index.make([(b"a/.gitattributes", row)])
    with pytest.raises(NotFound, match="31313131"):
        Attributes(repository, of_index(repository)).of(b"a/f")


def test_folders_as_deep_as_they_come(make):
    path = b"a/" * 3000 + b"f"
    assert Attributes(*make(b"* text")).of(path) == {"text": True}


@pytest.mark.parametrize(("places", "message"), [
    ({"GIT_ATTR_SOURCE": "HEAD"}, "the environment variable GIT_ATTR_SOURCE is not"),
    ({"GIT_ATTR_SOURCE": ""}, "GIT_ATTR_SOURCE"), ({"config": "[attr]\n\ttree = HEAD\n"}, "config:7: attr.tree is not"),
])
def test_attributes_of_a_tree_are_refused(make, places, message):
    with pytest.raises(Unsupported, match=message):
        Attributes(*make(**places))


@pytest.mark.parametrize("value", ["maybe", "2x"])
def test_a_bad_variable_is_an_error(make, value):
    with pytest.raises(GitError, match=f"'{value}' for GIT_ATTR_NOSYSTEM"):
        Attributes(*make(GIT_ATTR_NOSYSTEM=value))


def test_the_systems_file_can_be_left_out(make):
    assert Attributes(*make(files={"system": b"* text"}, GIT_ATTR_NOSYSTEM="yes")).of(b"f") == {}


def test_a_bare_repository_has_no_files(tmp_path):
    environ = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    Repository.init(str(tmp_path), environ)
    bare = Repository(str(tmp_path / ".git"), None, environ)
    with pytest.raises(GitError, match="bare"):
        Attributes(bare, of_index(bare))


@pytest.mark.parametrize(("attributes", "config"), [
    (b"", ""), (b"* -text", "[core]\n\tautocrlf = true\n"), (b"* binary eol=crlf", "[core]\n\tautocrlf = input\n"),
    (b"* -crlf eol=lf", ""), (b"* text=yes crlf=yes eol", ""), (b"* -ident ident=x -filter", ""),
    (b"* filter=none", ""), (b"* filter", ""), (b"* working-tree-encoding=utf-8", ""),
    (b"* -working-tree-encoding", ""), (b"* !text", "[core]\n\tautocrlf =\n"),
    (b"* filter=x", '[filter "x"]\n\tsmudge = cat\n'), (b"* filter=x", '[filter "x"]\n\tclean = cat\n\tprocess =\n'),
])  # fmt: skip
def test_nothing_is_done(cleaner, attributes, config):
    assert cleaner(attributes, config) is None


LF, CRLF = LineEnds(auto=False, crlf=False), LineEnds(auto=False, crlf=True)
AUTO_LF, AUTO_CRLF = LineEnds(auto=True, crlf=False), LineEnds(auto=True, crlf=True)


LINE_ENDS = {  # attributes: by default, with core.autocrlf, with core.autocrlf = input, with core.eol = crlf
    b"": (None, AUTO_CRLF, AUTO_LF, None),
    b"text": (LF, CRLF, LF, CRLF),
    b"text=auto": (AUTO_LF, AUTO_CRLF, AUTO_LF, AUTO_CRLF),
    b"crlf": (LF, CRLF, LF, CRLF),
    b"crlf=input": (LF, LF, LF, LF),
    b"eol=lf": (LF, LF, LF, LF),
    b"eol=crlf": (CRLF, CRLF, CRLF, CRLF),
    b"text eol=crlf": (CRLF, CRLF, CRLF, CRLF),
    b"text=auto eol=lf": (AUTO_LF, AUTO_LF, AUTO_LF, AUTO_LF),
    b"crlf=auto eol=crlf": (AUTO_CRLF, AUTO_CRLF, AUTO_CRLF, AUTO_CRLF),
    b"-text crlf eol=lf": (None, None, None, None),
    b"text=what crlf": (LF, CRLF, LF, CRLF),
}


@pytest.mark.parametrize(("column", "setting"), [
    (0, "x = y"), (1, "autocrlf"), (2, "autocrlf = Input"), (3, "eol = CRLF"),
])  # fmt: skip
def test_line_ends(make, column, setting):
    files = {"repo/.git/info/attributes": b"".join(b"/%d %s\n" % each for each in enumerate(LINE_ENDS))}
    repository, indexed = make(config=f"[core]\n\tautocrlf = no\n\teol = native\n\t{setting}\n", files=files)
    conversion = Conversion(repository, indexed)
    for number, expected in enumerate(LINE_ENDS.values()):
        found = conversion.cleaner(b"%d" % number)
        assert (found and found.line_ends) == expected[column]


@pytest.mark.parametrize("config", ["autocrlf = maybe", "safecrlf = maybe", "checkRoundtripEncoding"])
def test_a_bad_setting_is_an_error(make, config):
    with pytest.raises(GitError, match=r"config:\d: .*(boolean|missing)"):
        Conversion(*make(config=f"[core]\n\t{config}\n"))


def alone(**done):
    """A cleaner that does nothing but this."""
    nothing = {"filter": None, "encoding": None, "line_ends": None, "ident": False, "safe": False, "round_trip": False}
    return Cleaner(**nothing | {"path": "f", "indexed": lambda: None} | done)


@pytest.mark.parametrize(("before", "after"), [
    (b"", b""), (b"a\r\nb\nc\r\n", b"a\nb\nc\n"), (b"a\rb\r\r\n", b"a\rb\r\n"), (b"\0\r\n", b"\0\n"),
])  # fmt: skip
def test_text_gets_lf(before, after):
    assert alone(line_ends=LF).clean(before) == after


BINARY = [b"\0\r\n", b"a\rb\r\n", b"a" * 127 + b"\x01\r\n", b"\x7f\r\n", b"a\x1a\r\n", b"\r"]
TEXT = [b"\r\n", b"a" * 128 + b"\x01\r\n", b"\b\t\f\x1b\r\n", b"\xff\x80\r\n", b"\r\na\x1a"]


@pytest.mark.parametrize("content", BINARY + TEXT, ids=repr)
def test_text_is_told_from_other_content(content):
    assert alone(line_ends=AUTO_LF).clean(content) == (content if content in BINARY else content.replace(b"\r", b""))


@pytest.mark.parametrize(("indexed", "after"), [
    (None, b"a\n"), (b"", b"a\n"), (b"a\n", b"a\n"), (b"b\r\n\n", b"a\r\n"), (b"b\r\n\0", b"a\n"), (b"b\r", b"a\n"),
])
def test_a_text_that_has_crlf_in_the_index_is_left_alone(indexed, after):
    assert alone(line_ends=AUTO_LF, indexed=lambda: indexed).clean(b"a\r\n") == after
    assert alone(line_ends=LF, indexed=lambda: indexed).clean(b"a\r\n") == b"a\n"


def test_the_blob_in_the_index_is_found(cleaner):
    found = cleaner(b"* text=auto", index={b"f": b"x\r\n"})
    assert found.indexed() == b"x\r\n"
    assert found.clean(b"a\r\n") == b"a\r\n"


def test_the_blob_in_the_index_is_not_read_without_need():
    def indexed():
        raise AssertionError

    for content in (b"", b"a\n", b"a\0\r\n"):
        alone(line_ends=AUTO_LF, indexed=indexed).clean(content)


@pytest.mark.parametrize(("line_ends", "content", "message"), [
    (LF, b"a\r\n", "^CRLF would be replaced by LF in f$"), (AUTO_LF, b"a\r\nb\n", "^CRLF would"),
    (CRLF, b"a\n", "^LF would be replaced by CRLF in f$"), (CRLF, b"a\n\r\n", "^LF would"),
    (AUTO_CRLF, b"a\n", "^LF would"),
])  # fmt: skip
def test_line_ends_that_would_not_come_back_can_be_refused(line_ends, content, message):
    assert b"\r" not in alone(line_ends=line_ends).clean(content)
    with pytest.raises(GitError, match=message):
        alone(line_ends=line_ends, safe=True).clean(content)


@pytest.mark.parametrize(("line_ends", "content"), [
    (LF, b"a\n"), (CRLF, b"a\r\n"), (AUTO_CRLF, b"a\r\n"), (AUTO_LF, b"\0\r\n\n"), (LF, b""), (CRLF, b"\r"),
])
def test_line_ends_that_come_back_are_accepted(line_ends, content):
    assert alone(line_ends=line_ends, safe=True).clean(content) == alone(line_ends=line_ends).clean(content)


def test_mixed_line_ends_in_the_index_come_back():
    assert alone(line_ends=AUTO_CRLF, safe=True, indexed=lambda: b"\r\n").clean(b"a\n\r\n") == b"a\n\r\n"


@pytest.mark.parametrize(("before", "after"), [
    (b"$Id$", b"$Id$"), (b"$Id: x y $", b"$Id$"), (b"$Id:$", b"$Id$"), (b"a $Id: b$ c $Id:d$", b"a $Id$ c $Id$"),
    (b"$Id: a\n$", b"$Id: a\n$"), (b"$Id: a\n$Id: b$", b"$Id: a\n$Id$"), (b"$Id: a", b"$Id: a"),
    (b"$Idx$ $id:$", b"$Idx$ $id:$"), (b"$$Id: \0\xff$$", b"$$Id$$"), (b"$Id$Id: a$", b"$Id$Id$"),
    (b"$Id:a$Id:b$", b"$Id$Id:b$"),
])
def test_ids_collapse(before, after):
    assert alone(ident=True).clean(before) == after


UTF_16LE, UTF_16BE = "ä\r\n".encode("utf-16-le"), "ä\r\n".encode("utf-16-be")


@pytest.mark.parametrize(("encoding", "content"), [
    ("UTF-16", b"\xff\xfe" + UTF_16LE), ("utf16", b"\xfe\xff" + UTF_16BE), ("UTF-16le", UTF_16LE),
    ("UTF-16BE", UTF_16BE), ("UTF-16LE-BOM", b"\xff\xfe" + UTF_16LE), ("utf16le-bom", b"\xfe\xff" + UTF_16BE),
    ("latin1", b"\xe4\r\n"), ("UTF-32", "\ufeffä\r\n".encode("utf-32-le")), ("CP850", b"\x84\r\n"),
])
def test_encodings(encoding, content):
    assert alone(encoding=encoding).clean(content) == "ä\r\n".encode()
    assert alone(encoding=encoding).clean(b"") == b""


def test_line_ends_and_ids_are_those_of_the_text():
    before = "\ufeff$Id: x $\r\n".encode("utf-16-le")
    assert alone(encoding="UTF-16", line_ends=AUTO_LF, ident=True).clean(before) == b"$Id$\n"


@pytest.mark.parametrize(("encoding", "content", "message"), [
    ("UTF-16", UTF_16LE, "f: a byte order mark is required in UTF-16"), ("utf-32", b"\xff\xfe", "required in utf-32"),
    ("UTF-16LE", b"\xff\xfe" + UTF_16LE, "mark is prohibited in UTF-16LE"), ("utf16be", b"\xff\xfe", "prohibited"),
    ("UTF-32LE", b"\xff\xfe\0\0", "prohibited"), ("UTF-16", b"\xff\xfea", "not UTF-16: truncated .* at byte 2"),
    ("UTF-16BE", b"\xd8\x00\0a", "illegal UTF-16 surrogate"), ("ASCII", b"\xe4", "f: it is not ASCII"),
])
def test_content_that_is_not_in_the_encoding_is_refused(encoding, content, message):
    with pytest.raises(GitError, match=message):
        alone(encoding=encoding).clean(content)


@pytest.mark.parametrize("encoding", ["SHIFT-JIS", "UTF-7", "x", "UTF-16BE-BOM", "utf_16", "\udcff"])
def test_an_encoding_that_is_not_known_is_refused_by_name(encoding):
    with pytest.raises(Unsupported, match=f"^f: working-tree-encoding={encoding} is not supported$"):
        alone(encoding=encoding).clean(b"a")


def test_content_that_does_not_come_back_can_be_refused(cleaner):
    found = cleaner(b"f working-tree-encoding=utf-16", "[core]\n\tcheckRoundtripEncoding = x,UTF-16\n")
    assert found.clean(b"\xff\xfe" + UTF_16LE) == "ä\r\n".encode()
    with pytest.raises(GitError, match="f: from utf-16 to UTF-8 and back it is not the same"):
        found.clean(b"\xfe\xff" + UTF_16BE)


def test_true_is_no_encoding(cleaner):
    with pytest.raises(GitError, match="f: true/false are no valid"):
        cleaner(b"f working-tree-encoding")


@pytest.mark.parametrize("config", [
    '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n', '[filter "lfs"]\n\tprocess = x\n\trequired\n',
])
def test_a_filter_is_refused_by_name(cleaner, config):
    found = cleaner(b"* filter=lfs -text", config)
    assert found.filter == "lfs"
    with pytest.raises(Unsupported, match="filter=lfs"):
        found.clean(b"")


def test_a_filter_that_is_required_must_have_a_program(cleaner):
    with pytest.raises(GitError, match="f: clean filter 'x' failed"):
        cleaner(b"* filter=x", '[filter "x"]\n\trequired = true\n\tclean =\n')


@pytest.mark.parametrize(("start", "does"), [
    (b"a\0", True), (b"a\rb", True), (b"a\r", False), (b"a\r\n", False), (b"", False),
])  # fmt: skip
def test_the_start_of_a_file_may_show_that_it_is_left_alone(start, does):
    assert alone(line_ends=AUTO_LF).leaves_alone(start) == does
    for other in ({"line_ends": LF}, {"ident": True}, {"encoding": "UTF-16"}, {"filter": "x"}):
        assert not alone(**{"line_ends": AUTO_LF} | other).leaves_alone(start)
