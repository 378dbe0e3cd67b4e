"""Whole commands beside their peers: `compare` runs them in turn, each on its own copy of the input, keeps the best.

Not here: functions (pytest-benchmark times those), texts and files (`report`), what is measured (`startup`, `save`, …).
Invariants: every command runs at least three times, in alternating order, after one run that is not counted; its
environment has no PYTHON* variable, because PYTHONDONTWRITEBYTECODE alone makes a start 2.5 times as long; a command
that fails ends the benchmark, because failing is fast.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LEAST_ROUNDS = 3
MEMORY_FOLDER = Path("/dev/shm")
GIT_CONFIG = (  # git would collect garbage behind the back of what is measured next
    "[user]\n\tname = Bench\n\temail = bench@example.com\n[init]\n\tdefaultBranch = main\n[gc]\n\tautoDetach = false\n"
)
# Started between us and the command. A process counts the memory of whoever started it as its own until it has
# become another program, and ru_maxrss never forgets: so the starter must be smaller than anything that is measured.
STARTER = """
import os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
nothing = os.open(os.devnull, os.O_RDONLY)
streams = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
began = time.perf_counter()
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=streams)
_, status, used = os.wait4(process, 0)
wall = time.perf_counter() - began
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024  # getrusage(2)


class CommandFailed(Exception):
    """A measured command ended with another status than 0; the message holds its output."""


class Setting(NamedTuple):
    """What `python -m bench` was asked for."""

    exps: str
    python: str
    dvc: str | None
    small: bool
    peer: str | None = None  # a Python that has dulwich and pygit2


class Cost(NamedTuple):
    """Of one run, or the best of several: the process and all that it waited for."""

    wall_s: float
    cpu_s: float
    memory_bytes: int  # of the largest process


class Peer(NamedTuple):
    """A command that ours is compared with; no `argv` says that it cannot run here, and `missing` why."""

    argv: Sequence[str] | None
    at_most: float | None = None  # limit for (wall time of ours) / (wall time of the peer)
    missing: str = ""  # used without `argv` only


class Row(NamedTuple):
    """One command in one place, at its best."""

    command: str
    place: str  # "/dev/shm (tmpfs)"
    cost: Cost | None  # None: not measured
    ratio: float | None  # (wall time of ours) / (wall time of this), None in the row of ours
    at_most: float | None  # None: not judged
    missing: str = ""


class Comparison(NamedTuple):
    title: str
    rounds: int
    rows: list[Row]


def compare(
    title: str,
    *,
    ours: Mapping[str, Sequence[str]],
    peers: Mapping[str, Peer],
    setup: Callable[[Path, str], None],
    before: Callable[[Path, int], None] = lambda _folder, _number: None,
    verify: Callable[[Path, str, int], None] = lambda _folder, _command, _runs: None,
    rounds: int = 5,
    places: Sequence[Path] | None = None,
) -> Comparison:
    """Run our one command and its peers `rounds` times in each of `places`; the limits count in the first of them.

    `setup(folder, command)` fills the empty folder of one side, `before(folder, number)` runs untimed before each run,
    `verify(folder, command, runs)` checks at the end that the work was done. Commands run in `folder`.
    """
    assert rounds >= LEAST_ROUNDS
    (our_name, our_argv), = ours.items()
    sides = {our_name: our_argv} | {name: peer.argv for name, peer in peers.items() if peer.argv}
    rows = []
    for place in places or default_places():
        costs = measure(sides, setup, before, verify, rounds=rounds, place=place)
        where = f"{place} ({file_system(place)})"
        rows.append(Row(our_name, where, costs[our_name], None, None))
        for name, peer in peers.items():
            cost = costs.get(name)
            ratio = costs[our_name].wall_s / cost.wall_s if cost else None
            limit = peer.at_most if where == rows[0].place else None
            rows.append(Row(name, where, cost, ratio, limit, peer.missing))
    return Comparison(title, rounds, rows)


def measure(sides, setup, before, verify, *, rounds, place) -> dict[str, Cost]:
    """The best cost of each side, each in its own folder in `place`; these are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as top:
        folders = {name: Path(top, str(number), "input") for number, name in enumerate(sides)}
        for name, folder in folders.items():
            folder.mkdir(parents=True)
            setup(folder, name)
        costs = {name: [] for name in sides}
        for number in range(rounds + 1):
            for name in reversed(sides) if number % 2 else sides:
                before(folders[name], number)
                costs[name].append(run(sides[name], folders[name]))
        for name, folder in folders.items():
            verify(folder, name, rounds + 1)
    return {name: best(runs[1:]) for name, runs in costs.items()}


def best(costs: Sequence[Cost]) -> Cost:
    """The least time of all; but the most memory, which no other process on the machine can add to."""
    return Cost(min(c.wall_s for c in costs), min(c.cpu_s for c in costs), max(c.memory_bytes for c in costs))


def run(argv: Sequence[str], folder: Path) -> Cost:
    """Run one command in `folder`, with a home of its own beside it; raises CommandFailed."""
    program = shutil.which(argv[0])
    if program is None:
        raise CommandFailed(f"{argv[0]} not found")
    log = folder.parent / "output"
    starter = [sys.executable, "-I", "-S", "-c", STARTER, log, program, *argv[1:]]
    env = environment_beside(folder)
    started = subprocess.run(starter, cwd=folder, env=env, capture_output=True, text=True, check=True)
    wall, cpu, memory, status = started.stdout.split()
    if status != "0":
        raise CommandFailed(f"{' '.join(argv)}: exit status {status}\n{log.read_text(errors='replace')}")
    return Cost(float(wall), float(cpu), int(memory) * RSS_UNIT_BYTES)


def environment_beside(folder: Path) -> dict[str, str]:
    """For a command that runs in `folder`: an empty home with an identity for Git, nothing of the user's settings."""
    home = folder.parent / "home"
    if not home.exists():
        home.mkdir()
        (home / ".gitconfig").write_text(GIT_CONFIG)
    return clean_environment() | {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",  # else it starts a second process that reports home
        "DVC_SITE_CACHE_DIR": str(home / "dvc"),  # else on disk, in /var/tmp
    }


def clean_environment() -> dict[str, str]:
    """os.environ without what changes how Python and Git work."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "GIT_", "XDG_", "DVC_"))}


def default_places() -> list[Path]:
    """The memory file system, where commands that make files are judged, then the disk; only the disk without one."""
    disk = next((p for p in (Path(tempfile.gettempdir()), Path("/var/tmp")) if file_system(p) != "tmpfs"), None)
    memory = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
    return [place for place in (memory, disk) if place] or [Path(tempfile.gettempdir())]


def file_system(path: Path) -> str:
    """The type of the file system that `path` lies on ("ext4"), or "unknown" where /proc/mounts does not say."""
    try:
        mounts = [line.split(" ")[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    around = [(len(point), kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(around, key=lambda pair: pair[0], default=(0, "unknown"))[1]
