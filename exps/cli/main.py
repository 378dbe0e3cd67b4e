"""Where the command `exps` starts: the version at once, everything else through `app`, loaded only then.

The one place that turns errors into one line, a hint and an exit status (`exps.errors.Status`). What is not one of our
errors or the system's is a bug and keeps its traceback. Start-up is a feature: nothing is imported before it is needed.
"""
import gc
import sys
from types import ModuleType


def main() -> int:
    """Run the command line of this process; return its exit status."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from ..version import VERSION

        print("exps", VERSION)
        return 0
    gc.set_threshold(100_000, 50, 50)  # a short life makes little garbage: collecting it while modules load costs 5 %
    from . import app

    return _guarded(app)


def load(name: str) -> ModuleType:
    """The module of a command."""
    from importlib import import_module

    return import_module(f"{__package__}.{name}")


def _guarded(app: ModuleType) -> int:
    """Run the command, and tell what went wrong in the words of the house."""
    import os

    from expref.objstore.errors import Ambiguous, Conflict, GitError, NotFound, Unsupported

    from ..errors import ExpError, Status

    statuses = {
        NotFound: Status.NOT_FOUND,
        Ambiguous: Status.NOT_FOUND,
        Conflict: Status.CONFLICT,
        Unsupported: Status.UNSUPPORTED,
    }
    try:
        status: int = app.run(load, os.environ)
        sys.stdout.flush()
        return status
    except ExpError as error:
        app.complain(error.message, error.hint)
        return error.status
    except GitError as error:
        app.complain(str(error))
        return next((status for kind, status in statuses.items() if isinstance(error, kind)), Status.REFUSED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains when it flushes at exit
        return Status.BROKEN_PIPE
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        app.complain(f"{where}{error.strerror or error}")
        return Status.REFUSED
    except KeyboardInterrupt:
        app.complain("interrupted")
        return Status.INTERRUPTED
