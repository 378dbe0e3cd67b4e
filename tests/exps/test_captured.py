"""What a `dvc.yaml` declares for a commit: its files at the top, those of stages, and what the cache keeps."""

import pytest
from expref.exps.formats import pipeline
from expref.exps.formats.badfile import BadFile
from expref.exps.formats.captured import Captured, captured


def of(text, folder="", values=None):
    document = pipeline.decode(text.encode(), "dvc.yaml").values
    return captured(document, folder, lambda path: (values or {}).get(path, {}))


@pytest.mark.parametrize("text, expected", [
    ("{}", Captured()),
    ("params: [a.yaml]\nmetrics: [m.json, deep/m.json]", Captured(("a.yaml", "m.json", "deep/m.json"))),
    ("plots: [a.csv, {b.csv: {x: step}}, {c.csv: }]", Captured(("a.csv", "b.csv", "c.csv"))),
    ("plots: [{Loss: {y: {a.tsv: loss, b.tsv: [x, y]}, x: {c.tsv: step}}}]", Captured(("a.tsv", "b.tsv", "c.tsv"))),
    ("plots: [{a.tsv: {x: {c.tsv: step}, y: loss}}]", Captured(("a.tsv",))),
    ("stages: {s: {cmd: x, params: [lr, {p.json: [a]}, {q.json: }]}}", Captured((), ("params.yaml", "p.json", "q.json"))),
    ("stages: {s: {cmd: x, outs: [a, {b: {cache: false}}], metrics: [c, {d: {cache: false}}]}}", Captured((), ("d",), ("a", "c"))),
    ("stages: {s: {cmd: x, plots: [a, {b: {cache: false}}, {c: [{cache: false}, {x: y}]}]}}", Captured((), ("b", "c"), ("a",))),
    ("stages: {s: {cmd: x, wdir: w, params: [p], outs: [../a], metrics: [m: {cache: false}]}}",
     Captured((), ("w/params.yaml", "w/m"), ("a",))),
    ("metrics: [../m.json, /abs, s3://x/y, sub/../n]", Captured(("n",))),
    ("plots: [out/a.csv, out, outer/b.csv]\nstages: {s: {cmd: x, outs: [out]}}", Captured(("outer/b.csv",), (), ("out",))),
    ("stages: {s: {foreach: [1, 2], do: {cmd: x, outs: ['o${item}']}}}", Captured((), (), ("o1", "o2"))),
    ("vars: [where: there]\nmetrics: ['${where}/m.json']", Captured(("there/m.json",))),
])  # fmt: skip
def test_files_are_told_apart(text, expected):
    assert of(text) == expected


def test_paths_are_seen_from_the_root_of_the_project():
    text = "metrics: [m.json, ../n.json]\nstages: {s: {cmd: x, wdir: w, outs: [o]}}"
    assert of(text, "sub/deep") == Captured(("sub/deep/m.json", "sub/n.json"), (), ("sub/deep/w/o",))


def test_variables_come_from_files():
    assert of("metrics: ['${out}/m.json']", values={"params.yaml": {"out": "results"}}).top == ("results/m.json",)


def test_a_template_that_cannot_be_filled_in_is_an_error():
    with pytest.raises(BadFile):
        of("metrics: ['${nowhere}/m.json']")
