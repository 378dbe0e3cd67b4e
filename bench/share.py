"""How long do `exps push`, `exps pull` and `exps list REMOTE` take? Whole commands beside git's, to a path and by http.

A repository of 10,000 files, experiments that each changed one of them, as saves leave them: every object a file of its
own. Pulled is what git has pushed. "A start" is the whole-process time of `exps list` in a repository without
experiments, measured in the same run; where a limit grants some of them, the table has the limit that comes of it.
The server is nginx with `git http-backend`, on this machine: its time counts for both.
"""

import os
import random
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.inputs import call, make_repository
from bench.runner import Comparison, Row, default_places, file_system, measure, run
from bench.save import dvc_version
from bench.transfer import BYTES_LIMIT, DULWICH_PUSH, REFS, make_pair, renew, verify
from bench.webserver import web_server

START = "a start"
PATH = "../remote.git"
LIMIT, STARTS = 1.5, 2  # of git's time; and so many starts, where nothing is between the two but files
LIST_STARTS = 1.5
DVC_LIMIT = 1 / 5
MEMORY_LIMIT_MIB = 150


class Limited(NamedTuple):
    """A peer: its command, and how many times its time and how many starts ours may take; no `times`: not judged."""

    argv: list[str] | None
    times: float | None = None
    starts: float = 0
    missing: str = ""


def run_all(setting):
    """The comparisons, and the versions of the peers with what is measured in bytes."""
    files, many = (1_000, 200) if setting.small else (10_000, 1_000)
    with web_server(default_places()[-1]) as server:
        http = f"http://127.0.0.1:{server.port}$PWD/remote.git" if server else None
        both = [where for where in (http, PATH) if where]
        comparisons = [
            *(pushed(setting, files, 100, where) for where in both),
            pushed(setting, files, many, PATH),
            *(pulled(setting, files, 100, where) for where in both),
            pulled(setting, files, many, PATH),
            *(listed(setting, files, many, where) for where in both),
            nothing_to_send(setting, 10 * files, many),
        ]
        sent = on_the_wire(setting, files, http, server) if server else "not measured: nginx is not here"
        megabytes = 100 if setting.small else 1_000
        most = memory(setting, megabytes, both)
    versions = {"git": call(Path.cwd(), "git", "--version").split()[-1]}
    versions |= {"dvc": dvc_version(setting.dvc)} if setting.dvc else {}
    return comparisons, versions | {
        "bytes of a push of 100 experiments": sent,
        f"memory of push and pull, a blob of {megabytes} MB": most,
    }


def pushed(setting, files, count, where):
    is_path = where == PATH
    dulwich = [setting.peer, "-c", DULWICH_PUSH] if setting.peer and is_path else None
    peers = {
        "git push": Limited(shell(f"git -C work push --quiet {where} '{REFS}'"), LIMIT, STARTS if is_path else 0),
        "dulwich push": Limited(dulwich, missing="dulwich not found, or not of a path"),
    }
    comparison = versus(
        f"exps push, {count} experiments, {files} files, {kind(where)}",
        {"exps push -A": shell(f"{setting.exps} --cd work push -A -q {where}")},
        peers,
        setting,
        setup=lambda folder: make_pair(folder, files, count),
        before=lambda folder, _number: renew(folder / "remote.git", folder / "without.git"),
        check=lambda folder, name: verify(folder / "remote.git", name, count),
    )
    if is_path and count == 100:
        comparison.rows.append(dvc_row(setting, files, comparison.rows[0], count))
    return comparison


def dvc_row(setting, files, ours, count):
    """One experiment by DVC beside one of ours of many."""

    def setup(folder, _name):
        make_pair(folder, files, 1)
        call(folder / "work", setting.dvc, "init", "--quiet")

    if not setting.dvc or setting.small:
        missing = "left out with --small or without dvc"
        return Row("dvc exp push, per experiment", ours.place, None, None, DVC_LIMIT, missing)
    argv = ["sh", "-c", f"cd work && exec {setting.dvc} exp push --quiet --no-cache {PATH} exp-0"]
    cost = measure(
        {"dvc": argv},
        setup,
        lambda folder, _number: renew(folder / "remote.git", folder / "without.git"),
        lambda folder, name, _runs: verify(folder / "remote.git", name, 1),
        rounds=3,
        place=default_places()[0],
    )["dvc"]
    return Row("dvc exp push, per experiment", ours.place, cost, ours.cost.wall_s / count / cost.wall_s, DVC_LIMIT)


def pulled(setting, files, count, where):
    def setup(folder):
        make_pair(folder, files, count)
        call(folder, "git", "clone", "--quiet", "--no-local", "--no-checkout", "without.git", "empty")
        call(folder, "git", "-C", "work", "push", "--quiet", "../without.git", REFS)
        (folder / "without.git").rename(folder / "remote.git")
        shutil.rmtree(folder / "work")

    return versus(
        f"exps pull, {count} experiments, {files} files, {kind(where)}",
        {"exps pull -A": shell(f"{setting.exps} --cd work pull -A -q {where}")},
        {
            "git fetch": Limited(
                shell(f"git -C work fetch --quiet {where} '{REFS}'"), LIMIT, STARTS if where == PATH else 0
            )
        },
        setting,
        setup=setup,
        before=lambda folder, _number: renew(folder / "work", folder / "empty"),
        check=lambda folder, name: verify(folder / "work", name, count),
    )


