"""Which expref is measured: the wheel that this Python has installed, never the checkout that this file lies in.

A plain editable install adds 9 ms to every start, and a checkout on sys.path is not what people get. So a new process
with a clean environment is asked what it would import.
"""
import filecmp
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.runner import clean_environment

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDERS = ("objstore", "cache", "exps")
ASK = """
import importlib.metadata, importlib.util, json
found = importlib.metadata.distribution("expref")
print(json.dumps([found.version, importlib.util.find_spec("expref.exps").origin, found.read_text("direct_url.json")]))
"""
HOW_TO_INSTALL = """
Measured is an installed wheel. In a fresh clone (a stale build/ would ship deleted modules):
    python -m pip install build
    python -m build --wheel --outdir /tmp/expref-wheel
    python -m venv /tmp/expref-measured
    /tmp/expref-measured/bin/python -m pip install /tmp/expref-wheel/*.whl
    /tmp/expref-measured/bin/python -m bench"""


class Refused(Exception):
    """What is installed is not a wheel; the message says what it is, and how to install one."""

    def __init__(self, why):
        super().__init__(f"{why}\n{HOW_TO_INSTALL}")


class Installed(NamedTuple):
    version: str
    folder: Path  # site-packages/expref
    script: Path  # the command `exps`
    commit: str  # of the checkout that the benchmarks come from; "unknown" without git
    different: int  # modules that are not the same in the wheel and in that checkout

    def __str__(self):
        same = f"{self.different} modules differ from" if self.different else "the same modules as"
        return f"expref {self.version} in {self.folder}\n  ({same} the checkout at commit {self.commit})"


def find(python=sys.executable):
    """The wheel that `python` has installed; raises Refused if that is nothing, a checkout or an editable install."""
    asked = subprocess.run(
        [python, "-P", "-c", ASK], env=clean_environment(), cwd="/", capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise Refused(f"{python} has no expref installed")
    version, origin, direct_url = json.loads(asked.stdout)
    if any(Path(origin).resolve().is_relative_to(CHECKOUT / folder) for folder in FOLDERS):
        raise Refused(f"{python} imports expref from the checkout {CHECKOUT}")
    if direct_url and json.loads(direct_url).get("dir_info", {}).get("editable"):
        raise Refused(f"{python} has an editable install of expref: {json.loads(direct_url)['url']}")
    folder, script = Path(origin).parent.parent, Path(python).with_name("exps")
    if not script.exists():
        raise Refused(f"{script} does not exist")
    return Installed(version, folder, script, read_commit(), count_differences(folder))


def read_commit():
    """The commit of the checkout, "unknown" where there is none or no git."""
    try:
        asked = subprocess.run(
            ["git", "-c", f"safe.directory={CHECKOUT}", "-C", CHECKOUT, "rev-parse", "HEAD"],
            capture_output=True, text=True, check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return asked.stdout.strip()


def count_differences(package):
    """How many modules are not the same in `package` (site-packages/expref) and in the checkout."""
    names = {
        path.relative_to(root)
        for root in (CHECKOUT, package) for folder in FOLDERS for path in (root / folder).rglob("*.py")
    }
    return len(names) - len(filecmp.cmpfiles(CHECKOUT, package, names, shallow=False)[0])
