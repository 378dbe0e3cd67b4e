"""How long does it take to show a thousand experiments? Beside DVC, which reads the same repository.

Each experiment has 50 parameters of its own in a nested params.yaml and four metrics. "Nothing remembered" means that
before each run the state of ours and the cache of DVC's table are removed; "remembered" is the run after that.
"""

import random
import shutil
import subprocess

from bench.inputs import call, make_repository
from bench.runner import CommandFailed, Peer, compare, default_places, environment_beside
from bench.save import dvc_version

COLD_LIMIT, WARM_LIMIT, LOCKED_LIMIT = 1 / 60, 1 / 15, 1 / 45  # of the time that DVC takes
GROWTH_LIMIT, TABLE_LIMIT = 4.0, 4.0
GROUPS, EACH = 5, 10  # 50 parameters
PTY = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps:
    - data
    - train.py
    params:
    - group0
    outs:
    - model
    metrics:
    - metrics.json:
        cache: false
"""


def run(setting):
    """The comparisons, and the versions of the peers."""
    count, rounds = (100, 3) if setting.small else (1000, 3)
    ours = {"exps show --json": [setting.exps, "show", "--json"]}
    dvc = [setting.dvc, "exp", "show", "--json"] if setting.dvc else None
    memory = default_places()[:1]

    def beside_dvc(title, limit, *, lock=False, before=lambda _folder, _number: None):
        return compare(
            title,
            ours=ours,
            peers={"dvc exp show --json": Peer(dvc, limit, "dvc not found")},
            setup=lambda folder, _command: make_experiments(folder, count, dvc=setting.dvc, lock=lock),
            before=before,
            rounds=rounds,
            places=memory,
        )

    what = f"{count} experiments with 50 parameters each"
    comparisons = [
        beside_dvc(f"{what}, nothing remembered", COLD_LIMIT, before=forget),
        beside_dvc(f"{what}, remembered", WARM_LIMIT),
        beside_dvc(f"{what} and a dvc.lock of 2 kB, nothing remembered", LOCKED_LIMIT, lock=True, before=forget),
        growth(setting, count, memory),
        terminal(setting, count, memory),
    ]
    return comparisons, {"dvc": dvc_version(setting.dvc)} if setting.dvc else {}


def growth(setting, count, places):
    """Ten times as many experiments; each side in a repository of its own."""
    argv = [setting.exps, "show", "--json"]
    many, few = f"exps show --json, {10 * count} experiments", f"exps show --json, {count} experiments"
    return compare(
        f"{10 * count} experiments, remembered, beside {count}; at most 200 MiB",
        ours={many: argv},
        peers={few: Peer(argv, GROWTH_LIMIT)},
        setup=lambda folder, command: make_experiments(folder, 10 * count if command == many else count),
        rounds=5,
        places=places,
    )


def terminal(setting, count, places):
    """The table on a terminal, with the start of Python that makes the terminal, beside the JSON."""
    table = [setting.python, "-I", "-S", "-c", PTY, setting.exps, "show", "--no-pager"]
    return compare(
        f"{count} experiments as a table on a terminal, remembered",
        ours={"exps show on a terminal": table},
        peers={"exps show --json": Peer([setting.exps, "show", "--json"], TABLE_LIMIT)},
        setup=lambda folder, _command: make_experiments(folder, count),
        rounds=5,
        places=places,
    )


def make_experiments(folder, count, *, dvc=None, lock=False):
    """A repository whose HEAD has `count` experiments, in packed objects and packed refs."""
    make_repository(folder, dvc=dvc)
    values = random.Random(7)
    files = {"dvc.yaml": PIPELINE, "params.yaml": parameters(values), "metrics.json": metrics(values)}
    files |= {"dvc.lock": locked(values)} if lock else {}
    for name, text in files.items():
        (folder / name).write_text(text)
    call(folder, "git", "add", "--all")
    call(folder, "git", "commit", "--quiet", "--message", "a pipeline")
    baseline = call(folder, "git", "rev-parse", "HEAD").strip()
    stream = "".join(commit(baseline, number, values, lock=lock) for number in range(count))
    env = environment_beside(folder)
    imported = subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=folder, env=env, input=stream.encode(), check=False
    )
    if imported.returncode:
        raise CommandFailed(f"git fast-import: exit status {imported.returncode}")
    call(folder, "git", "pack-refs", "--all")


def commit(baseline, number, values, *, lock):
    """One experiment for `git fast-import`."""
    files = {"params.yaml": parameters(values), "metrics.json": metrics(values)}
    files |= {"dvc.lock": locked(values)} if lock else {}
    ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/exp-{number:05}"
    lines = [f"commit {ref}", f"committer Bench <bench@example.com> {1_700_000_000 + number} +0000", "data 1", "x"]
    lines.append(f"from {baseline}")
    for name, text in files.items():
        lines += [f"M 100644 inline {name}", f"data {len(text)}", text]
    return "\n".join(lines) + "\n"


def parameters(values):
    """A params.yaml of 50 distinct numbers in five groups."""
    groups = (
        f"group{group}:\n" + "".join(f"  parameter_{item}: {values.uniform(0, 100):.6g}\n" for item in range(EACH))
        for group in range(GROUPS)
    )
    return "".join(groups)


def metrics(values):
    """A metrics.json of four numbers."""
    return "{" + ", ".join(f'"metric_{item}": {values.random()}' for item in range(4)) + "}\n"


def locked(values):
    """A dvc.lock of about 2 kB, as DVC writes it."""

    def entry(path):
        return f"    - path: {path}\n      hash: md5\n      md5: {values.randbytes(16).hex()}a\n      size: 123456\n"

    deps = "".join(entry(path) for path in ("data", "train.py", *(f"src/module{number}.py" for number in range(12))))
    items = "".join(f"          parameter_{item}: {values.uniform(0, 100):.6g}\n" for item in range(EACH))
    params = f"    params:\n      params.yaml:\n        group0:\n{items}"
    head = "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n"
    return f"{head}    deps:\n{deps}{params}    outs:\n{entry('model')}"


def forget(folder, _number):
    """Remove what ours and DVC remember of rows, and nothing that makes DVC start a collection of its own."""
    for place in (".git/exps", ".dvc/tmp/exps/cache"):
        shutil.rmtree(folder / place, ignore_errors=True)
