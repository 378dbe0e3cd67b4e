"""`exps diff`, and what it shares with `exps params diff` and `exps metrics diff`."""

import json
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from os import path as paths
from typing import Any, Literal

import click

from ..compare import Change, Changes, Comparison, Named, Side, chosen, compare, find_side, is_among
from ..project import Project
from ..rows import Row
from ..texts import TEXT, text_of
from .session import Session, Verb
from .table import markdown, plain
from .terminal import Terminal, escape

DIGITS = 5
Shown = Callable[[object], str]
Names = tuple[str | None, str | None]  # of the two sides, as they were given on the command line


@click.command(cls=Verb)
@click.argument("a_rev", metavar="[A", required=False)
@click.argument("b_rev", metavar="[B]]", required=False)
@click.option("--all", "everything", is_flag=True, help="Show what is the same, too.")
@click.option("--param-deps", is_flag=True, help="Of the parameters show those that stages depend on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--md", "as_markdown", is_flag=True, help="Print Markdown tables.")
@click.option("--no-path", is_flag=True, help="Leave out the column of files.")
@click.option("--precision", metavar="N", type=click.IntRange(min=1), default=DIGITS, help="Digits of metrics.")
@click.pass_obj
def command(session: Session, /, a_rev: str | None, b_rev: str | None, **options: Any) -> None:
    """Show what differs in metrics and parameters between A and B: experiments or commits.

    A is HEAD if it is not given, B the work tree. REV:FOLDER means a folder of a commit, :FOLDER one of the work tree.
    """
    project, terminal = session.open(), session.terminal
    found = between(session, project, (a_rev, b_rev), unchanged=options["everything"], only_deps=options["param_deps"])
    if found is None:
        write_json({}, terminal) if options["as_json"] else None
        return
    if options["as_json"]:
        write_json({"metrics": found.metrics, "params": found.params}, terminal)
        return
    sides = labels(a_rev, b_rev)

    def rounded(value: object) -> str:
        return text_of(value, options["precision"])

    tables: tuple[tuple[str, Changes, Shown], ...] = ("Metric", found.metrics, rounded), ("Param", found.params, str)
    for number, (title, changes, shown) in enumerate(tables):
        if number:
            terminal.write()
        rows = lines(changes, shown, instead="diff not supported")
        hidden = {"Path"} if options["no_path"] else set[str]()
        table = without(hidden, ["Path", title, *sides, "Change"], rows)
        write_table(terminal, *table, as_markdown=options["as_markdown"])


def between(
    session: Session,
    project: Project,
    names: Names,
    *,
    unchanged: bool,
    only_deps: bool = False,
    kind: str = "metrics",
    files: Sequence[str] = (),
) -> Comparison | None:
    """Compare what two names mean; None before the first commit. Files that cannot be read are told.

    `files` of a kind are compared even if the project does not declare them.
    """
    if project.repository.head().id is None and not names[0]:
        return None
    old = _side(session, project, names[0] or "HEAD")
    new = _side(session, project, names[1]) if names[1] else Side(None, old.folder)
    named = Named(kind, _wanted(session, project, files, in_folders=bool(old.folder or new.folder)))
    found = compare(project, old, new, unchanged=unchanged, only_deps=only_deps, named=named)
    tell_errors(session.terminal, dict(zip(labels(*names), (found.old, found.new), strict=True)))
    return found


def labels(old: str | None, new: str | None) -> tuple[str, str]:
    """What the two sides are called; the second, if it is not named, is what the first is in the work tree."""
    return old or "HEAD", new or "workspace"


def _side(session: Session, project: Project, name: str) -> Side:
    side, hidden = find_side(project, name, session.folder)
    session.terminal.warn_hidden(hidden)
    return side


def tell_errors(terminal: Terminal, rows: Mapping[str, Row]) -> None:
    """Say which files could not be read."""
    for name, row in rows.items():
        errors = (row.error, *(each.error for each in (*row.params.values(), *row.metrics.values())))
        for message in dict.fromkeys(error[1] for error in errors if error):
            terminal.warn(f"{message} ({name})")


def lines(changes: Changes, shown: Shown, *, instead: str = TEXT.fill) -> list[list[str]]:
    """Path, key, old, new and difference of each change as text; `instead` where two values have no difference."""

    def cell(value: object) -> str:
        return escape(shown(value)) if value is not None else TEXT.fill

    def difference(each: Change) -> str:
        return cell(each["diff"]) if "diff" in each else instead

    return [
        [escape(path), escape(key), cell(each["old"]), cell(each["new"]), difference(each)]
        for path, found in changes.items()
        for key, each in found.items()
    ]


def without(names: set[str], header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """A table without some columns."""
    kept = [number for number, name in enumerate(header) if name not in names]
    return [escape(header[number]) for number in kept], [[row[number] for number in kept] for row in rows]


def write_table(terminal: Terminal, header: Sequence[str], rows: Sequence[Sequence[str]], *, as_markdown: bool) -> None:
    """A table; without rows only Markdown has something to show, as DVC."""
    for line in markdown(header, rows) if as_markdown else plain(header, rows) if rows else ():
        terminal.write(line)


def write_json(found: object, terminal: Terminal) -> None:
    """JSON: on one line for programs, indented for people."""
    terminal.write(json.dumps(found, indent=4 if terminal.is_terminal else None))


def in_files(
    session: Session, project: Project, found: Comparison, kind: Literal["metrics", "params"], files: Sequence[str]
) -> Changes:
    """The changes in some files, all if none is named, with paths relative to the folder that the command works in.

    Where folders are compared, paths are relative to these.
    """
    in_folders = bool(found.old.name or found.new.name)
    wanted = _wanted(session, project, files, in_folders=in_folders)
    known = {*getattr(found.old, kind), *getattr(found.new, kind)}
    tell_missing(session.terminal, dict(zip(files, wanted, strict=True)), known)
    changes = chosen(getattr(found, kind), wanted)
    return changes if in_folders else from_here(session, project, changes)


def tell_missing(terminal: Terminal, wanted: Mapping[str, str], known: Collection[str]) -> None:
    """Say which of the files that were named on the command line, and where they are, no row has."""
    for name, path in wanted.items():
        if not any(is_among(each, [path]) for each in known):
            terminal.warn(f"{name}: there is no such file in what is shown")


def from_here(session: Session, project: Project, files: Mapping[str, Any]) -> dict[str, Any]:
    """The same with paths relative to the folder that the command works in."""
    here = posixpath.relpath(paths.realpath(session.folder), project.root)
    return {posixpath.relpath(path, here): each for path, each in files.items()}


def _wanted(session: Session, project: Project, named: Sequence[str], *, in_folders: bool) -> list[str]:
    """Files named on the command line, relative to what is compared: folders, or the project's root."""
    return [posixpath.normpath(each) for each in named] if in_folders else targets(session, project, named)


def targets(session: Session, project: Project, named: Sequence[str]) -> list[str]:
    """Files named on the command line, relative to the project's root."""
    return [paths.relpath(paths.join(paths.realpath(session.folder), each), project.root) for each in named]
