"""`exps refs`: what there is below refs/exps, for people and for programs."""
import subprocess
import sys

import pytest
from expref.exps.save import save

from tests.conftest import SCRIPT, needs
from tests.projects import head, open_project

pytestmark = needs("git")
THEIRS = ("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")


@pytest.fixture
def porcelain(trained, child_env):
    """Run `exps refs --porcelain`; return what it prints, as bytes."""

    def run():
        argv = [sys.executable, "-c", SCRIPT, "refs", "--porcelain"]
        done = subprocess.run(argv, cwd=trained.path, env=child_env | trained.environ, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_without_experiments_there_is_nothing(trained, porcelain):
    assert porcelain() == b""


@pytest.mark.parametrize("packed", [False, True])
def test_it_prints_what_git_prints(trained, porcelain, packed):
    for name in ("b", "a", "a-b", "é", "x.y"):
        save(open_project(trained), name=name)
    trained.git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    trained.git("tag", "-a", "-m", "of a commit", "t")
    trained.git("update-ref", "refs/exps/tagged", "t")
    trained.git("symbolic-ref", "refs/exps/alias", "refs/heads/main")
    if packed:
        trained.git("pack-refs", "--all")
        save(open_project(trained), name="after")
    assert porcelain() == trained.git_bytes(*THEIRS)
    assert porcelain().count(b"\n") == 8 + packed


BROKEN = {
    "empty": b"", "junk": b"junk\n", "zeros": b"0" * 40, "short": b"1" * 39, "missing": b"1" * 40, "circle": b"ref: refs/exps/a/circle",
    "dangling": b"ref: refs/heads/none", "bad": b"ref: refs/../x", "upper": b"ID", "crlf": b"ID\r\n", "more": b"ID more", "glued": b"IDmore",
    "name with blank": b"ID", "x.lock": b"ID", ".hidden": b"ID", "é": b"ID", "\U0001f600": b"ID", "\udcff": b"ID", "folder.lock/x": b"ID",
}


def test_it_prints_what_git_prints_where_refs_are_broken(trained, porcelain):
    id_ = trained.git("rev-parse", "HEAD").encode()
    trained.write(".git/packed-refs", b"%s refs/exps/a/pa..cked\n%s refs/exps/a/later\n%s refs/exps/a/first\n" % (id_, id_, b"2" * 40))
    for name, content in BROKEN.items():
        digits = id_.upper() if name == "upper" else id_
        trained.write(f".git/refs/exps/a/{name}".encode("utf-8", "surrogateescape"), content.replace(b"ID", digits))
    (trained.path / ".git/refs/exps/a/linked").symlink_to("../../heads")
    (trained.path / ".git/refs/exps/a/link").symlink_to("upper")
    (trained.path / ".git/refs/exps/a/old").symlink_to("refs/heads/main")
    (trained.path / ".git/refs/exps/a/nowhere").symlink_to("nothing")
    theirs = trained.git_bytes(*THEIRS)
    assert porcelain() == theirs
    assert theirs.count(b"\n") == 11


def test_damaged_packed_refs_are_an_error_and_nothing_is_printed(trained, exps):
    trained.write(".git/packed-refs", b"junk\n")
    done = exps("refs", "--porcelain", cwd=trained.path, env=trained.environ, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "packed-refs:1: " in done.stderr
    assert trained.try_git(*THEIRS).stdout == b""


def test_for_people_it_says_what_kind_of_ref_it_is_and_how_old(trained, exps):
    saved = save(open_project(trained), name="mine", when=1_000_000_000)
    trained.git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    trained.git("update-ref", "refs/expref/undo/main/20260131T235959Z-1a2b/remove/x", "HEAD")
    trained.write(".git/refs/exps/broken", b"")
    baseline = str(head(trained))
    rows = [line.split() for line in exps("refs", cwd=trained.path, env=trained.environ).stdout.splitlines()]
    assert rows[0] == ["kind", "baseline", "age", "ref"]
    assert [row[0] for row in rows[1:]] == ["experiment", "broken"]
    assert rows[1][1] == baseline[:7] and int(rows[1][2]) > 8000 and rows[1][3:] == ["d", f"refs/exps/{baseline[:2]}/{baseline[2:]}/mine"]
    assert rows[2][3] == "refs/exps/broken" and "the file is empty" in " ".join(rows[2])
    rows = [line.split() for line in exps("refs", "--all", cwd=trained.path, env=trained.environ).stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["experiment", "broken", "other", "undo"]
    assert str(saved.id) in trained.git(*THEIRS)
