"""Parameter files: which decoder a path gets, JSON's corners, and the selection of keys."""

import datetime
import math

import pytest
from expref.exps.formats import dotted, params
from expref.exps.formats.badfile import BadFile


def refused(path, content):
    """(message, kind) of the error that a file is."""
    with pytest.raises(BadFile) as caught:
        params.decode(path, content)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(path)
    return str(caught.value), caught.value.kind


@pytest.mark.parametrize("path", ["params.yaml", "p.yml", "p.YAML", "p", "p.txt", "a.json/p", "json"])
def test_a_file_is_yaml_unless_its_suffix_says_otherwise(path):
    assert params.decode(path, b"lr: 1e-3\non: [yes]") == {"lr": 0.001, "on": ["yes"]}


@pytest.mark.parametrize("path", ["p.json", "p.JSON", "a/b.c/p.v1.json", ".json"])
def test_a_json_file_is_json(path):
    assert params.decode(path, b'{"a": NaN, "a": Infinity,\t"b": [1, null, -Infinity]}') == {
        "a": math.inf, "b": [1, None, -math.inf],
    }  # fmt: skip
    assert math.isnan(params.decode(path, b"NaN"))


def test_a_toml_file_is_toml():
    content = b"x = 1\nf = nan\n[s]\nl = [1, {a = 2}]\n'k.e.y' = 0xff\nd = 2020-01-01\n"
    found = params.decode("p.TOML", content)
    assert math.isnan(found.pop("f"))
    assert found == {"x": 1, "s": {"l": [1, {"a": 2}], "k.e.y": 255, "d": datetime.date(2020, 1, 1)}}


NO_TOML = {
    b"x = ": "TOMLFileCorruptedError", b"a = 1\na = 2": "TOMLFileCorruptedError", b"\xef\xbb\xbfa = 1": "TOMLFileCorruptedError",
    b"\xff": "EncodingError", b"a = " + b"[" * 2000 + b"]" * 2000: "RecursionError",
    b".".join([b"a"] * 2000) + b" = 1": "RecursionError", b"a = " + b"9" * 5000: "ValueError",
    b" " * 1_000_001: "FileTooLarge", b"a = 0x" + b"f" * 5000: "ValueError",
    b".".join([b"a"] * 400_000) + b" = 1": "RecursionError", b'x = {"\\"" . ' + b"'' . " * 99 + b"a = 1}": "RecursionError",
}  # fmt: skip


@pytest.mark.parametrize("content", NO_TOML, ids=lambda content: content[:20])
def test_bad_toml_costs_one_line(content):
    assert refused("p.toml", content)[1] == NO_TOML[content]


SHORT_KEYS = [
    "'a'." * 60 + "b = 1", f"a = [{'0.5, ' * 999}]", f"a = '{'.' * 999}'", f"{'a' * 99_999} = 1", 'a = "' + r"\"" * 99_999 + '"',
]  # fmt: skip


@pytest.mark.parametrize("text", SHORT_KEYS, ids=range(len(SHORT_KEYS)))
def test_a_key_has_as_many_parts_as_anybody_needs(text):
    assert params.decode("p.toml", text.encode())


@pytest.mark.parametrize("text", [b"a = 0x" + b"f" * 5000, b"a = {0x" + b"f" * 5000 + b": 1}"])
def test_a_number_in_a_python_file_that_cannot_be_printed_costs_one_line(text):
    assert refused("p.py", text) == ("p.py: a number has too many digits", "ValueError")


@pytest.mark.parametrize("path", ["p.py", "p.PY"])
def test_a_python_file_is_python(path):
    assert params.decode(path, b"lr = 1e-3\nclass Net:\n    size = 8\n") == {"lr": 0.001, "Net": {"size": 8}}


@pytest.mark.parametrize("content", [b"", b"# nothing", b"null", b"0", b"false", b"[]", b"''"])
def test_what_is_false_is_an_empty_dict_as_in_dvc(content):
    assert params.decode("p.yaml", content) == {}


