"""Short walks: how many of our files a command enters, and that no two of them call each other both ways.

Measured with `sys.setprofile` on a repository with packs, folders and changes, from the call of `main` on; what happens
while modules load does not count. The caller of a function is the nearest function of ours on the stack, so that a way
through click, a sort or a generator is one as well. docs/architecture.md, section 2.
"""
import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT, needs
from tests.projects import fill, is_clean, refs
from tests.sharing import bare

pytestmark = needs("git")

MOST_FILES = {"list": 36, "show": 64, "save": 84, "push": 77, "pull": 58}  # why so many: docs/architecture.md, section 2
PROFILE = """
import io, json, os, sys
root = os.path.realpath(sys.argv.pop(1)) + "/"
places = {}
standing_for = "objstore/lighttyping.py", "objstore/patterns.py"  # ... `typing` and `re`

def place(code):
    # The path of a file of ours in the checkout; None for others.
    if code not in places:
        path = os.path.realpath(code.co_filename)
        ours = path.removeprefix(root) if path.startswith(root) else None
        places[code] = None if ours in standing_for else ours
    return places[code]

entered, calls = set(), set()

def look(frame, event, argument):
    to = place(frame.f_code) if event == "call" else None
    if to is None:
        return
    callers = []
    while frame := frame.f_back:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return
        callers.append(place(frame.f_code))
    entered.add(to)
    caller = next(filter(None, callers), to)
    if caller != to:
        calls.add((caller, to))

from expref.exps.cli.main import main
sys.argv[0], sys.stdout = "exps", io.StringIO()
sys.setprofile(look)
status = main()
sys.setprofile(None)
print(json.dumps([status, sorted(entered), sorted(calls)]), file=sys.__stdout__)
"""


@pytest.fixture
def lived_in(repo):
    """A repository with packs and loose objects, packed and loose refs, attributes, an experiment, and changes."""
    fill(repo)
    repo.write("dvc.yaml", b"metrics: [out/m.json]\nparams: [more.json]\n")
    repo.write("out/m.json", b'{"f1": 0.5}')
    repo.write("more.json", b'{"depth": 3}')
    repo.write(".gitattributes", b"*.png binary\n")
    for number in range(50):
        repo.write(f"src/part{number % 5}/file{number}.py", b"print(%d)\n" % number)
    repo.commit("second")
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("gc", "--quiet")
    repo.git("checkout", "--quiet", "--detach")
    baseline = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/first", "HEAD")
    repo.write("params.yaml", b"lr: 0.2\n")
    repo.write("new.py", b"1")
    repo.git("add", "new.py")
    (repo.path / "src/part1/file1.py").unlink()
    repo.path.joinpath("train.py").chmod(0o755)
    (repo.path / "src/part2/file2.py").unlink()
    (repo.path / "src/part2/file2.py").symlink_to("file7.py")
    repo.write("weights.bin", bytes(9 << 20))
    repo.git("add", "weights.bin")
    repo.write("weights.bin", b"1" * (9 << 20))
    return repo


WALKS = [["save", "-n", "second", "-m", "x"], ["save", "--json"], ["show"], ["show", "--json"], ["list", "-A"]]


def walk(repo, child_env, command):
    """Run a command in `repo`; return the files it entered. Fails if two of them call each other both ways."""
    options = {"cwd": repo.path, "env": child_env | repo.environ, "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", PROFILE, ROOT, *command], **options)
    assert done.returncode == 0, done.stderr
    status, entered, calls = json.loads(done.stdout)
    edges = {(caller, called) for caller, called in calls}
    print(len(entered), *entered, *sorted(f"{a} -> {b}" for a, b in edges), sep="\n")
    assert status == 0 and sorted(f"{a} <-> {b}" for a, b in edges if a < b and (b, a) in edges) == []
    return entered


@pytest.mark.parametrize("command", WALKS, ids=" ".join)
def test_a_walk_is_short_and_goes_one_way(lived_in, child_env, command):
    before = len(refs(lived_in))
    entered = walk(lived_in, child_env, command)
    assert len(refs(lived_in)) == before + (command[0] == "save") and is_clean(lived_in)
    assert 8 < len(entered) <= MOST_FILES[command[0]]


def test_a_walk_to_a_remote_goes_one_way(lived_in, child_env):
    """To a path: what would run on a server belongs to it."""
    there, here = bare(lived_in), refs(lived_in)
    for verb in ("push", "pull"):
        if verb == "pull":
            lived_in.git("update-ref", "-d", lived_in.git("for-each-ref", "--format=%(refname)", "refs/exps"))
        entered = walk(lived_in, child_env, [verb, str(there.path)])
        assert refs(there) == refs(lived_in) == here and 8 < len(entered) <= MOST_FILES[verb]
    assert is_clean(there) and is_clean(lived_in)
