"""Metric files: what counts as a metric."""
import math

import pytest
from expref.exps.formats import metrics
from expref.exps.formats.badfile import BadFile


def test_only_numbers_words_and_dicts_of_them_are_metrics():
    content = b"""{"i": 1, "f": 0.5, "s": "x", "e": "", "t": true, "z": 0, "n": null, "l": [1, {"a": 1}],
                   "d": {"a": {"b": 2, "l": []}, "n": null}, "empty": {}, "nothing": {"l": [1], "d": {"n": null}}}"""
    kept = {"i": 1, "f": 0.5, "s": "x", "e": "", "t": True, "z": 0, "d": {"a": {"b": 2}}}
    assert metrics.decode("m.json", content) == metrics.decode("m.yaml", content) == kept
    assert list(metrics.decode("m.json", content)) == list(kept)


def test_dates_are_no_metrics():
    assert metrics.decode("m.yaml", b"at: 2020-01-01\nloss: 1e-3") == {"loss": 0.001}


def test_nan_and_infinity_are_metrics():
    assert metrics.decode("m.json", b'{"a": Infinity, "b": -Infinity}') == {"a": math.inf, "b": -math.inf}
    assert math.isnan(metrics.decode("m.json", b'{"a": NaN}')["a"])


@pytest.mark.parametrize(("content", "value"), [(b"0.95", 0.95), (b'"good"', "good"), (b"true", True)])
def test_a_file_may_be_one_metric(content, value):
    assert metrics.decode("m.json", content) == metrics.decode("auc", content) == value


@pytest.mark.parametrize("content", [b"[1, 2]", b'[{"a": 1}]', b"null", b"0", b"{}", b'{"a": []}'])
def test_without_a_metric_there_is_an_empty_dict(content):
    assert metrics.decode("m.json", content) == metrics.decode("m.yaml", content) == {}


def test_the_deepest_metric_is_found():
    value = metrics.decode("m.json", b'{"a":' * 500 + b"1" + b"}" * 500)
    for _ in range(500):
        value = value["a"]
    assert value == 1


@pytest.mark.parametrize(("path", "kind"), [("m.json", "JSONFileCorruptedError"), ("m.yaml", "YAMLFileCorruptedError")])
def test_a_bad_file_is_called_as_in_dvc(path, kind):
    with pytest.raises(BadFile) as caught:
        metrics.decode(path, b"{")
    assert caught.value.kind == kind
