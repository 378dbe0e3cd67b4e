"""Snapshots of many files where something goes wrong: one clear error, nothing half done, and the next one works."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from expref.objstore import filecontents, worktree
from expref.objstore.errors import Conflict, GitError
from expref.objstore.filecontents import STREAMED
from expref.objstore.worktree import snapshot

from tests.conftest import needs
from tests.crash import crashes
from tests.deepfolder import deep_folder, write_in
from tests.gitrepo import GitRepo, users_files

pytestmark = needs("git")
WORKERS = pytest.mark.parametrize("workers", [1, 2])
# Load everything first: a crash harness counts file events, and nobody may read the checkout.
SNAPSHOT = """
import hashlib, os, re, signal, sys, unicodedata
from expref.objstore import worktree
from expref.objstore.repository import Repository
worktree.BULK = 3
{before}
repository = Repository.discover(".", os.environ)
print(worktree.snapshot(repository, extra=[b""], workers=int(sys.argv[1])))
"""


def run(repo, child_env, workers, before="", check=True):
    environ = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    code = SNAPSHOT.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", code, str(workers)], cwd=repo.path, env=environ, capture_output=True, text=True
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def fill(repo, count, size=2000):
    for number in range(count):
        repo.write(f"d{number % 5}/f{number}", os.urandom(size))


def gits(repo):
    """The tree of everything, as git makes it in an index of its own."""
    index, objects = (repo.path.parent / f"{repo.path.name}-{name}" for name in ("index", "objects"))
    objects.mkdir(exist_ok=True)
    env = {
        "GIT_INDEX_FILE": str(index), "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.path / ".git/objects"),
    }  # fmt: skip
    repo.git("add", "--all", env=env)
    return repo.git("write-tree", env=env)


def temporary(repo):
    return [
        path.name for path in (repo.path / ".git").rglob("*") if path.name.startswith("tmp_") or path.suffix == ".tmp"
    ]


def assert_clean(repo):
    done = repo.try_git("fsck", "--strict", "--no-dangling")
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr


# --- full disks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes, where the test may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@WORKERS
@pytest.mark.parametrize("left_kib", [0, 4, 60, 350, 640, 672])
def test_on_a_full_disk_a_pack_is_there_or_nothing_of_it(small_disk, git_env, child_env, workers, left_kib):
    """The pack has some 640 KiB, half of it first in the part that a second process makes, its index some 10."""
    repo = GitRepo(small_disk / "repo", git_env).init()
    repo.commit("empty")
    fill(repo, 300)
    before = users_files(repo.path)
    (small_disk / "ballast").write_bytes(bytes(max(0, shutil.disk_usage(small_disk).free - left_kib * 1024)))
    done = run(repo, child_env, workers, check=False)
    if done.returncode:
        assert re.search(r"\n\S*OSError: \[Errno 28\] No space left on device: '\S+/objects/pack/\S+'\n\Z", done.stderr)
        assert not list((repo.path / ".git/objects/pack").iterdir())
    assert (done.returncode == 0) == bool(done.stdout) and not temporary(repo)
    assert users_files(repo.path) == before
    (small_disk / "ballast").unlink()
    assert_clean(repo)
    tree = run(repo, child_env, workers).stdout.strip()
    assert_clean(repo)
    shutil.copytree(repo.path, small_disk.parent / "roomy", symlinks=True)
    assert tree == gits(GitRepo(small_disk.parent / "roomy", git_env))


# --- files that must not be read, or do not stay as they are


@pytest.fixture
def public(git_env):
    """A repository that everybody may change: temporary folders of pytest are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix="expref-public-"))
    folder.chmod(0o755)
    yield GitRepo(folder / "repo", git_env).init()
    shutil.rmtree(folder)


NOBODY = """
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""


@WORKERS
@pytest.mark.parametrize("closed", ["d0/f0", "d4/f19"])  # the first, and one of the half of a second process
def test_a_file_that_must_not_be_read_is_named_and_nothing_is_written(public, child_env, workers, closed):
    if os.geteuid() == 0 and not hasattr(os, "setuid"):
        pytest.skip("no other user here")
    fill(public, 20)
    (public.path / closed).chmod(0)
    subprocess.run(["chmod", "-R", "a+rwX", public.path / ".git"], check=True)
    trusted = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "HOME": "/nowhere",
    }
    public.environ |= trusted
    done = run(public, child_env, workers, NOBODY, check=False)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith(f"GitError: {closed}: Permission denied")
    assert not temporary(public) and not list(public.path.glob(".git/objects/pack/*"))
    (public.path / closed).chmod(0o644)
    assert run(public, child_env, workers, NOBODY).stdout.strip() == gits(public)


def rewrite(path, size):
    """A file of another size, or of the same size with another time."""
    path.write_bytes(b"!" * size)
    os.utime(path, (2, 2))


@pytest.mark.parametrize("often", [1, 9])
@pytest.mark.parametrize(
    "after", [0, 70, 100, 101, 10_000_000], ids=["emptied", "shrunk", "same size", "grown", "grown a lot"]
)
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_file_that_changes_while_it_is_read_is_read_again_and_then_named(
    repo, monkeypatch, often, after, large, bulk
):
    """It changes between the look at the open file and the first byte, as it might at any time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(filecontents, "STREAMED", 50 if large else STREAMED)
    monkeypatch.setattr(worktree, "BULK", 1 if bulk else 100)
    file, fstat, left = repo.write("f", b"?" * 100), os.fstat, [often]
    repo.write("other", b"x")

    def change_after(fd):
        found = fstat(fd)
        if found.st_ino == os.stat(file).st_ino and left[0]:
            left[0] -= 1
            rewrite(file, after if left[0] % 2 == 0 else after + 5)
        return found

    monkeypatch.setattr(os, "fstat", change_after)
    if often == 1:
        tree = str(snapshot(repo.open(), extra=[b""]))
        monkeypatch.undo()
        assert tree == gits(repo)
    else:
        with pytest.raises(Conflict, match="^f is being written: it changed 3 times while it was read$"):
            snapshot(repo.open(), extra=[b""])
        assert not temporary(repo) and not list(repo.path.glob(".git/objects/pack/*"))
    assert_clean(repo)


