"""Which entries of an index may not be what is on disk; with one process and with two."""
import os
import signal
import threading

import pytest
from expref.objstore import forking as forking_module
from expref.objstore import scan
from expref.objstore.formats.index import SKIP_WORKTREE, Index
from expref.objstore.formats.objects import EXECUTABLE, FILE, SYMLINK
from expref.objstore.formats.statcolumns import make_columns
from expref.objstore.ids import SHA1
from expref.objstore.scan import Folders

from tests.indexmaker import Entry, make_index, tree_extension
from tests.packmaker import oid

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
LATER = 10**10  # seconds: an index of then is older than no file


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def entry(root, path, **changed):
    """The entry that git would make of a file."""
    found = os.lstat(os.path.join(os.fsencode(root), path))
    times = (*divmod(found.st_ctime_ns, 10**9), *divmod(found.st_mtime_ns, 10**9))
    owner, mode = (found.st_uid, found.st_gid), EXECUTABLE if found.st_mode & 0o100 else FILE
    made = Entry(path, mode, oid(1), times=times, ino=found.st_ino & 0xFFFFFFFF, owner=owner, size=found.st_size)
    return made._replace(**changed)


def write(root, *names):
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name)


def look(root, *entries, written=LATER, workers=1, version=2):
    """The paths that are not settled, by one process; two must agree."""
    index = Index(make_index(*entries, version=version), SHA1, "index", written * 10**9)
    base = os.fsencode(root) + b"/"
    found = scan.scan(index, base, Folders(base), workers=workers)
    return [index.path(number) for number in found.unsettled]


NAMES = [b"a", b"d/a", b"d/e/f/a", b"d/e/f/b", b"d/x", b"e", b"\xff/\xfe"]


@pytest.mark.parametrize("version", [2, 3, 4])
def test_files_as_the_index_says_are_settled(root, version):
    write(root, *NAMES)
    assert look(root, *(entry(root, name) for name in NAMES), version=version) == []


def test_modes_that_git_does_not_keep_do_not_count(root):
    write(root, b"a", b"b")
    (root / "a").chmod(0o664)
    (root / "b").chmod(0o700)
    assert look(root, entry(root, b"a"), entry(root, b"b")) == []


@pytest.mark.parametrize("changed", [
    {"ino": 1}, {"size": 7}, {"size": 0}, {"owner": (12345, 0)}, {"owner": (os.getuid(), 12345)}, {"mode": EXECUTABLE},
    {"mode": SYMLINK}, {"times": (1, 2, 3, 4)}, {"flags": 0x8000}, {"flags": 0x1000}, {"extended": SKIP_WORKTREE},
])
def test_an_entry_that_says_anything_else_is_not_settled(root, changed):
    write(root, b"a", b"b", b"c")
    assert look(root, entry(root, b"a"), entry(root, b"b", **changed), entry(root, b"c")) == [b"b"]


@pytest.mark.parametrize("field", range(4))
def test_a_time_that_is_another_is_not_settled(root, field):
    write(root, b"a")
    times = list(entry(root, b"a").times)
    times[field] ^= 1
    kept = field == 3  # the nanoseconds of mtime: an edit changes ctime as well
    assert look(root, entry(root, b"a", times=tuple(times))) == ([] if kept else [b"a"])


def test_what_is_as_young_as_the_index_is_not_settled(root):
    write(root, b"a", b"b")
    os.utime(root / "a", (5, 5))
    now = max(entry(root, name).times[0] for name in (b"a", b"b"))
    assert look(root, entry(root, b"a"), entry(root, b"b"), written=now) == [b"a", b"b"]
    assert look(root, entry(root, b"a"), entry(root, b"b"), written=now + 2) == []
    assert look(root, entry(root, b"a"), entry(root, b"b"), written=0) == [b"a", b"b"]


def test_what_has_gone_or_is_reached_by_a_link_is_not_settled(root):
    write(root, *NAMES)
    entries = [entry(root, name) for name in NAMES]
    (root / "a").unlink()
    (root / "d/e").rename(root / "moved")
    (root / "d/e").symlink_to("../moved")
    assert look(root, *entries) == [b"a", b"d/e/f/a", b"d/e/f/b"]
    (root / "d/e").unlink()
    assert look(root, *entries) == [b"a", b"d/e/f/a", b"d/e/f/b"]
    (root / "d/e").write_bytes(b"")
    assert look(root, *entries) == [b"a", b"d/e/f/a", b"d/e/f/b"]


@pytest.mark.parametrize("path", [b"x" * 300, b"x" * 300 + b"/f", b"d/" * 3000 + b"f"])
def test_a_path_that_the_system_refuses_is_not_settled(root, path):
    write(root, b"a")
    assert look(root, entry(root, b"a"), Entry(path), Entry(path + b"2")) == [path, path + b"2"]


def test_real_folders_are_told_from_links(root):
    write(root, b"d/e/f/a")
    (root / "link").symlink_to("d")
    folders = Folders(os.fsencode(root) + b"/")
    expected = {b"": True, b"d/e/f/": True, b"d/": True, b"link/": False, b"link/e/": False, b"d/e/f/a/": False, b"no/": False}
    for _ in range(2):
        assert {path: folders.is_real(path) for path in expected} == expected


@pytest.fixture
def many(root, monkeypatch):
    """Entries for some files, of which every fifth is not settled; their paths."""
    monkeypatch.setattr(scan, "WORTH_A_FORK", 10)
    names = sorted(b"d%d/f%02d" % (number % 3, number) for number in range(41))
    write(root, *names)
    return [entry(root, name, **({"ino": 1} if number % 5 == 0 else {})) for number, name in enumerate(names)]


