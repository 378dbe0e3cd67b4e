"""What `dvc exp show --json` says of parameter, metric and pipeline files, and what we say.

Each case is a commit of its own, so that one run of DVC judges them all. Values, their order and the types of errors
are compared; messages are not.
"""
import json
import os
import posixpath
import shutil
import subprocess

import pytest
from expref.exps.formats import metrics, params, pipeline
from expref.exps.formats.badfile import BadFile

from tests.conftest import BIN, needs
from tests.gitrepo import GitRepo, git_environ

pytestmark = [needs("dvc"), needs("git")]

FIT = "stages:\n  fit:\n    cmd: python fit.py\n"
JSON = '{"a": 1, "b": {"c": 2.5, "l": [1]}, "n": null}'
YAML = "a: 1\nb: {c: 2, d: 3}\nl: [5, 6, {x: 7}]\nlr: 1e-3\non: yes\n"

READABLE = {  # name: {path: content}
    "nothing": {"train.py": "pass"},
    "params.yaml that nobody names": {"params.yaml": YAML},
    "params.yaml in a folder": {"a/params.yaml": YAML},
    "tricky yaml": {
        "params.yaml": "f: 1e-3\no: [on, off, yes, 'no']\ni: [017, 0o17, 0x1F, 0b11, 1_000]\ns: 12:30:45\n"
        "c: [.inf, -.inf, .nan, ~, null, '', 1., .5, 1e5, .5e3]\nt: !!str 1\nq: \"\\u00e9\\n\"\nw: |\n  x\n  y\n"
        "base: &b {x: 1, y: 2}\nm: {z: 0, y: 3, <<: *b}\n1: one\n2.5: two\nfalse: no\nom: !!omap [b: 1, a: 2]\n",
    },
    "top level": {
        "dvc.yaml": "params: [q.yaml, a.json, gone.yaml, e.yaml, l.json, s.json]\n"
        "metrics: [m.json, ./m.json, x/../n.yaml, gone]",
        "q.yaml": YAML, "a.json": '{"x": NaN, "y": Infinity, "y": 1, "z": [-Infinity]}', "e.yaml": "", "l.json": "[1]",
        "s.json": "5", "m.json": JSON, "n.yaml": YAML,
    },
    "metrics": {
        "dvc.yaml": "metrics: [a.json, b.json, c, d.yaml, e.json]",
        "a.json": "0.95", "b.json": '[1, {"a": 1}]', "c": "text",
        "d.yaml": "a: []\nb: {}\nc: {d: {e: ~}}\nf: ''\ng: 0\nh: false\ni: .nan", "e.json": "0",
    },
    "bad files": {
        "dvc.yaml": "params: [a.json, a.yaml, d.yaml, t.yaml, b.json, i.yaml, i.json, n.yaml, v.yaml, w.yaml, x.yaml]\n"
        "metrics: [a.json, a.yaml]",
        "a.json": '{"a": 1', "a.yaml": "a: [", "d.yaml": "a: 1\na: 2", "t.yaml": "a: !x 1", "b.json": b"\xef\xbb\xbf{}",
        "i.yaml": "a: " + "9" * 5000, "i.json": "9" * 5000, "n.yaml": "a: " + "[" * 600 + "]" * 600, "v.yaml": "a: ._",
        "w.yaml": "a: 2020-13-45", "x.yaml": "a: 1\n---\nb: 1",
    },
    "keys of a stage": {
        "dvc.yaml": FIT
        + "    params: [{q.yaml: [b.d, a, zz, l.1]}, lr, {p.yaml: [b]}, {r.yaml: }, {./q.yaml: [b.c]}]\n"
        "    metrics: [m.json, {n.json: {cache: false}}]\nmetrics: [m.json]\n",
        "params.yaml": YAML, "q.yaml": YAML, "p.yaml": YAML, "r.yaml": YAML, "m.json": JSON, "n.json": JSON,
    },
    "files without keys": {
        "dvc.yaml": FIT + "    params: [{q.yaml: [a]}, {p.yaml: [a]}, {p.yaml: []}]\n"
        "params: [params.yaml, q.yaml, r.yaml]\n",
        "params.yaml": YAML, "q.yaml": YAML, "p.yaml": YAML, "r.yaml": YAML,
    },
    "no params.yaml": {"dvc.yaml": FIT + "    params: [lr]\n    metrics: [m.json]\n"},
    "wdir": {
        "dvc.yaml": FIT + "    wdir: w\n    params: [lr, {../q.yaml: [a]}]\n    metrics: [m.json, ../n.json]\n",
        "params.yaml": YAML, "w/params.yaml": YAML, "q.yaml": YAML, "w/m.json": JSON, "n.json": JSON,
    },
    "many pipelines": {
        "dvc.yaml": FIT + "    params: [{q.yaml: [a]}]\n    metrics: [z.json]\nparams: [r.yaml]\nmetrics: [m.json]\n",
        "a/dvc.yaml": FIT + "    params: [lr, {../q.yaml: [l]}]\n    metrics: [k.json]\n"
        "params: [../p.yaml]\nmetrics: [n.json]\n",
        "b/c/dvc.yaml": "metrics: [c.json]", "a-b/dvc.yaml": "metrics: [ab.json]",
        "b/dvc.yaml": FIT + "    metrics: [b.json]",
        "a/params.yaml": YAML, "q.yaml": YAML, "p.yaml": YAML, "r.yaml": YAML, "a/k.json": JSON, "a/n.json": JSON,
    },
    "folders": {
        "dvc.yaml": FIT + "    metrics: [e]\n    params: [{p: [a]}]\nmetrics: [d/, d/b.json]\n",
        "d/b.json": JSON, "d/a.json": JSON, "d/z/c.yaml": YAML, "e/q.json": JSON, "p/x.yaml": YAML, "p/y.yaml": YAML,
    },
    "stages without templates": {
        "dvc.yaml": "stages:\n  a: {foreach: [1, 2], do: {cmd: 'x ${item}', params: [{q.yaml: [a]}]}}\n"
        "  b: {foreach: [], do: {cmd: x, metrics: [m.json]}}\n"
        "  c: {matrix: {k: [1]}, cmd: x, params: [{q.yaml: [l]}]}\n"
        "  d: {matrix: {k: [], l: [1]}, cmd: x, metrics: [m.json]}\n"
        "  e: &e {cmd: x, metrics: [n.json]}\n  f: {<<: *e, cmd: y}\n"
        "metrics: ['\\${m}', 'a\\b.json']\n",
        "q.yaml": YAML, "m.json": JSON, "n.json": JSON, "${m}": JSON, "a/b.json": JSON,
    },
    "empty dvc.yaml": {"dvc.yaml": "", "params.yaml": YAML},
}  # fmt: skip
INVALID = {
    "no yaml": "stages: [",
    "a key twice": "params: [a]\nparams: [b]",
    "no unicode": b"params: [\xff]",
    "unknown key": "foo: 1",
    "unknown key of a stage": FIT + "    foo: 1\n",
    "unknown key of an output": FIT + "    outs: [{a: {foo: 1}}]\n",
    "no command": "stages: {fit: {deps: [a]}}",
    "a list": "[a]",
    "null": "metrics:",
    "a metric that is no text": "metrics: [{m.json: {cache: false}}]",
    "an output without a mapping": FIT + "    metrics: [{m.json: }]\n",
    "a stage of two kinds": "stages: {fit: {foreach: [1], do: {cmd: x}, matrix: {k: [1]}}}",
    "keys that are no list": FIT + "    params: [{p.yaml: a}]\n",
}


