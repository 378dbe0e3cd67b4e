"""What every command shares: the global options, and the session that it gets. Which commands there are is `app`'s."""

import os
import sys
from collections.abc import Mapping
from typing import Any

import click
from expref.objstore.repository import Repository

from ..errors import ExpError, Status
from ..project import Project
from .terminal import Terminal


class Session:
    """What a command gets: where to print, and how to open the project it is called in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Start with nothing said on the command line."""
        self._environ = environ
        self.options: dict[str, Any] = {"color": "auto", "verbosity": 0, "work_in": None}
        self._terminal: Terminal | None = None

    @property
    def terminal(self) -> Terminal:
        """Where to print; made when all options are known."""
        if self._terminal is None:
            chosen = self.options
            self._terminal = Terminal(self._environ, color=chosen["color"], verbosity=chosen["verbosity"])
        return self._terminal

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of the process."""
        return self._environ

    @property
    def folder(self) -> str:
        """The folder that the command works in, an absolute path."""
        try:
            return os.path.join(os.getcwd(), *filter(None, [self.options["work_in"]]))
        except FileNotFoundError:
            named = self._environ.get("PWD")
            place = f"the current folder {named}" if named else "the current folder"
            raise ExpError(f"{place} does not exist any more", "change to one that does") from None

    def path(self, path: str) -> str:
        """A path of the command line, from the folder that the command works in; none, "", stays none."""
        return os.path.join(self.folder, path) if path else ""

    def open(self, *, writes: bool = False) -> Project:
        """The project of that folder. A command that writes leaves no lock or temporary file behind on SIGTERM."""
        terminal = self.terminal
        repository = self.open_repository(writes=writes)
        return Project(repository, self.folder, progress=terminal.progress(), ask=terminal.ask)

    def open_repository(self, *, writes: bool = False) -> Repository:
        """The repository of that folder, whatever our own settings in it are worth."""
        if writes:
            import signal  # a hundredth of the start-up of a command that only reads

            signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(Status.TERMINATED))
        return Repository.discover(self.folder, self._environ)

    def close(self) -> None:
        """Leave the terminal as it was, for the shell or an error."""
        if self._terminal:
            self._terminal.close()


_FOLDER = click.Path(exists=True, file_okay=False)
_VERBOSITY = {"quiet": ("verbosity", -1), "verbose": ("verbosity", 1)}
_WHEN = click.Choice(["auto", "always", "never"])


def _note(context: click.Context, option: click.Parameter, value: Any) -> None:
    """Keep a global option, wherever it stands; the last one counts."""
    if value is None or value is False:
        return
    session = context.find_object(Session)
    assert session is not None
    name, value = _VERBOSITY.get(str(option.name), (str(option.name), value))
    session.options[name] = value


def global_options() -> list[click.Option]:
    """The options that stand before or behind every command: `exps -q save` and `exps save -q`."""
    shared: dict[str, Any] = {"expose_value": False, "callback": _note}
    return [
        click.Option(["-q", "--quiet"], is_flag=True, help="Print results and errors only.", **shared),
        click.Option(["-v", "--verbose"], is_flag=True, help="Say more about what is done.", **shared),
        click.Option(["--cd", "work_in"], metavar="DIR", type=_FOLDER, help="Work in DIR.", **shared),
        click.Option(["--color"], metavar="WHEN", type=_WHEN, help="auto, always, never; NO_COLOR: never.", **shared),
    ]


class Verb(click.Command):
    """A command with the global options behind its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()


class Verbs(click.Group):
    """A command of several, with the global options behind its name as well."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options()
