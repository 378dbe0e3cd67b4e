"""What `dvc exp show --json` says of the files of a project, and what we say.

Each case is a commit of its own, so that one run of DVC judges them all. Values, their order and the types of errors
are compared; messages are not.
"""

import json
import os
import shutil
import subprocess

import pytest
from expref.exps import dvcjson
from expref.exps.selection import Selection, select
from expref.exps.show import show

from tests.conftest import BIN, needs
from tests.gitrepo import GitRepo, git_environ
from tests.projects import open_project

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
MORE = {  # templates, locks, data files, Python and TOML
    "lock": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: python fit.py\n    deps:\n    - path: data\n      hash: md5\n      md5: 0123456789abcdef0123456789abcdef.dir\n      size: 100\n      nfiles: 3\n    - path: fit.py\n      hash: md5\n      md5: ABCDEF6789abcdef0123456789abcdef\n      size: 10\n    - path: old.py\n      md5: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n      size: 5\n    params:\n      params.yaml:\n        lr: 0.1\n    outs:\n    - path: model\n      hash: md5\n      md5: a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2\n      size: 7\n      isexec: true\n    - path: m.json\n      hash: md5\n      md5: a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3\n      size: 7\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-no-yaml": {
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: python fit.py\n    deps:\n    - path: data\n      hash: md5\n      md5: 0123456789abcdef0123456789abcdef.dir\n      size: 100\n      nfiles: 3\n    - path: fit.py\n      hash: md5\n      md5: ABCDEF6789abcdef0123456789abcdef\n      size: 10\n    - path: old.py\n      md5: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n      size: 5\n    params:\n      params.yaml:\n        lr: 0.1\n    outs:\n    - path: model\n      hash: md5\n      md5: a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2\n      size: 7\n      isexec: true\n    - path: m.json\n      hash: md5\n      md5: a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3\n      size: 7\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-broken": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "stages: [",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-invalid": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '1.0'\nstages: {}\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-noschema": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "stages: {}\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-v1": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "fit:\n  cmd: python fit.py\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-empty": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-unknown": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '2.0'\nfoo: 1\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-unknown2": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    foo: 1\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-unknown3": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    deps:\n    - path: data\n      foo: 1\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-nopath": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    deps:\n    - md5: 'abcdef'\n",
        "params.yaml": "lr: 0.1\n",
    },
    "lock-nocmd": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [data, fit.py, old.py, nolock.py]\n    params: [lr]\n    outs: [model, {keep: {cache: false, persist: true}}]\n    metrics: [m.json]\n    plots: [p.csv]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    deps: []\n",
        "params.yaml": "lr: 0.1\n",
    },
    "dvcfile-broken": {
        "data.dvc": "outs: [",
        "params.yaml": "lr: 1\n",
    },
    "dvcfile-invalid": {
        "data.dvc": "foo: 1",
        "params.yaml": "lr: 1\n",
    },
    "dvcfile-dotname": {
        ".dvc.dvc": "outs:\n- path: q\n",
        "x/.dvc": "outs:\n- path: q\n",
    },
    "dvc-folder": {
        "data.dvc/dvc.yaml": "metrics: [m.json]",
        "data.dvc/m.json": "{}",
        "dvc.yaml/x": "a",
    },
    "nested": {
        "sub/.dvc/config": "",
        "sub/dvc.yaml": "metrics: [m.json]",
        "dvc.yaml": "metrics: [n.json, sub/m.json]",
        "sub/m.json": "{\"a\":1}",
        "n.json": "{\"a\":2}",
    },
    "ignored": {
        ".dvcignore": "ig\n*.json\n",
        "ig/dvc.yaml": "metrics: [m.json]",
        "dvc.yaml": "metrics: [n.json]",
        "n.json": "{\"a\":2}",
    },
    "out-folder": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    outs: [o]\n",
        "o/dvc.yaml": "metrics: [m.json]",
        "o/m.json": "{}",
        "z/dvc.yaml": "metrics: [m.json]",
        "z/m.json": "{}",
    },
    "out-later": {
        "z/dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    outs: [../o]\n",
        "o/dvc.yaml": "metrics: [m.json]",
        "o/m.json": "{}",
    },
    "tpl": {
        "dvc.yaml": "vars:\n- v.yaml:a,b\n- {lit: {x: deep, n: 3, t: true}}\nstages:\n  fit:\n    cmd: python ${lit.x} ${name}\n    wdir: ${w}\n    vars: [{own: zz}]\n    deps: ['${own}-${lit.n}-${lit.t}', '${lst[1]}']\n    params: [lr, '${pk}', {'${pf}': ['${pk}']}]\n    metrics: ['${a}.json']\nparams: ['${lit.x}.yaml']\nmetrics: ['top-${b}.json']\n",
        "v.yaml": "a: 1\nb: bb\nc: cc\n",
        "params.yaml": "name: N\nw: wd\nlst: [p, q]\npk: lr\npf: pf.yaml\nlr: 0.5\n",
        "wd/1.json": "{\"z\": 1}",
        "wd/params.yaml": "lr: 9\n",
        "wd/pf.yaml": "lr: 8\nx: 7\n",
        "deep.yaml": "k: 1",
        "top-bb.json": "{\"k\": 2}",
    },
    "tpl-track": {
        "dvc.yaml": "vars: [v.yaml, sub/w.toml]\nstages:\n  fit:\n    cmd: run ${a} ${d.e} ${tt.u}\n  g:\n    cmd: x ${d}\n    deps: ['${l[0]}']\n",
        "v.yaml": "a: 1\nd: {e: 2, f: {g: 3}}\nl: [x, y]\nunused: 4\n",
        "sub/w.toml": "[tt]\nu = 1.5\n",
        "params.yaml": "lr: 1\n",
    },
    "tpl-track2": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: run ${lr}\n",
        "params.yaml": "lr: 1\nother: 2\n",
        "a/dvc.yaml": "vars: [v.yaml]\nstages:\n  fit:\n    cmd: run ${lr} ${q}\n",
        "a/params.yaml": "lr: 3\nother: 4\n",
        "a/v.yaml": "q: 5\nr: 6\n",
    },
    "tpl-track-params": {
        "dvc.yaml": "vars: [v.yaml]\nstages:\n  fit:\n    cmd: run ${a}\n    params: [{v.yaml: [b]}]\n",
        "v.yaml": "a: 1\nb: 2\n",
    },
    "tpl-missing": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: run ${nope}\n",
        "params.yaml": "lr: 1\n",
    },
    "tpl-missing-top": {
        "dvc.yaml": "metrics: ['${nope}']",
        "params.yaml": "lr: 1\n",
    },
    "tpl-novars": {
        "dvc.yaml": "vars: [gone.yaml]\nstages:\n  fit:\n    cmd: run\n",
    },
    "tpl-dup": {
        "dvc.yaml": "vars: [{lr: 2}]\nstages:\n  fit:\n    cmd: run\n",
        "params.yaml": "lr: 1\n",
    },
    "tpl-list": {
        "dvc.yaml": "vars: [{l: [1]}]\nstages:\n  fit:\n    cmd: run ${l}\n",
    },
    "tpl-syntax": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: run ${a b.}\n",
        "params.yaml": "a b: 1\n",
    },
    "tpl-syntax2": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: run ${}\n",
        "params.yaml": "a b: 1\n",
    },
    "tpl-syntax3": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: run ${a[}\n",
        "params.yaml": "a: [1]\n",
    },
    "tpl-frozen": {
        "dvc.yaml": "vars: [{t: true, d: desc}]\nstages:\n  fit:\n    cmd: run\n    desc: ${d}\n    metrics: ['${d}': {cache: false}]\n",
    },
    "foreach-list": {
        "dvc.yaml": "stages:\n  fit:\n    foreach: [a, b]\n    do:\n      cmd: run ${item}\n      deps: ['${item}.py']\n      metrics: ['${item}.json']\n      params: [{'${item}.yaml': [k]}]\n      outs: ['o-${item}']\n",
        "a.json": "{\"q\":1}",
        "b.json": "{\"q\":2}",
        "a.yaml": "k: 1",
        "b.yaml": "k: 2",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit@a:\n    cmd: run a\n    deps:\n    - {path: a.py, hash: md5, md5: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, size: 1}\n",
    },
    "foreach-dict": {
        "dvc.yaml": "stages:\n  fit:\n    foreach: {x: {p: 1}, y: {p: 2}}\n    do:\n      cmd: run ${item.p} ${key}\n      deps: ['${key}-${item.p}.py']\n",
    },
    "foreach-comp": {
        "dvc.yaml": "stages:\n  fit:\n    foreach: [{p: 1}, {p: 2}]\n    do:\n      cmd: run ${item.p}\n      deps: ['${item.p}.py']\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit@0:\n    cmd: run 1\n    deps:\n    - {path: 1.py, hash: md5, md5: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, size: 1}\n",
    },
    "foreach-params": {
        "dvc.yaml": "stages:\n  fit:\n    foreach: ${models}\n    do:\n      cmd: run ${item.p} ${key}\n      deps: ['${item.p}.py']\n",
        "params.yaml": "models: {a: {p: 1}, b: {p: 2}}\n",
    },
    "foreach-bad": {
        "dvc.yaml": "vars: [{names: abc}]\nstages:\n  fit:\n    foreach: ${names}\n    do:\n      cmd: run ${item}\n",
    },
    "foreach-dup": {
        "dvc.yaml": "stages:\n  fit:\n    foreach: [a, a, A]\n    do:\n      cmd: run ${item}\n      deps: ['${item}']\n",
    },
    "matrix": {
        "dvc.yaml": "vars: [{ns: [1, 2]}]\nstages:\n  fit:\n    matrix: {m: [a, b], n: '${ns}', c: [{q: 1}, [2]]}\n    cmd: run ${item.m} ${item.n} ${key}\n    deps: ['${key}.py']\n    metrics: ['${item.m}.json']\n",
        "a.json": "{}",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit@a-1-c0:\n    cmd: run 1\n    deps:\n    - {path: a-1-c0.py, hash: md5, md5: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, size: 1}\n",
    },
    "matrix-foreach-vars": {
        "dvc.yaml": "stages:\n  fit:\n    foreach: [1]\n    do:\n      vars: [{z: '1'}, q.yaml]\n      cmd: run ${item} ${z} ${qq}\n",
        "q.yaml": "qq: 1\n",
    },
    "merge-vars": {
        "dvc.yaml": "vars: [{d: {a: 1}}, {d: {b: 2}}, v.yaml, v.yaml]\nstages:\n  fit:\n    cmd: run ${d.a} ${d.b} ${d.c}\n",
        "v.yaml": "d: {c: 3}\n",
    },
    "escape": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: run\n    deps: ['\\${x}.py', 'a\\${b}${lr}']\n",
        "params.yaml": "lr: 1\n",
    },
    "toml": {
        "dvc.yaml": "params: [a.toml, b.toml, c.TOML]\nmetrics: [a.toml]\n",
        "a.toml": "x = 1\nd = 2020-01-01\ndt = 2020-01-01T10:00:00Z\nf = nan\ni = inf\n[s]\nl = [1, {a = 2}]\n'k.e.y' = 1\n",
        "b.toml": "x = ",
        "c.TOML": "q = 1_000\nh = 0xff\n",
    },
    "py": {
        "dvc.yaml": "params: [a.py, b.py, c.py]\nmetrics: [a.py]\n",
        "a.py": "import os\nX = 1\nY: int = 2\nZ: str\na = b = 3\nL = [1, 2]\nT = (1, 2)\nD = {'a': 1, 'b': {'c': 2}}\nN = -1\nE = 1 + 2\nF = f(1)\nclass C:\n    x = 1\n    y: float = 1.5\n    def __init__(self, q):\n        self.z = 3\n        local = 4\n        self.w: int = 5\n        self.d.e = 6\n    def other(self):\n        self.no = 1\n    class In:\n        k = 'v'\ndef f():\n    g = 1\nif True:\n    cond = 1\nx.y = 4\nself.m = 8\n(u, v) = 1, 2\nX2 = None\nNest = [[1, {'a': (1,2)}], -2.5]\nDD = {**{'a': 1}}\n",
        "b.py": "x = (",
        "c.py": "S = 2\n",
    },
    "py2": {
        "dvc.yaml": "params: [c.py]\n",
        "c.py": "a = 1\nX = {1: 2}\nT = ((1, 2), 'x')\n",
    },
    "json-metrics": {
        "dvc.yaml": "metrics: [m.json]\n",
        "m.json": "{\"a\": NaN, \"b\": {\"c\": Infinity, \"d\": [1], \"e\": null}, \"f.g\": 1, \"1\": 2}",
    },
    "folder-metric-missing": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    metrics: [m.json]\n    outs: [o]\n",
        "params.yaml": "",
    },
    "metric-folder": {
        "dvc.yaml": "metrics: [d]\nparams: [e]\n",
        "d/x": "a: 1",
        "e/y.py": "a = 1",
    },
    "same-dep": {
        "dvc.yaml": "stages:\n  a: {cmd: x, deps: [f, g], outs: [o]}\n  b: {cmd: x, deps: [o, f]}\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n    - {path: f, hash: md5, md5: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, size: 1}\n  b:\n    cmd: x\n    deps:\n    - {path: f, hash: md5, md5: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, size: 2}\n",
    },
    "dup-out": {
        "dvc.yaml": "stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o]}\n",
    },
    "cycle": {
        "dvc.yaml": "stages:\n  a: {cmd: x, deps: [q], outs: [o]}\n  b: {cmd: x, deps: [o], outs: [q]}\n",
    },
    "dep-params": {
        "dvc.yaml": "stages:\n  a: {cmd: x, params: [lr, {q.yaml: }, {r.yaml: [a.b]}]}\nparams: [t.yaml]\n",
        "params.yaml": "lr: 1\nmom: 2\n",
        "q.yaml": "a: 1\n",
        "r.yaml": "a: {b: 1, c: 2}\n",
        "t.yaml": "u: 1\n",
    },
    "badname": {
        "dvc.yaml": "stages:\n  'a b': {cmd: x, deps: [f]}\n  'c@d': {cmd: y, deps: [g]}\n",
    },
    "persist-metric": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    metrics: [{m.json: {cache: false}}, m.json]\n    outs: [x, {x: {cache: false}}]\n",
    },
    "tpl-topfolder": {
        "dvc.yaml": "vars: [{d: out}]\nmetrics: ['${d}']",
        "out/m.json": "{\"a\":1}",
    },
    "artifacts-tpl": {
        "dvc.yaml": "vars: [{d: out}]\nartifacts: {m: {path: '${nope}'}}\nplots: ['${nope2}']",
    },
    "lock-dup": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [a, ./a, b/../a, b//c]\n    outs: [o/, ./p]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    deps:\n    - {path: a, hash: md5, md5: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, size: 1}\n    - {path: ./a, hash: md5, md5: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, size: 2}\n    outs:\n    - {path: o/, hash: md5, md5: cccccccccccccccccccccccccccccccc.dir, size: 1}\n    - {path: p, hash: md5, md5: dddddddddddddddddddddddddddddddd, size: 1}\n",
    },
    "lock-null": {
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    deps: [a, b]\n",
        "dvc.lock": "schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    deps:\n    - {path: a, hash: md5, md5: , size: 1}\n    - {path: b, size: x}\n",
    },
    "legacy-dir": {
        "data.dvc": "outs:\n- md5: ABcdefabcdefabcdefabcdefabcdefab.dir\n  nfiles: 3\n  path: data\n",
    },
    "tpl-bool": {
        "dvc.yaml": "vars: [{t: true, o: out}]\nstages:\n  fit:\n    cmd: run\n    outs: [{'${o}': {cache: false}}]\n    frozen: true\n    params: ['${o}']\n",
        "params.yaml": "out: 3\nk: 1\n",
    },
    "track-over": {
        "dvc.yaml": "vars: [v.yaml]\nstages:\n  fit:\n    cmd: run ${v}\nparams: [v.yaml]\n",
        "v.yaml": "v: 1\nw: 2\n",
    },
    "dotfolder": {
        ".hid/dvc.yaml": "metrics: [m.json]",
        ".hid/m.json": "{}",
        ".github/x.dvc": "outs:\n- path: q\n",
    },
    "dvcmulti": {
        "z.dvc": "outs:\n- path: z\n",
        "a.dvc": "outs:\n- path: a\n",
        "dvc.yaml": "stages:\n  fit:\n    cmd: python fit.py\n    outs: [f]\n    deps: [a]\n",
        "b/c.dvc": "outs:\n- path: c\n",
        "Z.dvc": "outs:\n- path: Zz\n",
    },
    "foreach-mixed": {
        "dvc.yaml": "vars: [{names: [a, 1, true, 2.5]}]\nstages:\n  fit:\n    foreach: ${names}\n    do:\n      cmd: run ${item}\n      deps: ['x-${item}.py']\n",
    },
    "tomlbad": {
        "dvc.yaml": "params: [a.toml, b.toml]",
        "a.toml": "a = 1\na = 2\n",
        "b.toml": "\ufeffa = 1\n",
    },
}  # fmt: skip
DATA = {  # one DVC file each
    "added": "outs:\n- md5: ab23456789abcdef0123456789abcdef.dir\n  size: 10\n  nfiles: 2\n  hash: md5\n  path: data\n",
    "wdir": "wdir: sub\nouts:\n- md5: ab23456789abcdef0123456789abcdef\n  size: 10\n  path: bb\n  cache: false\n",
    "import": "md5: ab23456789abcdef0123456789abcdef\nfrozen: true\ndeps:\n- path: data/raw\n  md5: a4a4\n  size: 3\n"
    "  hash: md5\n- path: x\nouts:\n- path: imp\n  md5: a5a5\n",
    "repository": "frozen: true\ndeps:\n- path: d\n  repo:\n    url: /tmp/x\n    rev_lock: abc\nouts:\n- path: rep\n",
    "empty": "", "broken": "outs: [", "unknown key": "foo: 1",
}  # fmt: skip
DIFFERENT = {  # what we show where DVC gives up the whole revision
    "a date": {"params.yaml": "d: 2020-01-01\nt: 2020-01-01T10:00:00Z\n"},
    "a date as a variable": {"dvc.yaml": FIT, "params.yaml": "d: 2020-01-01\n"},
    "a number as a path": {"dvc.yaml": "vars: [{i: 3}]\nstages:\n  fit:\n    cmd: x\n    deps: ['${i}']\n"},
}
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


