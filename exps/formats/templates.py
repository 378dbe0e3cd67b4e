"""Templates in `dvc.yaml`: `${…}` replaced by variables, stages multiplied by `foreach` and `matrix`. No files here.

Variables come from the `params.yaml` beside the file, then from its `vars`, then from a stage's own: a mapping, or the
path of a file, with `:key,key` to take a part of it. They may add to one another, never replace. An expression is a key
with dots and `[position]`; one that is a whole text keeps its type, otherwise it becomes text; `\\${` is no template.

What a stage takes from a file is noted: DVC shows it as a parameter of that file, under its dotted key.
Verified with DVC 3.67.1, whose dvc/parsing is the authority. (A date as a variable is text here; DVC gives up there.)
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from expref.objstore.lighttyping import NamedTuple

from . import yaml12
from .badfile import BadFile

_TEMPLATE, _EXPRESSION = r"(?<!\\)\$\{(.*?)\}", r"[^.\[\]]+(?:\.[^.\[\]]+|\[[^.\[\]]+\])*"
MOST_STAGES = 10_000  # that one `foreach` or `matrix` makes

ReadValues = Callable[[str], object]  # path relative to the project's root → what the file says; raises BadFile


class Leaf(NamedTuple):
    """A variable that is a single value, with the file it comes from ("": written in `dvc.yaml` itself) and its key."""

    value: object
    source: str
    key: str


Node = dict[str, Any] | list[Any] | Leaf  # of Nodes
Tracked = dict[str, dict[str, object]]  # by file: dotted key and value


class Expanded(NamedTuple):
    """A stage with its templates filled in, and the variables of files that it uses."""

    name: str
    body: dict[str, Any]
    tracked: Tracked


def uses_templates(document: Mapping[str, Any]) -> bool:
    """Whether anything in a `dvc.yaml` has to be filled in."""
    if "vars" in document:
        return True
    todo: list[Any] = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            if "${" in value:
                return True
        elif isinstance(value, dict):
            if "vars" in value or "foreach" in value or "matrix" in value:
                return True
            todo += value
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return False


class Templates:
    """One `dvc.yaml` with its variables."""

    def __init__(self, document: Mapping[str, Any], folder: str, read: ReadValues) -> None:
        """Load the variables; `folder` is where the file lies. Raises BadFile, also for files of variables."""
        self._source = posixpath.join(folder, "dvc.yaml")
        self._document, self._folder, self._read = document, folder, read
        self._variables = _Variables(read)
        with _Place(self._source, "vars"):
            self._variables.load_default(folder)
            self._variables.load(document.get("vars", []), folder, "")

    def top(self, section: str) -> Any:
        """A section of the top level (`metrics`, `params`, …), filled in."""
        with _Place(self._source, section):
            return _fill(self._document.get(section, []), self._variables, {}, "")

    def stages(self) -> Iterator[Expanded]:
        """Every stage, those of `foreach` and `matrix` one by one. Raises BadFile."""
        for name, stage in self._document.get("stages", {}).items():
            with _Place(self._source, f"stages.{name}"):
                if "foreach" in stage:
                    found = [(each, local, stage["do"]) for each, local in self._each(name, stage["foreach"])]
                elif "matrix" in stage:
                    body = {key: value for key, value in stage.items() if key != "matrix"}
                    found = [(each, local, body) for each, local in self._combinations(name, stage["matrix"])]
                else:
                    found = [(name, {}, stage)]
            for each, local, body in found:
                with _Place(self._source, f"stages.{each}"):
                    yield self._expand(each, local, body)

    def _expand(self, name: str, local: dict[str, Node], body: Mapping[str, Any]) -> Expanded:
        own = body.get("vars", [])
        variables = self._variables.with_local(local, deep=bool(own))
        if own:
            wdir = _text(_fill(body.get("wdir") or "", variables, {}, "wdir"))
            variables.load(own, posixpath.join(self._folder, wdir), f"{name}.")
        tracked: Tracked = {}
        rest = {key: value for key, value in body.items() if key != "vars"}
        return Expanded(name, {key: _fill(value, variables, tracked, key) for key, value in rest.items()}, tracked)

    def _each(self, name: str, over: object) -> Iterator[tuple[str, dict[str, Node]]]:
        items = _fill_nodes(over, self._variables)
        if isinstance(items, (dict, list)) and len(items) > MOST_STAGES:
            raise Unresolved(f"foreach: more than {MOST_STAGES} stages")
        if isinstance(items, dict):
            for key, item in items.items():
                yield f"{name}@{key}", {"item": item, "key": Leaf(key, "", "")}
            return
        if not isinstance(items, list):
            raise Unresolved("foreach: a list or a mapping is needed")
        composite = any(not isinstance(item, Leaf) for item in items)
        keys = [str(number) if composite else _text(item.value) for number, item in enumerate(items)]
        for key, item in dict(zip(keys, items, strict=True)).items():
            yield f"{name}@{key}", {"item": item}

    def _combinations(self, name: str, over: Mapping[str, object]) -> Iterator[tuple[str, dict[str, Node]]]:
        axes = {}
        for axis, values in over.items():
            axes[axis] = _fill_nodes(values, self._variables)
            if not isinstance(axes[axis], list):
                raise Unresolved(f"matrix.{axis}: a list is needed")
        size = 1
        for values in axes.values():
            size *= len(values)
        if size > MOST_STAGES:
            raise Unresolved(f"matrix: more than {MOST_STAGES} combinations")
        found: dict[str, dict[str, Node]] = {}
        for chosen in product(*(enumerate(values) for values in axes.values())):
            item = {axis: value for axis, (_, value) in zip(axes, chosen, strict=True)}
            numbers = (number for number, _ in chosen)
            key = "-".join(
                _text(value.value) if isinstance(value, Leaf) else f"{axis}{number}"
                for number, (axis, value) in zip(numbers, item.items(), strict=True)
            )
            found[key] = {"item": item, "key": Leaf(key, "", "")}
        for key, local in found.items():
            yield f"{name}@{key}", local


class Unresolved(ValueError):
    """A template cannot be filled in; who knows the place makes a BadFile of it."""


class _Place:
    """Makes a BadFile, which names file and place, of what goes wrong inside."""

    def __init__(self, source: str, where: str) -> None:
        self._source, self._where = source, where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, RecursionError):
            raise BadFile(f"{self._source}: {self._where}: {yaml12.TOO_DEEP}", "RecursionError") from None
        if isinstance(error, Unresolved):
            message = f"{self._source}: {self._where}: {error}"
            raise BadFile(message.translate(_CONTROLS)[: yaml12.MAX_MESSAGE], "ResolveError") from None


_CONTROLS = dict.fromkeys(range(32), "?")


class _Variables:
    """The variables that a template can name."""

    def __init__(self, read: ReadValues) -> None:
        self._read = read
        self.values: dict[str, Any] = {}  # of Nodes
        self._loaded: dict[str, set[str] | None] = {}  # by path: the keys taken, None for all
        self._reserved: frozenset[str] = frozenset()

    def with_local(self, local: dict[str, Node], *, deep: bool) -> "_Variables":
        """The same and `local`, which comes first; `deep` if more may be merged into it."""
        copy = _Variables(self._read)
        copy.values = (_copied(self.values) if deep else self.values) | local
        copy._loaded = {path: keys and set(keys) for path, keys in self._loaded.items()} if deep else self._loaded
        copy._reserved = frozenset(local)
        return copy

    def load_default(self, folder: str) -> None:
        """The `params.yaml` beside the file, if there is one."""
        path = posixpath.normpath(posixpath.join(folder, "params.yaml"))
        if self._read(path) is not None:
            self._load_file("params.yaml", folder)

    def load(self, entries: list[Any], folder: str, name: str) -> None:
        for number, entry in enumerate(entries):
            if any(re.search(_TEMPLATE, text) for text in _texts(entry)):
                raise Unresolved("there can be no templates in vars")
            if isinstance(entry, str):
                self._load_file(entry, folder)
            else:
                self._merge(_nodes(entry, "", ""), f"{name}vars[{number}]")

    def _load_file(self, entry: str, folder: str) -> None:
        path, _, listed = entry.partition(":")
        path = posixpath.normpath(posixpath.join(folder, path))
        keys = {key for key in listed.split(",") if key} or None
        before = self._loaded.get(path, set())
        if before is None and keys is None:
            return
        if before is None or (before and (keys is None or before & keys)):
            raise Unresolved(f"{entry!r} is loaded already, in part or as a whole")
        values = self._read(path)
        if values is None:
            raise Unresolved(f"{path!r} does not exist")
        if not isinstance(values, dict):
            raise Unresolved(f"{path!r} is no mapping")
        if keys:
            missing = keys - values.keys()
            if missing:
                raise Unresolved(f"{path!r} has no {min(missing)!r}")
            values = {key: values[key] for key in listed.split(",") if key}
        self._loaded[path] = before | keys if keys else None
        self._merge(_nodes(values, path, ""), path)

    def _merge(self, new: Any, source: str) -> None:
        reserved = self._reserved & new.keys()
        if reserved:
            raise Unresolved(f"{min(reserved)!r} cannot be set in {source!r}")
        todo: list[tuple[dict[str, Any], dict[str, Any]]] = [(self.values, new)]
        while todo:
            into, update = todo.pop()
            for key, node in update.items():
                if isinstance(into.get(key), dict) and isinstance(node, dict):
                    todo.append((into[key], node))
                elif key in into:
                    raise Unresolved(f"{key!r} from {source!r} exists already")
                else:
                    into[key] = node

    def find(self, expression: str) -> Node:
        """What an expression names. Raises Unresolved."""
        if not re.fullmatch(_EXPRESSION, expression):
            raise Unresolved(f"${{{expression}}} cannot be read")
        node: Any = self.values
        for step in expression.replace("[", ".").replace("]", "").split("."):
            try:
                node = node[int(step)] if isinstance(node, list) else node[step.strip()]
            except (LookupError, ValueError, TypeError):
                raise Unresolved(f"could not find {expression!r}") from None
        found: Node = node
        return found


def _copied(nodes: dict[str, Any]) -> dict[str, Any]:
    return {key: _copied(node) if isinstance(node, dict) else node for key, node in nodes.items()}


def _nodes(value: object, source: str, key: str) -> Any:
    """A value of a file, or of `dvc.yaml` itself (`source` is ""), as Nodes. Keys that are no text cannot be named."""
    if isinstance(value, dict):
        return {name: _nodes(item, source, _below(key, name)) for name, item in value.items() if isinstance(name, str)}
    if isinstance(value, list):
        return [_nodes(item, source, _below(key, number)) for number, item in enumerate(value)]
    return Leaf(value, source, key)


def _below(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _fill(value: Any, variables: _Variables, tracked: Tracked, section: str) -> Any:
    """`value` with its templates filled in. `section` is the key of a stage it belongs to, "" at the top level."""
    if isinstance(value, str):
        return _fill_text(value, variables, tracked, section) if "${" in value else value
    if isinstance(value, dict):
        return {
            _fill(key, variables, tracked, section): _fill(item, variables, tracked, section)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_fill(item, variables, tracked, section) for item in value]
    return value


def _fill_text(text: str, variables: _Variables, tracked: Tracked, section: str) -> Any:
    whole = re.fullmatch(_TEMPLATE, text)
    if whole and "}" not in whole[1]:
        return _value_of(variables.find(whole[1]), tracked, section)

    def replaced(match: re.Match[str]) -> str:
        return _text(_value_of(variables.find(match[1]), tracked, section))

    return re.sub(_TEMPLATE, replaced, text).replace("\\${", "${")


def _value_of(node: Node, tracked: Tracked, section: str) -> Any:
    if isinstance(node, Leaf):
        if node.source:
            tracked.setdefault(node.source, {})[node.key] = node.value
        return node.value
    if section and not (section == "cmd" and isinstance(node, dict)):
        raise Unresolved(f"{section}: a {type(node).__name__} cannot be put into text")
    return _plain(node)


def _plain(node: Node) -> Any:
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, dict):
        return {key: _plain(item) for key, item in node.items()}
    return [_plain(item) for item in node]


def _fill_nodes(value: Any, variables: _Variables) -> Any:
    """The same as Nodes, for what stages are multiplied by: they may be lists and mappings of a file."""
    if isinstance(value, dict):
        return {_text(key): _fill_nodes(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_nodes(item, variables) for item in value]
    whole = re.fullmatch(_TEMPLATE, value) if isinstance(value, str) else None
    if whole and "}" not in whole[1]:
        return variables.find(whole[1])
    return Leaf(_fill(value, variables, {}, ""), "", "")


def _texts(value: Any) -> Iterator[str]:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            todo += [*item, *item.values()]
        elif isinstance(item, list):
            todo += item


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
