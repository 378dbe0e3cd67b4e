"""`exps params diff`."""

from typing import Any

import click

from .diff import between, in_files, labels, lines, without, write_json, write_table
from .session import Session, Verb, Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Compare the parameters of experiments or commits."""


@command.command(cls=Verb)
@click.argument("a_rev", metavar="[A", required=False)
@click.argument("b_rev", metavar="[B]]", required=False)
@click.option("--targets", "files", metavar="FILE", multiple=True, help="Compare this file only; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Show what is the same, too.")
@click.option("--deps", is_flag=True, help="Show those that stages depend on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--no-path", is_flag=True, help="Leave out the column of files.")
@click.pass_obj
def diff(session: Session, /, a_rev: str | None, b_rev: str | None, files: tuple[str, ...], **options: Any) -> None:
    """Show what differs in parameters between A (HEAD) and B (the work tree): experiments or commits."""
    project, terminal = session.open(), session.terminal
    found = between(
        session, project, (a_rev, b_rev), unchanged=options["everything"], only_deps=options["deps"],
        kind="params", files=files,
    )  # fmt: skip
    changes = in_files(session, project, found, "params", files) if found else {}
    if options["as_json"]:
        write_json(changes, terminal)
        return
    header = ["Path", "Param", *labels(a_rev, b_rev), "Change"]
    hidden = {"Change", "Path"} if options["no_path"] else {"Change"}
    write_table(terminal, *without(hidden, header, lines(changes, str)), as_markdown=options["as_markdown"])
