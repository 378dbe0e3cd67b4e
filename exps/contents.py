"""What files say, found out once for each content: parameters, metrics, pipelines, locks. Where files are: `sources`.

Of files of the work tree it is remembered from run to run, so that an unchanged one is not parsed.
"""

import json
from collections.abc import Callable
from typing import Any

from expref.objstore.ids import ObjectFormat, ObjectId

from .formats import lockfile, metrics, params, pipeline
from .formats.badfile import BadFile
from .formats.content import Content
from .formats.lockfile import Single, StageLock
from .formats.pipeline import Document
from .records import Record, Records
from .rows import FileValues

_MOST_SAID = 500  # files whose values are kept while rows are read
Found = tuple[ObjectId, Callable[[], bytes]]  # the id of a file's content, and a way to read it

KINDS: dict[str, Callable[[str, bytes], Any]] = {
    "params": params.decode,
    "metrics": metrics.decode,
    "pipeline": lambda path, content: pipeline.decode(content, path),
    "lock": lambda path, content: lockfile.decode_lock(content, path),
    "single": lambda path, content: lockfile.decode_single(content, path),
}


def _as_locks(values: Any) -> dict[str, StageLock]:
    return {name: StageLock(*(_as_contents(each) for each in stage)) for name, stage in values.items()}


def _as_contents(values: Any) -> dict[str, Content]:
    return {path: Content(*each) for path, each in values.items()}


def _as_single(values: Any) -> Single:
    wdir, deps, outs = values
    contents = {path: (Content(*content), cached) for path, (content, cached) in outs.items()}
    return Single(wdir, _as_contents(deps), contents)


_FROM_JSON: dict[str, Callable[[Any], Any]] = {  # values of KINDS, after `_to_json`
    "lock": _as_locks, "single": _as_single, "pipeline": Document,
}  # fmt: skip


def _to_json(said: FileValues) -> bytes:
    """What a file says, for a memory. For `_from_json`."""
    values = said.values.values if isinstance(said.values, Document) else said.values
    return json.dumps([values, said.error], default=as_text).encode()


def _from_json(kind: str, text: bytes) -> FileValues:
    """What a file of this kind says."""
    values, error = json.loads(text)
    if error:
        return FileValues(None, tuple(error))
    return FileValues(_FROM_JSON[kind](values) if kind in _FROM_JSON else values)


def decoded(kind: str, path: str, content: bytes) -> FileValues:
    """What a file of this content says, or why it cannot be read."""
    try:
        return FileValues(KINDS[kind](path, content))
    except BadFile as error:
        return FileValues(None, (error.kind, str(error)))


class Contents:
    """What files of commits say, the last few hundred of them without reading them again."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str, ObjectId], FileValues] = {}

    def said(self, kind: str, path: str, found: Found) -> FileValues:
        """What a file says, by one of KINDS. Raises OSError, GitError, and BadFile for one that is too large."""
        id_, read = found
        key = (kind, path, id_)
        if key not in self._said:
            if len(self._said) >= _MOST_SAID:
                self._said.clear()
            self._said[key] = decoded(kind, path, read())
        return self._said[key]


class WorkContents(Contents):
    """What files of the work tree say, remembered in a file of records."""

    def __init__(self, records: Records, form: ObjectFormat, *, fresh: bool = False) -> None:
        """Look into `records` first, unless `fresh`."""
        super().__init__()
        self._records, self._form, self._fresh = records, form, fresh
        self._new: list[Record] = []

    def said(self, kind: str, path: str, found: Found) -> FileValues:
        """As of a commit; but what JSON has no type for is text."""
        key = self._form.name_object("blob", f"{kind}\n{path}\n{found[0]}".encode("utf-8", "surrogateescape"))
        known = None if self._fresh else self._records.get(key)
        if known is None:
            known = Record(key, 0, _to_json(super().said(kind, path, found)))
            self._new.append(known)
        return _from_json(kind, known.text)

    def keep(self) -> None:
        """Remember what was found out since the last time."""
        self._records.add(self._new)
        self._new = []


def as_text(value: Any) -> str:
    """What JSON has no type for: dates and times, as DVC prints them."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
