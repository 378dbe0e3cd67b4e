"""The commands. A command's module is loaded when it is called; `--help` needs only this table."""
from collections.abc import Callable, Mapping
from types import ModuleType

import click

from ..errors import Status
from ..version import VERSION
from .session import Session, global_options

COMMANDS = {  # name: (module, what it does)
    "cat": ("cat", "Print a file, folder or commit of the repository."),
    "config": ("config", "Show or set a setting of exps."),
    "demo": ("demo", "Make a small repository with experiments, to look around in."),
    "list": ("list", "List experiments by baseline."),
    "log": ("log", "Print the history of a commit."),
    "refs": ("refs", "List the refs of experiments."),
    "save": ("save", "Save the work tree as an experiment."),
    "show": ("show", "Show parameters and metrics of experiments as a table."),
}
ALIASES = {"ls": "list"}
EPILOG = "An experiment is a commit under refs/exps/ on top of HEAD. Your branch, index and files are never touched."


class Commands(click.Group):
    """The commands of the table, loaded one at a time."""

    def __init__(self, load: Callable[[str], ModuleType]) -> None:
        super().__init__(
            "exps",
            params=[*global_options(), _version_option()],
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
        command: click.Command = self._load(f".{COMMANDS[name][0]}").command
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
    session = Session(environ)
    try:
        status = Commands(load).main(prog_name="exps", standalone_mode=False, obj=session)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Status.USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        for line in [*(context.get_usage().splitlines() if context else ()), f"exps: {error.format_message()}"]:
            session.terminal.complain(line)
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as end:
        if end.code == 1:  # how click ends on a broken pipe
            raise BrokenPipeError from None
        raise
    finally:
        session.close()
    return status if isinstance(status, int) else Status.DONE
