"""Tests always run against this checkout, installed or not: in this process and in child processes."""
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.gitrepo import git_env, repo  # fixtures for all tests  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent  # not resolved: in a virtual environment `python` is a link that leads out of it

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # what is slow because others are busy is no failure

# Here: `expref` = the repository root, even where a plug-in has imported an installed one before.
for name in [name for name in sys.modules if name.split(".")[0] == "expref"]:
    del sys.modules[name]
expref = types.ModuleType("expref")
expref.__path__ = [str(ROOT)]
sys.modules["expref"] = expref

sys.modules["tests.conftest"] = sys.modules[__name__]  # `from tests.conftest import needs`, in every import mode


def needs(program):
    """A mark: skip where `program` is not installed, except git and dvc in CI: there the test must run, and fails."""
    found = shutil.which(program, path=os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    must_run = "CI" in os.environ and program in {"git", "dvc"}
    return pytest.mark.skipif(not found and not must_run, reason=f"{program} is not installed")


@pytest.fixture(scope="session", autouse=True)
def import_folder(tmp_path_factory):
    """A folder for PYTHONPATH: `expref` in it is this checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    package = folder / "expref"
    package.mkdir()
    (package / "__init__.py").touch()  # a regular package, so that Python does not merge an installed `expref` into it
    for name in ("objstore", "cache", "exps"):
        try:
            (package / name).symlink_to(ROOT / name, target_is_directory=True)
        except (OSError, NotImplementedError):
            shutil.copytree(ROOT / name, package / name)
    sys.path.insert(0, str(folder))  # the workers of a process pool get this path, not PYTHONPATH
    return folder


def environment(import_folder):
    """os.environ as it is now, with this checkout first on PYTHONPATH and the programs beside Python first on PATH."""
    first = {"PYTHONPATH": str(import_folder), "PATH": str(BIN)}
    return os.environ | {
        name: os.pathsep.join(filter(None, [folder, os.environ.get(name)])) for name, folder in first.items()
    }


@pytest.fixture
def child_env(import_folder):
    """For every child process that imports expref, itself or further down: `subprocess.run(…, env=child_env)`."""
    return environment(import_folder)


# What the installed script does. `-c` alone would show "-c" in usage lines and put the current folder on sys.path,
# where a user's queue.py hides the standard one.
SCRIPT = """
import sys
sys.argv[0] = "exps"
sys.path[:] = filter(None, sys.path)
from expref.exps.cli.main import program
program()
"""


@pytest.fixture
def exps(import_folder, tmp_path):
    """Run the command: `exps("show", cwd=project, env={"NO_COLOR": "1"})` returns a CompletedProcess with text.

    In `env` None takes a variable away.
    """

    def run(*args, cwd=tmp_path, check=True, env=None):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *args],
            cwd=cwd,
            env={name: value for name, value in (environment(import_folder) | (env or {})).items() if value is not None},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, f"exps {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    return run
