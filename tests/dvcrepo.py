"""The real DVC, the judge of what we show: projects in temporary folders, and what of its answers is compared.

A call of DVC takes a second or two, so a project is made once for all tests of a file.
"""

import json
import os
import subprocess
import sys

from tests.conftest import BIN, SCRIPT, environment
from tests.gitrepo import GitRepo, git_environ


class DvcRepo(GitRepo):
    """A DVC project; `dvc` and `exps` are run as `git` is, in its folder or in `below`."""

    below = ""

    def try_dvc(self, *args):
        return subprocess.run(
            ["dvc", *args], cwd=self.path / self.below, env=self.environ, capture_output=True, text=True
        )

    def dvc(self, *args):
        done = self.try_dvc(*args)
        assert done.returncode == 0, f"dvc {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def exps(self, *args):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *args],
            cwd=self.path / self.below,
            env=self.environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"exps {args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def make_project(folder, import_folder, files, below=""):
    """A DVC project with these files in its first commit, in the folder `below` of the repository."""
    environ = environment(import_folder) | git_environ(folder / "home") | {
        "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "site"), "CI": "1", "TZ": "Asia/Kathmandu",
    }  # fmt: skip
    environ["PATH"] = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    for name in [name for name in environ if name.endswith("_DATE")]:
        del environ[name]
    repo = DvcRepo(folder / "repo", environ).init()
    for key, value in {"user.name": "A U Thor", "user.email": "author@example.com"}.items():
        repo.git("config", "--global", key, value)
    repo.below = below
    (repo.path / below).mkdir(exist_ok=True)
    repo.dvc("init", "--quiet", *(["--subdir"] if below else []))
    for name, content in files.items():
        repo.write(name, content)
    repo.commit("first")
    return repo


def comparable(states):
    """`exp show --json` without the messages of errors."""
    return [
        {
            "rev": state["rev"], "name": state["name"], "error": state["error"] and state["error"]["type"],
            "data": state["data"] and {key: errors_as_types(value) for key, value in state["data"].items()},
            "experiments": state["experiments"] and [
                {"revs": comparable(found["revs"]), "name": found["name"], "executor": found["executor"]}
                for found in state["experiments"]
            ],
        }
        for state in states
    ]  # fmt: skip


def errors_as_types(value):
    """Files whose error has the same type are the same: the message may differ."""
    if not isinstance(value, dict):
        return value
    return {
        path: each["error"]["type"] if isinstance(each, dict) and "error" in each else each
        for path, each in value.items()
    }


def both(repo, *args):
    """(`dvc exp show --json`, `exps show --json`), with the same options."""
    texts = repo.dvc("exp", "show", "--json", *args), repo.exps("show", "--json", *args)
    return [comparable(json.loads(text)) for text in texts]
