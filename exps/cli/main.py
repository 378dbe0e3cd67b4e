"""Where the command `exps` starts: the version at once, everything else through `app`, loaded only then.

The one place that turns errors into one line, a hint and an exit status (`exps.errors.Status`). What is not one of our
errors or the system's is a bug and keeps its traceback. Start-up is a feature: nothing is imported before it is needed.
"""

import gc
import os
import sys

TYPE_CHECKING = False  # as typing's, which takes as long to load as everything that `exps --version` needs
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def program() -> None:
    """Run the command line and end the process: what the installed scripts call.

    Everything is flushed and closed by then. Taking all modules down again, as Python does at its end, would be a
    seventh of the whole time of a short command (bench/startup.py).
    """
    os._exit(main())


def main() -> int:
    """Run the command line of this process; return its exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started us closed it
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        if sys.argv[1:] in (["--version"], ["-V"]):
            status = _show_version()
        else:
            status = _complete() if sys.argv[1:2] == ["--complete"] else _run()
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # the border of the process; what is a bug goes on
        told = _explain(error)
        if told is None:
            raise
        message, hint, status = told
        _complain(message, hint)
    for name in ("stdout", "stderr"):
        _finish(name)
    return status


def _show_version() -> int:
    from ..version import VERSION

    print("exps", VERSION)
    return 0


def _complete() -> int:
    """For the shell: it shows what it gets on standard output, and nobody wants to read errors while typing."""
    try:
        from .complete import answer

        sys.stdout.buffer.write(answer(sys.argv[2:], os.environ, lambda words: _app().options(_loader(), words)))
    except Exception:  # the border of the process
        return 1
    return 0


def _run() -> int:
    status: int = _app().run(_loader(), os.environ)
    return status


def _app() -> "ModuleType":
    gc.set_threshold(100_000, 50, 50)  # a short life makes little garbage: collecting it while modules load costs 5 %
    from . import app

    return app


def _loader() -> "Callable[[str], ModuleType]":
    from functools import partial
    from importlib import import_module

    return partial(import_module, package=__package__)


def _explain(error: BaseException) -> tuple[str, str, int] | None:
    """Message, hint and exit status of an error; None for one that is a bug."""
    from expref.objstore.errors import Ambiguous, Conflict, GitError, NotFound, Unsupported

    from ..errors import ExpError, Status

    statuses = {
        NotFound: Status.NOT_FOUND,
        Ambiguous: Status.NOT_FOUND,
        Conflict: Status.CONFLICT,
        Unsupported: Status.UNSUPPORTED,
        GitError: Status.REFUSED,
    }
    if isinstance(error, ExpError):
        return error.message, error.hint, error.status
    if isinstance(error, GitError):
        return str(error), error.hint, next(status for kind, status in statuses.items() if isinstance(error, kind))
    if isinstance(error, MemoryError):
        return "out of memory", "", Status.REFUSED
    if isinstance(error, BrokenPipeError):
        return "", "", Status.BROKEN_PIPE
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        return f"{where}{error.strerror or error}", "", Status.REFUSED
    return ("interrupted", "", Status.INTERRUPTED) if isinstance(error, KeyboardInterrupt) else None


def _complain(message: str, hint: str) -> None:
    """An error: one line, and one that says what to do. Nobody may be there to read it."""
    from .terminal import escape

    _finish("stdout")
    lines = [f"exps: {escape(message)}\n" if message else "", f"  {escape(hint)}\n" if hint else ""]
    try:
        sys.stderr.write("".join(lines))
    except OSError:
        return


def _finish(name: str) -> None:
    """Print what is left for a stream, or drop what cannot be: Python would complain at exit, with its own status."""
    stream = getattr(sys, name)
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
