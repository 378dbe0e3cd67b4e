"""The commands and global options. A command's module is loaded when it is called; `--help` needs only this table.

Global options stand before or behind the command: `exps -q save` and `exps save -q`.
"""
import os
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import click

from ..errors import Status
from ..project import Project
from ..version import VERSION
from .terminal import Terminal, escape

COMMANDS = {  # name: (module, what it does)
    "demo": ("demo", "Make a small repository with experiments, to look around in."),
    "list": ("list", "List experiments by baseline."),
    "save": ("save", "Save the work tree as an experiment."),
    "show": ("show", "Show parameters and metrics of experiments as a table."),
}
ALIASES = {"ls": "list"}
EPILOG = "An experiment is a commit under refs/exps/ on top of HEAD. Your branch, index and files are never touched."


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
        """The folder that the command works in."""
        return self.options["work_in"] or os.getcwd()

    def open(self, *, writes: bool = False) -> Project:
        """The project of that folder. A command that writes leaves no lock or temporary file behind on SIGTERM."""
        terminal = self.terminal
        if writes:
            import signal  # a hundredth of the start-up of a command that only reads

            signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(Status.TERMINATED))
        return Project.open(self.folder, self._environ, progress=terminal.progress(), ask=terminal.ask)


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


def _globals() -> list[click.Option]:
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
        self.params += _globals()


class Commands(click.Group):
    """The commands of the table, loaded one at a time."""

    def __init__(self, load: Callable[[str], ModuleType]) -> None:
        super().__init__(
            "exps",
            params=[*_globals(), _version_option()],
            help="Experiments inside any Git repository.",
            epilog=EPILOG,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self._load = load

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of this name."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        command: click.Command = self._load(COMMANDS[name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version_option() -> click.Option:
    def show(context: click.Context, _option: click.Parameter, value: bool) -> None:
        if value:
            print("exps", VERSION)
            context.exit()

    return click.Option(["-V", "--version"], is_flag=True, is_eager=True, expose_value=False, callback=show,
                        help="Show the version and exit.")


def run(load: Callable[[str], ModuleType], environ: Mapping[str, str]) -> int:
    """Run what the command line says; return the exit status. Errors of ours are left to the caller."""
    try:
        status = Commands(load).main(prog_name="exps", standalone_mode=False, obj=Session(environ))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Status.USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    return status if isinstance(status, int) else Status.DONE


def complain(message: str, hint: str = "") -> None:
    """An error: one line, and one that says what to do."""
    sys.stdout.flush()
    print(f"exps: {escape(message)}", file=sys.stderr)
    if hint:
        print(f"  {escape(hint)}", file=sys.stderr)