CASES = READABLE | MORE | {f"data: {name}": {"data.dvc": content} for name, content in DATA.items()}
CASES |= {f"invalid: {name}": {"dvc.yaml": content} for name, content in INVALID.items()}


def commit(repo, files):
    """Commit these files and no others, in a DVC project; return the id."""
    for path in repo.path.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    repo.write(".dvc/config", b"[core]\n    analytics = false\n")
    for path, content in files.items():
        repo.write(path, content.encode() if isinstance(content, str) else content)
    repo.git("add", "--all", "--force")
    return repo.commit("case")


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """{name: (what DVC says, what we say) of that case}, with error messages cut off."""
    folder = tmp_path_factory.mktemp("dvc")
    repo = GitRepo(folder / "project", git_environ(folder / "home")).init()
    names = {commit(repo, files): name for name, files in (CASES | DIFFERENT).items()}
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environ = repo.environ | {"PATH": path, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "cache")}
    command = [shutil.which("dvc", path=path), "exp", "show", "--json", "--all-commits"]
    done = subprocess.run(command, cwd=repo.path, env=environ, capture_output=True, text=True, check=True)
    project = open_project(repo)
    table = show(project, baselines=select(project, Selection(commits=True)))
    both = [
        {names[state["rev"]]: without_messages(state) for state in json.loads(text) if state["rev"] in names}
        for text in (done.stdout, "".join(dvcjson.pieces(table)))
    ]
    return {name: (both[0][name], both[1][name]) for name in names.values()}


def without_messages(state):
    """What is compared: data, and the types of errors."""
    for files in (state["data"]["params"], state["data"]["metrics"]) if state["data"] else ():
        for file in files.values():
            file.get("error", {}).pop("msg", None)
    data = {key: value for key, value in (state["data"] or {}).items() if key not in ("rev", "timestamp")}
    return {"error": state["error"] and state["error"]["type"], "data": data}


@pytest.mark.parametrize("name", CASES)
def test_what_a_commit_says_is_what_dvc_says_of_it(said, name):
    dvc, ours = (json.dumps(each, indent=1) for each in said[name])
    assert ours == dvc


@pytest.mark.parametrize("name", DIFFERENT)
def test_where_dvc_gives_up_we_show_what_is_there(said, name):
    dvc, ours = said[name]
    assert dvc["error"] and not ours["error"] and (ours["data"]["params"] or ours["data"]["deps"])