@pytest.mark.parametrize("kind", ["fifo", "link", "nothing", "folder"])
def test_a_file_that_becomes_something_else_before_it_is_opened_is_named(repo, monkeypatch, kind):
    file, opened = repo.write("f", b"tracked"), os.open
    repo.git("add", "f")
    file.write_bytes(b"changed")
    swap = {
        "fifo": os.mkfifo,
        "link": lambda path: path.symlink_to("/etc/passwd"),
        "nothing": lambda _: None,
        "folder": os.mkdir,
    }

    def swap_before(path, *arguments, **options):
        if os.fsdecode(path) == str(file) and file.is_file():
            file.unlink()
            swap[kind](file)
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", swap_before)
    with pytest.raises(GitError, match="^f was a file a moment ago"):
        snapshot(repo.open())


# --- processes that are killed

FEW = "from expref.objstore import packing; packing.BLOCK = 1000"


@pytest.mark.slow
def test_two_processes_that_are_killed_leave_nothing_that_git_minds(repo, tmp_path, child_env):
    """Both at once, at every file event of the first one."""
    repo.write("f", b"x")
    repo.commit()
    fill(repo, 6, 700)
    (tmp_path / "copies").mkdir()
    environ = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    expected, count = gits(repo), 0
    for crash in crashes(SNAPSHOT.format(before=FEW), "2", source=repo.path, copies=tmp_path / "copies", env=environ):
        left = GitRepo(crash.folder, repo.environ)
        assert_clean(left)
        count += 1
        if count % 4 == 0:
            assert run(left, child_env, 2, FEW).stdout.strip() == expected, crash
            assert_clean(left)
            left.git("gc", "-q", "--prune=now")
            assert not temporary(left)
    assert count > 10


KILLED = """
parent, opened, count = os.getpid(), os.open, [0]
def open_and_die(path, *arguments, **options):
    if os.getpid() {whom} parent and b"/f" in os.fsencode(path):
        count[0] += 1
        if count[0] == {when}:
            os.kill(os.getpid(), signal.SIGKILL)
    return opened(path, *arguments, **options)
os.open = open_and_die
"""


@pytest.mark.parametrize("when", [1, 5, 10])
def test_when_the_second_process_is_killed_the_first_does_its_work(repo, child_env, when):
    fill(repo, 20)
    assert run(repo, child_env, 2, KILLED.format(whom="!=", when=when)).stdout.strip() == gits(repo)
    assert not temporary(repo) and len(list(repo.path.glob(".git/objects/pack/*.pack"))) == 1
    assert_clean(repo)


@pytest.mark.parametrize("when", [1, 5, 8])
def test_when_the_first_process_is_killed_the_second_leaves_nothing_that_git_minds(repo, child_env, when):
    fill(repo, 20)
    assert run(repo, child_env, 2, KILLED.format(whom="==", when=when), check=False).returncode == -9
    assert not list(repo.path.glob(".git/objects/pack/pack-*"))
    assert_clean(repo)
    assert run(repo, child_env, 2).stdout.strip() == gits(repo)
    repo.git("prune", "--expire=now")
    assert not temporary(repo)


# --- work trees of unusual shapes


def test_a_folder_of_ten_thousand_files(repo, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    (repo.path / "flat").mkdir()
    for number in range(10_000):
        (repo.path / f"flat/{number}").touch()
    entries = b"".join(
        b"100644 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\tflat/%d\n" % number for number in range(10_000)
    )
    repo.git("update-index", "--index-info", stdin=entries)
    for number in range(0, 10_000, 100):
        repo.write(f"flat/{number}", b"%d" % number)
        (repo.path / f"flat/{number + 1}").unlink()
    repo.write("flat/new", b"new")
    assert str(snapshot(repo.open(), extra=[b"flat"], workers=2)) == gits(repo)


@pytest.mark.slow
def test_two_thousand_folders_in_each_other(git_env, monkeypatch):
    """As deep as the system takes a path in one piece: 4,096 bytes with the folder that it begins in."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    root = Path(tempfile.mkdtemp(prefix="x"))
    repo = GitRepo(root / "r", git_env).init()
    levels = min(2000, (4090 - len(os.fsencode(repo.path))) // 2)
    assert levels == 2000
    try:
        with deep_folder(repo.path, levels) as last:
            write_in(last, "f", b"deep")
            tree = str(snapshot(repo.open(), extra=[b""]))
            assert repo.git("cat-file", "blob", f"{tree}:{'d/' * levels}f") == "deep"
            repo.git("add", "--all")
            write_in(last, "f", b"changed")
            assert str(snapshot(repo.open())) == gits(repo)
    finally:
        shutil.rmtree(root)
