"""The crash helper itself: it stops before every file event, once each, and comes to an end."""
import contextlib
import fcntl
import os
import sys
import time

import pytest

from tests.crash import HALF_DONE, crashes

SCRIPT = """
import os, shutil, sys
os.mkdir("made")
with open("made/new", "wb") as file:
    file.write(b"1234")
os.rename("made/new", sys.argv[1])
os.utime(sys.argv[1], (1, 1))
os.truncate(sys.argv[1], 2)
open(sys.argv[1]).read()
os.symlink("made", "pointer")
os.link(sys.argv[1], "linked")
os.remove("linked")
os.chmod("input", 0o600)
os.replace(sys.argv[1], "input")
os.rmdir("made")
"""
EVENTS = [
    "os.mkdir", "open", "write", HALF_DONE, "os.rename", "os.utime", "os.truncate", "os.symlink", "os.link",
    "os.remove", "os.chmod", "os.rename", "os.rmdir",
]


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "input").write_bytes(b"before")
    return folder


@pytest.fixture
def stops(source, tmp_path, child_env):
    """Run code; return (event, path, what is there) of each crash, as {path: bytes, or None for a folder}."""

    def run(code, *arguments):
        return [
            (crash.event, crash.path, content(crash.folder))
            for crash in crashes(code, *arguments, source=source, copies=tmp_path / "copies", env=child_env)
        ]

    (tmp_path / "copies").mkdir()
    return run


def content(folder):
    paths = (path for path in folder.rglob("*") if not path.is_symlink())
    there = {path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes() for path in paths}
    return dict(sorted(there.items(), key=lambda item: (item[0] != "input", item)))


def test_every_file_event_is_met_once_and_in_order(stops):
    assert [event for event, _, _ in stops(SCRIPT, "made/named")] == EVENTS


def test_an_event_is_met_before_its_action(stops):
    found = stops(SCRIPT, "made/named")
    folders = {f"{event} {path}": there for event, path, there in found}
    before = {"input": b"before"}
    assert folders["os.mkdir made"] == before
    assert folders["open made/new"] == before | {"made": None}
    assert folders["os.rename made/new"] == before | {"made": None, "made/new": b"1234"}
    assert folders["os.utime made/named"] == before | {"made": None, "made/named": b"1234"}
    assert folders["os.rmdir made"] == {"input": b"12", "made": None}


@pytest.mark.parametrize("write", [
    "open('f', 'wb').write(b'1234')",
    "open('f', 'w').write('1234')",
    "open('f', 'xb', buffering=0).write(b'1234')",
    "os.write(os.open('f', os.O_WRONLY | os.O_CREAT), b'1234')",
    "os.fdopen(os.open('f', os.O_RDWR | os.O_CREAT), 'r+b').write(b'1234')",
    "pathlib.Path('f').write_bytes(b'1234')",
    "tempfile.NamedTemporaryFile(dir='.', delete=False).write(b'1234')",
])
def test_a_written_file_is_met_empty_and_half_full(stops, write):
    found = [(event, *there.values()) for event, _, there in stops(f"import os, pathlib, tempfile\n{write}")]
    assert list(dict.fromkeys(found)) == [("open", b"before"), ("write", b"before", b""), (HALF_DONE, b"before", b"12")]


def test_an_appended_record_is_met_half_there(stops):
    found = stops("with open('input', 'a') as file: print('line', file=file)")
    assert [there["input"] for _, _, there in found] == [b"before", b"before", b"beforeli"]


def test_a_copied_file_is_met_empty(stops):
    assert [event for event, _, there in stops("import shutil; shutil.copyfile('input', 'f')") if there.get("f") == b""]


def test_reading_printing_and_the_null_device_are_no_file_events(stops):
    code = "print(open('input').read(), flush=True); open('/dev/null', 'w').write('x'); import os; os.mkdir('end')"
    assert [event for event, _, _ in stops(code)] == ["os.mkdir"]


def test_what_the_command_forked_ends_with_it(source, tmp_path, child_env):
    lock = tmp_path / "lock"
    lock.touch()
    code = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
if not os.fork():
    time.sleep(600)
os.mkdir("made")
"""
    next(crashes(code, lock, source=source, copies=tmp_path / "copies", env=child_env))
    with open(lock) as file:
        for _ in range(100):
            with contextlib.suppress(BlockingIOError):
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(0.1)
    pytest.fail("the fork holds its lock, ten seconds after the crash")


def test_the_folder_of_a_failed_check_remains_and_those_before_it_do_not(source, tmp_path, child_env):
    for crash in crashes(SCRIPT, "named", source=source, copies=tmp_path / "copies", env=child_env):
        if crash.number == 3:
            break
    assert crash.folder.is_dir()
    assert not [tmp_path / "copies" / name for name in "12" if (tmp_path / "copies" / name).exists()]


def test_a_run_that_happens_to_have_fewer_events_is_not_the_end(source, tmp_path, child_env):
    code = """
import glob, os
second = len(glob.glob("../*.events")) == 2
for name in "a" if second else "abc":
    os.mkdir(name)
"""
    found = crashes(code, source=source, copies=tmp_path / "copies", env=child_env)
    assert [crash.number for crash in found] == [1, 3]


def test_the_working_folder_may_be_below_the_copied_one(source, tmp_path, child_env):
    (source / "below").mkdir()
    options = {"source": source, "copies": tmp_path / "copies", "env": child_env, "cwd": "below"}
    assert [content(crash.folder) for crash in crashes("open('../f', 'w').close()", **options)] == [
        {"input": b"before", "below": None}
    ]


@pytest.mark.parametrize("code, why", [
    ("pass", "without file events"),
    ("import sys; open('f', 'w'); sys.exit(3)", "status 3"),
    ("import os; os.mkdir('a'); 1 / 0", "ZeroDivisionError"),
])
def test_a_command_that_proves_nothing_fails_the_test(stops, code, why):
    with pytest.raises(AssertionError, match=why):
        stops(code)


def test_a_kill_by_others_is_no_crash_of_ours(stops):
    with pytest.raises(AssertionError, match="status -9"):
        stops("import os, signal; os.mkdir('a'); os.kill(os.getpid(), signal.SIGKILL)")


def test_the_installed_interpreter_is_what_runs(stops):
    assert stops("import os, sys; os.mkdir(os.path.basename(sys.executable))")[0][1] == os.path.basename(sys.executable)
