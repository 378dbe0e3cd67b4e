"""What stands for `typing` and `re` behaves as they do."""

import copy
import pickle
import subprocess
import sys
import typing

import pytest
from expref.objstore import lighttyping
from expref.objstore.patterns import lazy_pattern, re


class Light(lighttyping.NamedTuple):
    """A value."""

    number: int
    name: str = "x"
    rest: "list[int] | None" = None

    @property
    def double(self) -> int:
        return 2 * self.number

    @classmethod
    def made(cls) -> "Light":
        return cls(7)


class Heavy(typing.NamedTuple):
    """A value."""

    number: int
    name: str = "x"
    rest: "list[int] | None" = None

    @property
    def double(self) -> int:
        return 2 * self.number

    @classmethod
    def made(cls) -> "Heavy":
        return cls(7)


class LightChild(Light):
    __slots__ = ()

    def __new__(cls, number: int) -> "LightChild":
        return super().__new__(cls, number, "child")


class Empty(lighttyping.NamedTuple):
    pass


CALLS = {
    "all by place": lambda cls: cls(1, "a", [2]),
    "by name": lambda cls: cls(name="a", number=1),
    "too few": lambda cls: cls(),
    "too many": lambda cls: cls(1, 2, 3, 4),
    "unknown": lambda cls: cls(1, other=2),
    "twice": lambda cls: cls(1, number=2),
    "replace": lambda cls: cls(1)._replace(name="b"),
    "replace nothing": lambda cls: cls(1)._replace(),
    "replace the unknown": lambda cls: cls(1)._replace(other=1),
    "dictionary": lambda cls: cls(1)._asdict(),
    "make": lambda cls: cls._make([1, "b", None]),
    "make of too few": lambda cls: cls._make([1]),
    "repr": lambda cls: repr(cls(1)).replace(cls.__name__, ""),
    "fields": lambda cls: (cls._fields, cls._field_defaults, cls.__match_args__, list(cls.__annotations__)),
    "assign": lambda cls: setattr(cls(1), "number", 2),
    "new attribute": lambda cls: setattr(cls(1), "new", 2),
    "delete": lambda cls: delattr(cls(1), "number"),
    "property and class method": lambda cls: cls.made().double,
    "hash, order, sum": lambda cls: (hash(cls(1)), cls(1) < cls(2), (*cls(1), 4), cls(1) == (1, "x", None)),
    "doc": lambda cls: cls.__doc__,
    "copied": lambda cls: copy.deepcopy(cls(1, rest=[2])),
    "pickled": lambda cls: pickle.loads(pickle.dumps(cls(1, rest=[2]))),
    "reference cycle": lambda cls: isinstance(cls(1), tuple) and len(cls(1)),
}


def outcome(call, cls):
    try:
        found = call(cls)
    except (TypeError, ValueError, AttributeError) as error:
        return type(error)
    return found, isinstance(found, cls)


@pytest.mark.parametrize("call", CALLS)
def test_a_light_value_behaves_as_one_of_typing(call):
    assert outcome(CALLS[call], Light) == outcome(CALLS[call], Heavy)


def test_what_is_pickled_is_of_its_class():
    for value in (Light(1), Empty()):
        again = pickle.loads(pickle.dumps(value))
        assert type(again) is type(value) and again == value


def test_a_value_is_matched_by_place_and_name():
    match Light(1, "a"):
        case Light(2):
            raise AssertionError
        case Light(number, name=name):
            assert (number, name) == (1, "a")


def test_a_class_that_inherits_may_have_its_own_constructor():
    assert LightChild(3) == (3, "child", None) and LightChild(3)._replace(number=4).number == 4


@pytest.mark.parametrize("body", ["a: int = 1\n    b: int"])
def test_a_field_without_a_default_after_one_that_has_one_is_refused(body):
    for base in ("lighttyping", "typing"):
        with pytest.raises(TypeError):
            exec(f"class Bad({base}.NamedTuple):\n    {body}", {"lighttyping": lighttyping, "typing": typing})


def test_every_number_of_fields_that_it_has_a_constructor_for():
    for count in range(1, 13):
        fields = [f"field{number}" for number in range(count)]
        space = {"NamedTuple": lighttyping.NamedTuple, "__name__": "x"}
        exec(
            "class Made(NamedTuple):\n" + "\n".join(f"    {field}: int = {at}" for at, field in enumerate(fields)),
            space,
        )
        made = space["Made"](**{fields[-1]: 99})
        assert [getattr(made, field) for field in fields] == [*range(count - 1), 99]


def test_a_pattern_is_compiled_when_it_is_used():
    pattern = lazy_pattern("(?i)a(b+)")
    assert pattern.fullmatch("ABB")[1] == "BB" and pattern.match("xab", 1) and not pattern.search("c")
    assert re.escape("a.b") == r"a\.b" and re.compile("x").match("x")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there the one of typing is used")
def test_a_program_that_reads_objects_loads_neither_typing_nor_re(child_env):
    code = "import sys, expref.objstore.api; print([name for name in ('typing', 're', 'enum') if name in sys.modules])"
    before = "import sys; print([name for name in ('typing', 're', 'enum') if name in sys.modules])"
    found = [
        subprocess.run([sys.executable, "-c", each], env=child_env, capture_output=True, text=True, check=True).stdout
        for each in (before, code)
    ]
    assert found[0] == found[1]
