"""Keys with dots between, and what nested values hold under them."""

from collections.abc import Iterable, Iterator
from typing import Any


def flat(values: object) -> Iterator[tuple[str, object]]:
    """The leaves of nested mappings by their keys with dots between, in their order.

    Lists are leaves, mappings without keys are none. What is no mapping is a leaf called "".

    >>> dict(flat({"a": {"b": 1, "c": [2]}, "d": None}))
    {'a.b': 1, 'a.c': [2], 'd': None}
    """
    if not isinstance(values, dict):
        yield "", values
        return
    todo = [("", iter(values.items()))]
    while todo:
        start, items = todo[-1]
        for key, value in items:
            if isinstance(value, dict):
                todo.append((f"{start}{key}.", iter(value.items())))
                break
            yield f"{start}{key}", value
        else:
            todo.pop()


def select(value: object, keys: Iterable[str]) -> object:
    """The part of `value` that the dotted `keys` name, in their order; what is not there is left out.

    A step of a key may be a position in a list, from the end if negative; positions before it become None, as in DVC.
    (Where two keys name items of one list, DVC appends one list to the other, here they become one. `dvc exp show` also
    takes `*` and `?` in a key; a stage with such a key cannot be run, so they mean themselves here.)

    >>> select({"a": {"b": 1, "c": 2}, "d": [5, 6]}, ["d.1", "a.b"])
    {'d': [None, 6], 'a': {'b': 1}}
    """
    selected = _select(value, [key.lstrip(".").split(".") for key in dict.fromkeys(keys)])
    return {} if selected is _NOTHING else selected


_NOTHING = object()


def _select(node: Any, paths: list[list[str]]) -> object:
    """What is left of `node` if only what lies at the end of one of `paths` stays; _NOTHING if nothing does."""
    if [] in paths:
        return node
    names = _names(node)
    wanted: dict[Any, list[list[str]]] = {}
    for first, *rest in paths:
        if first in names:
            wanted.setdefault(names[first], []).append(rest)
    parts = {key: _select(node[key], rests) for key, rests in wanted.items()}
    found = {key: part for key, part in parts.items() if part is not _NOTHING}
    if found and isinstance(node, list):
        return [found.get(position) for position in range(max(found) + 1)]
    return found or _NOTHING


def _names(node: object) -> dict[str, Any]:
    """The keys of a dict or the positions in a list by what a dotted key calls them."""
    if isinstance(node, dict):
        return {str(key): key for key in node}
    if isinstance(node, list):
        return {str(position): position % len(node) for position in range(-len(node), len(node))}
    return {}
