"""Metric files: bytes into the numbers, words and truth values that can be shown and compared.

The formats are those of parameter files. Verified with DVC 3.67.1: only int, float, str, bool and the dicts around them
are metrics; lists, null and dates are dropped, and so are dicts that this leaves empty. A file that is one number or
word is a metric without a name; a list at the top becomes `{}`.
"""

from . import params


def decode(path: str, content: bytes) -> object:
    """The metrics in the file `path`, in nearly all of them a dict. Raises BadFile.

    >>> decode("metrics.json", b'{"loss": 0.5, "curve": [1, 2], "best": null}')
    {'loss': 0.5}
    """
    return _keep_metrics(params.decode(path, content)) or {}


def _keep_metrics(value: object) -> object:
    """`value` without what is no metric; None if nothing is left."""
    if not isinstance(value, dict):
        return value if isinstance(value, int | float | str) else None
    kept = {}
    for key, item in value.items():
        metric = _keep_metrics(item)
        if metric is not None:
            kept[key] = metric
    return kept or None
