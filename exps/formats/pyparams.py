"""Parameters in a Python file: constants of the module and of its classes. Nothing of the file is run.

Verified with DVC 3.67.1: an assignment to one name counts, with or without a type, if its value is a literal; the last
one of a name wins. A class is a mapping of what stands in it, its `__init__` adds `self.x = ...`; other functions and
what stands in `if`, `for` and the like do not count. `a = b = 1` and `x, y = 1, 2` do not either.
"""

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .badfile import BadFile

if TYPE_CHECKING:
    import ast  # inside functions: a tenth of the start-up

MAX_BYTES = 256_000  # a syntax tree takes some hundred times as much memory as its text


def decode(text: str, source: str) -> dict[str, object]:
    """The constants in a Python file. Raises BadFile for what Python cannot read.

    >>> decode("lr = 0.1\\nclass Net:\\n    sizes = (8, 4)\\n    def f(self): x = 1", "params.py")
    {'lr': 0.1, 'Net': {'sizes': [8, 4]}}
    """
    import ast

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's file: invalid escapes and the like
            return _read(ast.parse(text).body, in_init=False)
    except (RecursionError, MemoryError):  # Python's parser says the second where its stack ends
        raise BadFile(f"{source}: too many things inside one another", "RecursionError") from None
    except SyntaxError as error:
        raise BadFile(f"{source}:{error.lineno or 1}: {error.msg}", _CORRUPT) from None
    except ValueError as error:  # NUL characters, half characters
        raise BadFile(f"{source}: {error}", _CORRUPT) from None


_CORRUPT = "PythonFileCorruptedError"


def _read(body: "Iterable[ast.stmt]", *, in_init: bool) -> dict[str, object]:
    import ast

    found: dict[str, object] = {}
    for statement in body:
        match statement:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                name = _name(target, in_init)
                if name is not None and _is_literal(value):
                    found[name] = _plain(ast.literal_eval(value))
            case ast.ClassDef(name=name, body=inner):
                found[name] = _read(inner, in_init=False)
            case ast.FunctionDef(name="__init__", body=inner):
                found |= _read(inner, in_init=True)
    return found


def _name(target: "ast.expr", in_init: bool) -> str | None:
    """What is assigned to; in `__init__` only attributes of `self` are kept."""
    import ast

    match target:
        case ast.Name(name) if not in_init:
            return name
        case ast.Attribute(ast.Name("self"), name):
            return name
    return None


def _is_literal(value: "ast.expr") -> bool:
    import ast

    try:
        ast.literal_eval(value)
    except (ValueError, TypeError):  # a list as a key
        return False
    return True


def _plain(value: object) -> object:
    """A value that JSON has: tuples and sets as lists, other things (bytes, complex numbers) as text."""
    if isinstance(value, dict):
        return {key if isinstance(key, _KEYS) else repr(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value), key=repr)
    return value if isinstance(value, _KEYS) else repr(value)


_KEYS = (str, int, float, type(None))
