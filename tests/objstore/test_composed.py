"""Names that macOS takes apart. Here they stay as they are, so only what does not open a file can be tested."""

import sys
import unicodedata

import pytest
from expref.objstore.composed import composer
from expref.objstore.config import Config
from expref.objstore.formats.config import Setting
from expref.objstore.untracked import untracked
from expref.objstore.worktree import snapshot

from tests.conftest import needs


def config(value):
    return Config([Setting("core.precomposeunicode", value, "local", "config", 1)])


@pytest.mark.parametrize(("on_disk", "in_index"), [
    (b"plain", b"plain"), ("cafe\u0301/e\u0300".encode(), "caf\u00e9/\u00e8".encode()), (b"cafe\xcc", b"cafe\xcc"),
    ("caf\u00e9".encode(), "caf\u00e9".encode()), ("\u1112\u1161\u11ab".encode(), "\ud55c".encode()),
    ("\ufa19e\u0301\u2126".encode(), "\ufa19\u00e9\u2126".encode()), ("\u0301".encode(), "\u0301".encode()),
])  # fmt: skip
def test_letters_are_put_together_but_for_those_that_macos_leaves_alone(monkeypatch, on_disk, in_index):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert composer(config("true"))(on_disk) == in_index


@pytest.mark.parametrize(
    ("platform", "value"), [("linux", "true"), ("win32", "true"), ("darwin", "false"), ("darwin", None)]
)
def test_elsewhere_and_without_the_setting_a_name_is_what_it_is(monkeypatch, platform, value):
    monkeypatch.setattr(sys, "platform", platform)
    assert composer(config(value) if value else Config()) is None


@needs("git")
@pytest.mark.parametrize("count", [1, 200])
def test_a_tracked_file_is_not_untracked_in_its_other_spelling(repo, monkeypatch, count):
    names = [f"d\u00e9/\u00e8{number}" for number in range(count)]
    for name in names:
        repo.write(name, b"")
    repo.git("add", "--all")
    repo.git("config", "core.precomposeUnicode", "true")
    (repo.path / "d\u00e9").rename(repo.path / unicodedata.normalize("NFD", "d\u00e9"))
    assert list(untracked(repo.open())), "here it is another folder"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert list(untracked(repo.open())) == []


@needs("git")
def test_on_linux_both_spellings_are_names_of_files_as_for_git(repo):
    repo.git("config", "core.precomposeUnicode", "true")
    for name in ("caf\u00e9", "cafe\u0301"):
        repo.write(name, name.encode())
    tree = str(snapshot(repo.open(), extra=[b""]))
    repo.git("add", "--all")
    assert tree == repo.git("write-tree")
    assert repo.git("-c", "core.quotePath=off", "ls-tree", "--name-only", tree).splitlines() == [
        "cafe\u0301",
        "caf\u00e9",
    ]
