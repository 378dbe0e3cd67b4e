"""dvc.yaml: the files of parameters and metrics, and what makes it invalid."""
import pytest
from expref.exps.formats import pipeline
from expref.exps.formats.badfile import BadFile
from expref.exps.formats.pipeline import ParamsFile


def decode(text):
    return pipeline.decode(text.encode() if isinstance(text, str) else text, "dvc.yaml")


def stage(lines):
    """A dvc.yaml with one stage that has these lines."""
    return "stages:\n  fit:\n    cmd: python fit.py\n" + "".join(f"    {line}\n" for line in lines.splitlines())


def refused(text):
    """(message, kind) of the error that a dvc.yaml is."""
    with pytest.raises(BadFile) as caught:
        decode(text)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.kind


EMPTY = ["", "# nothing", "{}", "null", "stages: {}", "params: []\nmetrics: []", stage("deps: [a]")]


@pytest.mark.parametrize("text", EMPTY)
def test_nothing_is_declared(text):
    assert (decode(text).params, decode(text).metrics, decode(text).skipped) == ((), (), ())


def test_top_level_files_are_shown_wholly_and_once():
    found = decode("params: [b.yaml, a.json, ./b.yaml]\nmetrics: [x/../m.json, m.json, n.json, d/]")
    assert found.params == (ParamsFile("b.yaml", None), ParamsFile("a.json", None))
    assert found.metrics == ("m.json", "n.json", "d")


def test_files_of_stages_come_first_and_with_their_keys():
    found = decode(
        stage("params: [{q.yaml: [x]}, lr, {p.yaml: [a.b]}, opt.name]\nmetrics: [m.json, {n.json: {cache: false}}]")
        + "params: [t.yaml]\nmetrics: [u.json, n.json]"
    )
    assert found.params == (
        ParamsFile("q.yaml", ("x",)),
        ParamsFile("params.yaml", ("lr", "opt.name")),
        ParamsFile("p.yaml", ("a.b",)),
        ParamsFile("t.yaml", None),
    )
    assert found.metrics == ("m.json", "n.json", "u.json")


def test_keys_of_all_stages_are_shown_together():
    text = "stages: {a: {cmd: x, params: [{p: [k, l]}, {./p: [m]}]}, b: {cmd: x, params: [{p: [l, n], q: [k]}]}}"
    assert decode(text).params == (ParamsFile("p", ("k", "l", "m", "n")), ParamsFile("q", ("k",)))


@pytest.mark.parametrize("whole", ["{p.yaml: }", "{p.yaml: []}", "{p.yaml: ''}"])
def test_a_file_named_without_keys_is_shown_wholly(whole):
    assert decode(stage(f"params: [{{p.yaml: [k]}}, {whole}, {{p.yaml: [l]}}]")).params == (ParamsFile("p.yaml", None),)
    assert decode(stage("params: [{p.yaml: [k]}]") + "params: [p.yaml]").params == (ParamsFile("p.yaml", None),)


def test_paths_of_a_stage_are_relative_to_its_wdir():
    found = decode(stage("wdir: w\nparams: [lr, {../p.yaml: [k]}]\nmetrics: [m.json, ../../n.json]"))
    assert found.params == (ParamsFile("w/params.yaml", ("lr",)), ParamsFile("p.yaml", ("k",)))
    assert found.metrics == ("w/m.json", "../n.json")
    assert decode(stage("wdir: ''\nmetrics: [m.json]")).metrics == ("m.json",)
    assert decode(stage("metrics: ['a\\b.json']")).metrics == ("a/b.json",)


def test_templates_addresses_and_absolute_paths_are_skipped_and_named():
    params = "params: [lr, '${k}', {'${f}': [k]}, {p.yaml: ['${k}', l]}, {q.yaml: ['${k}']}]\n"
    found = decode(
        stage(params + "metrics: ['m-${x}.json', n.json]")
        + "params: ['${f}', /etc/passwd, 'C:\\x']\nmetrics: ['s3://b/m.json', '\\${m}', 'a$m{b}', '${m']"
    )
    assert found.params == (ParamsFile("params.yaml", ("lr",)), ParamsFile("p.yaml", ("l",)))
    assert found.metrics == ("n.json", "${m}", "a$m{b}", "${m")
    assert found.skipped == (
        "stages.fit.params: ${k}", "stages.fit.params: ${f}", "stages.fit.params: ${k}", "stages.fit.params: ${k}",
        "stages.fit.metrics: m-${x}.json", "params: ${f}", "params: /etc/passwd", "params: C:\\x", "metrics: s3://b/m.json",
    )  # fmt: skip
    assert decode(stage("wdir: ${w}\nmetrics: [m.json]")).skipped == ("stages.fit.metrics: ${w}",)


