"""Completion: what the shells are told, and that real shells make it what the user would type."""

import shutil
import subprocess

import pytest
from expref.exps.cli import app
from expref.exps.cli.commands import ALIASES, COMMANDS
from expref.exps.cli.complete import answer

from tests.conftest import BIN, environment, needs

pytestmark = needs("git")


@pytest.fixture
def named(trained):
    """A repository with experiments of easy and of hostile names."""
    baseline = trained.git("rev-parse", "HEAD")
    for name in ("fast", "fine", "lr=0.1", "$(touch${IFS}pwned)", "a&b", "実験", "caf\udce9"):
        trained.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", "HEAD")
    trained.git("pack-refs", "--all")
    trained.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/loose", "HEAD")
    trained.git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    return trained


def load(name):
    from importlib import import_module

    return import_module(name, "expref.exps.cli")


def told(repo, *words, shell="zsh"):
    monkey = repo.path
    found = answer([shell, *words], repo.environ | {"PWD": str(monkey)}, lambda words: app.options(load, words))
    return found.decode("utf-8", "surrogateescape").splitlines()


@pytest.fixture(autouse=True)
def inside(named, monkeypatch):
    monkeypatch.chdir(named.path)


@pytest.mark.parametrize("words, expected", [
    ([""], [*COMMANDS, *ALIASES]), (["re"], ["refs", "remove", "rename"]), (["-q", "sa"], ["save"]), (["zzz"], []),
    (["branch", "f"], ["fast", "fine"]), (["rm", "fa"], ["fast"]), (["remove", "fast", "l"], ["loose", "lr=0.1"]),
    (["list", "f"], []), (["save", "f"], []), (["list", "--rev", "f"], ["fast", "fine"]), (["save", "-n", "f"], []),
    (["undo", ""], ["list", "restore"]), (["undo", "list", ""], []), (["completion", "z"], ["zsh"]),
    (["--cd", ""], []), (["rename", "-f", "fi"], ["fine"]), (["cat", "caf"], ["caf\udce9"]), (["show", "実"], ["実験"]),
    (["save", "--na"], ["--name"]), (["save", "-n"], ["-n"]), (["--ver"], ["--version", "--verbose"]), (["undo", "list", "--qu"], ["--quiet"]),
    (["remove", "--a"], ["--all-commits"]), (["nonsense", "--qui"], ["--quiet"]),
])  # fmt: skip
def test_what_may_follow_is_told(named, words, expected):
    assert sorted(told(named, *words)) == sorted(expected)


def test_the_repository_is_the_one_that_is_worked_in(named, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert told(named, "--cd", str(named.path), "branch", "fa") == ["fast"]


@pytest.mark.parametrize("line, expected", [
    ("exps branch fi", ["fine"]), ("exps branch lr", ["lr=0.1"]), ("exps branch lr=0", ["0.1"]), ("exps branch $", ["\\$\\(touch\\$\\{IFS\\}pwned\\)"]),
    ("exps branch a", ["a\\&b"]), ("exps  -q  branch  fa", ["fast"]), ("exps ren", ["rename"]), ("exps branch exp:f", []),
])  # fmt: skip
def test_bash_gets_what_it_is_to_put_on_the_line(named, line, expected):
    assert told(named, line, shell="bash") == expected


def test_nothing_is_said_where_nothing_is_known(exps, tmp_path):
    for words in (["zsh", "branch", ""], ["zsh"], [], ["bash", ""]):
        done = exps("--complete", *words, cwd=tmp_path, check=False)
        assert (done.stdout, done.stderr) == ("", "")


def test_names_are_found_without_click(named, child_env):
    code = "import sys; sys.argv = ['exps', '--complete', 'zsh', 'branch', 'f']\nfrom expref.exps.cli.main import main\nmain()\nprint(*sys.modules)"
    done = subprocess.run(
        [shutil.which("python", path=str(BIN)), "-c", code],
        cwd=named.path,
        env=child_env | named.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("fast\nfine\n") and "click" not in done.stdout.split()


SHELLS = {
    "bash": 'eval "$(exps completion bash)"; COMP_LINE="exps {0}"; COMP_POINT=${{#COMP_LINE}}; _exps_complete exps; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(exps completion zsh)"; compadd() {{ print -l -- "${{(@P)2}}" }}; _files() {{ }}; words=(exps {0}); CURRENT=$#words; _exps',
    "fish": 'exps completion fish | source; complete -C "exps {0}" | string replace -r "\\t.*" ""',
}


@pytest.mark.parametrize("shell", [pytest.param(name, marks=needs(name)) for name in SHELLS])
@pytest.mark.parametrize(
    "typed, expected", [("branch fa", ["fast"]), ("ren", ["rename"]), ("branch f", ["fast", "fine"])]
)
def test_real_shells_understand_the_scripts(named, import_folder, tmp_path, shell, typed, expected):
    command = tmp_path / "bin/exps"
    command.parent.mkdir()
    command.write_text(
        f"#!{shutil.which('python', path=str(BIN))}\nfrom expref.exps.cli.main import program\nprogram()\n"
    )
    command.chmod(0o755)
    env = environment(import_folder) | named.environ
    env |= {"PATH": f"{command.parent}:{env['PATH']}", "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [shell, "-c", SHELLS[shell].format(typed)], cwd=named.path, env=env, capture_output=True, text=True
    )
    assert done.stdout.split() == expected, done.stderr
