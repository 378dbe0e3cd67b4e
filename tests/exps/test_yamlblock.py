"""The quick reader of plain YAML: what it reads, and what it leaves to the whole parser."""

import pytest
from expref.exps.formats import yaml12
from expref.exps.formats.yamlblock import UNFIT, read_block

READ = {
    "lr: 1e-3\nn: -5\nx: 1.5\nb: true\nw: on\nz: ~\nt: 12:30:45\ni: 017\n":
        {"lr": 0.001, "n": -5, "x": 1.5, "b": True, "w": "on", "z": None, "t": "12:30:45", "i": 17},
    "a:\n  b:\n    c: 1\n  d:\ne: x y  # why\n": {"a": {"b": {"c": 1}, "d": None}, "e": "x y"},
    "a:\n- 1\n- b: 2\n  c:\n  - d\n-  e\n": UNFIT,
    "a:\n- 1\n- b: 2\n  c:\n  - d\n- e\n": {"a": [1, {"b": 2, "c": ["d"]}, "e"]},
    "a:\n    - 1\nb: [1, x, 2.5]\nc: []\nd: {}\n": {"a": [1], "b": [1, "x", 2.5], "c": [], "d": {}},
    "- a\n- b: 1\n": ["a", {"b": 1}],
    "q: 'it is'\nr: \"x # y\"\ns: ''\n": {"q": "it is", "r": "x # y", "s": ""},
    "u: http://x/y#z\np: a#b\n": {"u": "http://x/y#z", "p": "a#b"},
    "# only\n\na: 1": {"a": 1},
}  # fmt: skip
LEFT = [
    "", "# nothing", "a", "a: 1\na: 2", "a: b: c", "a: - b", "a: b\n  c: d", "a: b\n- c", "a:\n- b\n  c: d", "a: [1, 2", "a: [1,]",
    "a: |\n  x", "a: >\n  x", "a: &x 1", "a: *x", "a: !!str 1", "a: x\n  y", "a: 'x\n  y'", "a: 'it''s'", 'a: "\\n"', "? a\n: b",
    "{a: 1}", "--- \na: 1", "a: 1\n---\nb: 2", "%YAML 1.2\n---\na: 1", "a:\t1", "a: 1\r\nb: 2", "é: 1", "1: a", "null: a", "on: 1\ntrue: 2",
    " a: 1", "a:\n    b: 1\n  c: 2", "- - a", "-\n  a: 1", "a: 2020-13-45", "a: " + "9" * 5000, "a: `x`", "a: @x", "a: %x", "a: {b: 1}",
    "a: [b: 1]", "a: [[1]]", "".join("  " * depth + "a:\n" for depth in range(200)), "a: b #c\n d", "<<: {a: 1}", "a : 1",
]  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_plain_blocks_are_read(text):
    value = read_block(text)
    assert value == READ[text] and repr(value) == repr(READ[text])
    assert READ[text] is UNFIT or yaml12.decode(text.encode(), "p.yaml") == value


@pytest.mark.parametrize("text", LEFT)
def test_everything_else_is_left_to_the_whole_parser(text):
    assert read_block(text) is UNFIT
