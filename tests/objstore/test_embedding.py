"""The object store alone: what docs/embedding.md shows runs with nothing but the standard library; its names are right."""

import inspect
import re
import shutil
import subprocess
import sys

import pytest
from expref.objstore import api

from tests.conftest import ROOT, needs

GUIDE = (ROOT / "docs/embedding.md").read_text("utf-8").partition("\n## Experiments\n")[0]  # the rest: tests/exps
[SCRIPT] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
[PRINTED] = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)
ALONE = """
import sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + [sys.argv[1]]
for name in "click", "yaml":
    sys.modules[name] = None
exec(sys.argv[2])
strange = {name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"__main__", "expref", "click", "yaml"}
assert not strange, strange
"""
PUBLIC = {name: getattr(api, name) for name in api.__all__}


@pytest.fixture
def alone(tmp_path):
    """A folder that holds a copy of the object store, as the package `expref.objstore`, and nothing else."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "objstore", tmp_path / "site/expref/objstore", ignore=ignored)
    return tmp_path / "site"


def run_alone(site, script, cwd):
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(site), script]
    return subprocess.run(command, cwd=cwd, env={"PATH": ""}, capture_output=True, text=True)


@pytest.fixture
def made(alone, tmp_path):
    done = run_alone(alone, SCRIPT, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, tmp_path / "library"


def test_the_script_runs_with_nothing_else_on_the_path(made):
    assert made[0] == PRINTED
    assert 8 <= sum(1 for line in SCRIPT.splitlines() if line.strip()) <= 12


@needs("git")
def test_git_finds_nothing_wrong_with_what_it_made(made):
    def git(*args):
        return subprocess.run(["git", *args], cwd=made[1], capture_output=True, text=True, check=True).stdout

    git("fsck", "--strict", "--full")
    assert git("log", "--format=%H %an %s", "main").split() == [PRINTED.split()[0], "Ada", "first"]
    assert git("cat-file", "-p", "main:greeting") == "hello\n"
    assert git("reflog", "--format=%gs", "main") == "commit: first\n"


def test_the_transports_are_not_loaded(alone, tmp_path):
    script = """
import sys, expref.objstore.api
loaded = [name for name in sys.modules if name.startswith("expref.objstore.transport")]
assert not loaded and not {"ssl", "http", "socket", "subprocess", "hashlib", "json", "dataclasses", "inspect"} & set(sys.modules), loaded
"""
    assert run_alone(alone, script, tmp_path).stderr == ""


def test_the_list_is_complete_and_each_name_once():
    imported = {name for name, value in vars(api).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert set(api.__all__) == imported - {"TYPE_CHECKING"}
    assert len(set(api.__all__)) == len(api.__all__)


@pytest.mark.parametrize(
    "name", [name for name, value in PUBLIC.items() if callable(value) and hasattr(value, "__module__")]
)
def test_every_public_name_says_what_it_is(name):
    if name == "Kind":  # a Literal
        return
    assert inspect.getdoc(PUBLIC[name])
    for method, value in vars(PUBLIC[name]).items() if inspect.isclass(PUBLIC[name]) else ():
        if not method.startswith("_") and callable(value):
            assert inspect.getdoc(value), f"{name}.{method}"


def test_the_guide_names_only_what_there_is():
    named = set(re.findall(r"`([A-Za-z_]+)(?=[`(])", GUIDE.split("## What there is")[1]))
    methods = {method for value in PUBLIC.values() for method in dir(value)}
    assert named - {"environ", "str", "id", "GIT_DIR"} <= set(PUBLIC) | methods


@needs("git")
def test_flatten_lists_what_git_lists(repo):
    for name in ("a", "a.b/c", "a-b", "dir/sub/f", "dir.x", "dir/z", "é/ü"):
        repo.write(name, name.encode())
    repo.git("init", "-q", "sub")
    repo.git("-C", "sub", "commit", "-q", "--allow-empty", "-m", "x")
    repo.commit()
    ours = repo.open()
    found = api.flatten(ours.objects, api.find_tree(ours, "HEAD"))
    listed = repo.git_bytes("ls-tree", "-r", "-z", "HEAD").split(b"\0")[:-1]
    assert [(path, b"%06o" % entry.mode, entry.id.hex().encode()) for path, entry in found] == [
        (line.split(b"\t")[1], line.split()[0], line.split()[2]) for line in listed
    ]
