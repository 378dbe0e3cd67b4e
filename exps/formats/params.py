"""Parameter files: bytes into values by the suffix of the path, and the part of a value that dotted keys name.

Which files a project has, and which keys of them, is `pipeline`'s business; what of a value is a metric, `metrics`'.
Verified with DVC 3.67.1: what is false (an empty file, `null`, `0`, `[]`) becomes `{}`; another scalar or a list at the
top is shown as it is. DVC takes what follows the *first* dot of a name for its suffix and so reads `a.metrics.json` as
YAML; here the last dot counts. JSON was meant, and only `NaN`, tabs and duplicate keys make a difference.
"""
import json
from collections.abc import Callable, Iterable
from typing import Any

from . import yaml12
from .badfile import BadFile


def decode(path: str, content: bytes) -> object:
    """The value of the parameter file `path`, in nearly all of them a dict. Raises BadFile.

    >>> decode("params.yaml", b"lr: 1e-3")
    {'lr': 0.001}
    """
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    decode_format = DECODERS.get(f"{dot}{suffix}".lower(), yaml12.decode)
    return decode_format(content, path) or {}


def _decode_json(content: bytes, source: str) -> object:
    """The value of a JSON text, `NaN` and `Infinity` allowed; of duplicate keys the last wins."""
    if len(content) > yaml12.MAX_BYTES:
        raise BadFile(f"{source}: {len(content)} bytes of JSON, more than {yaml12.MAX_BYTES}", "FileTooLarge")
    try:
        value = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadFile(f"{source}: not valid utf-8 at byte {error.start}", "EncodingError") from None
    except json.JSONDecodeError as error:
        raise BadFile(f"{source}:{error.lineno}: {error.msg}", "JSONFileCorruptedError") from None
    except ValueError:  # Python's limit of sys.set_int_max_str_digits
        raise BadFile(f"{source}: a number has too many digits", "ValueError") from None
    except RecursionError:
        raise BadFile(f"{source}: {yaml12.TOO_DEEP}", "RecursionError") from None
    if content.count(b"[") + content.count(b"{") > yaml12.MAX_DEPTH and _is_too_deep(value):
        raise BadFile(f"{source}: {yaml12.TOO_DEEP}", "RecursionError")
    return value


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(yaml12.MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
    return any(isinstance(node, dict | list) for node in level)


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _refuse(_: bytes, source: str) -> object:
    raise BadFile(f"{source}: files of this type are not supported", "Unsupported")


DECODERS: dict[str, Callable[[bytes, str], object]] = {  # suffix: decoder; every other suffix is YAML
    ".json": _decode_json,
    ".py": _refuse,
    ".toml": _refuse,
}


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
