"""The table on a screen: what is marked, what is left out where it does not fit, and when a pager shows it."""

import io

import pytest
from expref.exps.cli.grid import Screen, screen_of, write
from expref.exps.cli.terminal import Terminal
from expref.exps.columns import Filter, filtered, grid, merged
from expref.exps.texts import TEXT

from tests.rowmaker import row, table

MANY = {f"parameter_{number}": number for number in range(20)}
BASE = row("base", params={"p.yaml": {"lr": 0.1, "name": "adam"}}, metrics={"m.json": {"loss": 0.5}})
OTHER = row("other", params={"p.yaml": {"lr": 0.2, "name": "adam"}}, metrics={"m.json": ValueError("why")})


def shown(*rows, screen=None, color="never", environ=None, chosen=None):
    """What is printed, line by line; and what is said beside it."""
    terminal = Terminal(environ or {}, color=color)
    terminal.out, terminal.err = io.StringIO(), io.StringIO()
    write(filtered(merged(grid(table(*rows), TEXT)), chosen or Filter(), TEXT), terminal, screen)
    return terminal.out.getvalue().splitlines(), terminal.err.getvalue()


def test_a_pipe_gets_the_whole_table():
    lines, said = shown(row("a", params={"p.yaml": MANY}))
    assert lines[0].split() == ["Experiment", "Created", *MANY] and said == "" and len(lines[0]) > 200


def test_what_differs_from_the_baseline_is_marked_and_baselines_are_bold():
    lines, _ = shown(BASE, OTHER, color="always")
    assert lines[0].startswith("\x1b[1mExperiment") and lines[1].startswith("\x1b[1mbase")
    assert "\x1b[31m   !\x1b[0m" in lines[2] and "\x1b[35m0.2\x1b[0m" in lines[2]
    assert lines[2].count("\x1b[0m") == 2 and lines[2].endswith("adam")


@pytest.mark.parametrize("screen", [None, Screen(80, 24, None)])
def test_where_no_column_is_left_that_is_said(screen):
    for chosen in (Filter(drop=[".*"]), Filter(only_changed=True)):
        lines, said = shown(BASE, screen=screen, chosen=chosen)
        assert lines == [] and "leave out every column" in said


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_without_colours_nothing_is_marked(environ):
    lines, _ = shown(BASE, OTHER, color="auto", environ=environ)
    assert not any("\x1b" in line for line in lines)


def test_folders_are_not_marked():
    assert not any("\x1b[35m" in line for line in shown(None, BASE, OTHER, color="always")[0])


def test_a_table_that_fits_is_not_paged():
    def pager(_lines):
        raise AssertionError("paged")

    lines, said = shown(BASE, OTHER, screen=Screen(80, 10, pager))
    assert len(lines) == 3 and said == ""


@pytest.mark.parametrize("columns, height", [(30, 50), (200, 3), (200, 4)])
def test_a_table_that_is_too_wide_or_too_high_is_paged(columns, height):
    paged = []
    lines, said = shown(BASE, OTHER, OTHER, screen=Screen(columns, height, lambda found: paged.append(found) or True))
    assert (lines, said) == ([], "") and len(paged[0]) == 4 and "other" in paged[0][3]


def test_a_pager_gets_all_columns_of_a_table_that_is_too_wide():
    paged = []
    shown(row("a", params={"p.yaml": MANY}), screen=Screen(80, 50, lambda found: paged.append(found) or True))
    assert paged[0][0].split() == ["Experiment", "Created", *MANY]


@pytest.mark.parametrize("pager", [None, lambda _lines: False])
def test_without_a_pager_columns_are_left_out_from_the_right_and_counted(pager):
    lines, said = shown(row("a", params={"p.yaml": MANY}), screen=Screen(80, 50, pager))
    left = len(lines[0].split()) - 2
    assert all(len(line) <= 80 for line in lines) and 0 < left < 20
    assert said == f"{20 - left} more columns do not fit: choose some with --drop and --only-changed, or use --csv\n"


@pytest.mark.parametrize("columns", [1, 10, 20])
def test_a_screen_that_is_too_narrow_for_anything_gets_the_first_two_columns(columns):
    lines, said = shown(BASE, OTHER, screen=Screen(columns, 50, None))
    assert lines[0].split() == ["Experiment", "Created"] and said.startswith("3 more columns")


def test_one_column_that_does_not_fit_is_one():
    _, said = shown(row("a", params={"p.yaml": {"x": "y" * 99}}), screen=Screen(30, 50, None))
    assert said.startswith("1 more column does not fit")


@pytest.mark.parametrize("screen", [None, Screen(400, 50, None)])
def test_nothing_that_others_wrote_reaches_the_terminal_raw(screen):
    odd = "\x1b[31mred\n\u202e\x9b"
    params = {"p.yaml": {odd: odd}, odd: {"x": 1, "lr": 2}}
    rows = row(odd, params=params, metrics={"m.json": {"lr": 1}}, deps={odd: odd})
    lines, _ = shown(rows, rows, screen=screen)
    assert len(lines) == 3 and all(line.isprintable() for line in lines)


def test_a_screen_is_there_on_a_terminal_only(capsys):
    assert screen_of(Terminal({}), {"COLUMNS": "200"}, may_page=True) is None
    assert capsys.readouterr() == ("", "")
