"""YAML against ruamel.yaml, which DVC reads with; and any bytes at all: a value or a BadFile, no other exception.

Left out, because libyaml is an older parser. It breaks lines at U+0085, U+2028 and U+2029 and drops a byte order mark
inside the text. It refuses directives of other names, a block scalar at the top without indentation, a key that is
nothing at all (`: a`) and, in brackets, plain scalars that begin or end with ":". Tabs where ruamel.yaml refuses them
are taken.
"""

import datetime
import io
import warnings

import pytest
import yaml
from expref.exps.formats import dotted, lockfile, metrics, params, pipeline, yaml12, yamlblock
from expref.exps.formats.badfile import BadFile
from hypothesis import example, given, settings
from hypothesis import strategies as st

ruamel_yaml = pytest.importorskip("ruamel.yaml")


def ruamel(text):
    """What DVC makes of a text: (value,), or () where it fails."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return (ruamel_yaml.YAML(typ="safe", pure=True).load(text),)
    except Exception:  # it raises AssertionError, IndexError, ValueError… too
        return ()


def ours(text):
    try:
        return (yaml12.decode(text.encode(), "p.yaml"),)
    except BadFile:
        return ()


def exact(value):
    """A value in which 1, 1.0 and True, the order of keys and -0.0 make a difference."""
    if isinstance(value, dict):
        return [(exact(key), exact(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return type(value), repr(value)


TIME = r"([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,8})?( ?(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)?"
WORDS = "true True TRUE tRUE yes on y n null Null ~ .inf -.INF +.Inf .nan .NaN .Nan << = 1_000 12:30:45"
SCALARS = st.one_of(
    st.text("0123456789+-._eExob:aTZ fnil~=", max_size=12),
    st.from_regex(r"[-+]?[0-9_]{0,5}(\.[0-9_]{0,5})?([eE][-+]?[0-9]{0,3})?", fullmatch=True),
    st.from_regex(r"[-+]?0[box]?[0-9a-fA-F_]{0,6}", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}" + TIME, fullmatch=True),
    st.sampled_from(WORDS.split()),
)


@settings(max_examples=500, deadline=None)
@given(SCALARS)
@example("1e-3")
@example("0o17")
@example("2020-12-31 23:59:59.9999995Z")
def test_a_plain_scalar_is_what_it_is_to_ruamel(text):
    expected = ruamel(f"k: {text}\n")
    if expected:
        assert [exact(value) for value in ours(f"k: {text}\n")] == [exact(value) for value in expected]


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(),
    SCALARS, st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\u2028\u2029\ufeff")),
)  # fmt: skip
KEYS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), SCALARS)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([True, False, None]),
        "default_style": st.sampled_from([None, None, "'", '"', "|", ">"]),
        "width": st.sampled_from([10, 80, 1000]),
        "indent": st.sampled_from([2, 4]),
        "allow_unicode": st.booleans(),
    }
)


@settings(max_examples=150, deadline=None)
@given(VALUES, STYLES)
def test_a_document_written_by_pyyaml_is_what_it_is_to_ruamel(value, style):
    text = yaml.safe_dump([value], sort_keys=False, **style)
    expected = ruamel(text)
    if expected:
        assert [exact(value) for value in ours(text)] == [exact(value) for value in expected]


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_ruamel_writes_is_read_back(value):
    stream, writer = io.StringIO(), ruamel_yaml.YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump([value], stream)
    expected = ruamel(stream.getvalue())
    if expected:
        assert [exact(value) for value in ours(stream.getvalue())] == [exact(value) for value in expected]


TOKENS = [
    "a", "b", "lr", "1", "1e-3", "on", "null", "<<", "é", "'x'", '"y"', "''", ": ", ": ", "- ", "? ", "[", "]", "{",
    "}", ", ", "\n", "\n  ", "\n    ", " ", "#", " # c", "&a ", "*a", "&b ", "*b", "!!str ", "!!int ", "!!map ",
    "!!omap ", "!x ", "! ", "x: |\n  t\n", "x: >-\n   t\n", "...", "---\n", "x: 1", "a: b\n",
    "- x\n", "b: \n  c: 1\n", "<<: *a\n",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=20).map("".join)


@settings(max_examples=500, deadline=None)
@given(TEXTS)
@example("- &a {x: 1}\n- {y: 2, <<: *a}\n")
def test_where_both_read_a_text_it_is_the_same(text):
    expected, found = ruamel(text), ours(text)
    if expected and found:
        assert exact(expected[0]) == exact(found[0])


BLOCK_TOKENS = [
    "a", "b", "k: ", "lr:", "key:\n", "- ", "- ", "- k: 1\n", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", "1", "1e-3", "-2.5", "017",
    "'q'", '"d"', " # c", "#", "[1, 2]", "[a, b c]", "[]", "{}", " ", "-", "~", "null", "on", ": ", "a b", "-x", "--", "...", "---",
    "x:y", "2020-01-01", "?", "&", "*", "!", "|", ">", "%", "@", "`", "=", "<<", ",", "a: b", ".", "(", "\\",
]  # fmt: skip


def is_read_alike(text):
    """What the quick reader reads is what the whole parser reads."""
    quick = yamlblock.read_block(text)
    if quick is not yamlblock.UNFIT:
        assert exact(quick) == exact(yaml12._decode_all(text, "p.yaml"))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(BLOCK_TOKENS), max_size=14).map("".join))
def test_the_quick_reader_and_the_whole_parser_agree(text):
    is_read_alike(text)


@settings(max_examples=300, deadline=None)
@given(VALUES, STYLES)
def test_the_quick_reader_and_the_whole_parser_agree_on_what_programs_write(value, style):
    text = yaml.safe_dump({"a": value, "b": [value]}, sort_keys=False, **style)
    is_read_alike(text)
    for name in ("a", "b"):  # and on what people do to it
        is_read_alike(text.replace(f"{name}:", f"{name}: x", 1))
        is_read_alike(text.replace(f"{name}:\n", f"{name}:\n ", 1))


DOCUMENT = """\
# comment
base: &base {lr: 1e-3, "on": [yes, 'no', ~, .inf, 2020-01-01]}
other:
  <<: *base
  text: |
    x: y
  ? folded
  : >-
    é \U0001f600
  "a\\u00e9": !!float 1
