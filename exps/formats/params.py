"""Parameter files: bytes into values by the suffix of the path, and the part of a value that dotted keys name.

Which files a project has, and which keys of them, is `pipeline`'s business; what of a value is a metric, `metrics`'.
The formats are YAML, JSON, TOML and Python (`pyparams`). Verified with DVC 3.67.1: what is false (an empty file,
`null`, `0`, `[]`) becomes `{}`; another scalar or a list at the top is shown as it is. DVC takes what follows the
*first* dot of a name for its suffix and so reads `a.metrics.json` as YAML; here the last dot counts. JSON was meant,
and only `NaN`, tabs and duplicate keys make a difference.
"""

import json
from collections.abc import Callable, Iterable

from expref.objstore.patterns import lazy_pattern

from . import pyparams, yaml12
from .badfile import MAX_BYTES, BadFile

MAX_TOML_BYTES = 1_000_000  # about a second
MAX_KEY_PARTS = 64  # of a TOML key with dots: tomllib takes memory with their square, gigabytes for a key of 40 kB
_LONG_KEY = lazy_pattern(
    rf"(?<![\w\\-])(?:(?:[\w-]++|\"(?:[^\"\\\n]++|\\.)*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{MAX_KEY_PARTS}}}"
)


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
    text = _decode_text(content, source, MAX_BYTES)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadFile(f"{source}:{error.lineno}: {error.msg}", "JSONFileCorruptedError") from None
    except ValueError:  # Python's limit of sys.set_int_max_str_digits
        raise BadFile(f"{source}: a number has too many digits", "ValueError") from None
    except RecursionError:
        raise BadFile(f"{source}: {yaml12.TOO_DEEP}", "RecursionError") from None
    if content.count(b"[") + content.count(b"{") > yaml12.MAX_DEPTH:
        _check_depth(value, source)
    return value


def _decode_toml(content: bytes, source: str) -> object:
    """The value of a TOML text. Dates and times stay what they are."""
    import tomllib

    text = _decode_text(content, source, MAX_TOML_BYTES)
    if _LONG_KEY.search(text):
        raise BadFile(f"{source}: a key of more than {MAX_KEY_PARTS} parts", "RecursionError")
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"{source}: {error}"[: yaml12.MAX_MESSAGE], "TOMLFileCorruptedError") from None
    except (ValueError, OverflowError):
        raise BadFile(f"{source}: a number has too many digits", "ValueError") from None
    except RecursionError:
        raise BadFile(f"{source}: {yaml12.TOO_DEEP}", "RecursionError") from None
    _check_depth(value, source)
    _check_numbers(value, source)
    return value


def _decode_python(content: bytes, source: str) -> object:
    value = pyparams.decode(_decode_text(content, source, pyparams.MAX_BYTES), source)
    _check_numbers(value, source)
    return value


def _decode_text(content: bytes, source: str, most_bytes: int) -> str:
    if len(content) > most_bytes:
        raise BadFile(f"{source}: {len(content)} bytes, more than {most_bytes}", "FileTooLarge")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadFile(f"{source}: not valid utf-8 at byte {error.start}", "EncodingError") from None


def _check_numbers(value: object, source: str) -> None:
    """Refuse whole numbers that can be read, as hexadecimal ones of any length can, and then not be printed."""
    try:
        json.dumps(value, default=str)
    except ValueError:  # Python's limit of sys.set_int_max_str_digits
        raise BadFile(f"{source}: a number has too many digits", "ValueError") from None


def _check_depth(value: object, source: str) -> None:
    if _is_too_deep(value):
        raise BadFile(f"{source}: {yaml12.TOO_DEEP}", "RecursionError")


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(yaml12.MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
    return any(isinstance(node, dict | list) for node in level)


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


DECODERS: dict[str, Callable[[bytes, str], object]] = {  # suffix: decoder; every other suffix is YAML
    ".json": _decode_json,
    ".py": _decode_python,
    ".toml": _decode_toml,
}
