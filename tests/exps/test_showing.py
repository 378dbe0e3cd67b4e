"""`exps show`, `diff`, `params diff`, `metrics show` and `metrics diff` as people and programs call them."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from expref.exps.errors import Status
from expref.exps.save import save

from tests.conftest import SCRIPT, needs
from tests.projects import open_project
from tests.terminals import on_terminal, without_progress

pytestmark = needs("git")

PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
EXPS = [sys.executable, "-c", SCRIPT]
ALL = [["show"], ["diff", "HEAD", "first"], ["params", "diff", "HEAD", "first"], ["metrics", "diff", "HEAD", "first"],
       ["metrics", "show"], ["show", "--folders", "runs/*"]]  # fmt: skip


@pytest.fixture
def project(trained):
    """HEAD has lr 0.1 and loss 0.5; "first" lr 0.2 and loss 0.123456789; "second" too; there are two folders."""
    trained.write("params.yaml", b"lr: 0.2\nepochs: 5\nmodel: {name: net}\n")
    trained.write("metrics.json", b'{"loss": 0.123456789, "acc": 1}')
    for name in ("first", "second"):
        save(open_project(trained), name=name)
    for number in (1, 2):
        trained.write(f"runs/{number}/params.yaml", b"lr: 0.%d\n" % number)
        trained.write(f"runs/{number}/metrics.json", b'{"loss": %d}' % number)
    return trained


@pytest.fixture
def call(project, exps):
    """Run a command in the project."""
    return lambda *args, **options: exps(*args, cwd=project.path, env=project.environ, **options)


@pytest.fixture
def shown(project, child_env):
    """Run a command on a terminal in the project; what that got, as text."""

    def run(*args, stdout=None, **environ):
        env = child_env | project.environ | {"TERM": "xterm", "PAGER": "cat"} | environ
        status, content = on_terminal([*EXPS, *args], cwd=project.path, env=env, stdout=stdout)
        assert status == 0
        return without_progress(content).decode()

    return run


# --- text


def test_differences_are_a_table(call):
    expected = """\
Path          Metric    HEAD    first    Change
metrics.json  acc       -       1        diff not supported
metrics.json  loss      0.5     0.12346  -0.37654

Path         Param       HEAD    first    Change
params.yaml  lr          0.1     0.2      0.1
params.yaml  model.name  -       net      diff not supported
"""
    assert call("diff", "HEAD", "first").stdout == expected
    expected = """\
Path         Param       HEAD    first
params.yaml  lr          0.1     0.2
params.yaml  model.name  -       net
"""
    assert call("params", "diff", "HEAD", "first").stdout == expected
    expected = """\
