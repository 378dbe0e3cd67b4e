"""Values as text, as the tables show them: numbers rounded, times for people or for programs."""

import time

from expref.objstore.lighttyping import NamedTuple

BROKEN = "!"  # what could not be read


class Form(NamedTuple):
    """How values become text: what stands for nothing, significant digits of numbers, times as ISO 8601."""

    fill: str
    digits: int | None
    iso: bool


TEXT, CSV = Form("-", 5, False), Form("", None, True)


def created(when: int | None, form: Form) -> str:
    """A time for people: of today the hour, of other days the day; or in ISO 8601. Both in local time."""
    if when is None:
        return form.fill
    made, now = time.localtime(when), time.localtime()
    if form.iso:
        return time.strftime("%Y-%m-%dT%H:%M:%S", made)
    today = (made.tm_year, made.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%I:%M %p" if today else "%b %d, %Y", made)


def text_of(value: object, digits: int | None) -> str:
    """A value as text, its numbers with so many significant digits.

    >>> text_of([0.123456789, "a"], 5), text_of(True, 5)
    ("['0.12346', 'a']", 'True')
    """
    return str(_rounded(value, digits))


def _rounded(value: object, digits: int | None) -> object:
    if isinstance(value, float) and digits:
        return f"{value:.{digits}g}"
    if isinstance(value, dict):
        return {key: _rounded(inner, digits) for key, inner in value.items()}
    return [_rounded(inner, digits) for inner in value] if isinstance(value, list) else value
