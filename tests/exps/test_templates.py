"""Templates in dvc.yaml: variables, expressions, foreach and matrix, and what cannot be filled in."""

import pytest
from expref.exps.formats import pipeline
from expref.exps.formats.badfile import BadFile


def declare(text, files=None, folder=""):
    """What a dvc.yaml declares whose variables are in `files`."""
    return pipeline.decode(text.encode(), "dvc.yaml").declare(folder, (files or {}).get)


def deps(text, files=None):
    """{stage: paths of its dependencies}"""
    return {stage.name: [dep.path for dep in stage.deps] for stage in declare(text, files).stages}


def refused(text, files=None):
    with pytest.raises(BadFile) as caught:
        declare(text, files)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("dvc.yaml") and len(str(caught.value)) <= 300
    return caught.value.kind


def fit(dep, before=""):
    return f"{before}\nstages: {{fit: {{cmd: x, deps: ['{dep}']}}}}\n"


FILES = {
    "params.yaml": {"lr": 0.1, "net": {"size": 8, "on": True, "none": None}, "names": ["a", "b"]},
    "v.yaml": {"v": 1, "w": 2},
}
EXPRESSIONS = {
    "${lr}": "0.1", "x-${net.size}-${net.on}.py": "x-8-true.py", "${names[1]}": "b", "${names.0}${names[-1]}": "ab",
    "${ lr }": "0.1", "\\${lr}-${lr}": "${lr}-0.1", "$lr": "$lr", "{lr}": "{lr}", "${lr": "${lr", "${net.none}.py": "None.py",
}  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_is_replaced(text):
    assert deps(fit(text), FILES) == {"fit": [EXPRESSIONS[text]]}


@pytest.mark.parametrize("text", ["${nope}", "${lr.x}", "${names[2]}", "${names.x}", "${}", "${net[}", "${.lr}", "${net}",
                                  "${names}", "x${net}"])  # fmt: skip
def test_what_cannot_be_found_or_put_into_text(text):
    assert refused(fit(text), FILES) == "ResolveError"


def test_variables_come_from_params_yaml_then_vars_then_the_stage():
    text = "vars: [v.yaml, {z: 3, net: {new: 4}}]\nstages:\n  a: {cmd: x, vars: [{own: 5}], deps: ['${lr}-${v}-${z}-${net.new}-${own}']}\n"
    assert deps(text, FILES) == {"a": ["0.1-1-3-4-5"]}
    assert refused(text.replace("{own: 5}", "{z: 5}"), FILES) == "ResolveError"
    assert refused(text + "  b: {cmd: x, deps: ['${own}']}\n", FILES) == "ResolveError"


NO_VARS = ["gone.yaml", "v.yaml:x", "{lr: 2}", "{net: {size: 9}}", "'${lr}.yaml'", "l.yaml"]


@pytest.mark.parametrize("entry", NO_VARS)
def test_vars_that_cannot_be_loaded(entry):
    assert refused(fit("a", f"vars: [{entry}]"), FILES | {"l.yaml": [1]}) == "ResolveError"


def test_a_file_of_variables_may_be_taken_in_parts_or_several_times():
    assert deps(fit("${v}${w}", "vars: ['v.yaml:v', 'v.yaml:w']"), FILES) == {"fit": ["12"]}
    assert deps(fit("${v}", "vars: [v.yaml, ./v.yaml, params.yaml]"), FILES) == {"fit": ["1"]}
    assert refused(fit("${v}", "vars: ['v.yaml:v', v.yaml]"), FILES) == "ResolveError"
    assert refused(fit("${v}", "vars: [v.yaml, 'v.yaml:v']"), FILES) == "ResolveError"
    assert refused(fit("${w}", "vars: ['v.yaml:v']"), FILES) == "ResolveError"


