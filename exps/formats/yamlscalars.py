"""What a scalar of a YAML document means: text into str, int, float, bool, None, date or datetime. No documents.

Plain scalars follow ruamel.yaml in its mode "safe" for YAML 1.2, which is what DVC reads with: `1e-3` is a number, `on`
and `12:30:45` are text, `017` is seventeen. PyYAML's own rules are those of YAML 1.1 and differ in all four.

Authority: YAML 1.2.2, chapter 10.3 (core schema), and ruamel.yaml's resolver.py and constructor.py where it is wider.
Two plain scalars that ruamel.yaml refuses as values are text here: `=` and, where it is no key, `<<`.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class Merge(str):
    """The plain key `<<`; the quoted one is text."""

    __slots__ = ()


MERGE = Merge("<<")
INFINITY, NAN = float("inf"), float("nan")
SPELLINGS = (
    ("~ null Null NULL", None),
    ("true True TRUE", True),
    ("false False FALSE", False),
    (".inf .Inf .INF +.inf +.Inf +.INF", INFINITY),
    ("-.inf -.Inf -.INF", -INFINITY),
    (".nan .NaN .NAN", NAN),
    ("<<", MERGE),
)
WORDS: dict[str, object] = {"": None} | {word: value for words, value in SPELLINGS for word in words.split()}
NUMBER_STARTS = frozenset("+-.0123456789")
NUMBER = (  # each group is called like its tag
    r"(?P<float>[-+]?[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?)"
    r"|(?P<int>[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+))"
    r"|(?P<timestamp>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)"
    r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)"
)
TIMESTAMP = (
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:(?:[Tt]|[ \t]+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]*))?"
    r"[ \t]*(?P<zone>Z|(?P<sign>[-+])(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-9]{2}))?)?)?"
)
BASES = {"0b": 2, "0o": 8, "0x": 16}
MAX_DIGITS = {2: 14_284, 8: 4_761, 10: 4_300, 16: 3_571}  # Python refuses to print more than 4,300 decimal digits
TRUTHS = {"yes": True, "no": False, "y": True, "n": False, "true": True, "false": False, "on": True, "off": False}


def decode_plain(text: str) -> object:
    """The value of a scalar that stands without quotes or tag.

    Raises ValueError for what looks like a number or a date and is none: `._`, `2020-13-45`, 5,000 digits.

    >>> [decode_plain(text) for text in ("1e-3", "on", "017", "0o17", "12:30:45", "~")]
    [0.001, 'on', 17, 15, '12:30:45', None]
    """
    if text in WORDS:
        return WORDS[text]
    if text[0] not in NUMBER_STARTS:
        return text
    match = _number().fullmatch(text)
    return TAGS[match.lastgroup](text) if match and match.lastgroup else text


@cache
def _number() -> re.Pattern[str]:
    return re.compile(NUMBER)  # not at start-up


def _decode_int(text: str) -> int:
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits[1:] if digits[:1] in ("-", "+") else digits
    base = BASES.get(digits[:2], 10)
    digits = digits if base == 10 else digits[2:]
    if len(digits) > MAX_DIGITS[base]:
        raise ValueError(f"a number of {len(digits)} digits is too long")
    return sign * int(digits, base)


def _decode_float(text: str) -> float:
    number = text.replace("_", "").lower()
    return float(number.replace(".", "") if number.endswith((".inf", ".nan")) else number)


def _decode_timestamp(text: str) -> "date":
    """A date, or a datetime whose zone is None where the text names none. Digits below a microsecond are rounded."""
    from datetime import date, datetime, timedelta, timezone  # 4 ms, and hardly a file has one

    match = re.fullmatch(TIMESTAMP, text)
    if not match:
        raise ValueError(f"{text!r} is no date")
    part = match.groupdict(default="0")
    day = date(int(part["year"]), int(part["month"]), int(part["day"]))
    if match["hour"] is None:
        return day
    offset = timedelta(hours=int(part["hours"]), minutes=int(part["minutes"]))
    zone = timezone(-offset if part["sign"] == "-" else offset) if match["zone"] else None
    fraction = part["fraction"]
    microseconds = int(fraction[:6].ljust(6, "0")) + (fraction[6:7] > "4")
    start = datetime(day.year, day.month, day.day, int(part["hour"]), int(part["minute"]), int(part["second"]))
    return start.replace(tzinfo=zone) + timedelta(microseconds=microseconds)


def _decode_bool(text: str) -> bool:
    if text.lower() not in TRUTHS:
        raise ValueError(f"{text!r} is neither true nor false")
    return TRUTHS[text.lower()]


def _decode_null(_: str) -> None:
    return None


TAGS: dict[str, Callable[[str], object]] = {  # what may follow `!!` at a scalar
    "str": str,
    "int": _decode_int,
    "float": _decode_float,
    "bool": _decode_bool,
    "null": _decode_null,
    "timestamp": _decode_timestamp,
}
