"""The table against a simple model: any values in any files, sorted, filtered and fitted to any screen."""

import io
import math
import re
from itertools import pairwise

from expref.exps.cli.grid import Screen, write
from expref.exps.cli.table import width
from expref.exps.cli.terminal import Terminal
from expref.exps.columns import FIXED, Filter, Order, filtered, grid, merged
from expref.exps.errors import ExpError
from expref.exps.formats.dotted import flat
from expref.exps.texts import BROKEN, CSV, TEXT, text_of
from hypothesis import given
from hypothesis import strategies as st

from tests.rowmaker import row, table

KEYS = st.sampled_from(["lr", "rev", "a", "b", "a.b", "Created", "実", "x\x1b"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -0.25, 1e300, math.inf, math.nan, 10**30])
LEAVES = NUMBERS | st.booleans() | st.none() | st.sampled_from(["", "text", "10", "-", "\x1b[31m"]) | st.lists(NUMBERS)
VALUES = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=6),
                         max_size=4)  # fmt: skip
FILES = st.dictionaries(st.sampled_from(["p.yaml", "q.yaml"]), VALUES | st.just(ValueError("why")), max_size=2)
ROWS = st.lists(st.tuples(FILES, FILES) | st.none(), min_size=1, max_size=6)


def rows_of(values):
    return [
        row(f"e{number}", params=each[0], metrics=each[1]) if each else row(f"e{number}", error="gone")
        for number, each in enumerate(values)
    ]


def leaves(each, kind):
    """The leaves of one file or another, by (path, key)."""
    files = (each or ({}, {}))[kind == "metrics"]
    return {(path, key): value for path, values in files.items() if isinstance(values, dict)
            for key, value in flat(values)}  # fmt: skip


def is_broken(each, kind, path):
    return each is None or isinstance(each[kind == "metrics"].get(path), ValueError)


@given(ROWS)
def test_every_leaf_is_in_its_cell_and_nothing_else_is_there(values):
    shown = grid(table(*rows_of(values)), CSV)
    found = {heading: shown.columns[heading] for heading in shown.columns if heading not in FIXED}
    names = {(kind, *name) for kind in ("metrics", "params") for each in values for name in leaves(each, kind)}
    keys = [key for _, _, key in names] + list(FIXED)
    expected = {}
    for kind, path, key in names:
        cells = []
        for each in values:
            value = leaves(each, kind).get((path, key))
            empty = BROKEN if is_broken(each, kind, path) else ""
            cells.append(empty if value is None else text_of(value, None))
        expected.setdefault(key if keys.count(key) == 1 else f"{path}:{key}", []).append(cells)
    assert found.keys() == expected.keys()
    assert all(cells in expected[heading] for heading, cells in found.items())  # one file may hold both kinds


@given(st.lists(LEAVES, min_size=1, max_size=8), st.booleans())
def test_sorting_keeps_all_rows_in_an_order_that_is_stable(values, descending):
    rows = [row(f"e{number}", params={"p.yaml": {"x": value}}) for number, value in enumerate(values)]
    shown = grid(table(row("base", params={"p.yaml": {"x": 1}}), *rows), CSV, Order("x", descending))
    numbers = [int(line.row.name[1:]) for line in shown.lines[1:]]
    assert sorted(numbers) == list(range(len(values)))
    assert [shown.columns["x"][at + 1] for at in range(len(values))] == [
        "" if values[number] is None else text_of(values[number], None) for number in numbers
    ]

    def rank(value):
        if value is None or value != value:
            return (2,)
        return (0, value) if isinstance(value, (int, float)) else (1, str(value))

    for first, second in pairwise(numbers):
        before, after = rank(values[first]), rank(values[second])
        assert (before >= after if descending else before <= after) and (before != after or first < second)


PATTERNS = st.lists(st.sampled_from(["l", "a", "p.yaml", ".*", "b$", "a.b", "rev", "Exp", "[実x]", "lr|b"]), max_size=2)


@given(ROWS, PATTERNS, PATTERNS, st.booleans())
def test_columns_are_chosen_as_the_options_say_one_by_one(values, keep, drop, only_changed):
    whole = merged(grid(table(*rows_of(values)), TEXT))
    left = filtered(whole, Filter(keep, drop, only_changed), TEXT)

    def is_wanted(heading, cells):
        if any(re.match(each, heading) for each in keep):
            return True
        if heading in ("State", "Executor") or (only_changed and len(set(cells)) == 1):
            return False
        return not any(re.match(each, heading) for each in drop)

    assert list(left.columns.items()) == [each for each in whole.columns.items() if is_wanted(*each)]


@given(ROWS, st.integers(40, 120), st.sampled_from(["never", "always"]))
def test_no_line_is_wider_than_the_screen_or_holds_what_moves_the_cursor(values, columns, color):
    terminal = Terminal({}, color=color)
    terminal.out, terminal.err = io.StringIO(), io.StringIO()
    write(filtered(merged(grid(table(*rows_of(values)), TEXT)), Filter(), TEXT), terminal, Screen(columns, 99, None))
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in terminal.out.getvalue().split("\n")[:-1]]
    assert len(lines) == len(values) + 1 and all(line.isprintable() for line in lines)
    assert max(map(width, lines)) <= columns


@given(ROWS, st.text(alphabet="abprevlx:.", max_size=6))
def test_any_name_to_sort_by_is_a_column_or_a_clear_error(values, by):
    try:
        grid(table(*rows_of(values)), TEXT, Order(by, descending=False))
    except ExpError as error:
        assert error.message.startswith(f"--sort-by {by!r}") and error.hint
