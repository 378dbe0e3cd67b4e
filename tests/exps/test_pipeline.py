"""dvc.yaml: the files that it declares, and what makes it invalid. Templates: test_templates.py."""

import pytest
from expref.exps.formats import pipeline
from expref.exps.formats.badfile import BadFile
from expref.exps.formats.pipeline import Named, Out, ParamsFile


def declare(text, folder=""):
    content = text.encode() if isinstance(text, str) else text
    return pipeline.decode(content, "dvc.yaml").declare(folder, {}.get)


def collect(*pipelines, default=None):
    return pipeline.collect(pipelines, default)


def shown(text):
    """(parameter files, metric files) of a project with this dvc.yaml."""
    found = collect(declare(text))
    return found.params, found.metrics


def stage(lines):
    """A dvc.yaml with one stage that has these lines."""
    return "stages:\n  fit:\n    cmd: python fit.py\n" + "".join(f"    {line}\n" for line in lines.splitlines())


def refused(text):
    """(message, kind) of the error that a dvc.yaml is."""
    with pytest.raises(BadFile) as caught:
        declare(text)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.kind


EMPTY = ["", "# nothing", "{}", "null", "stages: {}", "params: []\nmetrics: []", stage("deps: [a]")]


@pytest.mark.parametrize("text", EMPTY)
def test_nothing_is_declared(text):
    assert shown(text) == ((), ())


def test_top_level_files_are_shown_wholly_and_once():
    params, metrics = shown("params: [b.yaml, a.json, ./b.yaml]\nmetrics: [x/../m.json, m.json, n.json, d/]")
    assert params == (ParamsFile("b.yaml", None), ParamsFile("a.json", None))
    assert metrics == ("m.json", "n.json", "d")


def test_files_of_stages_come_first_and_with_their_keys():
    params, metrics = shown(
        stage("params: [{q.yaml: [x]}, lr, {p.yaml: [a.b]}, opt.name]\nmetrics: [m.json, {n.json: {cache: false}}]")
        + "params: [t.yaml]\nmetrics: [u.json, n.json]"
    )
    assert params == (
        ParamsFile("q.yaml", ("x",)),
        ParamsFile("params.yaml", ("lr", "opt.name")),
        ParamsFile("p.yaml", ("a.b",)),
        ParamsFile("t.yaml", None),
    )
    assert metrics == ("m.json", "n.json", "u.json")


def test_parameters_of_stages_alone_are_told_apart():
    found = collect(declare(stage("params: [lr, {q.yaml: [x]}]") + "params: [q.yaml, t.yaml]"), default="params.yaml")
    assert found.deps == (ParamsFile("params.yaml", ("lr",)), ParamsFile("q.yaml", ("x",)))
    assert found.params == (ParamsFile("params.yaml"), ParamsFile("q.yaml"), ParamsFile("t.yaml"))


def test_keys_of_all_stages_are_shown_together():
    text = "stages: {a: {cmd: x, params: [{p: [k, l]}, {./p: [m]}]}, b: {cmd: x, params: [{p: [l, n], q: [k]}]}}"
    assert shown(text)[0] == (ParamsFile("p", ("k", "l", "m", "n")), ParamsFile("q", ("k",)))


@pytest.mark.parametrize("whole", ["{p.yaml: }", "{p.yaml: []}", "{p.yaml: ''}"])
def test_a_file_named_without_keys_is_shown_wholly(whole):
    assert shown(stage(f"params: [{{p.yaml: [k]}}, {whole}, {{p.yaml: [l]}}]"))[0] == (ParamsFile("p.yaml", None),)
    assert shown(stage("params: [{p.yaml: [k]}]") + "params: [p.yaml]")[0] == (ParamsFile("p.yaml", None),)


def test_dependencies_and_outputs_keep_how_they_are_written():
    (fit,) = declare(
        stage("wdir: w\ndeps: [./a, ../b/]\nouts: [m, {n: {cache: false}}, {n: {push: true}}]"), "sub"
    ).stages
    assert fit.deps == (Named("sub/w/a", "./a"), Named("sub/b", "../b/"))
    assert fit.outs == (Out("sub/w/m", "m", True), Out("sub/w/n", "n", False))


@pytest.mark.parametrize("path", ["s3://b/x", "/etc/passwd", "C:\\x", "ds://name", "git+ssh://h/x"])
def test_dependencies_that_are_elsewhere_are_shown_as_written(path):
    (fit,) = declare(stage(f"wdir: w\ndeps: ['{path}']")).stages
    assert fit.deps == (Named(path, path),)


def test_paths_of_a_stage_are_relative_to_its_wdir():
    params, metrics = shown(stage("wdir: w\nparams: [lr, {../p.yaml: [k]}]\nmetrics: [m.json, ../n.json]"))
    assert params == (ParamsFile("w/params.yaml", ("lr",)), ParamsFile("p.yaml", ("k",)))
    assert metrics == ("w/m.json", "n.json")
    assert shown(stage("wdir: ''\nmetrics: [m.json]"))[1] == ("m.json",)
    assert shown(stage("metrics: ['a\\b.json']"))[1] == ("a/b.json",)


def test_what_lies_outside_of_the_project_is_never_read():
    params = "params: [{../p.yaml: [k]}, {/p.yaml: [k]}, {'s3://b/p': [k]}]"
    text = stage(params + "\nmetrics: [../m.json]") + "params: ['C:\\x', ..]\nmetrics: ['s3://b/m.json', /m, m, 'a:b']"
    assert shown(text) == ((), ("m", "a:b"))


