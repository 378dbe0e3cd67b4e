"""dvc.lock and .dvc files: what they say of files, and what makes them invalid."""

import pytest
from expref.exps.formats import lockfile
from expref.exps.formats.badfile import BadFile
from expref.exps.formats.lockfile import Content, StageLock

LOCK = b"""\
schema: '2.0'
stages:
  fit@a:
    cmd: python fit.py
    deps:
    - path: data
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
      size: 100
      nfiles: 3
    - path: ./old.py
      md5: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
      size: 5
    params:
      params.yaml:
        lr: 0.1
    outs:
    - path: model
      hash: blake3
      etag: a2a2
      size: 7
      isexec: true
"""
FIT = StageLock(
    {"data": Content("0123456789abcdef0123456789abcdef.dir", 100, 3), "./old.py": Content("a1" * 16, 5)},
    {"model": Content("a2a2", 7)},
)


def test_a_lock_says_what_was_there_when_a_stage_was_run():
    assert lockfile.decode_lock(LOCK, "dvc.lock") == {"fit@a": FIT}


def test_the_quick_check_and_the_whole_one_find_the_same(monkeypatch):
    monkeypatch.setattr(lockfile, "_is_usual", lambda document: False)
    assert lockfile.decode_lock(LOCK, "dvc.lock") == {"fit@a": FIT}


def entry(text):
    """What is known of the only dependency of a lock."""
    lock = f"schema: '2.0'\nstages: {{a: {{cmd: x, deps: [{{path: p, {text}}}]}}}}"
    return lockfile.decode_lock(lock.encode(), "dvc.lock")["a"].deps["p"]


ENTRIES = {
    "": Content(), "md5: abc": Content("abc"), "md5: 12345": Content("12345"), "md5: ''": Content(), "md5: ~": Content(),
    "hash: sha, etag: x, md5: y": Content(), "hash: etag, etag: x": Content("x"), "etag: x": Content(),
    "files: [{relpath: a, size: 3}, {relpath: b}]": Content(None, 3, 2), "cloud: {r: {etag: x}}, size: 4": Content(None, 4),
}  # fmt: skip


@pytest.mark.parametrize("text", ENTRIES)
def test_the_digest_is_under_the_key_that_the_entry_names(text):
    assert entry(text) == ENTRIES[text]


INVALID = [
    b"", b"[]", b"stages: {}", b"schema: '1.0'", b"schema: 2.0", b"schema: '2.0'\nfoo: 1", b"schema: '2.0'\nstages: []",
    b"schema: '2.0'\nstages: {a: {}}", b"schema: '2.0'\nstages: {a: {cmd: 1}}", b"schema: '2.0'\nstages: {a: {cmd: x, foo: 1}}",
    b"schema: '2.0'\nstages: {a: {cmd: x, deps: {}}}", b"schema: '2.0'\nstages: {a: {cmd: x, deps: [{md5: a}]}}",
    b"schema: '2.0'\nstages: {a: {cmd: x, deps: [{path: a, size: x}]}}", b"schema: '2.0'\nstages: {a: {cmd: x, deps: [{path: a, z: 1}]}}",
    b"schema: '2.0'\nstages: {a: {cmd: x, params: {p: 1}}}", b"schema: '2.0'\nstages: {1: {cmd: x}}",
    b"schema: '2.0'\nstages: {a: {cmd: x, outs: [{path: a, md5: [1]}]}}", b"schema: '2.0'\nstages: {a: ~}",
    b"schema: '2.0'\nstages: {a: {cmd: x, params: {p: {1: 2}}}}",
]  # fmt: skip


@pytest.mark.parametrize("content", INVALID)
def test_what_is_no_lock(content):
    with pytest.raises(BadFile) as caught:
        lockfile.decode_lock(content, "dvc.lock")
    assert caught.value.kind == "YAMLValidationError" and str(caught.value).startswith("dvc.lock: ")


def test_what_is_no_yaml():
    for decode in (lockfile.decode_lock, lockfile.decode_single):
        with pytest.raises(BadFile) as caught:
            decode(b"outs: [", "x")
        assert caught.value.kind == "YAMLSyntaxError"


def test_a_file_of_added_data():
    found = lockfile.decode_single(
        b"wdir: ..\nouts:\n- {path: d, md5: ab.dir, size: 3, nfiles: 2, hash: md5}\n- {path: e, cache: false}", "d.dvc"
    )
    assert found == ("..", {}, {"d": (Content("ab.dir", 3, 2), True), "e": (Content(), False)})


def test_imports_of_other_repositories_and_databases_have_no_dependencies():
    text = b"frozen: true\ndeps: [{path: a, repo: {url: u}}, {db: {query: q}}, {path: b, md5: c}]\nouts: [{path: o}]"
    assert lockfile.decode_single(text, "o.dvc").deps == {"b": Content("c")}


@pytest.mark.parametrize(
    "content", [b"foo: 1", b"[1]", b"outs: [{md5: a}]", b"outs: [{path: a, metric: true}]", b"deps: 1"]
)
def test_what_is_no_dvc_file(content):
    with pytest.raises(BadFile) as caught:
        lockfile.decode_single(content, "d.dvc")
    assert caught.value.kind == "YAMLValidationError"


@pytest.mark.parametrize("content", [b"", b"outs:", b"deps: ~\nouts: ~"])
def test_a_dvc_file_may_say_nothing(content):
    assert lockfile.decode_single(content, "d.dvc") == ("", {}, {})
