"""Times as people write them in `main@{…}`: a subset of what git reads, the rest refused by name.

    now | yesterday | <count> <unit> ["ago"], several of them      "2.days.ago", "1 hour 30 minutes ago"
    <year>-<month>-<day> [("T" | " ") <hour>:<minute>[:<second>]] [("Z" | "+hhmm" | "-hh:mm")]
    <seconds since 1970, 100000000 at least>

Dots, blanks and underscores part words. Where no zone is written the local one is meant, where no time of day is, the
present one. Authority: git-rev-list(1) "COMMIT FORMATTING", gitrevisions(7); git's `date.c` (`approxidate`).
"""

import time

from ..errors import Unsupported
from ..patterns import re

_FIRST_EPOCH = 100_000_000  # a smaller number is something else
_LAST_EPOCH = 1 << 40
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_MONTHS = {"month": 1, "year": 12}
_ALONE = {"now": 0, "yesterday": 86400}
# Compiled when they are used: few commands name a time.
_STAMP = r"(?a)(\d{4})-(\d\d?)-(\d\d?)(?:(?:[T ]+)(\d\d?):(\d\d)(?::(\d\d))?(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?"
_AGO = r"(?a)(?:\d{1,9}[ ._]+[a-z]+[ ._]+)*\d{1,9}[ ._]+[a-z]+(?:[ ._]+ago)?"
_PART = r"(?a)(\d+)[ ._]+([a-z]+)"


def parse_date(text: str, now: int) -> int:
    """The time that `text` means, in epoch seconds, seen from `now`. Raises Unsupported for what is not read here.

    >>> parse_date("2 hours ago", 1_700_000_000), parse_date("2023-11-14T22:13:20Z", 0)
    (1699992800, 1700000000)
    """
    word = text.strip().lower()
    if word in _ALONE:
        return now - _ALONE[word]
    if word.isascii() and word.isdigit() and _FIRST_EPOCH <= int(word[:20]) < _LAST_EPOCH:
        return int(word)
    stamp = re.fullmatch(_STAMP, text.strip())
    found = _of_stamp(stamp, now) if stamp else _before(word, now) if re.fullmatch(_AGO, word) else None
    if found is None:
        raise Unsupported(f"the date {text!r}")
    return found


def _of_stamp(stamp: "re.Match[str]", now: int) -> int | None:
    year, month, day = (int(stamp[number]) for number in (1, 2, 3))
    hour, minute, second = (int(stamp[number] or 0) for number in (4, 5, 6))
    is_day = 1970 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= 31
    if not (is_day and hour < 24 and minute < 60 and second < 61) or (stamp[7] and not stamp[4]):
        return None
    if not stamp[4]:
        hour, minute, second = time.localtime(now)[3:6]
    if not stamp[7]:
        return int(time.mktime((year, month, day, hour, minute, second, 0, 0, -1)))
    offset = 0 if stamp[7] == "Z" else int(stamp[7][0] + "1") * (int(stamp[7][1:3]) * 60 + int(stamp[7][-2:])) * 60
    from calendar import timegm  # loads datetime; few commands name a time

    return timegm((year, month, day, hour, minute, second)) - offset


def _before(word: str, now: int) -> int | None:
    for count, unit in re.findall(_PART, word):
        unit = unit.removesuffix("s")
        if unit in _SECONDS:
            now = max(now - int(count) * _SECONDS[unit], 0)
        elif unit in _MONTHS:
            now = _months_before(int(count) * _MONTHS[unit], now)
        else:
            return None
    return now


def _months_before(count: int, now: int) -> int:
    """The same day and time, so many months earlier; a day that such a month does not have runs over into the next."""
    local = time.localtime(now)
    year, month = divmod(local.tm_year * 12 + local.tm_mon - 1 - count, 12)
    if year < 1970:
        return 0
    return int(time.mktime((year, month + 1, local.tm_mday, *local[3:6], 0, 0, -1)))
