"""Tables: columns that stay straight on a terminal, whatever letters are in them."""

import pytest
from expref.exps.cli.table import (
    comma_separated,
    fitted,
    lines,
    markdown,
    padded,
    padded_column,
    plain,
    tail,
    width,
)


@pytest.mark.parametrize("text, columns", [
    ("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("実験", 4), ("ﾊﾝ", 2), ("Ｗ", 2), ("├──", 3),
    ("a\u0308b\u0323c", 3), ("한국", 4), ("🙂", 2),
])  # fmt: skip
def test_a_text_takes_as_many_columns_as_a_terminal_gives_it(text, columns):
    assert width(text) == columns


def test_cells_are_padded_on_the_side_that_is_asked_for():
    assert lines(["name", "n", "w"], [["a", "1", "x"], ["bcdef", "1000", "y"]], right=[False, True, False]) == [
        "name      n  w",
        "a         1  x",
        "bcdef  1000  y",
    ]


def test_a_line_has_no_blanks_at_its_end():
    assert lines(["a", "b"], [["x", ""], ["", ""]], right=[False, False]) == ["a  b", "x", ""]


def test_a_table_may_have_no_rows():
    assert lines(["a", "b"], [], right=[False, True]) == ["a  b"]


def test_wide_letters_count_twice():
    assert lines(["実験", "n"], [["ab", "1"]], right=[True, True]) == ["実験  n", "  ab  1"]


# --- fitted to a terminal

COLUMNS = ["Experiment", "Created", "loss", "train.optimizer.momentum", "name"]
WIDEST, RIGHT = [20, 8, 6, 4, 30], [False, False, True, True, False]


def test_what_fits_is_not_cut():
    assert fitted(COLUMNS, WIDEST, RIGHT, 200) == [20, 8, 6, 24, 30]
    assert fitted(COLUMNS, WIDEST, RIGHT, 20 + 8 + 6 + 24 + 30 + 4 * 2) == [20, 8, 6, 24, 30]


@pytest.mark.parametrize("columns", range(40, 100))
def test_columns_never_take_more_than_there_is_and_never_less_than_is_readable(columns):
    widths = fitted(COLUMNS, WIDEST, RIGHT, columns)
    least = 20 + 8 + 6 + 8 + 16 + 4 * 2
    assert (widths is None) == (columns < least)
    if widths:
        assert columns - 8 <= sum(widths) + 4 * 2 <= columns and widths[0] == 20
        assert all(wide >= few for wide, few in zip(widths, [20, 7, 6, 8, 16], strict=True))


def test_headings_are_shortened_before_cells():
    assert fitted(COLUMNS, WIDEST, RIGHT, 90) == [20, 8, 6, 18, 30]


def test_a_heading_keeps_its_end_and_a_cell_its_beginning():
    assert tail("train.optimizer.momentum", 9) == "…momentum" and tail("loss", 4) == "loss"
    assert padded("a long text", 6, False) == "a lon…" and padded("12345", 8, True) == "   12345"


@pytest.mark.parametrize("text", ["実験実験実験", "a実験実験実", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"])
@pytest.mark.parametrize("columns", [2, 3, 4, 5])
def test_what_is_cut_takes_all_of_its_columns_also_of_wide_letters(text, columns):
    assert width(padded(text, columns, False)) == columns
    assert width(tail(text, columns)) <= columns


@pytest.mark.parametrize("cells", [["a", "bcd", ""], ["実験", "x"], ["too long", "x"]])
@pytest.mark.parametrize("right", [False, True])
def test_a_column_at_once_is_its_cells_one_by_one(cells, right):
    assert padded_column(cells, 5, right) == [padded(cell, 5, right) for cell in cells]
    assert padded_column([], 5, right) == []


# --- as Markdown and CSV


def test_markdown_and_csv_take_any_text():
    assert markdown(["a", "実"], [["x", "é\u0301"]]) == ["| a   | 実   |", "|-----|------|", "| x   | é\u0301    |", ""]
    assert comma_separated(["a", "b"], [['"', "x\ny"]]) == 'a,b\r\n"""","x\ny"\r\n'


def test_a_table_without_rows_is_its_heading():
    assert plain(["Path", "b"], []) == ["Path    b"] and comma_separated(["a"], []) == "a\r\n"
    assert markdown(["a"], []) == ["| a   |", "|-----|", ""]
