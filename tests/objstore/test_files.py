"""Locks, replacement, permissions and reading."""
import os
import re
import stat
import sys
import threading
import time

import pytest
from expref.objstore.errors import Conflict, GitError
from expref.objstore.stores.files import (
    PRIVATE,
    LockFile,
    Sharing,
    create,
    fsync_folder,
    make_folders,
    read_file,
    remove_empty_folders,
    replace_file,
    write_all,
    write_new,
)

from tests.deepfolder import deep_folder


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


def test_what_was_written_under_a_lock_takes_its_place_when_told_to(tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    with LockFile(str(tmp_path / "f")) as lock:
        lock.write(b"new")
        assert (tmp_path / "f.lock").read_bytes() == b"new"
        assert (tmp_path / "f").read_bytes() == b"old"
        lock.replace()
        (tmp_path / "f.lock").write_bytes(b"of the next")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert (tmp_path / "f.lock").read_bytes() == b"of the next"


def test_a_lock_holds_without_a_descriptor_until_its_block_is_left(tmp_path):
    with LockFile(str(tmp_path / "f")) as lock:
        lock.close()
        with pytest.raises(Conflict):
            LockFile(str(tmp_path / "f"), timeout_s=0.01).__enter__()
    with LockFile(str(tmp_path / "f")) as lock:
        lock.write(b"not wanted after all")
    assert os.listdir(tmp_path) == []


def test_a_lock_that_somebody_took_away_is_no_error_in_the_end(tmp_path):
    with LockFile(str(tmp_path / "f")):
        (tmp_path / "f.lock").unlink()


def test_a_negative_time_waits_for_ever(tmp_path):
    lock = tmp_path / "f.lock"
    lock.touch()
    threading.Timer(0.2, lock.unlink).start()
    with LockFile(str(tmp_path / "f"), timeout_s=-1):
        assert lock.exists()


def test_only_folders_of_folders_are_removed(tmp_path):
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/d").mkdir()
    (tmp_path / "full/x").mkdir(parents=True)
    (tmp_path / "full/x/y").touch()
    (tmp_path / "link").symlink_to("full")
    for name in ("a", "none", "link", "full/x/y"):
        remove_empty_folders(str(tmp_path / name))
    with pytest.raises(OSError):
        remove_empty_folders(str(tmp_path / "full"))
    assert sorted(os.listdir(tmp_path)) == ["full", "link"]
    with deep_folder(tmp_path, 1500):
        remove_empty_folders(str(tmp_path / "d"))
    assert sorted(os.listdir(tmp_path)) == ["full", "link"]


def test_a_new_file_never_replaces_one(tmp_path):
    write_new(str(tmp_path / "f"), b"first", PRIVATE)
    with pytest.raises(FileExistsError):
        write_new(str(tmp_path / "f"), b"second", PRIVATE)
    assert (tmp_path / "f").read_bytes() == b"first"


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


def test_folders_that_another_removes_meanwhile_are_made_again(tmp_path, monkeypatch):
    """git removes empty folders of refs, from the innermost up, while we make one in them."""
    (tmp_path / "a").mkdir()
    mkdir = os.mkdir

    def make_late(path, *args):
        monkeypatch.setattr(os, "mkdir", mkdir)
        os.rmdir(tmp_path / "a")
        mkdir(path, *args)

    monkeypatch.setattr(os, "mkdir", make_late)
    write_new(str(tmp_path / "a/b/f"), b"x", PRIVATE)
    assert (tmp_path / "a/b/f").read_bytes() == b"x"


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


def test_what_is_not_there_reads_as_none(tmp_path):
    (tmp_path / "f").write_bytes(b"content")
    assert read_file(str(tmp_path / "f")) == b"content"
    assert read_file(str(tmp_path / "none")) is None
    assert read_file(str(tmp_path / "f" / "below a file")) is None
    with pytest.raises(IsADirectoryError):
        read_file(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_reading_never_waits_for_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert not read_file(str(tmp_path / "fifo"))


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
