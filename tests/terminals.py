"""A terminal for a command to run on: what people get to see, byte for byte. For systems that have pseudo-terminals."""
import os
import pty
import re
import subprocess
import threading

_PROGRESS = re.compile(rb"(?:\r(?:\d+ of )?\d+ done[^\r\n]*)+\r *\r")


def on_terminal(command, *, cwd, env, typed=b"", answers=None, stdout=None, stdin=None):
    """Run `command` on a terminal of its own; return its exit status and what the terminal got, as bytes.

    `typed` is there to be read; `answers` is typed when a question is shown ({b"Name: ": b"ann\\n"}), each once;
    `stdout` and `stdin` may lead elsewhere. A terminal ends lines with `\\r\\n`.
    """
    ours, theirs = pty.openpty()
    shown = []
    answers = dict(answers or {})
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=theirs if stdin is None else stdin,
            stdout=theirs if stdout is None else stdout, stderr=theirs, start_new_session=True,
        )
        os.close(theirs)
        os.write(ours, typed)
        reader = threading.Thread(target=_read, args=(ours, shown, answers))
        reader.start()
        status = process.wait(timeout=60)
        reader.join(timeout=60)
    finally:
        os.close(ours)
    return status, b"".join(shown)


def without_progress(shown):
    """What is left of it for people to see: a command shows its progress only where a machine is slow."""
    return _PROGRESS.sub(b"", shown)


def _read(descriptor, shown, answers):
    while True:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # how Linux says that nobody holds the other end any more
            return
        if not block:
            return
        shown.append(block)
        for question in [each for each in answers if each in b"".join(shown)]:
            os.write(descriptor, answers.pop(question))
