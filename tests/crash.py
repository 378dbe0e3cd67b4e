"""End a child process at its n-th file event, for every n: what a crash leaves behind is there to be looked at.

    for crash in crashes(SCRIPT, "save", source=project, copies=tmp_path / "copies", env=child_env):
        verify(crash.folder)

An event is the moment *before* Python does something to files: it opens one for writing, renames, links, removes, makes
a folder, changes a time or a size (audit events); it writes to a file, and has written half of it, which have no audit
event, so the child's `open`, `os.write` and their kind are replaced. The n-th event sends SIGKILL to the process and to
what it forked. Events are counted in the first process only, not in what it forks or starts. Not seen: memory maps,
what C code writes by itself. Killed is not unplugged: what was written is there, whether it was synced or not.

This file is also the child: `python tests/crash.py N TRACE CODE [ARGUMENT…]`.
"""
import builtins
import io
import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

AUDIT_EVENTS = {  # beside "open"; shutil's and tempfile's own events only announce some of these
    "os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.removexattr", "os.rename", "os.rmdir",
    "os.setxattr", "os.symlink", "os.truncate", "os.utime",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CLONE = {0x40049409, 0x4020940D}  # ioctl_ficlone(2): FICLONE, FICLONERANGE
WRITERS = ("copy_file_range", "posix_fallocate", "pwrite", "pwritev", "sendfile", "writev")  # of `os`; met before only
HALF_DONE = "write, half done"
SURE = 3  # random names and the clock may spare a run an event or two: the end is the end when it was met so often


class Crash(NamedTuple):
    """A command that was ended at its n-th file event, and the folder as it left it."""

    number: int  # from 1
    event: str  # "os.rename", "open", "write", HALF_DONE, …: what did not happen any more
    path: str  # as the command named it; absolute for a write, where it gave a descriptor
    folder: Path


def crashes(code, *arguments, source, copies, env, cwd="."):
    """Run Python `code` in a copy of the folder `source` until it is killed at event 1, 2, 3 …; yield each Crash.

    `sys.argv[1:]` is `arguments`; `cwd` is relative to the copy. A copy is removed when the next is asked for, so that
    of a failed test remains. Ends when the code does; fails if that is not with status 0, or without any file event.
    """
    ends = 0
    for number in itertools.count(1):
        folder, trace, output = (Path(copies, f"{number}{end}") for end in ("", ".events", ".output"))
        shutil.copytree(source, folder, symlinks=True)
        with open(output, "wb") as out:  # no pipe: whom the command started may live on and hold it open
            status = subprocess.call(
                [sys.executable, "-P", __file__, str(number), trace, code, *arguments],
                cwd=folder / cwd, env=env | {"PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )
        events = [json.loads(line) for line in trace.read_text().splitlines()]
        if status == -signal.SIGKILL and len(events) == number:
            ends = 0
            yield Crash(number, *events[-1], folder)
        else:
            assert status == 0, f"status {status} after {events}\n{output.read_text(errors='replace')}"
            assert events, "a command without file events: nothing was tested"
            ends += 1
        shutil.rmtree(folder)
        if ends == SURE:
            return


class Child:
    """The counter of this process, and what it puts in the place of functions that write."""

    def __init__(self, last, trace):
        self.last, self.trace, self.process = last, trace, os.getpid()
        self.numbers = itertools.count(1)  # next() is atomic: threads may write
        self.write = os.write

    def audit(self, event, arguments):
        """The hook: called with every audit event of this process, most of which are no file events."""
        if event == "open":
            path, _, flags = arguments
            counts = flags & WRITING and not isinstance(path, int) and not os.fsdecode(path).startswith("/dev/")
        else:
            path = arguments[0] if arguments else ""
            counts = event in AUDIT_EVENTS or (event == "fcntl.ioctl" and arguments[1] in CLONE)
        if counts and self.is_due(event, path):
            self.die()

    def is_due(self, event, path):
        """Count and note one file event; True if it is the last that this process lives to see."""
        if os.getpid() != self.process:  # forked
            return False
        self.write(self.trace, json.dumps([event, readable(path)]).encode() + b"\n")
        return next(self.numbers) == self.last

    def die(self):
        os.killpg(0, signal.SIGKILL)

    def tear(self, write, descriptor, block):
        """Return write(block); two events, one before the first byte and one after half of them."""
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return write(block)
        if self.is_due("write", descriptor):
            self.die()
        if self.is_due(HALF_DONE, descriptor):
            block = memoryview(block).cast("B")
            write(block[: len(block) // 2])
            self.die()
        return write(block)

    def replace_functions(self):
        """From now on `open`, `io.FileIO` and the functions of `os` that write count their writes."""
        torn_file, opened = make_file_class(self), io.open

        def open_torn(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *file_options, **options):
            if not set(mode) & set("wax+") or (buffering == 0 and "b" not in mode):
                return opened(file, mode, buffering, encoding, errors, newline, *file_options, **options)
            raw = torn_file(file, mode.replace("b", "").replace("t", ""), *file_options, **options)
            if buffering == 0:
                return raw
            size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
            buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
            if "b" in mode:
                return buffered
            text = io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)
            text.mode = mode
            return text

        def count_then(call, name):
            def counted(target, *arguments, **named):
                if self.is_due(name, target):
                    self.die()
                return call(target, *arguments, **named)
            return counted

        os.write = lambda descriptor, block: self.tear(lambda part: self.write(descriptor, part), descriptor, block)
        builtins.open, io.open, io.FileIO = open_torn, open_torn, torn_file
        for name in filter(lambda name: hasattr(os, name), WRITERS):
            setattr(os, name, count_then(getattr(os, name), name))


def readable(path):
    """A path as text, and for a descriptor the path of its file, where the system tells."""
    if not isinstance(path, int):
        return os.fsdecode(path)
    try:
        return os.readlink(f"/proc/self/fd/{path}")
    except OSError:
        return f"descriptor {path}"


def make_file_class(child):
    class TornFile(io.FileIO):
        def write(self, block):
            return child.tear(super().write, self.fileno(), block)

    return TornFile


def run_as_child(last, trace, code, *arguments):
    """Execute `code` as `python -c` would, to its end or to its event number `last`."""
    child = Child(int(last), os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
    sys.argv[:] = ["-c", *arguments]
    child.replace_functions()
    sys.addaudithook(child.audit)
    exec(compile(code, "<crash>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    run_as_child(*sys.argv[1:])