""".encode()
PIPELINE = b"""\
stages:
  fit: {cmd: x, wdir: w, params: [lr, {p.yaml: [a.b]}], metrics: [m.json: {cache: false}]}
params: [q.yaml]
"""
LOCK = (
    b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - path: p\n      md5: ab\n      size: 1\n    outs: []\n"
)
DECODERS = {
    "dvc.lock": (LOCK, lambda path, content: lockfile.decode_lock(content, path)),
    "d.dvc": (
        b"outs:\n- md5: ab.dir\n  path: d\n  size: 3\ndeps: [{path: a}]\n",
        lambda path, content: lockfile.decode_single(content, path),
    ),
    "p.toml": (b'a = 1\n[b]\nc = [1.5, "x", {d = 2020-01-01}]\n', params.decode),
    "p.py": (b"lr = 0.1\nclass C:\n  x: int = {'a': (1, -2)}\n", params.decode),
    "p.yaml": (DOCUMENT, params.decode),
    "p.json": (b'{"a": [1, 2.5e-3, NaN, "\\u00e9\\ud83d\\ude00", null], "b": {"c": true}}', params.decode),
    "m.json": (b'{"a": [1, 2.5e-3, NaN, "x", null], "b": {"c": true}}', metrics.decode),
    "dvc.yaml": (PIPELINE, lambda path, content: pipeline.decode(content, path).declare("", {}.get)),
}


def is_value_or_bad_file(path, content):
    try:
        DECODERS[path][1](path, content)
    except BadFile as error:
        assert str(error).startswith(path) and "\n" not in str(error) and error.kind


@pytest.mark.parametrize("path", DECODERS)
def test_cut_at_every_byte(path):
    content, decode = DECODERS[path]
    assert decode(path, content)
    for end in range(len(content)):
        is_value_or_bad_file(path, content[:end])


@pytest.mark.parametrize("path", DECODERS)
def test_one_bit_flipped(path):
    content = DECODERS[path][0]
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        is_value_or_bad_file(path, bytes(flipped))


@settings(deadline=None)
@given(st.sampled_from(sorted(DECODERS)), st.binary(max_size=60) | TEXTS.map(str.encode))
def test_any_bytes(path, content):
    is_value_or_bad_file(path, content)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc01"), inner, max_size=4),
)


@settings(deadline=None)
@given(JSON_VALUES, st.lists(st.lists(st.sampled_from(["a", "b", "0", "1", "-1", ""])).map(".".join)))
def test_a_selection_is_a_part_and_selecting_again_changes_nothing(value, keys):
    selected = dotted.select(value, keys)
    if isinstance(value, dict):
        assert selected == {name: selected[name] for name in value if name in selected}
        assert dotted.select(value, value) == {name: value[name] for name in value if "." not in name}
    if not any("-1" in key for key in keys):  # the last item of what is left may be another one
        assert dotted.select(selected, keys) == selected
