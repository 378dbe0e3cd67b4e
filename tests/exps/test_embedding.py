"""docs/embedding.md: its program runs, in a process that knows nothing of git, and its table is true."""

import inspect
import re
import subprocess
import sys

import pytest
from expref.exps import api

from tests.conftest import ROOT, needs
from tests.projects import refs

TEXT = (ROOT / "docs/embedding.md").read_text("utf-8").partition("\n## Experiments\n")[2]
CALLS = re.findall(r"^\| `(.*?)`[,|]?", TEXT, re.M)


@needs("git")
def test_the_program_runs_where_there_is_no_git(trained, import_folder):
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    environ = {name: value for name, value in trained.environ.items() if name.startswith("GIT_")}
    env = environ | {"PYTHONPATH": str(import_folder), "PATH": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=trained.path, env=env, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"candidate [0-9a-f]{40} \d+ from a program\n", done.stdout) and done.stderr == ""
    assert refs(trained) == {} and trained.git("log", "--format=%s", "-1", "topic") == "from a program"


@pytest.mark.parametrize("call", CALLS)
def test_every_call_of_the_table_is_one(call):
    name, _, arguments = call.partition("(")
    function = getattr(api, name.split(".")[0])
    for part in name.split(".")[1:]:
        function = getattr(function, part)
    known = inspect.signature(function).parameters
    assert all(each in known for each in re.findall(r"(\w+)=", arguments)) and inspect.getdoc(function)