@pytest.fixture
def forks(monkeypatch):
    """The processes that os.fork has made."""
    made, fork = [], getattr(os, "fork", None)

    def noted():
        made.append(fork())
        return made[-1]

    monkeypatch.setattr(os, "fork", noted, raising=False)
    return made


def are_waited_for(children):
    """Whether there were some, and none is left; other children of this process are servers of other tests."""
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)
    return bool(children)


def descriptors():
    return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0


@forking
def test_two_processes_say_what_one_does(root, many, forks):
    open_before = descriptors()
    for entries in (many, many[:11], many[:10]):
        assert look(root, *entries, workers=2) == look(root, *entries) == [each.path for each in entries[::5]]
    assert len(forks) == 3
    assert are_waited_for(forks)
    assert descriptors() == open_before


@forking
def test_few_entries_are_not_worth_a_process(root, many, forks):
    assert look(root, *many[:9], workers=2) == [each.path for each in many[:9:5]]
    assert look(root, *many, workers=1)
    assert not forks


@forking
def test_a_process_with_threads_is_not_forked(root, many, forks):
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert look(root, *many, workers=2) == [each.path for each in many[::5]]
    finally:
        done.set()
        thread.join()
    assert not forks


@forking
@pytest.mark.parametrize("when", ["before", "half done", "raises"])
def test_a_child_that_ends_early_is_not_believed(root, many, monkeypatch, forks, when):
    parent, write_all = os.getpid(), forking_module.write_all

    def fail(fd, content):
        if when == "raises":
            raise MemoryError
        if when == "half done":
            write_all(fd, content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(forking_module, "write_all", fail)
    assert look(root, *many, workers=2) == [each.path for each in many[::5]]
    assert os.getpid() == parent
    assert are_waited_for(forks)


@forking
def test_without_room_for_a_process_one_does_it_all(root, many, monkeypatch):
    def refuse():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    before = descriptors()
    assert look(root, *many, workers=2) == [each.path for each in many[::5]]
    assert descriptors() == before


@forking
def test_an_interrupted_look_leaves_no_child(root, many, monkeypatch, forks):
    parent, look_at = os.getpid(), scan._look

    def interrupted(*arguments):
        if os.getpid() == parent:
            raise KeyboardInterrupt
        return look_at(*arguments)

    before = descriptors()
    monkeypatch.setattr(scan, "_look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        look(root, *many, workers=2)
    assert are_waited_for(forks)
    assert descriptors() == before


@forking
def test_children_may_be_ignored_by_the_caller(root, many):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert look(root, *many, workers=2) == [each.path for each in many[::5]]
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("run", [1, 2, 256])
def test_files_are_compared_with_columns_too(root, monkeypatch, run):
    monkeypatch.setattr(scan, "RUN", run)
    write(root, *NAMES)
    index = Index(make_index(*(entry(root, name) for name in NAMES)), SHA1, "index", LATER * 10**9)
    base, columns = os.fsencode(root) + b"/", make_columns(index, LATER * 10**9)

    def unsettled():
        return [index.path(number) for number in scan.scan(index, base, Folders(base), columns=columns).unsettled]

    assert unsettled() == []
    (root / "d/x").write_bytes(b"other")
    (root / "e").unlink()
    assert unsettled() == [b"d/x", b"e"]
    (root / "d/e/f").rename(root / "moved")
    (root / "d/e/f").symlink_to("../../moved")
    assert unsettled() == [b"d/e/f/a", b"d/e/f/b", b"d/x", b"e"]


def test_what_is_new_is_not_looked_at(root):
    index = Index(make_index(*map(Entry, NAMES)), SHA1, "index", LATER * 10**9)
    base = os.fsencode(root) + b"/"
    for new in ((), (0,), (2, 3), (0, 6), tuple(range(7))):
        found = scan.scan(index, base, Folders(base), new=new).unsettled
        assert list(found) == [number for number in range(7) if number not in new]


def test_stamps_come_back_from_bytes():
    for stamps in ({}, {b"a/": -1}, {b"a/": 0, b"\xff/b/": 1 << 62, b"c/": -1}):
        assert scan.decode_stamps(scan.encode_stamps(stamps)) == stamps


def test_a_folder_is_listed_unless_its_stamp_is_known(root, monkeypatch):
    write(root, b"d/a", b"d/b", b"e/a")
    folders = tree_extension((b"", 3, 2, oid(1)), (b"d", 2, 0, oid(2)), (b"e", 1, 0, oid(3)))
    index = Index(make_index(*map(Entry, (b"d/a", b"d/b", b"e/a")), extensions=folders), SHA1, "index", LATER * 10**9)
    base, late = os.fsencode(root) + b"/", 1 << 62

    def stamps(known, until=late):
        return scan.scan(index, base, Folders(base), known=known, sure_until_ns=until).stamps

    assert scan.scan(index, base, Folders(base)).stamps is None
    first = stamps({})
    assert min(first.values()) > 0
    assert set(stamps({}, until=0).values()) == {0}
    write(root, b"e/new")
    assert [path for path, stamp in stamps(first).items() if stamp == -1] == [b"e/"]
    (root / "e/new").unlink()
    third = stamps(first)
    assert third[b"d/"] == first[b"d/"]
    assert third[b"e/"] > first[b"e/"]
    monkeypatch.setattr(scan, "_has_names", None)
    assert stamps(third) == third