def listed(setting, files, count, where):
    return versus(
        f"exps list REMOTE, {count} experiments, {kind(where)}",
        {"exps list -A REMOTE": shell(f"{setting.exps} --cd work list -A {where}")},
        {"git ls-remote": Limited(shell(f"git -C work ls-remote {where} 'refs/exps/*'"), 1.0, LIST_STARTS)},
        setting,
        setup=lambda folder: all_pushed(folder, files // 10, count),
    )


def nothing_to_send(setting, files, count):
    return versus(
        f"exps push with nothing to send, {count} experiments, {files} files, to a path",
        {"exps push -A": shell(f"{setting.exps} --cd work push -A -q {PATH}")},
        {"git push": Limited(shell(f"git -C work push --quiet {PATH} '{REFS}'"), LIMIT, STARTS)},
        setting,
        setup=lambda folder: all_pushed(folder, files, count),
        check=lambda folder, name: verify(folder / "remote.git", name, count),
    )


def all_pushed(folder, files, count):
    make_pair(folder, files, count)
    call(folder, "git", "-C", "work", "push", "--quiet", "../without.git", REFS)
    (folder / "without.git").rename(folder / "remote.git")


def memory(setting, megabytes, places):
    """The most that pushes and pulls of a large blob take, on disk, where so much fits; as a text."""

    def setup(folder, name):
        make_pair(folder, 3, 0)
        work = folder / "work"
        base = call(work, "git", "rev-parse", "HEAD").strip()
        call(folder, "git", "clone", "--quiet", "--no-local", "without.git", "empty")
        add_blob(work, megabytes)
        call(work, "git", "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/large", "HEAD")
        call(work, "git", "reset", "--quiet", "--hard", base)
        if name.startswith("pull"):
            work.rename(folder / "remote.git")

    def before(folder, _number):
        into, source = ("work", "empty") if (folder / "remote.git/.git").exists() else ("remote.git", "without.git")
        renew(folder / into, folder / source)

    sides = {
        f"{verb} {kind(where)}": shell(f"{setting.exps} --cd work {verb} -A -q {where}")
        for verb in ("push", "pull")
        for where in places
    }
    costs = measure(sides, setup, before, lambda *_: None, rounds=1, place=default_places()[-1])
    mebibytes = {name: cost.memory_bytes / 2**20 for name, cost in costs.items()}
    met = "yes" if max(mebibytes.values()) <= MEMORY_LIMIT_MIB else "NO"
    return f"{', '.join(f'{name} {most:.0f} MiB' for name, most in mebibytes.items())} (≤ {MEMORY_LIMIT_MIB}: {met})"


def add_blob(work, megabytes):
    """A commit with a file that does not compress."""
    generator = random.Random(1)
    with open(work / "blob", "wb") as file:
        for _ in range(megabytes):
            file.write(generator.randbytes(1 << 20))
    call(work, "git", "-c", "core.compression=0", "-c", "core.bigFileThreshold=4g", "add", "blob")
    call(work, "git", "commit", "--quiet", "--message", "large")


def versus(title, ours, peers, setting, *, setup, before=None, check=None):
    """As `compare`, with "a start" measured between the others and granted where a limit says so."""
    ((our_name, our_argv),) = ours.items()
    sides = {our_name: our_argv} | {name: each.argv for name, each in peers.items() if each.argv}
    sides[START] = [setting.exps, "list", "-q"]
    rounds, place = 3 if setting.small else 5, default_places()[0]

    def prepare(folder, number):
        if before and not (folder / "README.md").exists():  # that of a start
            before(folder, number)

    costs = measure(
        sides,
        lambda folder, name: make_repository(folder) if name == START else setup(folder),
        prepare,
        lambda folder, name, _runs: check(folder, name) if check and name != START else None,
        rounds=rounds,
        place=place,
    )
    where, own, start = f"{place} ({file_system(place)})", costs[our_name].wall_s, costs[START].wall_s
    rows = [Row(our_name, where, costs[our_name], None, None)]
    for name, each in peers.items():
        cost = costs.get(name)
        limit = each.times + each.starts * start / cost.wall_s if cost and each.times else None
        rows.append(Row(name, where, cost, own / cost.wall_s if cost else None, limit, each.missing))
    rows.append(Row(START, where, costs[START], own / start, None))
    return Comparison(title, rounds, rows)


def on_the_wire(setting, files, http, server):
    """What a push of 100 experiments sends by http, ours and git's, as a text."""
    counts = []
    for command in (f"{setting.exps} --cd work push -A -q {http}", f"git -C work push -q {http} '{REFS}'"):
        with _input(files) as folder:
            renew(folder / "remote.git", folder / "without.git")
            run(shell(command), folder)
            counts.append(server.received(folder))
    met = "yes" if counts[0] <= BYTES_LIMIT * counts[1] else "NO"
    return f"{counts[0]} of ours for {counts[1]} of git's (≤ {BYTES_LIMIT}: {met})"


@contextmanager
def _input(files):
    top = default_places()[0] / f"bench-wire-{os.getpid()}"
    folder = top / "input"
    folder.mkdir(parents=True)
    try:
        make_pair(folder, files, 100)
        yield folder
    finally:
        shutil.rmtree(top)


def shell(command):
    """A command that knows the folder it runs in."""
    return ["sh", "-c", f"exec {command}"]


def kind(where):
    return "to a path" if where == PATH else "http"
