"""A day with the verbs: saved at once by many, beside a busy git, killed at any moment, with a full disk, anywhere."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from expref.exps.save import save
from expref.objstore.stores.lockmarks import holder

from tests.conftest import SCRIPT, needs
from tests.gitrepo import users_files
from tests.projects import fill, is_clean, open_project, refs

pytestmark = needs("git")

EXPS = [sys.executable, "-c", SCRIPT]


@pytest.fixture
def env(trained, child_env):
    """The environment of a command in the repository `trained`."""
    return child_env | trained.environ


@pytest.fixture
def run(exps, trained):
    """`run("save", "-n", "x")` in the repository; nothing that goes wrong is a bug."""

    def command(*args, cwd=trained.path, check=True, env=None):
        done = exps(*args, cwd=cwd, check=check, env=trained.environ | (env or {}))
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return command


# --- what is said


def test_a_day_from_save_to_branch(trained, run):
    for number in range(3):
        trained.write("params.yaml", b"lr: %d\n" % number)
        run("save", "-n", f"try-{number}", "-m", f"the {number}th")
    assert run("list").stdout.splitlines()[0] == "main:" and run("ls", "--name-only").stdout.split() == [
        "try-0",
        "try-1",
        "try-2",
    ]
    assert run("list", "--sha-only").stdout.split() == [refs(trained)[f"try-{number}"] for number in range(3)]
    assert run("rename", "try-1", "best").stdout == "Experiment try-1 is called best now\n"
    assert run("branch", "best", "topic").stdout == "Branch topic is at experiment best\n"
    gone = run("rm", "try-0", "try-2")
    assert gone.stdout == "Removed: try-0, try-2\n" and "exps remove --undo" in gone.stderr
    assert run("undo", "list").stdout.splitlines()[1].endswith("remove   try-0, try-2")
    assert run("remove", "--undo").stdout == "Brought back: try-0, try-2\n"
    assert run("cat", "best:params.yaml").stdout == "lr: 1\n" and "the 1th" in run("log", "exp:best").stdout
    assert refs(trained).keys() == {"try-0", "best", "try-2"} and is_clean(trained)


def test_lists_are_grouped_in_the_order_that_was_asked_for(trained, run):
    run("save", "-n", "b")
    run("save", "-n", "a")
    trained.commit("second")
    run("save", "-n", "c")
    first = trained.git("rev-parse", "--short", "HEAD~1")
    ids = {name: id_[:7] for name, id_ in refs(trained).items()}
    old, new = f"{first}:\n\t{ids['a']} [a]\n\t{ids['b']} [b]\n", f"main:\n\t{ids['c']} [c]\n"
    assert run("list", "-A").stdout == run("list", "-n", "2").stdout == new + old
    assert run("list", "--rev", "HEAD~1", "--rev", "main").stdout == old + new
    assert run("list", "-n", "0").stdout == "" and run("list", "--rev", "c~1").stdout == new


def test_a_name_that_git_hides_is_told_of(trained, run):
    run("save", "-n", "main")
    for args in (["cat", "main:params.yaml"], ["log", "main"]):
        assert run(*args).stderr == "exps: warning: main is a Git revision here; the experiment is exp:main\n"
    assert run("cat", "exp:main:params.yaml").stderr == run("cat", "-q", "main:params.yaml").stderr == ""
    refused = run("branch", "main", check=False)
    assert refused.returncode == 3 and "exp:main" in refused.stderr


@pytest.mark.parametrize("args, said", [
    (["sav"], "Do you mean save?"), (["brnch", "x"], "Do you mean branch?"), (["zzz"], "No such command 'zzz'."),
    (["save", "--nmae", "x"], "--name"), (["undo", "lst"], "lst"),
])  # fmt: skip
def test_a_mistyped_command_is_answered_with_the_close_one(run, args, said):
    done = run(*args, check=False)
    assert done.returncode == 2 and said in done.stderr


def test_a_mistyped_experiment_is_answered_with_the_close_one(run):
    run("save", "-n", "puffy-kelp")
    for verb in (["remove"], ["branch"], ["cat"]):
        done = run(*verb, "pufy-kelp", check=False)
        assert (done.returncode, done.stderr.splitlines()[1]) == (3, "  do you mean puffy-kelp?")


@pytest.mark.parametrize("args", [
    [], ["a", "-A"], ["a", "--rev", "HEAD"], ["--undo", "a"], ["--undo", "--keep"], ["-n", "3"], ["--keep"],
])  # fmt: skip
def test_remove_wants_one_way_of_saying_what(run, args):
    done = run("remove", *args, check=False)
    assert done.returncode == 2 and "give either" in done.stderr


@pytest.mark.parametrize("args, status, said", [
    (["train"], 1, "target 'train': saving only some stages"), (["-n", "a/b"], 1, "it holds '/'"), (["-n", "a\nb"], 1, "bad experiment name"),
    (["-n", "..", "-m", "x"], 1, "bad experiment name"), (["-n", "x" * 300], 1, "longer than 250 bytes"), (["-I", "/etc/passwd"], 1, "outside of the repository"),
    (["-I", "nowhere"], 3, "nowhere: No such file"), (["-I", ".git"], 1, "inside of the Git folder"), (["-n", ".lock"], 1, "bad experiment name"),
    (["-I", ""], 1, "an empty path"),
])  # fmt: skip
def test_a_save_that_is_refused_says_why_in_a_line_and_changes_nothing(trained, run, args, status, said):
    trained.write("params.yaml", b"lr: 9\n")
    before = users_files(trained.path), trained.git("count-objects", "-v")
    done = run("save", *args, check=False)
    assert done.returncode == status and said in done.stderr.splitlines()[0] and len(done.stderr.splitlines()) <= 2
    assert (users_files(trained.path), trained.git("count-objects", "-v")) == before


def test_an_experiment_may_be_called_like_an_option(trained, run):
    run("save", "-n", "-x")
    run("save", "--name=--y")
    run("rename", "--", "-x", "-z")
    run("remove", "--", "-z", "--y")
    assert refs(trained) == {}


def test_a_dry_run_lists_what_and_why(trained, run):
    trained.write("dvc.yaml", b"metrics: [m.json]\nstages: {s: {cmd: x, outs: [model]}}\n")
    trained.write("m.json", b"{}")
    trained.write("params.yaml", b"lr: 9\n")
    trained.write("new.py", bytes(2048))
    (trained.path / "train.py").unlink()
    before = users_files(trained.path), trained.git("count-objects", "-v")
    done = run("save", "--dry-run", "-I", "new.py")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["declared", "55", "B", "dvc.yaml"], ["declared", "2", "B", "m.json"], ["included", "2.0", "KiB", "new.py"],
        ["modified", "6", "B", "params.yaml"], ["deleted", "train.py"],
        re.split(" ", "not as in HEAD: 4 saved (2.1 KiB), 1 deleted"),
    ]  # fmt: skip
    assert "1 output is for DVC's cache" in done.stderr
    assert (users_files(trained.path), trained.git("count-objects", "-v")) == before


# --- in the middle of something


def test_a_rebase_or_merge_in_progress_is_said_and_no_obstacle(trained, run):
    trained.git("checkout", "--quiet", "-b", "side")
    trained.write("params.yaml", b"lr: 2\n")
    trained.commit("theirs")
    trained.git("checkout", "--quiet", "main")
    trained.write("params.yaml", b"lr: 3\n")
    trained.commit("ours")
    assert trained.try_git("merge", "side").returncode
    refused = run("save", check=False)
    assert refused.returncode == 4 and "resolve these paths first: params.yaml" in refused.stderr
    trained.write("params.yaml", b"lr: 4\n")
    trained.git("add", "params.yaml")
    before = users_files(trained.path)
    assert "a merge is in progress" in run("save", "-n", "merging").stderr
    assert {path: seen for path, seen in users_files(trained.path).items() if path in before} == before
    trained.git("merge", "--abort")
    trained.git("checkout", "--quiet", "side")
    assert trained.try_git("rebase", "main").returncode
    trained.git("checkout", "--quiet", "--theirs", "params.yaml")
    trained.git("add", "params.yaml")
    assert "a rebase is in progress" in run("save", "-n", "rebasing").stderr
    trained.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    assert refs(trained).keys() == {"merging", "rebasing"} and is_clean(trained)


def test_a_held_index_is_no_obstacle(trained, run):
    trained.write(".git/index.lock", b"")
    trained.write("params.yaml", b"lr: 9\n")
    run("save", "-n", "x")
    assert (
        trained.git("show", f"{refs(trained)['x']}:params.yaml") == "lr: 9"
        and (trained.path / ".git/index.lock").exists()
    )


def lost_object(repo):
    id_ = repo.git("rev-parse", "HEAD")
    (repo.path / ".git/objects" / id_[:2] / id_[2:]).unlink()


def lost_head(repo):
    repo.write(".git/refs/heads/main", b"1" * 40 + b"\n")


def broken_object(repo):
    id_ = repo.git("rev-parse", "HEAD^{tree}")
    path = repo.path / ".git/objects" / id_[:2] / id_[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")


def broken_index(repo):
    path = repo.path / ".git/index"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def no_commit(repo):
    repo.git("symbolic-ref", "HEAD", "refs/heads/new")


def locked_packed_refs(repo):
    repo.git("pack-refs", "--all")
    repo.write(".git/packed-refs.lock", b"")


@pytest.mark.parametrize("harm, args, status, said", [
    (lost_object, ["save"], 3, "is missing"), (lost_head, ["save"], 3, "1" * 40), (broken_object, ["save"], 1, "zlib"), (broken_index, ["save"], 1, "checksum"),
    (no_commit, ["save"], 1, "has no commit yet"), (no_commit, ["list"], 3, "HEAD has no commit yet"), (locked_packed_refs, ["remove", "-A"], 4, "packed-refs.lock"),
])  # fmt: skip
def test_what_is_broken_is_said_in_a_line_and_nothing_is_half_done(trained, run, harm, args, status, said):
    run("save", "-n", "before")
    trained.write("params.yaml", b"lr: 9\n")
    harm(trained)
    before = users_files(trained.path)
    done = run(*args, check=False)
    assert done.returncode == status and said in done.stderr.splitlines()[0] and len(done.stderr.splitlines()) <= 2
    after = {path: seen for path, seen in users_files(trained.path).items() if path in before or seen[2] is not None}
    assert after == before  # but for an empty folder or two


# --- many at once


@pytest.mark.parametrize("processes", [8, pytest.param(32, marks=pytest.mark.slow)])
def test_as_many_saves_at_once_are_as_many_experiments(trained, env, processes):
    trained.write("params.yaml", b"lr: 9\n")
    started = [
        subprocess.Popen([*EXPS, "save", "-q"], cwd=trained.path, env=env, stderr=subprocess.PIPE)
        for _ in range(processes)
    ]
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * processes, said
    assert len(refs(trained)) == processes and is_clean(trained)


def test_saves_under_one_name_leave_one_and_steps_to_the_others(trained, env):
    trained.git("config", "core.filesRefLockTimeout", "60000")  # a busy disk takes longer than the usual tenth of a second
    started = [
        subprocess.Popen([*EXPS, "save", "-q", "-f", "-n", "x", "-m", str(number)], cwd=trained.path, env=env)
        for number in range(6)
    ]
    assert [process.wait() for process in started] == [0] * 6
    kept = trained.git("for-each-ref", "--format=%(objectname)", "refs/expref/undo").split()
    assert refs(trained).keys() == {"x"} and len({*kept, refs(trained)["x"]}) == 6 and is_clean(trained)


BUSY = {
    "commit": "git commit --quiet --allow-empty --message busy", "gc": "git gc --quiet", "pack-refs": "git pack-refs --all --prune",
}  # fmt: skip


@pytest.mark.parametrize("what", BUSY)
def test_a_busy_git_beside_them_loses_nothing(trained, env, what):
    """Twelve saves, with renames and removals, while git is at work: everything of both sides is there."""
    script = f"n=0; while [ ! -e stop ]; do {BUSY[what]} && n=$((n+1)); done; echo $n"
    before = int(trained.git("rev-list", "--count", "HEAD"))
    busy = subprocess.Popen(["sh", "-c", script], cwd=trained.path, env=env, stdout=subprocess.PIPE, text=True)
    ids = {}
    try:
        for number in range(12):
            trained.write("params.yaml", b"lr: %d\n" % number)
            done = subprocess.run(
                [*EXPS, "save", "-q", "-n", f"n{number}", "--json"],
                cwd=trained.path,
                env=env,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            ids[f"n{number}"] = done.stdout[9:49]
        for args in (["rename", "n0", "renamed"], ["remove", "n1", "n2"]):
            for _ in range(20):  # a lock of git's may be held for longer than we wait
                done = subprocess.run([*EXPS, *args], cwd=trained.path, env=env, capture_output=True, text=True)
                if done.returncode == 0:
                    break
            assert done.returncode == 0, done.stderr
    finally:
        (trained.path / "stop").touch()
        times = int(busy.communicate(timeout=120)[0])
    (trained.path / "stop").unlink()
    ids["renamed"] = ids.pop("n0")
    assert times and refs(trained) == {name: id_ for name, id_ in ids.items() if name not in ("n1", "n2")}
    assert is_clean(trained) and trained.git("log", "--all", "--oneline")
    assert int(trained.git("rev-list", "--count", "HEAD")) == before + (times if what == "commit" else 0)


# --- an end in the middle


def is_whole(repo, names, run):
    """Nothing of git's is broken, the experiments are there or not, and the next save works."""
    assert is_clean(repo) and repo.git("log", "--all", "--oneline")
    assert refs(repo).keys() <= names
    run("save", "-n", "next")
    assert "next" in refs(repo)
    run("remove", "next")


