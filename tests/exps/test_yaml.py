"""What YAML means to us: the tricky documents, and the hostile ones, which cost one line and little time."""
import math
import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import yaml
from expref.exps.formats import yaml12
from expref.exps.formats.badfile import BadFile


def decode(text):
    return yaml12.decode(text if isinstance(text, bytes) else text.encode(), "p.yaml")


def refused(text):
    """(message, kind) of the error that `text` is."""
    with pytest.raises(BadFile) as caught:
        decode(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 300
    return str(caught.value), caught.value.kind


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def parser(request, monkeypatch):
    monkeypatch.setattr(yaml, "__with_libyaml__", request.param == "libyaml")


SCALARS = {
    "1e-3": 0.001, "1E5": 1e5, "1.": 1.0, ".5": 0.5, "-.5e+3": -500.0, "1_000.5": 1000.5, "+1.5": 1.5,
    ".5e3": ".5e3", "e3": "e3", "1e": "1e", "1e400": math.inf, "-0.0": 0.0,
    "017": 17, "0o17": 15, "0x1F": 31, "0b101": 5, "-0x10": -16, "1_000": 1000, "+7": 7, "08": 8,
    "0x": "0x", "_1": "_1",
    "12:30:45": "12:30:45", "1:2": "1:2", "1.2.3": "1.2.3", "0.1a": "0.1a",
    "on": "on", "off": "off", "yes": "yes", "No": "No", "y": "y", "True": True, "TRUE": True, "tRUE": "tRUE",
    "false": False, "~": None, "null": None, "Null": None, "nULL": "nULL", "": None, "none": "none",
    ".inf": math.inf, "-.INF": -math.inf, "+.Inf": math.inf, ".Nan": ".Nan", "inf": "inf", "nan": "nan",
    "=": "=", "a=b": "a=b", "a#b": "a#b", "a #b": "a", "http://x/?y=1&z": "http://x/?y=1&z", "'1'": "1", '"on"': "on",
    '"\\x41\\u00e9\\U0001F600\\/"': "Aé\U0001f600/",
    "'it''s'": "it's", "!!str 1": "1", "!!int '1'": 1, "!!float 1": 1.0,
    "!!bool yes": True, "!!null x": None, "! 1": 1, "!": None, "!!float '-.inf'": -math.inf, "!!str": "",
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_a_scalar_means_what_it_means_to_dvc(text):
    value = decode(f"k: {text}\n")["k"]
    assert (value, type(value)) == (SCALARS[text], type(SCALARS[text]))


def test_nan_is_a_number():
    assert all(math.isnan(value) for value in decode("[.nan, .NaN, .NAN]"))


def test_dates_are_dates():
    assert decode("[2020-01-31, 2020-1-31, 2020-01-31 10:00]") == [date(2020, 1, 31), "2020-1-31", "2020-01-31 10:00"]
    assert decode("2020-1-3 1:02:03") == datetime(2020, 1, 3, 1, 2, 3)
    assert decode("2020-01-31T10:00:00Z") == datetime(2020, 1, 31, 10, tzinfo=UTC)
    zone = timezone(-timedelta(hours=5, minutes=30))
    assert decode("2020-01-31 10:00:00.5 -5:30") == datetime(2020, 1, 31, 10, 0, 0, 500_000, zone)
    assert decode("2020-12-31 23:59:59.9999995") == datetime(2021, 1, 1)


NO_NUMBERS = ["2020-13-45", "2020-01-01 25:00:00", "9999-12-31 23:59:59.9999999", "._", "+_", "0x_"]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_looks_like_a_number_or_a_date_and_is_none_is_an_error_as_in_dvc(text):
    assert refused(f"a: 1\nk: {text}")[1] == "ValueError"
    assert refused(f"a: 1\nk: {text}")[0].startswith("p.yaml:2: ")


def test_keys_need_not_be_text():
    assert decode("1: a\n2.5: b\nfalse: c\n~: d\n<<x: e\n'<<': f") == {
        1: "a", 2.5: "b", False: "c", None: "d", "<<x": "e", "<<": "f",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["[1, 2]: a", "{a: b}: c", "2020-01-01: a", "? - a\n: b"])
def test_a_key_that_json_cannot_have_is_refused(text):
    assert "cannot be a key" in refused(text)[0]


@pytest.mark.parametrize("text", ["a: 1\na: 2", "{a: 1, 'a': 2}", "1: a\n1.0: b", "1: a\ntrue: b", "{~: 1, null: 2}"])
def test_duplicate_keys_are_an_error(text):
    message, kind = refused(text)
    assert "duplicate key" in message and kind == "YAMLFileCorruptedError"


def test_merge_keys():
    base = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\n"
    assert decode(base + "c:\n  y: 0\n  <<: *a")["c"] == {"x": 1, "y": 0}
    assert decode(base + "c: {<<: [*a, *b], w: 5}")["c"] == {"x": 1, "y": 2, "z": 4, "w": 5}
    assert list(decode(base + "c: {w: 5, <<: [*a, *b]}")["c"]) == ["y", "z", "x", "w"]
    assert decode(base + "c: &c {<<: *a}\nd: {<<: *c, q: 1}")["d"] == {"x": 1, "y": 2, "q": 1}
    assert decode("{<<: {x: 1}, x: 2, x: 3}") == {"x": 3}
    assert decode("[<<, {k: <<}]") == ["<<", {"k": "<<"}]


@pytest.mark.parametrize("text", ["<<: 1", "<<: [1]", "<<: [[{a: 1}]]", "{<<: {a: 1}, <<: {b: 1}}", "&a {<<: *a}"])
def test_only_mappings_can_be_merged_and_only_once(text):
    refused(text)


def test_an_alias_is_what_it_names():
    assert decode("a: &x [1, &y 2]\nb: *x\nc: *y\n*y : d") == {"a": [1, 2], "b": [1, 2], "c": 2, 2: "d"}
    assert decode("- &x a\n- &x b\n- *x") == ["a", "b", "b"]
    assert "undefined alias" in refused("a: *x")[0]


NO_PLAIN_VALUES = """
    !!python/object:os.system x ; !!python/name:os.system ; !!python/tuple [1] ; !x 1 ; !<x> y ;
    !!set {a} ; !!binary aGk= ; !!pairs [a: 1] ; !!map [a] ; !!seq {} ; !!str [a] ; !!omap {}
"""


@pytest.mark.parametrize("text", [text.strip() for text in NO_PLAIN_VALUES.split(";")])
def test_tags_that_are_no_plain_values_are_refused(text):
    assert "tag" in refused(text)[0]


def test_tags_of_plain_values_are_taken():
    assert decode("!!map {a: !!seq [1]}") == {"a": [1]}
    assert decode("%TAG !y! tag:yaml.org,2002:\n---\n!y!int '3'") == 3
    assert list(decode("!!omap [b: 1, a: 2]").items()) == [("b", 1), ("a", 2)]
    assert "omap" in refused("!!omap [1]")[0]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "--- ~\n...\n"])
