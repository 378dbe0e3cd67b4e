"""How long does it take to see what changed in a large work tree, and to store it? Beside git's own commands.

Everything is an `exps save`, so a start of Python, a commit and a ref are in every figure of ours. "One process" is the
same without `fork`. Untracked files are looked for and named in all of them.
"""
import shutil
import sys
from pathlib import Path

from bench.inputs import call, count_experiments
from bench.runner import CommandFailed, Peer, compare, default_places

STASH, STATUS = "git stash create", "git status --porcelain"
ADD = "git add -A && git write-tree"
ONE, TWO, COLD, AGAIN, LARGE, MILLION, CROWDED, PACKED, PACKED_TWO = 1.4, 1.0, 0.5, 2.0, 1.3, 1.6, 1.5, 0.5, 0.35
MILLION_MEMORY = 250  # MiB
PER_FOLDER = 50
# `exps` without a second process, for a Python where it is installed.
ALONE = "import os; del os.fork; import sys; sys.argv[0] = 'exps'; from expref.exps.cli.main import program; program()"
PACK = """
import sys
from expref.objstore.packing import BulkWriter
from expref.objstore.repository import Repository
contents = [(b"%d " % number) * 300 for number in range(int(sys.argv[1]))]
with BulkWriter(Repository.discover(".", {}).objects) as pack:
    split = len(contents) // 2 if sys.argv[2] == "2" else None
    pack.write_each(contents, lambda content, sink: sink.write("blob", content[:2000]), split=split)
"""
FORGET = """
git for-each-ref --format='delete %(refname)' refs/exps refs/expref | git update-ref --stdin
find .git/objects -type f -size +1M -delete
"""
STREAM = """
import sys
for number in range(int(sys.argv[1])):
    content = ((b"%d " % number) * 300)[:2000]
    sys.stdout.buffer.write(b"blob\\ndata %d\\n%s\\n" % (len(content), content))
"""


def run(setting):
    """Growth and copies; with the versions of the peers, as all of these."""
    few, many, _ = counts(setting)
    comparisons = [one_changed(setting, count, processes=1) for count in (few, many)]
    comparisons.append(one_changed(setting, many, processes=2))
    return [*comparisons, copied(setting, many, "git clone"), copied(setting, many, "cp -r")], git_version()


def run_million(setting):
    """The largest work tree."""
    return [million(setting, counts(setting)[2])], git_version()