def test_stages_made_by_foreach_and_matrix_count_once():
    text = "stages: {fit: {foreach: %s, do: {cmd: x, params: [{p: [k]}], metrics: [m.json, '${item}.json']}}}"
    for values in ("[1, 2]", "{a: 1}", "'${items}'"):
        assert decode(text % values).params == (ParamsFile("p", ("k",)),)
        assert decode(text % values).metrics == ("m.json",)
    assert decode(stage("matrix: {a: [1, 2], b: '${l}'}\nmetrics: [m.json]")).metrics == ("m.json",)


def test_an_empty_foreach_or_matrix_makes_no_stage():
    assert decode("stages: {fit: {foreach: [], do: {cmd: x, metrics: [m]}}}").metrics == ()
    assert decode("stages: {fit: {foreach: {}, do: {cmd: x, metrics: [m]}}}").metrics == ()
    assert decode(stage("matrix: {a: [1], b: []}\nmetrics: [m]")).metrics == ()


def test_merge_keys_are_followed():
    text = "stages:\n  a: &a {cmd: x, metrics: [m.json]}\n  b: {<<: *a, metrics: [n.json]}\n  c: *a\n"
    assert decode(text).metrics == ("m.json", "n.json")


def test_a_project_has_the_stages_of_all_files_first_and_params_yaml_last():
    root = decode(stage("params: [{q.yaml: [b]}]\nmetrics: [a.json]") + "params: [t.yaml]\nmetrics: [z.json]")
    fit = stage("params: [lr, {../q.yaml: [a]}]\nmetrics: ['${x}', k.json]")
    sub = decode(fit + "params: [../p.yaml]\nmetrics: [n.json]")
    found = pipeline.collect({"": root, "a/b": sub}, "params.yaml")
    assert found.params == (
        ParamsFile("q.yaml", ("b",)), ParamsFile("a/b/params.yaml", ("lr",)), ParamsFile("a/q.yaml", ("a",)),
        ParamsFile("t.yaml"), ParamsFile("a/p.yaml"), ParamsFile("params.yaml"),
    )  # fmt: skip
    assert found.metrics == ("a.json", "a/b/k.json", "z.json", "a/b/n.json")
    assert found.skipped == ("a/b/dvc.yaml: stages.fit.metrics: ${x}",)


def test_the_pipelines_of_a_project_are_in_the_order_of_a_git_tree():
    folders = ["b", "a", "", "a/x", "a-b", "Z"]
    found = pipeline.collect({folder: decode("metrics: [m]") for folder in folders}, None)
    assert found.metrics == ("m", "Z/m", "a-b/m", "a/m", "a/x/m", "b/m")


def test_the_projects_own_params_yaml_is_shown_wholly_if_it_exists():
    pipelines = {"": decode(stage("params: [lr]"))}
    assert pipeline.collect(pipelines, "params.yaml").params == (ParamsFile("params.yaml", None),)
    assert pipeline.collect(pipelines, None).params == (ParamsFile("params.yaml", ("lr",)),)
    assert pipeline.collect({}, "params.yaml").params == (ParamsFile("params.yaml", None),)


def test_paths_out_of_the_project_are_skipped():
    sub = decode("params: [../../p.yaml, ../p.yaml]\nmetrics: [../.., ../../m.json, .]")
    found = pipeline.collect({"a": sub}, None)
    assert (found.params, found.metrics) == ((ParamsFile("p.yaml"),), ("a",))
    assert found.skipped == tuple(f"{path}: outside of the project" for path in ("../p.yaml", "..", "../m.json"))


@pytest.mark.parametrize("text", ["a: [", "stages:\n\ta: 1", "params: [a]\nparams: [b]", "a: !x 1", "a: 1\n---\nb: 1"])
def test_what_is_no_yaml_is_called_as_in_dvc(text):
    assert refused(text)[1] == "YAMLSyntaxError"


def test_other_kinds_of_bad_files():
    assert refused(b"params: [\xff]")[1] == "EncodingError"
    assert refused("[" * 600)[1] == "RecursionError"
    assert refused(stage("params: [{p.yaml: a}]")) == (
        "dvc.yaml: stages.fit.params: the keys of 'p.yaml' must be a list", "ValueError"
    )  # fmt: skip


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
        vars: [v.yaml, {a: {b: 1}}]
        params: [p.yaml]
        datasets: [{name: a, type: b}]
        plots: [p, {q: }, {r: {x: {f: a}, y: {g: [b], h: c}, title: t}}, {s: {y: [a], x: b, template: t}}]
        artifacts: {m: {path: p, type: t, desc: d, labels: [x], meta: {}}}
        stages:
          a: {cmd: [x, y], wdir: w, deps: [d], vars: [f], frozen: true, meta: 1, desc: d, always_changed: false,
              outs: [o, {p: {cache: false, persist: true}}], plots: [p, {q: {x: a, header: true}}, {r: [{x: a}]}]}
          b: {cmd: x, matrix: {k: [1], l: "${x}"}, metrics: [{o: {desc: d, labels: [l], remote: r, push: true}}]}
    """
    assert (decode(text).params, decode(text).metrics) == ((ParamsFile("p.yaml"),), ("o",))