def test_an_empty_document_is_none(text):
    assert decode(text) is None


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2\n", "---\n---\n", "a: 1\n...\n---\n"])
def test_a_second_document_is_refused(text):
    assert "a second document" in refused(text)[0]


def test_the_version_may_be_1_2_only():
    assert decode("%YAML 1.2\n---\non: 1") == {"on": 1}
    assert refused("%YAML 1.1\n---\non: 1")[1] == "Unsupported"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_in_each_form_that_yaml_allows(encoding):
    assert decode("é: \U0001f600\r\nb: |\r\n  x\r\n".encode(encoding)) == {"é": "\U0001f600", "b": "x\n"}


@pytest.mark.parametrize("content", [b"a: \xff", b"\xff\xfea", b"\xed\xa0\x80"])
def test_bytes_that_are_no_unicode_are_an_error(content):
    assert refused(content)[1] == "EncodingError"


NO_YAML = ["a: [1", "a: b: c", "a: 'x", "- a\nb", "\ta: 1", "a: \x01", "@a", "a: *", "{a: 1", "a: 1\n b: 2"]


@pytest.mark.parametrize("text", NO_YAML)
def test_an_error_names_the_file_and_is_called_as_in_dvc(text):
    message, kind = refused(text)
    assert message.startswith("p.yaml:") and kind == "YAMLFileCorruptedError"


def test_an_error_names_the_line():
    assert refused("a: 1\nb: 2\na: 3\nc: 4\n")[0] == "p.yaml:3: duplicate key 'a'"
    assert refused("a: 1\nb: !x 2\n")[0].startswith("p.yaml:2: ")
    assert refused("a: 1\n\nb: c: d\n")[0].startswith("p.yaml:3: ")


def test_nesting_is_bounded():
    assert decode("[" * 500 + "]" * 500) and decode("- " * 500 + "a")
    for text in ("[" * 501 + "]" * 501, "- " * 501 + "a", "{a: " * 501 + "}" * 501, "[" * 100_000, "? " * 100_000):
        assert refused(text)[1] == "RecursionError"


def test_nesting_does_not_end_the_process_in_a_thread():
    errors = []
    thread = threading.Thread(target=lambda: errors.append(refused("[" * 20_000 + "]" * 20_000)))
    thread.start()
    thread.join()
    assert errors[0][1] == "RecursionError"


def test_nesting_through_aliases_is_bounded():
    chain = "a0: &a0 []\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 600))
    assert refused(chain)[1] == "RecursionError"
    assert refused("&a [b, *a]")[1] == "RecursionError"


def test_alias_bombs_are_bounded():
    bomb = "- &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"- &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)
    )
    assert refused(bomb)[1] == "FileTooLarge"
    merges = "- &a0 {x: 1}\n" + bomb.partition("\n")[2].replace("[", "{<<: [").replace("]", "]}")
    assert refused(merges)[1] == "FileTooLarge"
    assert refused(f"- &a {'x' * 100_000}\n" + "- *a\n" * 1000)[1] == "FileTooLarge"


def test_size_is_bounded(monkeypatch):
    assert refused(b" " * 10_000_001)[1] == "FileTooLarge"
    assert refused("".join(f"%TAG !a{i}! x\n" for i in range(2000)) + "--- a")[1] == "FileTooLarge"
    monkeypatch.setattr(yaml12, "MAX_EVENTS", 100)
    assert refused("[" + "a, " * 100 + "]")[1] == "FileTooLarge"


def test_digits_are_bounded():
    assert decode("9" * 4300) == int("9" * 4300)
    for text in ("9" * 4301, "0x" + "f" * 100_000, "0b" + "1" * 100_000, "-" + "9" * 1_000_000):
        assert refused(text)[1] == "ValueError"
