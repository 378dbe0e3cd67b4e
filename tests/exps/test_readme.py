"""What README.md says is true."""
import re
import subprocess
import sys

import pytest
from expref.exps.cli.commands import COMMANDS
from expref.exps.demo import EXPERIMENTS
from expref.exps.errors import MEANINGS

from tests.conftest import ROOT, needs
from tests.projects import refs

README = (ROOT / "README.md").read_text("utf-8")
NUMBERS = {"five": 5, "six": 6, "seven": 7}


def table(header):
    """The cells of the table under this header, row by row."""
    lines = README[README.index(header) :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def code(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_the_exit_statuses_are_those_of_the_program():
    documented = {}
    for numbers, meanings in table("| exit status | means |"):
        single = "," not in numbers
        for number, meaning in zip(numbers.split(","), [meanings] if single else meanings.split(", "), strict=True):
            documented[int(number)] = meaning.strip()
    assert documented == {int(status): meaning for status, meaning in MEANINGS.items()}


@pytest.mark.parametrize("usage", [row[0].strip("`") for row in table("| command | does |")])
def test_every_command_takes_the_options_it_is_documented_with(exps, usage):
    name = usage.split()[1]
    text = exps(name, "--help").stdout
    assert name in COMMANDS
    assert all(option in text for option in re.findall(r"--?[\w-]+", usage))
    assert all(word in text for word in re.findall(r"\b[A-Z]{4,}\b", usage))


def test_every_command_is_documented():
    assert {row[0].split()[1] for row in table("| command | does |")} == COMMANDS.keys()


@needs("git")
def test_the_demo_is_as_announced(exps, tmp_path, git_env):
    announced = re.search(r"makes a small repository with (\w+) experiments", README)[1]
    output = exps("demo", env=git_env).stdout
    assert NUMBERS[announced] == len(EXPERIMENTS) == output.count(" [")
    assert output.startswith(f"A repository with {len(EXPERIMENTS)} experiments is in exps-demo:\n")
    for line in re.findall(r"^  (exps \w+|git \w+[^ ]*(?: --\w+)?|cd \S+|python \S+)", output, re.M):
        program, *arguments = line.split()
        folder = tmp_path / "exps-demo"
        command = {"python": sys.executable}.get(program, program)
        if program == "exps":
            exps(*arguments, cwd=folder, env=git_env)
        elif program == "cd":
            assert (tmp_path / arguments[0]).is_dir()
        else:
            subprocess.run([command, *arguments], cwd=folder, env=git_env, check=True, capture_output=True)


@needs("git")
def test_the_example_is_what_the_program_prints(exps, trained):
    (example,) = code("console")
    said, shown = re.search(r"\$ exps save\n(.*)\n\$ exps show\n((?:.+\n)+)", example).groups()
    name = re.fullmatch(r"Experiment has been saved as: ([a-z]{5}-[a-z]{4})", said)[1]
    trained.environ = {name: value for name, value in trained.environ.items() if not name.endswith("_DATE")}
    trained.write("params.yaml", b"train: {lr: 0.05, epochs: 5}\n")
    trained.write("metrics.json", b'{"test": {"accuracy": 0.815, "loss": 0.42318}}')
    trained.commit("as in the example")
    trained.write("params.yaml", b"train: {lr: 0.05, epochs: 40}\n")
    trained.write("metrics.json", b'{"test": {"accuracy": 0.84, "loss": 0.37052}}')
    assert exps("save", "-n", name, cwd=trained.path, env=trained.environ).stdout == said + "\n"
    output = exps("show", cwd=trained.path, env=trained.environ).stdout

    def without_times(text):
        return re.sub(r"\d\d:\d\d [AP]M", "TIME", re.sub("[0-9a-f]{7} ", "ID ", text))

    assert without_times(output) == without_times(shown)


@needs("git")
def test_the_python_example_runs(trained, child_env):
    (example,) = code("python")
    options = {"cwd": trained.path, "env": child_env | trained.environ, "capture_output": True}
    done = subprocess.run([sys.executable, "-c", example], text=True, check=True, **options)
    assert done.stdout.startswith("first-try {'metrics.json'") and refs(trained).keys() == {"first-try"}


def test_the_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target
