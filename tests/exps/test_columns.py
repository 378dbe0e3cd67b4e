"""Columns: which there are, what they are called, what is in their cells, and in which order the rows stand."""

import re
import time

import pytest
from expref.exps.columns import FIXED, Filter, Order, filtered, grid, merged
from expref.exps.errors import ExpError, Status
from expref.exps.rows import Row
from expref.exps.texts import CSV, TEXT, Form, created, text_of

from tests.rowmaker import row, table

BASE = row("base", params={"params.yaml": {"lr": 0.1}}, metrics={"m.json": {"acc": 1}})


def own(shown):
    """The columns that not every table has."""
    return {heading: column for heading, column in shown.columns.items() if heading not in FIXED}


def test_metrics_stand_before_parameters_file_by_file_in_the_order_in_which_they_appear():
    first = row("a", params={"p.yaml": {"z": 1, "a": {"b": 2}}}, metrics={"m.json": {"x": 1}})
    second = row("b", params={"q.yaml": {"new": 1}, "p.yaml": {"y": 1, "a": {"c": 3}}}, metrics={"n.json": {"w": 2}})
    assert list(own(grid(table(first, second), TEXT))) == ["x", "w", "z", "a.b", "y", "a.c", "new"]


def test_a_key_that_two_columns_have_is_shown_with_its_file():
    rows = row("a", params={"p.yaml": {"lr": 1, "rev": 2}, "q.yaml": {"lr": 3}}, metrics={"m.json": {"loss": 1}})
    shown = grid(table(rows), TEXT)
    assert list(own(shown)) == ["loss", "p.yaml:lr", "p.yaml:rev", "q.yaml:lr"]
    assert shown.kinds == {"loss": "metrics", "p.yaml:lr": "params", "p.yaml:rev": "params", "q.yaml:lr": "params"}


def test_a_key_that_is_called_as_a_dependency_is_shown_with_its_file():
    shown = grid(table(row("a", params={"p.yaml": {"data": "raw"}}, deps={"data": "f00d"})), TEXT)
    assert own(shown) == {"p.yaml:data": ["raw"], "data": ["f00d"]}
    assert shown.kinds == {"p.yaml:data": "params", "data": "deps"}


def test_a_key_with_dots_and_nested_keys_of_the_same_name_are_one_column():
    shown = grid(table(row("a", params={"p.yaml": {"a.b": 1}}), row("b", params={"p.yaml": {"a": {"b": 2}}})), TEXT)
    assert own(shown) == {"a.b": ["1", "2"]}


def test_a_key_that_is_a_value_here_and_a_mapping_there_has_both_columns():
    shown = grid(table(row("a", params={"p.yaml": {"a": 1}}), row("b", params={"p.yaml": {"a": {"b": 2}}})), TEXT)
    assert own(shown) == {"a": ["1", "-"], "a.b": ["-", "2"]}


def test_empty_mappings_and_single_values_have_no_column():
    assert own(grid(table(row("a", params={"p.yaml": {"a": {}}, "q.yaml": 5}, metrics={"m.json": {}})), TEXT)) == {}


def test_what_is_missing_is_filled_and_what_cannot_be_read_says_so():
    broken_file = row("b", params={"params.yaml": ValueError("why")}, metrics={"m.json": {"acc": 2}})
    broken_row = row("c", error="gone")
    other = row("d", params={"other.yaml": {"x": None}}, metrics={"m.json": ValueError("why")})
    shown = own(grid(table(BASE, broken_file, broken_row, other), TEXT))
    assert shown == {"acc": ["1", "2", "!", "!"], "lr": ["0.1", "!", "!", "-"], "x": ["-", "-", "!", "-"]}
    assert own(grid(table(BASE, other), CSV))["lr"] == ["0.1", ""]


def test_dependencies_are_the_last_columns_sorted_by_path():
    shown = grid(table(row("a", deps={"z": "f00d", "b": None}), row("b", deps={"c": "beef"})), TEXT)
    assert own(shown) == {"b": ["-", "-"], "c": ["-", "beef"], "z": ["f00d", "-"]} and list(own(shown)) == list("bcz")
    assert set(shown.kinds.values()) == {"deps"}


def test_the_first_columns_say_which_row_it_is():
    rows = BASE, row("x"), row(None, id_=BASE.id), row("y")
    shown = grid(table(*rows, workspace=Row(None, None, None, BASE.text)), CSV)
    short = [str(each.id)[:7] for each in rows]
    assert shown.columns["Experiment"] == ["", "", "x", "", "y"]
    assert shown.columns["rev"] == ["workspace", "base", short[1], short[2], short[3]]
    assert shown.columns["typ"] == ["baseline", "baseline", "branch_commit", "branch_commit", "branch_base"]
    labels = merged(grid(table(*rows, workspace=Row(None, None, None, BASE.text)), TEXT)).columns["Experiment"]
    assert labels == ["workspace", "base", f"├── {short[1]} [x]", f"├── {short[2]}", f"└── {short[3]} [y]"]


def test_folders_are_called_by_their_paths_and_have_no_baseline():
    folders = Row("runs/a", None, 1_700_000_000, BASE.text), Row("runs/b", None, None, BASE.text)
    shown = grid(table(None, *folders), CSV)
    assert (shown.columns["Experiment"], shown.columns["rev"]) == (["runs/a", "runs/b"], ["workspace"] * 2)
    assert shown.columns["typ"] == ["folder"] * 2
    assert merged(shown).columns["Experiment"] == ["runs/a", "runs/b"]


def test_a_table_without_rows_has_the_first_columns_only():
    shown = grid(table(None), TEXT)
    assert shown.lines == [] and shown.columns == {heading: [] for heading in FIXED}


