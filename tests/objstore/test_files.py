"""Locks, replacement, permissions and reading."""
import os
import re
import stat
import sys
import threading
import time

import pytest
from expref.objstore.errors import Conflict, GitError
from expref.objstore.stores import files
from expref.objstore.stores.files import (
    PRIVATE,
    LockFile,
    Sharing,
    create,
    fsync_folder,
    make_folders,
    read_file,
    read_unless_link,
    replace_file,
    write_all,
)


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_a_commit_replaces_the_file_and_removes_the_lock(tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    with LockFile(str(tmp_path / "f")) as lock:
        assert (tmp_path / "f.lock").exists()
        lock.commit(b"new")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f"]


def test_without_a_commit_nothing_changes(tmp_path):
    with pytest.raises(KeyboardInterrupt), LockFile(str(tmp_path / "f")):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_commit_that_fails_leaves_the_file_and_no_lock(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "in the way").touch()
    with pytest.raises(OSError), LockFile(str(tmp_path / "f")) as lock:
        lock.commit(b"new")
    assert os.listdir(tmp_path) == ["f"]


def test_a_lock_of_others_is_named_with_its_age_and_never_broken(tmp_path):
    lock = tmp_path / "f.lock"
    lock.write_bytes(b"theirs")
    os.utime(lock, (time.time() - 3600,) * 2)
    with pytest.raises(Conflict, match=rf"^{re.escape(str(lock))} is held .*\(36\d\d s old\).* remove that file"):
        LockFile(str(tmp_path / "f")).__enter__()
    assert lock.read_bytes() == b"theirs"


def test_a_lock_is_waited_for(tmp_path):
    lock = tmp_path / "f.lock"
    lock.touch()
    threading.Timer(0.1, lock.unlink).start()
    with LockFile(str(tmp_path / "f"), timeout_s=30) as mine:
        mine.commit(b"x")
    assert (tmp_path / "f").read_bytes() == b"x"


def test_folders_are_made_for_a_lock(tmp_path):
    with LockFile(str(tmp_path / "a" / "b" / "f")) as lock:
        lock.commit(b"x")
    assert (tmp_path / "a" / "b" / "f").read_bytes() == b"x"


def test_create_never_opens_what_is_there(tmp_path):
    (tmp_path / "f").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        create(str(tmp_path / "f"), 0o666, PRIVATE)
    assert not (tmp_path / "target").exists()


def test_folders_may_be_relative_and_exist_already(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("a/b/c", "a/b/c", "d", ""):
        make_folders(path, PRIVATE)
    assert sorted(os.listdir(tmp_path)) == ["a", "d"]


def test_folders_that_another_makes_meanwhile_are_fine(tmp_path):
    paths = [str(tmp_path / "a" / str(number % 7) / "c") for number in range(50)]
    threads = [threading.Thread(target=make_folders, args=(path, PRIVATE)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(os.path.isdir, paths))


def test_a_short_write_is_continued():
    reader, writer = os.pipe()
    content = bytes(range(256)) * 2000
    thread = threading.Thread(target=lambda: (write_all(writer, content), os.close(writer)))
    thread.start()
    with open(reader, "rb") as file:
        assert file.read() == content
    thread.join()


def test_a_replaced_file_is_the_old_or_the_new_one(tmp_path):
    replace_file(str(tmp_path / "a" / "f"), b"1", PRIVATE)
    replace_file(str(tmp_path / "a" / "f"), b"2", PRIVATE, durable=False)
    assert (tmp_path / "a" / "f").read_bytes() == b"2"
    (tmp_path / "a" / "d").mkdir()
    with pytest.raises(OSError):
        replace_file(str(tmp_path / "a" / "d"), b"3", PRIVATE)
    assert sorted(os.listdir(tmp_path / "a")) == ["d", "f"]


@pytest.mark.parametrize("read", [read_file, read_unless_link])
def test_what_is_not_there_reads_as_none(tmp_path, read):
    (tmp_path / "f").write_bytes(b"content")
    assert read(str(tmp_path / "f")) == b"content"
    assert read(str(tmp_path / "none")) is None
    assert read(str(tmp_path / "f" / "below a file")) is None
    with pytest.raises(IsADirectoryError):
        read(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("read", [read_file, read_unless_link])
def test_reading_never_waits_for_a_fifo(tmp_path, read):
    os.mkfifo(tmp_path / "fifo")
    assert not read(str(tmp_path / "fifo"))


@pytest.mark.skipif(not files.NOFOLLOW, reason="the system cannot tell")
def test_a_symbolic_link_is_followed_or_told(tmp_path):
    (tmp_path / "f").write_bytes(b"content")
    (tmp_path / "link").symlink_to("f")
    assert read_file(str(tmp_path / "link")) == b"content"
    with pytest.raises(OSError, match="symbolic links"):
        read_unless_link(str(tmp_path / "link"))


def test_a_folder_is_made_durable_where_that_is_possible(tmp_path):
    fsync_folder(str(tmp_path))
    fsync_folder(str(tmp_path / "none"))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
@pytest.mark.parametrize(("setting", "file", "folder"), [
    (None, 0o600, 0o700), ("umask", 0o600, 0o700), ("false", 0o600, 0o700), ("0", 0o600, 0o700), ("", 0o600, 0o700),
    ("group", 0o660, 0o2770), ("true", 0o660, 0o2770), ("TRUE", 0o660, 0o2770), ("1", 0o660, 0o2770),
    ("all", 0o664, 0o2775), ("world", 0o664, 0o2775), ("2", 0o664, 0o2775),
    ("0640", 0o640, 0o2750), ("0666", 0o666, 0o2777), ("0600", 0o600, 0o700), ("0777", 0o666, 0o2777),
])
def test_permissions_are_what_the_repository_asks_for(tmp_path, setting, file, folder):
    before = os.umask(0o077)
    try:
        sharing = Sharing(setting)
        replace_file(str(tmp_path / "folder" / "file"), b"", sharing)
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "folder" / "file"), mode_of(tmp_path / "folder")) == (file, folder)
    assert sharing.widen(0o444) & 0o222 == 0, "what nobody may write stays so"


@pytest.mark.parametrize("setting", ["sometimes", "0400", "0060", "0999"])
def test_a_bad_setting_of_permissions_is_refused(setting):
    with pytest.raises(GitError, match="core.sharedRepository"):
        Sharing(setting)
