"""Tables: columns that stay straight on a terminal, whatever letters are in them."""
import pytest
from expref.exps.cli.table import lines, width


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
