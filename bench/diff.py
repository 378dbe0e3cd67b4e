"""How long does it take to compare two experiments of a large repository? Beside git, which finds files that differ.

The limit is one and a half times git's time and a start: the whole-process time of `exps list` in a repository without
experiments. The peer is a shell that does twice that, in whole numbers, so the limit stands at a half. Rows are
remembered, as they are when an experiment was saved here; the second table is without.
"""

import shutil
from pathlib import Path

from bench.daily import make_files, make_repository_in
from bench.inputs import call, change_parameter
from bench.runner import Peer, compare, default_places

LIMIT = 0.5
NAMES = ("first", "second")


def run(setting):
    """The comparisons, and the versions of the peers."""
    files = 5_000 if setting.small else 100_000
    what = f"exps diff of two experiments among {files} files"
    comparisons = [
        beside_git(setting, files, what, LIMIT),
        beside_git(setting, files, f"{what}, nothing remembered", None, before=forget),
    ]
    return comparisons, {"git": call(Path.cwd(), "git", "version").split()[-1]}


def beside_git(setting, files, title, limit, *, before=lambda _folder, _number: None):
    start = f"(cd empty && {setting.exps} list -q)"
    git = "git diff --name-only first second"
    return compare(
        title,
        ours={"exps diff": [setting.exps, "diff", *NAMES]},
        peers={"3 x git diff --name-only + 2 starts": Peer(["sh", "-c", "; ".join([git] * 3 + [start] * 2)], limit)},
        setup=lambda folder, command: make_two(setting, folder, files, tags=command != "exps diff"),
        before=before,
        rounds=7,
        places=default_places()[:1],
    )


def make_two(setting, folder, files, *, tags):
    """A large repository with two experiments, and one without any in its folder "empty"; tags are names for git."""
    make_files(folder, files)
    for number, name in enumerate(NAMES):
        change_parameter(folder, number)
        call(folder, setting.exps, "save", "-q", "-n", name)
        if tags:
            ref = call(folder, "git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").strip()
            call(folder, "git", "tag", name, ref)
    (folder / "empty").mkdir()
    make_repository_in(folder / "empty")


def forget(folder, _number):
    """Remove what is remembered of rows."""
    shutil.rmtree(folder / ".git/exps", ignore_errors=True)
