"""Folders that objects are borrowed from."""
import os

import pytest
from expref.objstore.stores.alternates import DEEPEST, alternates


@pytest.fixture
def folder(tmp_path):
    """Make an objects folder that borrows from what the lines name; returns its path."""

    def make(name, *lines):
        path = tmp_path / name
        (path / "info").mkdir(parents=True, exist_ok=True)
        if lines:
            (path / "info" / "alternates").write_bytes(b"".join(os.fsencode(line) + b"\n" for line in lines))
        return str(path)

    make.path = tmp_path
    return make


def names(paths):
    return [os.path.basename(path) for path in paths]


def test_they_may_be_relative_commented_missing_and_circular(folder):
    folder("b", "../a", "../c", "../d/")
    for name in "cd":
        folder(name)
    first = folder("a", "# comment", "", "../b", "../none", folder("c"))
    assert alternates(first) == [str(folder.path / name) for name in "bcd"]


def test_a_path_may_be_quoted_as_in_c(folder):
    odd = folder('tab\there "x"')
    assert alternates(folder("a", '"../tab\\there \\"x\\""', "../b")) == [odd]
    assert alternates(folder("a", '"../unfinished', "../none")) == []


def test_those_of_one_come_before_its_next_brother(folder):
    folder("deep")
    folder("b", "../deep")
    folder("c")
    assert names(alternates(folder("a", "../b", "../c"))) == ["b", "deep", "c"]


def test_they_are_followed_as_deep_as_git_does(folder):
    for number in range(10):
        folder(str(number), f"../{number + 1}")
    assert names(alternates(str(folder.path / "0"))) == [str(number) for number in range(1, DEEPEST + 1)]


def test_a_relative_path_starts_where_a_linked_folder_really_is(folder):
    (folder.path / "x" / "y").mkdir(parents=True)
    real = folder("x/y/objects", "../other")
    other = folder("x/y/other")
    os.symlink(real, folder.path / "link")
    assert alternates(str(folder.path / "link")) == [other]
    assert alternates(folder("a", "../link/../other", "../none/../b", folder("b"))) == [other, str(folder.path / "b")]


def test_folders_that_are_given_come_first_and_are_followed_too(folder):
    folder("far")
    near, given = folder("near"), folder("given", "../far")
    assert alternates(folder("a", "../near"), [given, str(folder.path / "none")]) == [given, str(folder.path / "far"), near]


@pytest.mark.parametrize("lines", [b"\0", b"\xff\xfe\n\n#\n", b'"\n"', b'"a\\9"\n', b"/" * 5000 + b"\n"])
def test_nonsense_is_no_folder(folder, lines):
    path = folder("a", "x")
    (folder.path / "a" / "info" / "alternates").write_bytes(lines)
    assert alternates(path) in ([], ["/"])