def shown(files):
    """What `exp show` would say of these files: parameters and metrics, by path."""
    found = {}
    for path in files:
        if posixpath.basename(path) == "dvc.yaml":
            found[posixpath.dirname(path)] = pipeline.decode(encoded(files[path]), path)
    declared = pipeline.collect(found, "params.yaml" if "params.yaml" in files else None)
    assert not declared.skipped
    decode = {path: file.keys for file in declared.params for path in below(files, file.path)}
    return {
        "params": {path: shown_file(params.decode, files, path, keys) for path, keys in decode.items()},
        "metrics": {
            path: shown_file(metrics.decode, files, path) for name in declared.metrics for path in below(files, name)
        },
    }


def shown_file(decode, files, path, keys=None):
    if path not in files:
        return {"error": {"type": "FileNotFoundError"}}
    try:
        value = decode(path, encoded(files[path]))
    except BadFile as error:
        return {"error": {"type": error.kind}}
    return {"data": value if keys is None else params.select(value, keys)}


def below(files, path):
    """The file, or the files of the folder."""
    return sorted(name for name in files if name.startswith(path + "/")) or [path]


def encoded(content):
    return content.encode() if isinstance(content, str) else content


def commit(repo, files):
    """Commit these files and no others, in a DVC project; return the id."""
    for path in repo.path.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    repo.write(".dvc/config", b"[core]\n    analytics = false\n")
    for path, content in files.items():
        repo.write(path, encoded(content))
    return repo.commit("case")


@pytest.fixture(scope="module")
def dvc_says(tmp_path_factory):
    """{name: the state of that case in `dvc exp show --json`}, with error messages cut off."""
    folder = tmp_path_factory.mktemp("dvc")
    repo = GitRepo(folder / "project", git_environ(folder / "home")).init()
    cases = READABLE | {name: {"dvc.yaml": content} for name, content in INVALID.items()}
    names = {commit(repo, files): name for name, files in cases.items()}
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environ = repo.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "cache")}
    command = [shutil.which("dvc", path=path), "exp", "show", "--json", "--all-commits"]
    done = subprocess.run(command, cwd=repo.path, env=environ, capture_output=True, text=True, check=True)
    return {names[state["rev"]]: without_messages(state) for state in json.loads(done.stdout) if state["rev"] in names}


def without_messages(state):
    for files in (state["data"]["params"], state["data"]["metrics"]) if state["data"] else ():
        for file in files.values():
            file.get("error", {}).pop("msg", None)
    return state


@pytest.mark.parametrize("name", READABLE)
def test_parameters_and_metrics_are_those_that_dvc_shows(dvc_says, name):
    state = dvc_says[name]
    assert state["error"] is None
    dvc = {kind: state["data"][kind] for kind in ("params", "metrics")}
    assert json.dumps(shown(READABLE[name]), indent=1) == json.dumps(dvc, indent=1)


@pytest.mark.parametrize("name", INVALID)
def test_what_dvc_refuses_is_refused_by_the_same_name(dvc_says, name):
    with pytest.raises(BadFile) as caught:
        pipeline.decode(encoded(INVALID[name]), "dvc.yaml")
    assert caught.value.kind == dvc_says[name]["error"]["type"]
