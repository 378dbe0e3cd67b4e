"""The work tree as a tree, without git at hand. Everything else is in tests/against_git/test_snapshot.py."""
import os
import time

import pytest
from expref.objstore import worktree
from expref.objstore.errors import BadName, Conflict, GitError, NotFound
from expref.objstore.filecontents import STREAMED
from expref.objstore.formats.index import IndexRow
from expref.objstore.formats.objects import FILE
from expref.objstore.ids import SHA1
from expref.objstore.repository import Repository
from expref.objstore.trees import get_blob
from expref.objstore.worktree import snapshot

from tests.deepfolder import deep_folder, write_in
from tests.indexmaker import Entry, make_index
from tests.packmaker import oid


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "repo"


@pytest.fixture
def repository(root, tmp_path):
    return Repository.init(str(root), {"HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"})


def track(repository, root, **contents):
    """Write files and an index that knows them, stat data included, as `git add` would."""
    rows = []
    for name, content in sorted(contents.items()):
        (root / name).write_bytes(content)
        seen = os.lstat(root / name)
        times = [divmod(ns, 1_000_000_000) for ns in (seen.st_ctime_ns, seen.st_mtime_ns)]
        id_ = repository.objects.write("blob", content)
        rows.append((os.fsencode(name), IndexRow(*times, seen.st_ino, FILE, seen.st_uid, seen.st_gid, len(content), id_, 0, 0)))
    repository.index.make(rows)


def later(repository, seconds=10):
    """Let the index look as if it had been written later: then nothing in it is racy."""
    when = time.time() + seconds
    os.utime(f"{repository.git_dir}/index", (when, when))


class Counting:
    """A progress that is kept."""

    def __init__(self):
        self.calls = []

    def advance(self, items, size_bytes):
        self.calls.append((items, size_bytes))


def test_unchanged_files_are_not_read(repository, root):
    track(repository, root, a=b"one", b=b"two")
    later(repository)
    counting = Counting()
    tree = snapshot(repository, progress=counting)
    assert counting.calls == []
    assert get_blob(repository.objects, tree, b"b") == b"two"


def test_a_file_as_young_as_the_index_is_compared(repository, root):
    track(repository, root, a=b"one", b=b"two")
    before = os.stat(root / "a")
    (root / "a").write_bytes(b"ONE")
    os.utime(root / "a", ns=(before.st_mtime_ns, before.st_mtime_ns))
    os.utime(f"{repository.git_dir}/index", ns=(before.st_mtime_ns, before.st_mtime_ns))
    assert get_blob(repository.objects, snapshot(repository), b"a") == b"ONE"


def test_what_is_read_is_counted(repository, root):
    track(repository, root, a=b"one", b=b"two", c=b"three")
    later(repository)
    (root / "a").write_bytes(b"changed")
    (root / "b").unlink()
    counting = Counting()
    snapshot(repository, progress=counting)
    assert sum(items for items, _ in counting.calls) == 2
    assert sum(size for _, size in counting.calls) == 7


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_second_process_reads_is_counted_by_the_first(repository, root, monkeypatch, workers):
    monkeypatch.setattr(worktree, "BULK", 3)
    track(repository, root, **{f"f{number}": b"" for number in range(9)})
    for number in range(9):
        (root / f"f{number}").write_bytes(b"%d" % number)
    counting = Counting()
    snapshot(repository, progress=counting, workers=workers)
    assert [sum(numbers) for numbers in zip(*counting.calls, strict=True)] == [9, 9]


def test_a_big_file_is_read_in_blocks_and_stored(repository, root):
    track(repository, root, big=bytes(STREAMED))
    content = os.urandom(1000) * (STREAMED // 1000 + 1)
    (root / "big").write_bytes(content)
    tree = snapshot(repository)
    assert get_blob(repository.objects, tree, b"big") == content
    os.utime(root / "big", (1, 1))
    assert snapshot(repository) == tree


def test_a_file_that_never_stays_the_same_while_it_is_read_is_a_conflict(repository, root, monkeypatch):
    track(repository, root, a=b"one")
    fstat = os.fstat

    def grow(fd):
        with open(root / "a", "ab") as file:
            seen = fstat(fd)
            file.write(b"more")
        return seen

    monkeypatch.setattr(os, "fstat", grow)
    (root / "a").write_bytes(b"changed")
    with pytest.raises(Conflict, match="a is being written: it changed 3 times"):
        snapshot(repository)


def test_a_bare_repository_has_no_work_tree(repository):
    repository.work_tree = None
    with pytest.raises(GitError, match="this must be done in a work tree"):
        snapshot(repository)


def test_a_work_tree_that_is_missing_is_not_taken_for_an_empty_one(repository, root):
    track(repository, root, a=b"one")
    repository.work_tree = str(root / "none")
    with pytest.raises(NotFound, match="the work tree .*/none does not exist"):
        snapshot(repository)


@pytest.mark.parametrize("path", [b"../outside", b"/etc/passwd", b".git/config", b"a/../../x", b"a//b"])
def test_a_path_that_leads_out_of_the_work_tree_is_refused_before_it_is_read(repository, root, tmp_path, path):
    (tmp_path / "outside").write_bytes(b"secret")
    (root / ".git/index").write_bytes(make_index(Entry(path)))
    with pytest.raises(BadName, match="which no tree can hold"):
        snapshot(repository)
    assert not repository.objects.has(SHA1.name_object("blob", b"secret"))


def test_folders_may_be_deeper_than_python_recurses(repository, root):
    path = b"d/" * 1500 + b"file"
    (root / ".git/index").write_bytes(make_index(Entry(path)))
    with deep_folder(root, 1500) as last:
        write_in(last, "file", b"deep")
        assert get_blob(repository.objects, snapshot(repository), path) == b"deep"


@pytest.mark.parametrize(("options", "stays"), [
    ({"flags": 0x8000}, True), ({"extended": 0x4000}, True), ({}, False),
])
@pytest.mark.parametrize("path", [b"folder/" + b"n" * 300, b"n" * 300 + b"/file"])
def test_a_name_too_long_for_the_system_is_an_error_unless_nobody_looks_there(repository, root, path, options, stays):
    (root / "folder").mkdir()
    id_ = repository.objects.write("blob", b"x")
    (root / ".git/index").write_bytes(make_index(Entry(path, id=id_, **options)))
    if stays:
        assert get_blob(repository.objects, snapshot(repository), path) == b"x"
    else:
        with pytest.raises(GitError, match="File name too long"):
            snapshot(repository)


def test_an_entry_without_an_object_keeps_its_id(repository, root):
    """Its object may be promised by a partial clone; who makes a ref looks whether everything is there."""
    (root / ".git/index").write_bytes(make_index(Entry(b"a", id=oid(5), flags=0x8000)))
    assert repository.objects.find_tree(snapshot(repository))[0].id == oid(5)
