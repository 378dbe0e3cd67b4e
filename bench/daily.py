"""How long do the daily verbs take in large repositories, and many times over? Beside git, DVC, and one of ours.

"A start" is the whole-process time of `exps list` in a repository without experiments, measured in the same run: where
a limit is so many times git's time and so many starts, the peer is a shell that does just that, in whole numbers.
"""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.inputs import call, change_parameter, count_experiments, make_repository
from bench.refs import make_refs
from bench.runner import CommandFailed, Comparison, Cost, Peer, Row, compare, default_places, file_system, run
from bench.save import dvc_version

STASH, STATUS = "git stash create", "git stash create && git status --porcelain"
GIT_REFS = "git for-each-ref refs/exps > /dev/null"
STASH_LIMIT, STATUS_LIMIT, DVC_LIMIT, ADD_LIMIT, TOGETHER_LIMIT = 1.2, 0.8, 1 / 100, 0.5, 6.0
DRIFT_LIMIT, LONGEST_LIMIT = 1.2, 20.0
AUTO_LOOSE, AUTO_PACKS = 6700, 50  # gc.auto, gc.autoPackLimit: from here on git repacks by itself
FOLDERS = 100


def run_all(setting):
    """The comparisons, and the versions of the peers."""
    small = setting.small
    files, experiments, saves = (5_000, 1_000, 100) if small else (100_000, 10_000, 1_000)
    comparisons = [
        one_changed(setting, files),
        included(setting, files),
        together(setting, files // 10),
        *(listed(setting, experiments, kind) for kind in ("packed", "loose")),
        completed(setting, experiments),
        in_a_row(setting, saves),
    ]
    versions = {"git": call(Path.cwd(), "git", "version").split()[-1]}
    return comparisons, versions | ({"dvc": dvc_version(setting.dvc)} if setting.dvc else {})


def one_changed(setting, files):
    """The shell runs for both, so that it counts for neither."""
    dvc = [setting.dvc, "exp", "save"] if setting.dvc and not setting.small else None
    return compare(
        f"exps save, 1 of {files} tracked files changed, the untracked one named",
        ours={"exps save": ["sh", "-c", f"exec {setting.exps} save"]},
        peers={
            STASH: Peer(["sh", "-c", STASH], STASH_LIMIT),
            STATUS: Peer(["sh", "-c", STATUS], STATUS_LIMIT),
            "dvc exp save": Peer(dvc, DVC_LIMIT, "takes minutes, left out with --small or without dvc"),
        },
        setup=lambda folder, command: make_files(folder, files, dvc=setting.dvc if command == "dvc exp save" else None),
        before=change_parameter,
        verify=saved,
        rounds=3,
        places=default_places()[:1],
    )


def included(setting, files):
    """Files that were never there before, for each run."""

    def new_files(folder, number):
        call(folder, "sh", "-c", "git reset --quiet && rm -rf data")
        write_files(folder / "data", files, f"{number} ".ljust(2000, "x"))

    return compare(
        f"cold exps save -I data, {files} new files of 2 kB",
        ours={"exps save -I data": [setting.exps, "save", "-I", "data"]},
        peers={"git add -A && git write-tree": Peer(["sh", "-c", "git add -A && git write-tree"], ADD_LIMIT)},
        setup=lambda folder, _command: make_repository(folder),
        before=new_files,
        rounds=3,
        places=default_places()[:1],
    )


def together(setting, files):
    eight = f"for i in 1 2 3 4 5 6 7 8; do {setting.exps} save -q & done; wait"
    return compare(
        f"8 saves at the same moment, {files} files",
        ours={"8 x exps save": ["sh", "-c", eight]},
        peers={"exps save": Peer(["sh", "-c", f"{setting.exps} save -q"], TOGETHER_LIMIT)},
        setup=lambda folder, _command: make_files(folder, files),
        before=change_parameter,
        verify=saved,
        rounds=5,
        places=default_places()[:1],
    )


def listed(setting, count, kind):
    """Three times git and four starts are twice what the limit allows for one list."""
    start = f"(cd empty && {setting.exps} list -q)"
    twice = ["sh", "-c", "; ".join([GIT_REFS] * 3 + [start] * 4)]
    return compare(
        f"exps list -A, {count} experiments, {kind}",
        ours={"exps list -A": [setting.exps, "list", "-A"]},
        peers={"3 x git for-each-ref + 4 starts": Peer(twice, 0.5)},
        setup=lambda folder, _command: make_listed(folder, count, packed=kind == "packed"),
        rounds=5,
        places=default_places()[:1],
    )


def completed(setting, count):
    start = f"(cd empty && {setting.exps} list -q)"
    return compare(
        f"completion of a name among {count}",
        ours={"exps --complete zsh branch p": [setting.exps, "--complete", "zsh", "branch", "p"]},
        peers={"2 starts": Peer(["sh", "-c", f"{start}; {start}"], 1.0)},
        setup=lambda folder, _command: make_listed(folder, count, packed=False),
        rounds=5,
        places=default_places()[:1],
    )


def in_a_row(setting, count):
    """One repository, a changed file before each save; the first is not counted."""
    place = default_places()[0]
    with TemporaryDirectory(prefix="bench-", dir=place) as top:
        folder = Path(top, "input")
        folder.mkdir()
        make_repository(folder)
        costs = []
        for number in range(count + 1):
            change_parameter(folder, number)
            costs.append(run([setting.exps, "save"], folder))
        saved(folder, "exps save", count + 1)
        check_objects(folder)
    costs, few = costs[1:], min(50, count // 2)
    first, last, middle = median(costs[:few]), median(costs[-few:]), median(costs)
    longest = max(costs, key=lambda cost: cost.wall_s)
    where = f"{place} ({file_system(place)})"
    rows = [
        Row(f"median of the last {few}", where, last, None, None),
        Row(f"median of the first {few}", where, first, last.wall_s / first.wall_s, DRIFT_LIMIT),
        Row("the longest: median", where, middle, longest.wall_s / middle.wall_s, LONGEST_LIMIT),
    ]
    return Comparison(f"{count} saves in a row", count, rows)


def median(costs):
    """The medians of time, and the most memory."""
    return Cost(*(statistics.median(each) for each in list(zip(*costs, strict=True))[:2]), max(c[2] for c in costs))


def check_objects(folder):
    """Fail where the next `git commit` would start to repack by itself."""
    told = dict(line.split(": ") for line in call(folder, "git", "count-objects", "-v").splitlines())
    if int(told["count"]) >= AUTO_LOOSE or int(told["packs"]) >= AUTO_PACKS:
        raise CommandFailed(f"too many objects: {told}")


def make_files(folder, count, *, dvc=None):
    """A repository of so many tracked files more, with an untracked one."""
    make_repository(folder, dvc=dvc)
    write_files(folder / "src", count, "x = 1\n")
    call(folder, "git", "add", "--all")
    call(folder, "git", "commit", "--quiet", "--message", "many files")
    (folder / "notes.txt").write_text("untracked\n")
    call(folder, "git", "status")


def write_files(folder, count, text):
    for number in range(FOLDERS):
        (folder / f"part{number}").mkdir(parents=True)
    for number in range(count):
        (folder / f"part{number % FOLDERS}" / f"file{number}.py").write_text(f"{text}{number}")


def make_listed(folder, count, *, packed):
    """A repository with so many experiments, and one without any in its folder "empty"."""
    make_refs(folder, count, packed=packed)
    (folder / "empty").mkdir()
    make_repository_in(folder / "empty")


def make_repository_in(folder):
    call(folder, "git", "init", "--quiet")
    identity = ("-c", "user.name=x", "-c", "user.email=x")
    call(folder, "git", *identity, "commit", "--quiet", "--allow-empty", "--message", "x")


def saved(folder, command, runs):
    """Each save must have made an experiment."""
    each = {"exps save": 1, "8 x exps save": 8}.get(command, 0)
    if each and count_experiments(folder) != runs * each:
        raise CommandFailed(f"{command}: {runs} runs made {count_experiments(folder)} experiments")
