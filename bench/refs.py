"""How long does it take to list 10,000 refs, or to read one among 100,000? Beside git, dulwich and pygit2.

Libraries are for programs that run already: what is judged is done many times over in one process, while git, which has
no other way, starts anew each time. The last table has `exps refs --porcelain` as a whole process: starting Python and
click takes longer than git needs for everything, so there is no limit.
"""
import hashlib
import subprocess

from bench.inputs import call, make_repository
from bench.runner import CommandFailed, Peer, compare, default_places, environment_beside

LIST_LIMIT = 1.5  # of git's time
ONE_LIMIT = 0.05  # of the time that our own reader takes for the whole file
GIT = "git for-each-ref --format='%(objectname) %(refname)' refs/exps > /dev/null"
LIST = """
from expref.objstore.api import Repository
refs = Repository.discover(".", {}).refs
for _ in range(TIMES):
    assert sum(1 for ref in refs.refs("refs/exps/") if ref.id) == COUNT
"""
DULWICH = """
from dulwich.repo import Repo
for _ in range(TIMES):
    assert len(Repo(".").refs.as_dict(b"refs/exps")) == COUNT
"""
PYGIT2 = """
import pygit2
refs = pygit2.Repository(".").references
for _ in range(TIMES):
    assert sum(1 for ref in refs.iterator() if ref.name.startswith("refs/exps/") and ref.target) == COUNT
"""
ONE = """
from expref.objstore.api import Repository
refs = Repository.discover(".", {}).refs
for number in range(TIMES):
    assert refs.get(NAME % number)
"""
DULWICH_ONE = """
from dulwich.repo import Repo
refs = Repo(".").refs
for number in range(TIMES):
    assert refs[(NAME % number).encode()]
"""
PYGIT2_ONE = """
import pygit2
refs = pygit2.Repository(".").references
for number in range(TIMES):
    assert refs[NAME % number].target
"""


def run(setting):
    """The comparisons, and the versions of the peers."""
    count = 10_000
    packed, loose = (listing(setting, count, times, kind) for kind, times in (("packed", 20), ("loose", 5)))
    comparisons = [packed, loose, one_of_many(setting, 100_000, 10), *whole_processes(setting, count)]
    return comparisons, versions(setting)


def listing(setting, count, times, kind):
    def python(code, program=setting.python):
        return [program, "-c", code.replace("TIMES", str(times)).replace("COUNT", str(count))]

    return compare(
        f"{count} refs, {kind}, listed {times} times over",
        ours={"expref": python(LIST)},
        peers={
            "git for-each-ref": Peer(["sh", "-c", f"for i in {'x ' * times}; do {GIT}; done"], LIST_LIMIT),
            "dulwich": Peer(setting.peer and python(DULWICH, setting.peer), None, "dulwich not found"),
            "pygit2": Peer(setting.peer and python(PYGIT2, setting.peer), None, "pygit2 not found"),
        },
        setup=lambda folder, _command: make_refs(folder, count, packed=kind == "packed"),
        rounds=3 if setting.small else 7,
        places=default_places()[:1],
    )


def one_of_many(setting, count, times):
    """Each of these processes does it `times` times: the time for starting one hardly counts."""
    name = f"refs/exps/%02d/{'0' * 38}/x"

    def python(code, program=setting.python):
        code = code.replace("TIMES", str(times)).replace("NAME", repr(name)).replace("COUNT", str(count))
        return [program, "-c", code]

    return compare(
        f"one ref among {count} packed ones, {times} times",
        ours={"expref": python(ONE)},
        peers={
            "expref: all of them": Peer(python(LIST), ONE_LIMIT),
            "dulwich": Peer(setting.peer and python(DULWICH_ONE, setting.peer), None, "dulwich not found"),
            "pygit2": Peer(setting.peer and python(PYGIT2_ONE, setting.peer), None, "pygit2 not found"),
        },
        setup=lambda folder, _command: make_packed(folder, [name % n for n in range(times)], count),
        rounds=3,
        places=default_places()[:1],
    )


def whole_processes(setting, count):
    for kind in ("packed", "loose"):
        yield compare(
            f"{count} refs, {kind}: a whole process",
            ours={"exps refs --porcelain": [setting.exps, "refs", "--porcelain"]},
            peers={
                "git for-each-ref": Peer(["sh", "-c", GIT]),
                'python -c "import click"': Peer([setting.python, "-c", "import click"]),
            },
            setup=lambda folder, _command, kind=kind: make_refs(folder, count, packed=kind == "packed"),
            rounds=5,
            places=default_places()[:1],
        )


def make_refs(folder, count, *, packed):
    """A repository with so many experiments, ten on each of its baselines, all on one commit."""
    make_repository(folder)
    head = call(folder, "git", "rev-parse", "HEAD").strip()
    lines = "".join(f"create {name_of(number)} {head}\n" for number in range(count))
    env = environment_beside(folder)
    subprocess.run(["git", "update-ref", "--stdin"], cwd=folder, env=env, input=lines, text=True, check=True)
    if packed:
        call(folder, "git", "pack-refs", "--all")


def make_packed(folder, names, count):
    """A repository with so many packed refs, `names` among them."""
    make_repository(folder)
    head = call(folder, "git", "rev-parse", "HEAD").strip()
    listed = sorted([*names, *(name_of(number) for number in range(count - len(names)))])
    lines = "".join(f"{head} {name}\n" for name in listed)
    (folder / ".git/packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{lines}")
    call(folder, "git", "for-each-ref", "--count=1")


def name_of(number):
    baseline = hashlib.sha1(b"%d" % (number // 10)).hexdigest()
    return f"refs/exps/{baseline[:2]}/{baseline[2:]}/puffy-daks-{number}"


def versions(setting):
    """Of git, and of those peers that are there."""
    found = {"git": subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.split()[-1]}
    for name in ("dulwich", "pygit2") if setting.peer else ():
        code = f"import importlib.metadata; print(importlib.metadata.version({name!r}))"
        asked = subprocess.run([setting.peer, "-c", code], capture_output=True, text=True)
        if asked.returncode:
            raise CommandFailed(f"{setting.peer} has no {name}: name a Python that has it with --peer")
        found[name] = asked.stdout.strip()
    return found
