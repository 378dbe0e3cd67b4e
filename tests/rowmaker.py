"""Rows made of nothing but values, without a repository: `table(row("base"), row("a", metrics={"m.json": {"x": 1}}))`."""

import json

from expref.exps.rows import Row
from expref.exps.show import Group, Table
from expref.objstore.ids import SHA1


def row(name, *, params=None, metrics=None, deps=None, error=None, created=1_700_000_000, id_=None):
    """A row of a commit. A file whose values are the exception ValueError("why") cannot be read."""
    if error:
        text = {"error": {"type": "Broken", "msg": error}}
    else:
        says = {"params": files(params or {}), "metrics": files(metrics or {})}
        text = says | {"deps": {path: {"hash": each} for path, each in (deps or {}).items()}, "outs": {}, "meta": {}}
    return Row(name, id_ or SHA1.parse_id(name.encode().hex().ljust(40, "0")), created, json.dumps(text))


def files(values):
    return {
        path: {"error": {"type": "Bad", "msg": str(each)}} if isinstance(each, ValueError) else {"data": each}
        for path, each in values.items()
    }


def table(baseline, *experiments, workspace=None):
    """A table of one baseline; of folders if that is None."""
    return Table(workspace, (Group(baseline, experiments),), 0, ())