@pytest.mark.parametrize("times", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_a_save_may_be_killed_at_any_moment(trained, run, env, times):
    for number in range(30):
        trained.write(f"src/{number}.py", b"%d" % number)
    trained.commit("many")
    random.seed(times)
    names = set()
    for number in range(times):
        trained.write("params.yaml", b"lr: %d\n" % number)
        process = subprocess.Popen([*EXPS, "save", "-q", "-n", f"n{number}"], cwd=trained.path, env=env)
        names.add(f"n{number}")
        time.sleep(random.uniform(0.02, 0.25))
        process.kill()
        process.wait()
    is_whole(trained, names, run)
    run("doctor", "--fix", check=False)
    left = list((trained.path / ".git").rglob("*.lock"))
    assert not [path for path in left if holder(str(path))]
    assert {path.stat().st_size for path in left} <= {0, 41}  # killed before or after it said whose it is: it says an id


STUCK = """
import os, signal, sys, time
from expref.objstore.stores import files
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
real = files.LockFile.write
def stuck(self, content):
    real(self, content)
    os.kill(os.getppid(), signal.SIGUSR1)
    while True:  # no pause(): a signal that comes right before it would not end it
        time.sleep(0.1)
files.LockFile.write = stuck
from expref.exps.cli.main import program
sys.argv[:] = ["exps", "save", "-n", "x"]
program()
"""


@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_no_lock_and_no_temporary_file(trained, env, run, number, status):
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
    try:
        process = subprocess.Popen([sys.executable, "-c", STUCK], cwd=trained.path, env=env, stderr=subprocess.PIPE)
        until = time.monotonic() + 120
        while not heard and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGUSR1, before)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == status and b"Traceback" not in said
    assert not [
        path
        for path in (trained.path / ".git").rglob("*")
        if path.name.endswith((".lock", ".tmp")) or "tmp_" in path.name
    ]
    is_whole(trained, set(), run)