Path          Metric    HEAD    first    Change
metrics.json  acc       -       1        -
metrics.json  loss      0.5     0.12     -0.38
"""
    assert call("metrics", "diff", "HEAD", "first", "--precision", "2").stdout == expected
    assert call("metrics", "show").stdout == "Path          acc    loss\nmetrics.json  1      0.12346\n"


@pytest.mark.parametrize("arguments", [["diff"], ["params", "diff"], ["metrics", "diff"]])
def test_head_and_the_work_tree_are_compared_if_nothing_is_named(call, arguments):
    assert "HEAD" in call(*arguments).stdout and "workspace" in call(*arguments).stdout
    assert call(*arguments, "--json").stdout == call(*arguments, "--json", "HEAD").stdout


def test_nothing_differs_from_itself(call):
    assert call("diff", "first", "second").stdout == "\n"
    assert json.loads(call("diff", "first", "second", "--json").stdout) == {"metrics": {}, "params": {}}
    assert call("params", "diff", "first", "second").stdout == ""
    assert "params.yaml  epochs      5        5         0" in call("diff", "first", "second", "--all").stdout


def test_folders_are_rows_and_sides(call):
    table = call("show", "--folders", "runs/*").stdout.splitlines()
    assert table[0].split() == ["Experiment", "Created", "loss", "lr"] and len(table) == 3
    assert table[1].split()[0] == "runs/1" and table[2].split()[-2:] == ["2", "0.2"]
    assert "lr       0.1        0.2       0.1" in call("diff", ":runs/1", "runs/2").stdout
    assert "lr       0.1        0.2" in call("params", "diff", ":runs/1", "runs/2").stdout
    assert json.loads(call("metrics", "diff", "runs/1", ":runs/2", "--json").stdout) == {
        "metrics.json": {"loss": {"old": 1, "new": 2, "diff": 1}}
    }


def test_the_other_side_of_a_folder_is_the_same_folder_of_the_work_tree(project, call):
    project.commit("folders")
    project.write("runs/1/params.yaml", b"lr: 9\n")
    assert json.loads(call("params", "diff", "HEAD:runs/1", "--json").stdout)["params.yaml"]["lr"]["new"] == 9


def test_experiments_are_shown_by_name_in_any_form(call):
    rows = list(csv.reader(io.StringIO(call("show", "--csv", "first").stdout)))
    assert [row[0] for row in rows] == ["Experiment", "", "", "first"]
    assert "experiments" not in call("show", "first").stderr
    assert call("show", "--md", "first").stdout.splitlines()[-2].startswith("| └── ")
    found = json.loads(call("show", "--json", "first", "--hide-workspace").stdout)
    assert [each["name"] for each in found[0]["experiments"]] == ["first"]


def test_half_a_character_is_shown_in_any_form(project, call):
    project.write("metrics.json", b'{"acc": 1, "said": "\\ud800"}')
    project.write("params.json", b'{"s": "\\udfff"}')
    project.write("dvc.yaml", b"vars: [params.json]\nmetrics: [metrics.json, '${s}.json']\n")
    call("save", "-n", "odd")
    for form in ("--csv", "--md", "--no-pager"):
        assert "\\ud800" in call("show", "odd", form).stdout
    assert "\\ud800" in call("metrics", "diff").stdout


def test_other_experiments_are_counted_in_one_line(project, call):
    assert call("show").stderr == ""
    project.commit("next")
    assert call("show").stderr == "2 more experiments stand on other commits; see `exps show -A`\n"
    assert call("show", "-q").stderr == ""


def test_what_cannot_be_read_is_told_beside_the_table(project, call):
    project.write("params.yaml", b"lr: {\n")
    for arguments in (["show"], ["show", "--csv"], ["diff"], ["params", "diff"]):
        done = call(*arguments)
        assert "!" in done.stdout or arguments[0] != "show"
        assert done.stderr.startswith("exps: warning: params.yaml:") and "workspace" in done.stderr
    assert call("show", "--json").stderr == ""
    project.write("metrics.json", b"{")
    assert "metrics.json" in call("metrics", "show").stderr
    assert "error" in json.loads(call("metrics", "show", "--json").stdout)[""]["data"]["metrics.json"]


@pytest.mark.parametrize("arguments", [["diff"], ["params", "diff"], ["metrics", "diff"], ["show", "--json"]])
def test_before_the_first_commit_there_is_nothing_to_compare(repo, exps, arguments):
    done = exps(*arguments, cwd=repo.path, env=repo.environ)
    assert done.stdout == ("[]\n" if arguments[0] == "show" else "")
    if arguments[0] != "show":
        assert exps(*arguments, "--json", cwd=repo.path, env=repo.environ).stdout == "{}\n"


# --- errors


@pytest.mark.parametrize("arguments, said, status", [
    (["show", "firts"], "do you mean first?", Status.NOT_FOUND), (["diff", "firts"], "do you mean first?", 3),
    (["params", "diff", "HEAD", "firts"], "do you mean first?", 3), (["metrics", "diff", "firts"], "do you mean first?", 3),
    (["show", "--rev", "nothing"], "'nothing'", 3), (["show", "--sort-by", "lrr"], "do you mean lr?", 3),
    (["show", "--drop", "("], "--drop '('", 2), (["show", "--precision", "0"], "0 is not in the range", 2),
    (["show", "--sort-order", "up"], "'up' is not one of", 2), (["diff", "a", "b", "c"], "unexpected extra argument", 2),
    (["metrics"], "Usage: exps metrics", 2), (["params", "show"], "No such command", 2),
    (["diff", "HEAD:nothing"], "no folder 'nothing' in commit", 3), (["diff", ":../x"], "is not in", 2),
    (["show", "--folders", "nothing/*"], "no folder that matches 'nothing/*'", 3),
    (["show", "--folders", "runs/1", "runs/2"], "quote the pattern", 2),
    (["show", "first", "-A"], "either names", 2), (["show", "first", "--rev", "HEAD"], "either names", 2),
    (["show", "--folders", "runs/*", "-A"], "neither experiments nor commits", 2),
    (["show", "--folders", "../*"], "leads out of", 2),
])  # fmt: skip
def test_an_error_is_a_line_and_a_hint_and_changes_nothing(project, call, arguments, said, status):
    before = project.git("for-each-ref"), project.git("status", "--porcelain")
    done = call(*arguments, check=False)
    assert done.returncode == status and said in done.stderr and done.stdout == "" and "Traceback" not in done.stderr
    assert (project.git("for-each-ref"), project.git("status", "--porcelain")) == before


@pytest.mark.parametrize("command", [["diff"], ["params", "diff"], ["metrics", "diff"]])
def test_an_experiment_that_a_revision_hides_is_told(project, call, command):
    project.git("branch", "first")
    done = call(*command, "first", "exp:first")
    assert done.stderr == "exps: warning: first is a Git revision here; the experiment is exp:first\n"
    assert "exp:first" in done.stdout


# --- on a terminal


@pytest.fixture
def hostile(project):
    """Names, keys and values of others that would move the cursor."""
    odd = "\x1b[31m\n\u202e"
    text = json.dumps({odd: odd, "lr": 3}).encode()
    project.write("params.yaml", text)
    project.write("metrics.json", json.dumps({odd: 1}).encode())
    for name in ("params.yaml", "metrics.json"):
        project.write(f"runs/o\x1b[31m\u202e/{name}", text)
    project.write("dvc.yaml", json.dumps({"params": ["params.yaml", odd], "metrics": ["metrics.json", odd]}).encode())
    return project


@pytest.mark.parametrize("arguments", [
    *ALL, ["show", "--md"], ["show", "--csv"], ["show", "--json"], ["diff", "--md"], ["diff", "--json"],
    ["params", "diff", "--json"], ["metrics", "show", "--json"], ["metrics", "show", "--md"], ["metrics", "show", "-a"],
    ["diff", ":runs/o\x1b[31m\u202e", "HEAD"],
], ids=ascii)  # fmt: skip
def test_nothing_that_others_wrote_reaches_a_terminal_raw(hostile, shown, arguments):
    if arguments[0] != "diff" or len(arguments) < 2 or arguments[1] == "HEAD":
        arguments = [each for each in arguments if each != "first"]
    text = shown(*arguments, NO_COLOR="1", COLUMNS="400")
    assert "\x1b" not in text and "\u202e" not in text and "\\x1b" in text.replace("\\u001b", "\\x1b")


@pytest.mark.parametrize("environ, arguments, coloured", [
    ({}, [], True), ({"NO_COLOR": "1"}, [], False), ({"NO_COLOR": ""}, [], True), ({"TERM": "dumb"}, [], False),
    ({}, ["--color", "never"], False), ({"NO_COLOR": "1"}, ["--color", "always"], True),
])  # fmt: skip
def test_colours_are_for_those_who_want_them(shown, environ, arguments, coloured):
    text = shown("show", *arguments, **environ)
    assert ("\x1b[35m" in text, "\x1b[1m" in text) == (coloured, coloured)


def test_json_is_indented_for_people_and_on_one_line_for_programs(call, shown):
    for command in (["show", "--json"], ["diff", "--json"], ["metrics", "show", "--json"]):
        assert call(*command).stdout.count("\n") == 1
        text = shown(*command)
        assert text.count("\r\n    ") > 3 and json.loads(text) == json.loads(call(*command).stdout)


def test_the_table_is_as_wide_as_the_terminal(shown):
    assert max(map(len, shown("show", COLUMNS="50", NO_COLOR="1").splitlines()[:5])) <= 50
    assert "3 more columns do not fit" in shown("show", COLUMNS="50")
    assert "more columns" not in shown("show", COLUMNS="120")


def test_a_table_that_does_not_fit_goes_to_the_pager_unless_none_is_wanted(shown):
    tall = {"LINES": "4", "PAGER": "sed s/^/paged:/"}
    assert shown("show", **tall).count("paged:") == 5
    assert "paged:" not in shown("show", "--no-pager", **tall)
    assert "paged:" not in shown("show", LINES="30", PAGER=tall["PAGER"])
    assert "paged:" not in shown("show", TERM="dumb", **tall)


def test_a_pager_that_is_not_there_costs_nothing(shown):
    text = shown("show", LINES="4", PAGER="nosuchpager")
    assert "nosuchpager" in text and "second" in text and "first" in text


def test_a_pager_that_is_interrupted_ends_the_command_in_good_order(project, child_env):
    slow = "trap 'exit 0' INT; cat > /dev/null; touch ready; sleep 60 & wait"
    env = child_env | project.environ | {"TERM": "xterm", "LINES": "4", "PAGER": slow}
    process = subprocess.Popen([sys.executable, "-c", PTY, *EXPS, "show"], cwd=project.path, env=env, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    for _ in range(2400):
        if (project.path / "ready").exists():
            break
        time.sleep(0.05)
    process.stdin.write(b"\x03")  # what Ctrl-C sends
    process.stdin.flush()
    text = process.stdout.read()
    assert process.wait() == 0 and b"Traceback" not in text and b"interrupted" not in text


@pytest.mark.parametrize("arguments", [*ALL, ["show", "--csv"], ["show", "--json"], ["diff", "--json"]], ids=" ".join)
def test_a_pipe_that_nobody_reads_has_status_141(project, child_env, arguments):
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([*EXPS, *arguments], cwd=project.path, env=child_env | project.environ, stdout=write,
                              stderr=subprocess.PIPE, restore_signals=True)  # fmt: skip
    finally:
        os.close(write)
    assert done.returncode in (Status.BROKEN_PIPE, -signal.SIGPIPE) and done.stderr == b""


def test_the_global_options_stand_behind_a_command_in_two_words(call, project):
    for command in (["metrics", "show"], ["params", "diff", "first"]):
        expected = call(*command).stdout
        assert call(command[0], "--cd", str(project.path), *command[1:]).stdout == expected
        assert call(*command, "-q", "--cd", str(project.path)).stdout == expected


def test_paths_are_relative_to_the_folder_one_is_in(project, call, exps):
    def below(*arguments):
        return json.loads(exps(*arguments, "--json", cwd=project.path / "runs", env=project.environ).stdout)

    assert list(below("params", "diff")) == ["../params.yaml"]
    assert list(below("metrics", "show")[""]["data"]) == ["../metrics.json"]
    assert list(below("metrics", "diff", "HEAD", "first", "--targets", "../metrics.json")) == ["../metrics.json"]
    assert below("metrics", "diff", "HEAD", "first", "--targets", "metrics.json") == {}
    assert list(below("params", "diff", "1", "2", "--targets", "params.yaml")) == ["params.yaml"]
    assert list(below("params", "diff", ":runs/1", ":./2")) == ["params.yaml"]


def test_many_problems_do_not_scroll_the_table_away(trained, call):
    names = [f"m{number}.json" for number in range(14)]
    trained.write("dvc.yaml", f"metrics: [{', '.join(names)}]\n".encode())
    done = call("show", "--hide-workspace")
    assert done.stderr == ""
    told = call("show").stderr.splitlines()
    assert len(told) == 11 and told[-1] == "exps: warning: 4 more problems: `exps show --json` has them all"


@pytest.mark.parametrize(
    "arguments", [("metrics", "diff", "--targets"), ("metrics", "show"), ("params", "diff", "--targets")]
)
def test_a_file_that_nothing_declares_is_read_when_it_is_named(project, call, arguments):
    project.write("other.json", b'{"f1": 0.5}')
    done = call(*arguments, "other.json")
    assert done.stderr == "" and "other.json" in done.stdout and "0.5" in done.stdout
    for outside in ("no.json", "../other.json", "/etc/hostname"):
        told = call(*arguments, outside)
        assert told.stderr == f"exps: warning: {outside}: there is no such file in what is shown\n"
        assert told.returncode == 0 and "0.5" not in told.stdout
    assert call(*arguments, "params.yaml" if arguments[0] == "params" else "metrics.json").stderr == ""


def test_metrics_diff_takes_dvcs_flag_that_means_nothing(call):
    expected = call("metrics", "diff", "HEAD", "first").stdout
    assert call("metrics", "diff", "-R", "HEAD", "first").stdout == expected != ""
