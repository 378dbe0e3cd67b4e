"""Notes of experiments: git reads and writes what we do, whatever the fan-out."""

import json
import subprocess
import sys

import pytest
from expref.exps import notes
from expref.exps.formats.note import decode, encode, merge
from expref.exps.formats.refnames import NOTES as REF
from expref.exps.notes import merge_in, read
from expref.objstore.ids import SHA1

from tests.conftest import needs
from tests.projects import fill, open_project

pytestmark = needs("git")
MERGE = """
import os, sys
from expref.exps.notes import merge_in
from expref.exps.project import Project
from expref.objstore.ids import SHA1
for number in range(5):
    id_ = SHA1.parse_id(sys.argv[1] * 38 + f"{number:02}")
    merge_in(Project.open(".", os.environ), {id_: b'{"from":{"at":1,"value":"%s"}}\\n' % sys.argv[1].encode()}, "notes")
"""


def oid(text):
    return SHA1.parse_id(text)


def note(**entries):
    return encode({key: {"at": at, "value": value} for key, (at, value) in entries.items()})


@pytest.fixture
def commits(repo):
    fill(repo)
    return [oid(repo.commit(f"{number}")) for number in range(5)]


def shown(repo, id_):
    return repo.git_bytes("notes", "--ref=exps", "show", str(id_))


def test_git_shows_what_we_write(repo, commits):
    written = {id_: note(name=(1, f"n{number}")) for number, id_ in enumerate(commits)}
    assert merge_in(open_project(repo), written, "five notes")
    assert {id_: shown(repo, id_) for id_ in commits} == written
    assert repo.git("fsck", "--strict") == ""
    assert "n4" in repo.git("log", "--notes=exps", "-1")
    assert repo.git("log", "-1", "--format=%s", REF) == "five notes"
    assert {len(line) for line in repo.git("ls-tree", "-r", "--name-only", REF).splitlines()} == {41}


def test_we_read_what_git_writes(repo, commits):
    for id_ in commits:
        repo.git("notes", "--ref=exps", "add", "-m", f"of {id_}", str(id_))
    ours = repo.open()
    found = read(ours.objects, ours.refs.get(REF), [*commits, oid("1" * 40)])
    assert found == {id_: f"of {id_}\n".encode() for id_ in commits}


@pytest.mark.parametrize("cuts", [[], [2], [2, 4], [2, 4, 6], [38]])
def test_any_fan_out_is_read_and_one_folder_deep_is_written(repo, commits, cuts):
    """A tree that was not made by git's own rules, with one note to change and one to leave."""
    lines = []
    for id_ in commits:
        blob = repo.git("hash-object", "-w", "--stdin", stdin=note(old=(1, str(id_))))
        digits, path = str(id_), []
        for start, end in zip([0, *cuts], [*cuts, 40], strict=True):
            path.append(digits[start:end])
        lines.append(f"100644 {blob}\t{'/'.join(path)}\n")
    env = {"GIT_INDEX_FILE": str(repo.path / "scratch")}
    repo.git("update-index", "--add", "--index-info", stdin="".join(lines).encode(), env=env)
    tree = repo.git("write-tree", env=env)
    repo.git("update-ref", REF, repo.git("commit-tree", "-m", "odd", tree))
    ours = open_project(repo)
    base = ours.repository.refs.get(REF)
    standard = all(cut % 2 == 0 for cut in cuts) and cuts != [38]
    assert read(ours.repository.objects, base, commits) == (
        {i: note(old=(1, str(i))) for i in commits} if standard else {}
    )
    assert merge_in(ours, {commits[0]: note(new=(2, "x"))}, "changed")
    if standard:
        assert shown(repo, commits[0]) == note(old=(1, str(commits[0])), new=(2, "x"))
        assert [shown(repo, id_) for id_ in commits[1:]] == [note(old=(1, str(id_))) for id_ in commits[1:]]
    assert repo.git("fsck", "--strict") == ""


def test_nothing_is_written_when_all_is_said_already(repo, commits):
    ours = open_project(repo)
    assert merge_in(ours, {commits[0]: note(a=(1, 2))}, "first")
    before = ours.repository.refs.get(REF)
    assert not merge_in(ours, {commits[0]: note(a=(1, 2))}, "again")
    assert not merge_in(ours, {}, "none")
    assert ours.repository.refs.get(REF) == before


def test_the_notes_get_the_reflog_that_git_would_write(repo, commits):
    merge_in(open_project(repo), {commits[0]: note(a=(1, 2))}, "remark")
    assert repo.git("log", "-g", "--format=%gs %an", REF) == "remark A U Thor"


def test_many_writers_at_once_lose_nothing(repo, commits, child_env):
    repo.git("config", "core.filesRefLockTimeout", "60000")  # a busy disk takes longer than the usual tenth of a second
    env = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    writers = [subprocess.Popen([sys.executable, "-c", MERGE, digit], cwd=repo.path, env=env) for digit in "1234"]
    assert [each.wait() for each in writers] == [0] * 4
    ours = repo.open()
    ids = [oid(digit * 38 + f"{number:02}") for digit in "1234" for number in range(5)]
    assert set(read(ours.objects, ours.refs.get(REF), ids)) == set(ids)


def test_a_ref_that_others_change_all_the_time_is_told(repo, commits, monkeypatch):
    monkeypatch.setattr(notes, "_TRIES", 0)
    with pytest.raises(Exception, match="refs/notes/exps was changed by others"):
        merge_in(open_project(repo), {commits[0]: note(a=(1, 2))}, "remark")


def test_of_two_values_the_newer_wins():
    mine, theirs = note(a=(1, "old"), b=(5, "mine")), note(a=(2, "new"), c=(1, 0))
    assert merge(mine, theirs) == merge(theirs, mine) == note(a=(2, "new"), b=(5, "mine"), c=(1, 0))


def test_of_two_values_of_one_second_both_sides_take_the_same():
    assert merge(note(a=(1, "x")), note(a=(1, "y"))) == merge(note(a=(1, "y")), note(a=(1, "x"))) == note(a=(1, "y"))


def test_tags_are_united():
    assert merge(note(tags=(1, ["b", "a"])), note(tags=(2, ["c", "a"]))) == note(tags=(2, ["a", "b", "c"]))
    assert merge(note(tags=(1, "odd")), note(tags=(2, ["c"]))) == note(tags=(2, ["c"]))


def test_text_of_others_merges_line_by_line():
    assert merge(b"two\none\n", b"one\nthree") == b"one\nthree\ntwo\n"
    assert merge(b"text\n", note(a=(1, 1))) == b"text\n" + note(a=(1, 1))
    assert merge(None, b"x") == merge(b"x", None) == b"x"
    assert merge(None, None) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"a": 1}',
        b'{"a": {"at": 1}}',
        b'{"a": {"at": "1", "value": 2}}',
        b"\xff",
        b"[" * 100_000,
        b'{"a": {"at": true, "value": 1}}',
        b" " * (1 << 21),
    ],
)
def test_what_is_no_such_document_is_text(content):
    assert decode(content) is None
    merge(content, note(a=(1, 1)))


def test_a_note_is_one_line_of_sorted_json():
    text = note(b=(1, "ü"), a=(2, None))
    assert text == '{"a":{"at":2,"value":null},"b":{"at":1,"value":"ü"}}\n'.encode()
    assert json.loads(text)["b"]["value"] == "ü"
    assert decode(encode({"a": {"at": 1, "value": "\ud800"}}))