@pytest.mark.parametrize("left", [0, 1, 2, 4, 8, 40])
def test_on_a_full_disk_nothing_is_half_done(trained, small_disk, run, left):
    repo = trained.other("small/repo")
    repo.git("clone", "--quiet", trained.path, repo.path, cwd=small_disk)
    run("save", "-n", "before", cwd=repo.path)
    repo.write("params.yaml", os.urandom(20_000))
    with open(small_disk / "ballast", "wb") as ballast:
        ballast.write(bytes(max(0, shutil.disk_usage(small_disk).free - left * 4096)))
    done = run("save", "-n", "full", cwd=repo.path, check=False)
    assert (done.returncode == 0) == ("full" in refs(repo))
    assert done.returncode == 0 or ("No space left" in done.stderr and len(done.stderr.splitlines()) == 1)
    assert "before" in refs(repo) and is_clean(repo)
    (small_disk / "ballast").unlink()
    assert run("save", "-n", "after", cwd=repo.path).returncode == 0
    assert not [
        path for path in (repo.path / ".git").rglob("*") if path.name.endswith((".lock", ".tmp")) or "tmp_" in path.name
    ]


# --- restricted places

BARE = """
import sys, importlib.abc, os
class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
for name in ("fork", "forkpty", "posix_spawn"):
    if {no_fork!r}: delattr(os, name)
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        raise SystemExit(f"no {{event}} here")
sys.addaudithook(hook) if {no_fork!r} else None
sys.argv[0] = "exps"
from expref.exps.cli.main import program
program()
"""