def test_files_of_variables_lie_beside_dvc_yaml_and_in_the_wdir_of_a_stage():
    files = {"sub/params.yaml": {"w": "dir"}, "sub/dir/v.yaml": {"v": 1}}
    text = "stages: {a: {cmd: x, wdir: '${w}', vars: [v.yaml], deps: ['${v}']}}"
    (stage,) = declare(text, files, "sub").stages
    assert (stage.deps[0].path, stage.tracked) == (
        "sub/dir/1",
        {"sub/params.yaml": {"w": "dir"}, "sub/dir/v.yaml": {"v": 1}},
    )


def test_what_a_stage_uses_of_a_file_is_tracked():
    text = "vars: [v.yaml, {z: 3}]\nstages: {a: {cmd: 'x ${v} ${z} ${net}', deps: ['${names[0]}']}}\nmetrics: ['${w}']"
    found = declare(text, FILES)
    assert found.stages[0].tracked == {"v.yaml": {"v": 1}, "params.yaml": {"names.0": "a"}}
    assert found.metrics == ("2",)


def test_foreach_over_words_makes_a_stage_for_each():
    text = "stages: {a: {foreach: [x, 1, true, x], do: {cmd: y, deps: ['${item}.py']}}}"
    assert deps(text) == {"a@x": ["x.py"], "a@1": ["1.py"], "a@true": ["true.py"]}


def test_foreach_over_mappings_counts_or_takes_keys():
    many = "stages: {a: {foreach: %s, do: {cmd: y, deps: ['${item.p}']}}}"
    assert deps(many % "[{p: 1}, {p: 2}]") == {"a@0": ["1"], "a@1": ["2"]}
    assert deps((many % "{k: {p: 1}}").replace("item.p}", "item.p}-${key}")) == {"a@k": ["1-k"]}
    assert deps(many % "'${models}'", {"params.yaml": {"models": {"m": {"p": 3}}}}) == {"a@m": ["3"]}


@pytest.mark.parametrize("over", ["'${lr}'", "'${nope}'", "text"])
def test_foreach_needs_a_list_or_a_mapping(over):
    assert refused(f"stages: {{a: {{foreach: {over}, do: {{cmd: x}}}}}}", FILES) == "ResolveError"


def test_matrix_makes_every_combination():
    text = "stages: {a: {matrix: {m: '${names}', n: [1, {q: 2}]}, cmd: x, deps: ['${item.m}${key}']}}"
    assert deps(text, FILES) == {"a@a-1": ["aa-1"], "a@a-n1": ["aa-n1"], "a@b-1": ["bb-1"], "a@b-n1": ["bb-n1"]}
    assert deps("stages: {a: {matrix: {m: [], n: [1]}, cmd: x}}") == {}


def test_item_and_key_cannot_be_set():
    text = "stages: {a: {foreach: [1], do: {cmd: x, vars: [{item: 2}]}}}"
    assert refused(text) == "ResolveError"


def test_how_many_stages_come_of_one_is_bounded():
    many = "[" + ", ".join(map(str, range(200))) + "]"
    assert refused(f"stages: {{a: {{matrix: {{a: {many}, b: {many}}}, cmd: x}}}}") == "ResolveError"
    assert refused(f"stages: {{a: {{foreach: {[*range(10_001)]}, do: {{cmd: x}}}}}}") == "ResolveError"


def test_deep_values_cost_one_line():
    deep = {"a": 1}
    for _ in range(450):
        deep = {"a": deep}
    assert refused(fit("${a}"), {"params.yaml": deep}) in ("ResolveError", "RecursionError")


def test_templates_at_the_top_level_are_filled_in_and_checked():
    found = declare("vars: [{d: out}]\nmetrics: ['${d}/m.json']\nparams: ['${d}.yaml']")
    assert (found.metrics, found.params) == (("out/m.json",), ("out.yaml",))
    for section in ("metrics: ['${x}']", "plots: ['${x}']", "artifacts: {a: {path: '${x}'}}"):
        assert refused(section) == "ResolveError"