def run_untracked(setting):
    """Untracked files: saved for the first time, again, ignored, and many that are not saved."""
    many = counts(setting)[1]
    made = cold(setting, many), again(setting, many), ignored(setting, many // 5), crowded(setting, many * 3 // 2)
    return list(made), git_version()


def run_large(setting):
    """One large file."""
    return list(large_file(setting, (1 << 26) if setting.small else 1 << 30)), git_version()


def run_packing(setting):
    """Objects from memory."""
    return list(packed(setting, counts(setting)[1])), git_version()


def counts(setting):
    """Few files, many, and most."""
    return (1_000, 5_000, 20_000) if setting.small else (10_000, 100_000, 1_000_000)


def git_version():
    return {"git": call(Path.cwd(), "git", "version").split()[-1]}


def one_changed(setting, count, *, processes):
    """1 of many tracked files changed. Growth is what the tables for one process show together."""
    alone = [setting.python, "-c", ALONE, "save", "-f", "-n", "x"]
    ours, limit = (alone, ONE) if processes == 1 else (save(setting), TWO)
    return compare(
        f"exps save, 1 of {count} tracked files changed, {processes} process{'es' * (processes > 1)}",
        ours={"exps save": ours},
        peers={STASH: Peer(STASH.split(), limit)},
        setup=lambda folder, _command: make_tracked(folder, count),
        before=change,
        verify=saved,
        rounds=5,
        places=default_places()[:1],
    )


def million(setting, count):
    """The same on the disk: so many files do not fit into memory twice."""
    return compare(
        f"exps save, 1 of {count} tracked files changed (at most {MILLION_MEMORY} MiB)",
        ours={"exps save": save(setting)},
        peers={STASH: Peer(STASH.split(), MILLION)},
        setup=lambda folder, _command: make_tracked(folder, count),
        before=change,
        verify=saved,
        rounds=3,
        places=default_places()[-1:],
    )


def copied(setting, count, how):
    """The same where no stat data is as in the index it came with, from the second save on."""

    def setup(folder, _command):
        origin = folder.parent / "origin"
        origin.mkdir()
        make_tracked(origin, count)
        folder.rmdir()
        call(folder.parent, *how.split(), "origin", folder.name)
        shutil.rmtree(origin)

    return compare(
        f"exps save, 1 of {count} tracked files changed, after {how}",
        ours={"exps save": save(setting)},
        peers={STASH: Peer(STASH.split(), TWO)},
        setup=setup,
        before=change,
        verify=saved,
        rounds=5,
        places=default_places()[:1],
    )


def cold(setting, count):
    """Files that were never there before, for each run."""

    def before(folder, number):
        call(folder, "git", "reset", "--quiet")
        shutil.rmtree(folder / "data", ignore_errors=True)
        write_files(folder / "data", count, f"{number} cold ")

    return compare(
        f"exps save -I data, {count} new files of 2 kB",
        ours={"exps save -I data": [*save(setting), "-I", "data"]},
        peers={ADD: Peer(["sh", "-c", ADD], COLD)},
        setup=lambda folder, _command: make_tracked(folder, 1),
        before=before,
        rounds=3,
        places=default_places()[:1],
    )


def again(setting, count):
    """The same untracked files once more."""

    def setup(folder, _command):
        make_tracked(folder, 1)
        write_files(folder / "data", count, "again ")

    return compare(
        f"exps save -I data, the same {count} untracked files as before",
        ours={"exps save -I data": [*save(setting), "-I", "data"]},
        peers={ADD: Peer(["sh", "-c", ADD], AGAIN)},
        setup=setup,
        rounds=5,
        places=default_places()[:1],
    )


def large_file(setting, size):
    """Changed, then as it was; random bytes, which no compression makes small."""

    def setup(folder, _command):
        make_tracked(folder, 1)
        (folder / "large").write_bytes(b"1")
        call(folder, "git", "add", "large")
        call(folder, "git", "commit", "--quiet", "--message", "large")
        with open("/dev/urandom", "rb") as source, open(folder / "large", "wb") as file:
            for _ in range(size >> 20):
                file.write(source.read(1 << 20))

    def before(folder, number):
        call(folder, "git", "reset", "--quiet")
        call(folder, "sh", "-c", FORGET)  # else they fill the memory
        with open(folder / "large", "r+b") as file:
            file.write(b"%d changed" % number)

    options = {"setup": setup, "rounds": 3, "places": default_places()[:1]}
    changed = compare(
        f"exps save, one tracked file of {size >> 20} MiB changed",
        ours={"exps save": [setting.exps, "save", "-f", "-n", "x"]},
        peers={"git add": Peer(["git", "add", "large"], LARGE)},
        before=before,
        **options,
    )
    unchanged = compare(
        f"exps save, the same file of {size >> 20} MiB unchanged since the last save",
        ours={"exps save": save(setting)},
        peers={"sha1 of it": Peer(["sh", "-c", "cat large | sha1sum"], 1.0)},
        **options,
    )
    return changed, unchanged


def ignored(setting, count):
    """A folder that is ignored, beside the same work tree without it."""

    def setup(folder, command):
        make_tracked(folder, 1000)
        (folder / ".gitignore").write_text("data/\n")
        call(folder, "git", "add", "--all")
        call(folder, "git", "commit", "--quiet", "--message", "ignore")
        if command == "exps save":
            write_files(folder / "data", count, "ignored ")

    return compare(
        f"exps save beside an ignored folder of {count} files",
        ours={"exps save": save(setting)},
        peers={"exps save without it": Peer(save(setting), 1.05), STATUS: Peer(STATUS.split())},
        setup=setup,
        before=change,
        rounds=10,
        places=default_places()[:1],
    )


def crowded(setting, count):
    """Untracked files in one folder, which holds a tracked file as well."""

    def setup(folder, _command):
        make_tracked(folder, 1)
        crowd = folder / "crowd"
        crowd.mkdir()
        for number in range(count):
            (crowd / f"untracked{number:06}").touch()
        call(folder, "git", "add", "crowd/untracked000000")

    return compare(
        f"{count} untracked files beside a tracked one",
        ours={"exps save": save(setting)},
        peers={STATUS: Peer(STATUS.split(), CROWDED)},
        setup=setup,
        rounds=5,
        places=default_places()[:1],
    )


def packed(setting, count):
    """Blobs of 2 kB from memory, in one pack."""

    def setup(folder, _command):
        call(folder, "git", "init", "--quiet")
        with open(folder / "stream", "wb") as file:
            file.write(call(folder, sys.executable, "-c", STREAM, str(count)).encode())

    def before(folder, _number):
        shutil.rmtree(folder / ".git/objects/pack")
        (folder / ".git/objects/pack").mkdir()

    for workers, limit in {"1": PACKED, "2": PACKED_TWO}.items():
        yield compare(
            f"{count} blobs of 2 kB into one pack, workers={workers}",
            ours={"BulkWriter": [setting.python, "-c", PACK, str(count), workers]},
            peers={"git fast-import": Peer(["sh", "-c", "git fast-import --quiet < stream"], limit)},
            setup=setup,
            before=before,
            rounds=5,
            places=default_places()[:1],
        )


def save(setting):
    return [setting.exps, "save", "-f", "-n", "x"]


def make_tracked(folder, count):
    """A repository with so many small files, committed, in folders of fifty."""
    call(folder, "git", "init", "--quiet")
    write_files(folder, count, "file ", size=20)
    call(folder, "git", "add", "--all")
    call(folder, "git", "commit", "--quiet", "--message", f"{count} files")


def write_files(folder, count, text, size=2000):
    for number in range(count):
        if number % PER_FOLDER == 0:
            inner = folder / f"d{number // 5000:03}" / f"e{number // PER_FOLDER % 100:02}"
            inner.mkdir(parents=True, exist_ok=True)
        words = " ".join(f"{number * step % 9973:x}" for step in range(1, size // 5))
        (inner / f"f{number}").write_text(f"{text}{number} {words}"[:size])


def change(folder, number):
    (folder / "d000/e00/f0").write_text(f"changed {number}\n")


def saved(folder, command, _runs):
    if command.startswith("exps") and count_experiments(folder) != 1:
        raise CommandFailed(f"{command}: there is no experiment")