@pytest.mark.parametrize(
    "args", [["save", "-n", "x"], ["list", "-A"], ["show"], ["save", "-I", "new.py"], ["remove", "-A"], ["doctor"]]
)
def test_nothing_is_needed_but_click_and_yaml(trained, env, args):
    """No other package, no fcntl, no fork, no network, no other program, no home, no TMPDIR, nothing of git."""
    trained.write("new.py", b"1")
    trained.write("dvc.yaml", b"metrics: [metrics.json]\n")
    hidden = {"zstandard", "xxhash", "blake3", "fcntl", "grp", "isal", "zlib_ng", "rich"}
    code = BARE.format(hidden=hidden, no_fork=True)
    bare = {name: value for name, value in env.items() if name.startswith(("GIT_", "PYTHON"))} | {
        "PATH": "/nonexistent"
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=trained.path, env=bare, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_strict_umask_makes_private_files_and_no_obstacle(trained, env):
    script, before = 'umask 077; exec "$@"', users_files(trained.path)
    for args in (["save", "-n", "x"], ["rename", "x", "y"], ["remove", "y"], ["remove", "--undo"]):
        subprocess.run(
            ["sh", "-c", script, "sh", *EXPS, *args], cwd=trained.path, env=env, check=True, capture_output=True
        )
    new = users_files(trained.path).keys() - before.keys()
    assert new and not any((trained.path / os.fsdecode(path)).stat().st_mode & 0o077 for path in new)
    assert refs(trained).keys() == {"y"} and is_clean(trained)


def test_in_a_linked_work_tree_and_a_submodule_the_verbs_are_at_home(trained, run):
    trained.git("worktree", "add", "--quiet", "--detach", "../second")
    second = trained.other("second")
    run("save", "-n", "there", cwd=second.path)
    run("rename", "there", "here")
    run("remove", "here", cwd=second.path)
    assert run("undo", "list").stdout == "" and "here" in run("undo", "list", cwd=second.path).stdout
    run("remove", "--undo", cwd=second.path)
    inner = fill(trained.other("inner").init())
    trained.git("submodule", "--quiet", "add", "../inner", "lib")
    lib = trained.other("repo/lib")
    run("save", "-n", "inside", cwd=lib.path)
    run("branch", "inside", cwd=lib.path)
    assert refs(trained).keys() == {"here"} and refs(lib).keys() == {"inside"} and refs(inner) == {}
    assert lib.git("rev-parse", "inside-branch") == refs(lib)["inside"]


def test_whoever_saved_with_the_library_can_use_the_command(trained, run):
    save(open_project(trained), name="from-a-program")
    assert run("list", "--name-only").stdout == "from-a-program\n"


def test_in_a_clone_with_line_ends_lfs_and_a_submodule_a_new_user_is_at_home(trained, run):
    inner = fill(trained.other("inner").init())
    trained.git("submodule", "--quiet", "add", "../inner", "lib")
    trained.write(".gitattributes", b"* text=auto eol=crlf\n*.bin filter=lfs diff=lfs merge=lfs -text\n")
    trained.write("model.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 9\n" % 1)
    trained.commit("lfs and line ends")
    trained.git("clone", "--quiet", "--recurse-submodules", trained.path, "../clone")
    clone = trained.other("clone")
    clone.git("config", "filter.lfs.clean", "git-lfs clean -- %f")  # not installed, and nothing was downloaded
    clone.git("config", "filter.lfs.required", "true")
    assert (clone.path / "params.yaml").read_bytes().endswith(b"\r\n")
    clone.write("params.yaml", b"lr: 9\r\n")
    clone.write("lib/train.py", b"not committed")
    for name in ("first", "second"):
        assert run("save", "-n", name, cwd=clone.path).stderr == ""
        os.utime(clone.path / "model.bin", (1, 1))
    assert clone.git("diff", "--name-only", "HEAD", refs(clone)["second"]) == "params.yaml"
    assert clone.git_bytes("cat-file", "blob", f"{refs(clone)['second']}:params.yaml") == b"lr: 9\n"
    assert run("list", cwd=clone.path).stdout.count("[") == 2 and "[first]" in run("show", cwd=clone.path).stdout
    run("branch", "first", cwd=clone.path)
    run("remove", "first", "second", cwd=clone.path)
    run("remove", "--undo", cwd=clone.path)
    assert refs(clone).keys() == {"first", "second"} and refs(inner) == {} and is_clean(clone)
    changed = clone.git("-c", "filter.lfs.clean=cat", "status", "--porcelain").split()
    assert changed == ["M", "lib", "M", "params.yaml"]