@pytest.mark.parametrize("content", [b"null", b"0", b"0.0", b"false", b"[]", b'""', b"{}"])
def test_what_is_false_in_json_is_an_empty_dict_too(content):
    assert params.decode("p.json", content) == {}


@pytest.mark.parametrize(("content", "value"), [(b"5", 5), (b"[1, 2]", [1, 2]), (b'"s"', "s"), (b"true", True)])
def test_a_list_or_a_scalar_at_the_top_stays_as_it_is(content, value):
    assert params.decode("p.json", content) == params.decode("p.yaml", content) == value


NO_JSON = [b"", b"{", b"{'a': 1}", b'{"a": 1,}', b"\xef\xbb\xbf{}", b'{"a": 1} x', b"nul", b"\0"]


@pytest.mark.parametrize("content", NO_JSON)
def test_bad_json_is_called_as_in_dvc(content):
    assert refused("p.json", content)[1] == "JSONFileCorruptedError"


def test_an_error_in_json_names_the_line():
    assert refused("p.json", b'{"a": 1,\n\n"b" 2}')[0].startswith("p.json:3: ")


@pytest.mark.parametrize("path", ["p.json", "p.yaml"])
def test_hostile_files_cost_one_line(path):
    assert refused(path, b"\xff{}")[1] == "EncodingError"
    assert refused(path, b"9" * 5000)[1] == "ValueError"
    assert refused(path, b" " * 10_000_001)[1] == "FileTooLarge"
    for text in (b"[" * 501 + b"]" * 501, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 501 + b"1" + b"}" * 501):
        assert refused(path, text)[1] == "RecursionError"
    assert params.decode(path, b"[" * 500 + b"]" * 500)
    assert len(params.decode(path, b"[" + b"[]," * 2000 + b"{}]")) == 2001


VALUES = {"a": 1, "b": {"c": 2, "d": 3, "e.f": 4}, "l": [5, 6, {"x": 7}], 1: "one", "n": None, "bb": {"c": 9}}
SELECTED = {  # keys: what DVC shows; checked with dvc 3.67.1
    "a": {"a": 1},
    "b.d a b.c n zz": {"b": {"d": 3, "c": 2}, "a": 1, "n": None},
    "b b.c": {"b": VALUES["b"]},
    "b.c b": {"b": VALUES["b"]},
    ".a": {"a": 1},
    "a.": {},
    "b.e.f": {},
    "zz": {},
    "a.x": {},
    "l.1": {"l": [None, 6]},
    "l.2.x": {"l": [None, None, {"x": 7}]},
    "l.-1": {"l": [None, None, {"x": 7}]},
    "l.3": {},
    "l l": {"l": VALUES["l"]},
}


@pytest.mark.parametrize("keys", SELECTED)
def test_selected_keys(keys):
    selected = dotted.select(VALUES, keys.split())
    assert selected == SELECTED[keys]
    assert list(selected) == list(SELECTED[keys])


def test_selected_keys_where_dvc_fails_or_repeats_items():
    assert dotted.select(VALUES, ["l.0", "l.2"]) == {"l": [5, None, {"x": 7}]}
    assert dotted.select(VALUES, ["1"]) == {1: "one"}
    assert dotted.select(VALUES, ["*", "b.*"]) == {}
    assert dotted.select({"*": 1, "a": 2}, ["*"]) == {"*": 1}


@pytest.mark.parametrize("value", [5, "text", None, [], {}])
def test_there_is_nothing_to_select_in_a_scalar(value):
    assert dotted.select(value, ["a", "", "*"]) == {}


def test_a_selection_leaves_the_values_alone():
    values = {"a": {"b": 1, "c": 2}, "l": [{"x": 1, "y": 2}]}
    dotted.select(values, ["a.b", "l.0.x", "a"])
    assert values == {"a": {"b": 1, "c": 2}, "l": [{"x": 1, "y": 2}]}