def test_merge_keys_are_followed():
    text = "stages:\n  a: &a {cmd: x, metrics: [m.json]}\n  b: {<<: *a, metrics: [n.json]}\n  c: *a\n"
    assert shown(text)[1] == ("m.json", "n.json")


def test_a_project_has_the_stages_of_all_files_first_and_params_yaml_last():
    root = declare(stage("params: [{q.yaml: [b]}]\nmetrics: [a.json]") + "params: [t.yaml]\nmetrics: [z.json]")
    fit = stage("params: [lr, {../q.yaml: [a]}]\nmetrics: [k.json]")
    sub = declare(fit + "params: [../p.yaml]\nmetrics: [n.json]", "a/b")
    found = collect(root, sub, default="params.yaml")
    assert found.params == (
        ParamsFile("q.yaml", ("b",)), ParamsFile("a/b/params.yaml", ("lr",)), ParamsFile("a/q.yaml", ("a",)),
        ParamsFile("t.yaml"), ParamsFile("a/p.yaml"), ParamsFile("params.yaml"),
    )  # fmt: skip
    assert found.metrics == ("a.json", "a/b/k.json", "z.json", "a/b/n.json")


def test_the_projects_own_params_yaml_is_shown_wholly_if_it_exists():
    found = declare(stage("params: [lr]"))
    assert collect(found, default="params.yaml").params == (ParamsFile("params.yaml", None),)
    assert collect(found).params == (ParamsFile("params.yaml", ("lr",)),)
    assert collect(default="params.yaml").params == (ParamsFile("params.yaml", None),)


@pytest.mark.parametrize("text", ["a: [", "stages:\n\ta: 1", "params: [a]\nparams: [b]", "a: !x 1", "a: 1\n---\nb: 1"])
def test_what_is_no_yaml_is_called_as_in_dvc(text):
    assert refused(text)[1] == "YAMLSyntaxError"


def test_other_kinds_of_bad_files():
    assert refused(b"params: [\xff]")[1] == "EncodingError"
    assert refused("[" * 600)[1] == "RecursionError"
    assert refused(stage("params: [{p.yaml: a}]")) == (
        "dvc.yaml: stages.fit.params: the keys of 'p.yaml' must be a list", "ValueError"
    )  # fmt: skip
    assert refused("stages: {a@b: {cmd: x}}")[1] == "StageNotFound"


INVALID = {  # text: what the message says
    "[a]": "the file: must be a mapping",
    "text": "the file: must be a mapping",
    "foo: 1": "the file: unknown key 'foo'",
    "1: 1": "the file: unknown key 1",
    "params: ": "params: must be a list",
    "params: p.yaml": "params: must be a list",
    "metrics: [m, 1]": "metrics[1]: must be text",
    "metrics: [{m: {}}]": "metrics[0]: must be text",
    "stages: ": "stages: must be a mapping",
    "stages: {1: {cmd: x}}": "stages: unknown key 1",
    "stages: {a: {}}": "stages.a: 'cmd' is missing",
    "stages: {a: {cmd: 1}}": "stages.a.cmd: must be text or a list",
    "stages: {a: {cmd: x, foo: 1}}": "stages.a: unknown key 'foo'",
    "stages: {a: {cmd: x, frozen: 1}}": "stages.a.frozen: must be true or false",
    "stages: {a: {cmd: x, metrics: }}": "stages.a.metrics: must be a list",
    "stages: {a: {cmd: x, metrics: [{m: }]}}": "stages.a.metrics[0].m: must be a mapping",
    "stages: {a: {cmd: x, outs: [{m: {hash: md5}}]}}": "stages.a.outs[0].m: unknown key 'hash'",
    "stages: {a: {cmd: x, params: [1]}}": "stages.a.params[0]: must be text or a mapping",
    "stages: {a: {do: {cmd: x}}}": "stages.a: 'foreach' is missing",
    "stages: {a: {foreach: [1], do: {cmd: x}, cmd: x}}": "stages.a: unknown key 'cmd'",
    "artifacts: {a: {type: x}}": "artifacts.a: 'path' is missing",
    "plots: [{a: {x: 1}}]": "plots[0].a.x: must be text or a mapping",
    'stages: {"a\\n": {}}': "stages.'a\\n': 'cmd' is missing",
}


@pytest.mark.parametrize("text", INVALID)
def test_what_is_no_pipeline_is_named_by_its_place(text):
    assert refused(text) == (f"dvc.yaml: {INVALID[text]}", "YAMLValidationError")


def test_everything_that_dvc_allows_is_allowed():
    text = """
        vars: [{a: {b: 1}, x: [2]}]
        params: [p.yaml]
        datasets: [{name: a, type: b}]
        plots: [p, {q: }, {r: {x: {f: a}, y: {g: [b], h: c}, title: t}}, {s: {y: [a], x: b, template: t}}]
        artifacts: {m: {path: p, type: t, desc: d, labels: [x], meta: {}}}
        stages:
          a: {cmd: [x, y], wdir: w, deps: [d], vars: [{f: 1}], frozen: true, meta: 1, desc: d, always_changed: false,
              outs: [o, {p: {cache: false, persist: true}}], plots: [p, {q: {x: a, header: true}}, {r: [{x: a}]}]}
          b: {cmd: x, matrix: {k: [1], l: "${x}"}, metrics: [{o: {desc: d, labels: [l], remote: r, push: true}}]}
    """
    assert shown(text) == ((ParamsFile("p.yaml"),), ("o",))
