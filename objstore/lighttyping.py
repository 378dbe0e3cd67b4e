"""What of `typing` this package uses, at a fraction of the cost: `typing` alone doubles the work of a start of Python.

`NamedTuple` costs an eighth: a command makes some eighty such classes. `typing` checks each annotation and compiles a
constructor for each class; here the constructor is a compiled one of the same number of fields whose parameters are
renamed. What `typing.NamedTuple` makes of a class statement behaves the same, pickled, copied, matched and inherited
from. The other names do nothing when code runs; type checkers see those of `typing`. Authority: Python's `typing`,
`collections`; `types.CodeType.replace`.
"""

import sys

TYPE_CHECKING = False  # what type checkers take for true
_new = tuple.__new__
_CONSTRUCTORS = (
    lambda _cls: _new(_cls, ()),
    lambda _cls, a: _new(_cls, (a,)),
    lambda _cls, a, b: _new(_cls, (a, b)),
    lambda _cls, a, b, c: _new(_cls, (a, b, c)),
    lambda _cls, a, b, c, d: _new(_cls, (a, b, c, d)),
    lambda _cls, a, b, c, d, e: _new(_cls, (a, b, c, d, e)),
    lambda _cls, a, b, c, d, e, f: _new(_cls, (a, b, c, d, e, f)),
    lambda _cls, a, b, c, d, e, f, g: _new(_cls, (a, b, c, d, e, f, g)),
    lambda _cls, a, b, c, d, e, f, g, h: _new(_cls, (a, b, c, d, e, f, g, h)),
    lambda _cls, a, b, c, d, e, f, g, h, i: _new(_cls, (a, b, c, d, e, f, g, h, i)),
    lambda _cls, a, b, c, d, e, f, g, h, i, j: _new(_cls, (a, b, c, d, e, f, g, h, i, j)),
    lambda _cls, a, b, c, d, e, f, g, h, i, j, k: _new(_cls, (a, b, c, d, e, f, g, h, i, j, k)),
    lambda _cls, a, b, c, d, e, f, g, h, i, j, k, l: _new(_cls, (a, b, c, d, e, f, g, h, i, j, k, l)),  # noqa: E741
)

if TYPE_CHECKING:
    from typing import IO, BinaryIO, Literal, NamedTuple, NoReturn, Protocol, TypeAlias, TypeVar

    __all__ = ["IO", "BinaryIO", "Literal", "NamedTuple", "NoReturn", "Protocol", "TypeAlias", "TypeVar"]
else:

    class _Name:
        """Stands for a type in an annotation, whatever it is called with, indexed by or joined with."""

        def __call__(self, *_args, **_options):
            return self

        def __getitem__(self, _items):
            return self

        def __or__(self, _other):
            return self

        __ror__ = __or__

    IO = BinaryIO = Literal = NoReturn = TypeAlias = TypeVar = _Name()

    class Protocol:
        """What a class has that is used as one of these."""


if not TYPE_CHECKING and (sys.version_info >= (3, 14) or sys.implementation.name != "cpython"):
    from typing import NamedTuple  # from 3.14 on annotations are code that runs when it is asked for
elif not TYPE_CHECKING:
    from _collections import _tuplegetter

    class _Values(tuple):
        """What all of them share."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            made = _new(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **changes):
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"Got unexpected field names: {list(changes)!r}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{type(self).__name__}({fields})"

        def __getnewargs__(self):
            return tuple(self)

        __replace__ = _replace

    class _Maker(type):
        """Makes a tuple of each class that names `NamedTuple` as its base; that class is of type `type`."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body[field] for field in fields if field in body}
            if bases != (NamedTuple,) or fields[len(fields) - len(defaults) :] != tuple(defaults):
                raise TypeError(f"{name}: one base, and no field without a default after one that has one")
            body.update({field: _tuplegetter(number, "") for number, field in enumerate(fields)})
            body.update(
                __new__=_constructor(fields, tuple(defaults.values())), __slots__=(), __match_args__=fields,
                _fields=fields, _field_defaults=defaults,
            )  # fmt: skip
            return type(name, (_Values,), body)

    def _constructor(fields, defaults):
        model = _CONSTRUCTORS[len(fields)]
        code = model.__code__.replace(co_varnames=("_cls", *fields), co_name="__new__", co_qualname="__new__")
        return type(model)(code, globals(), "__new__", defaults)

    class NamedTuple(metaclass=_Maker):
        """Base of classes whose instances are tuples with names for their items."""
