"""Parameters in Python files: what counts as one, and that nothing of the file is run."""

import pytest
from expref.exps.formats import pyparams
from expref.exps.formats.badfile import BadFile


def decode(text):
    return pyparams.decode(text, "p.py")


def refused(text):
    """The kind of the error that a text is."""
    with pytest.raises(BadFile) as caught:
        decode(text)
    assert str(caught.value).startswith("p.py") and "\n" not in str(caught.value)
    return caught.value.kind


COUNTS = {  # each as DVC shows it
    "x = 1": {"x": 1}, "x: int = 2": {"x": 2}, "x = -1.5": {"x": -1.5}, "x = None": {"x": None}, "x = 'a' 'b'": {"x": "ab"},
    "x = [1, [2, {'a': (3, 4)}]]": {"x": [1, [2, {"a": [3, 4]}]]}, "x = ((1, 2), 'y')": {"x": [[1, 2], "y"]},
    "x = {1: 2}": {"x": {1: 2}}, "x = 1\nx = 2": {"x": 2}, "self.x = 1": {"x": 1},
    "class C:\n  x = 1\n  class D:\n    y: str = 'z'": {"C": {"x": 1, "D": {"y": "z"}}},
    "class C:\n  def __init__(self, a):\n    self.x = 1\n    local = 2\n    self.y.z = 3": {"C": {"x": 1}},
    "class C:\n  def f(self):\n    self.x = 1": {"C": {}},
}  # fmt: skip


@pytest.mark.parametrize("text", COUNTS)
def test_what_counts(text):
    assert decode(text) == COUNTS[text]


NO_PARAMETER = """
    x: str ; a = b = 1 ; a, b = 1, 2 ; x = f() ; x = y ; x.y = 1 ; x[0] = 1 ; x += 1 ; x = {**{}} ; x = {[]: 1} ; import os
    def f(): x = 1 ; x = 1 + 2 ; x = f'{1}' ; x = lambda: 1 ; x = 2 ** 2
"""


@pytest.mark.parametrize("text", [text.strip() for text in NO_PARAMETER.replace("\n", ";").split(";") if text.strip()])
def test_what_does_not_count(text):
    assert decode(text) == {}


@pytest.mark.parametrize("block", ["if True:\n", "for i in []:\n", "try:\n", "with x:\n"])
def test_what_stands_in_a_block_does_not_count(block):
    assert decode(block + "  x = 1\n" + ("except ValueError: pass" if block.startswith("try") else "")) == {}


def test_what_json_cannot_hold_becomes_what_it_can():
    assert decode("x = {2, 1}\ny = b'z'\nz = {(1, 2): 3j}\n...") == {"x": [1, 2], "y": "b'z'", "z": {"(1, 2)": "3j"}}


def test_nothing_is_run(tmp_path):
    decode(f"open({str(tmp_path / 'made')!r}, 'w')\nx = open({str(tmp_path / 'made')!r}, 'w')")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["x = (", "x = 1 1", "\tx = 1\n  y = 2", "x = 1\0", "\ufeffx = 1", "x = " + "9" * 5000]
)
def test_what_is_no_python(text):
    assert refused(text) == "PythonFileCorruptedError"


HOSTILE = ["x = " + "(" * 100_000, "x = " + "-" * 100_000 + "1", "x = 1" + "+1" * 100_000, "x = " + "[" * 300 + "]" * 300,
           "".join(" " * depth + "class A:\n" for depth in range(400)), "x" + ".y" * 100_000 + " = 1"]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_cost_one_line(text):
    try:
        assert decode(text) == {}
    except BadFile as error:
        assert error.kind in ("PythonFileCorruptedError", "RecursionError")


def test_invalid_escapes_are_not_complained_about(recwarn):
    assert decode(r"x = '\d'") == {"x": r"\d"} and not recwarn.list
