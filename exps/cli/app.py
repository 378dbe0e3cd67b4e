"""The command line. A command's module is loaded when it is called; `--help` needs only the table in `commands`."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import click

from ..errors import Status
from ..version import VERSION
from .commands import ALIASES, COMMANDS
from .session import Session, global_options

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
        command: click.Command = self._load(f".{COMMANDS[name].module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; a name that is close to a command's is answered with that."""
        if args[0] in COMMANDS or args[0] in ALIASES or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        close = get_close_matches(args[0], [*COMMANDS, *ALIASES], cutoff=0.7)
        what = f" Do you mean {' or '.join(close)}?" if close else ""
        raise click.UsageError(f"No such command {args[0]!r}.{what}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


def _version_option() -> click.Option:
    def show(context: click.Context, _option: click.Parameter, value: bool) -> None:
        if value:
            print("exps", VERSION)
            context.exit()

    return click.Option(
        ["-V", "--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Show the version and exit.",
    )


def options(load: Callable[[str], ModuleType], words: Sequence[str]) -> dict[str, bool]:
    """The options that may follow these words of a command line, and whether each wants a value."""
    command: click.Command = Commands(load)
    for word in words:
        found = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        command = found or command
    known = [each for each in command.get_params(click.Context(command)) if isinstance(each, click.Option)]
    return {text: not (each.is_flag or each.count) for each in known if not each.hidden for text in each.opts}


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