# --- sorting

VALUES = {"d": 10, "e": "text", "a": 0.5, "b": None, "f": float("nan"), "c": True}


def sorted_names(order, values=None):
    rows = [row(name, metrics={"m.json": {"x": value}}) for name, value in (values or VALUES).items()]
    shown = grid(table(BASE, *rows), TEXT, order)
    assert shown.lines[0].row.name == "base" and shown.lines[-1].kind == "branch_base"
    cells = dict(zip(shown.columns["Experiment"], shown.columns["x"], strict=True))
    assert {name: cells[name] for name in VALUES} == {
        "d": "10",
        "e": "text",
        "a": "0.5",
        "b": "-",
        "f": "nan",
        "c": "True",
    }
    return "".join(shown.columns["Experiment"])


def test_numbers_are_sorted_before_texts_and_nothing_is_last():
    assert sorted_names(Order("x", descending=False)) == "acdebf"
    assert sorted_names(Order("x", descending=True)) == "bfedca"


@pytest.mark.parametrize("by", ["x", "m.json:x", ":x"])
def test_a_column_may_be_named_with_its_file(by):
    assert sorted_names(Order(by, descending=False)) == "acdebf"


def test_each_baseline_keeps_its_experiments():
    groups = [table(row(name), *(row(f"{name}{n}", metrics={"m.json": {"x": -n}}) for n in range(3))) for name in "ab"]
    both = groups[0]._replace(groups=groups[0].groups + groups[1].groups)
    shown = grid(both, TEXT, Order("x", descending=False))
    assert [line.row.name for line in shown.lines] == ["a", "a2", "a1", "a0", "b", "b2", "b1", "b0"]
    assert [line.kind for line in shown.lines][1:4] == ["branch_commit", "branch_commit", "branch_base"]


@pytest.mark.parametrize("by, said, hint", [
    ("lrr", "--sort-by 'lrr': no metric or parameter of this name", "do you mean lr?"),
    ("?", "--sort-by '?': no metric or parameter of this name", "`exps show --csv`"),
    ("a.yaml:acc", "--sort-by 'a.yaml:acc': no metric", "--csv"), ("x", "--sort-by 'x' fits p.yaml:x, q.yaml:x", "FILE"),
])  # fmt: skip
def test_a_column_that_is_not_there_or_there_twice_is_an_error(by, said, hint):
    rows = table(BASE, row("a", params={"p.yaml": {"x": 1}, "q.yaml": {"x": 2}}))
    with pytest.raises(ExpError, match=re.escape(said)) as caught:
        grid(rows, TEXT, Order(by, descending=False))
    assert hint in caught.value.hint and caught.value.status == Status.NOT_FOUND


# --- choosing columns


def chosen(**options):
    rows = row("a", params={"p.yaml": {"lr": 1, "layers": 2}}), row("b", params={"p.yaml": {"lr": 3, "layers": 2}})
    shown = filtered(grid(table(*rows), CSV), Filter(**options), CSV)
    return [heading for heading in shown.columns if heading not in ("Experiment", "rev", "typ", "Created")]


@pytest.mark.parametrize("options, left", [
    ({}, ["parent", "lr", "layers"]), ({"drop": ["l"]}, ["parent"]), ({"drop": ["r"]}, ["parent", "lr", "layers"]),
    ({"drop": ["lay", "par"]}, ["lr"]), ({"only_changed": True}, ["lr"]),
    ({"only_changed": True, "keep": ["lay"]}, ["lr", "layers"]), ({"drop": [".*"], "keep": ["lr$"]}, ["lr"]),
    ({"keep": ["lr"]}, ["parent", "lr", "layers"]), ({"drop": [""]}, []),
])  # fmt: skip
def test_columns_are_dropped_kept_and_compared(options, left):
    assert chosen(**options) == left


@pytest.mark.parametrize("option", ["keep", "drop"])
def test_a_bad_expression_is_named(option):
    with pytest.raises(ExpError, match=rf"--{option} '\('") as caught:
        chosen(**{option: ["("]})
    assert caught.value.status == Status.USAGE


# --- values as text


@pytest.mark.parametrize("value, text", [
    (0.123456789, "0.12346"), (1e-12, "1e-12"), (123456.789, "1.2346e+05"), (5, "5"), (10**20, "1" + "0" * 20),
    (True, "True"), ("0.123456789", "0.123456789"), (float("nan"), "nan"), (-float("inf"), "-inf"),
    ([1, 0.123456789, ["x"]], "[1, '0.12346', ['x']]"), ({"a": 0.123456789}, "{'a': '0.12346'}"),
])  # fmt: skip
def test_numbers_are_rounded_wherever_they_are(value, text):
    assert text_of(value, 5) == text
    cells = own(grid(table(row("a", params={"p.yaml": {"x": value}})), TEXT))
    assert isinstance(value, dict) or cells == {"x": [text]}


def test_without_a_precision_numbers_are_as_they_are():
    assert text_of(0.123456789, None) == "0.123456789"
    assert own(grid(table(row("a", params={"p.yaml": {"x": 0.1 + 0.2}})), CSV)) == {"x": ["0.30000000000000004"]}


def test_a_time_is_short_for_people_and_whole_for_programs():
    long_ago, now = 1_000_000_000, int(time.time())
    assert re.fullmatch(r"Sep \d\d, 2001", created(long_ago, TEXT))
    assert re.fullmatch(r"\d\d:\d\d [AP]M", created(now, TEXT)) or time.localtime(now) != time.localtime()
    assert re.fullmatch(r"2001-09-\d\dT\d\d:\d\d:\d\d", created(long_ago, CSV))
    assert created(None, Form("?", 5, iso=False)) == "?"
