"""The border of the process: every error is one line and a status, every stream may be closed, full or broken."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from expref.exps.cli import main as border
from expref.exps.cli.commands import ALIASES, COMMANDS
from expref.exps.errors import MEANINGS, ExpError, Status
from expref.exps.version import VERSION
from expref.objstore import errors

from tests.conftest import ROOT, SCRIPT, needs
from tests.projects import is_clean, refs
from tests.terminals import on_terminal

EXPS = [sys.executable, "-c", SCRIPT]


@pytest.fixture
def env(child_env, git_env):
    """For a child process whose streams are those of a shell."""
    return {name: value for name, value in (child_env | git_env).items() if name != "PYTHONUNBUFFERED"}


# --- what can be asked without a repository


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["-q", "--version"], ["--version", "list"]])
def test_the_version_is_told(exps, arguments):
    done = exps(*arguments)
    assert (done.stdout, done.stderr) == (f"exps {VERSION}\n", "")


def test_the_version_is_the_one_of_the_package():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION


def test_the_help_names_every_command(exps):
    text = exps("--help").stdout
    for name, (_, what, *_) in COMMANDS.items():
        assert f"  {name}" in text and what.split(",")[0] in text
    assert exps("-h").stdout == text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_every_command_has_help_that_fits_a_terminal(exps, name):
    text = exps(name, "--help").stdout
    assert exps(name, "-h").stdout == text
    assert text.startswith(f"Usage: exps {name} ") and max(map(len, text.splitlines())) <= 80
    summary = text.splitlines()[2].strip()
    assert summary[0].isupper() and len(summary) > 20
    for option in ("-q, --quiet", "-v, --verbose", "--cd DIR", "--color WHEN", "-h, --help"):
        assert option in text
    for line in re.findall(r"^  (-.*)", text, re.M):
        assert re.search(r"\S  +\S", line), f"an option without help: {line}"


@pytest.mark.parametrize("arguments, said", [
    ([], "Usage: exps"), (["-q"], "Missing command"), (["nonsense"], "No such command 'nonsense'"),
    (["save", "--nonsense"], "No such option '--nonsense'"), (["save", "-n"], "requires an argument"),
    (["save", "--json", "--dry-run"], "exclude each other"), (["list", "--name-only", "--sha-only"], "exclude each other"),
    (["refs", "extra"], "unexpected extra argument"), (["--color", "blue", "list"], "'blue' is not one of"),
    (["--cd", "nowhere", "list"], "'nowhere' does not exist"),
    (["list", "--cd", "nowhere"], "'nowhere' does not exist"),
    (["--cd", __file__, "list"], "is a file"),
])  # fmt: skip
def test_wrong_usage_has_status_2_and_changes_nothing(exps, arguments, said):
    done = exps(*arguments, check=False)
    assert done.returncode == Status.USAGE and done.stdout == ""
    assert said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments, modules", [
    (["--version"], {"click", "yaml", "enum", "hashlib", "expref.exps.cli.app"}),
    (["--help"], {"yaml", "hashlib", "expref.exps.cli.save", "expref.exps.cli.show"}),
    (["list"], {"yaml", "json", "expref.exps.cli.show", "expref.exps.rows"}),
])  # fmt: skip
def test_nothing_is_loaded_before_it_is_needed(tmp_path, env, arguments, modules):
    code = SCRIPT.replace("program", "main") + "print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, env=env, capture_output=True)
    assert modules.isdisjoint(loaded.stdout.decode().split())


# --- every error has a status


def test_every_error_of_git_has_a_status_and_no_error_of_ours_is_a_bug():
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.GitError)]
    statuses = {}
    for kind in kinds:
        error = kind("x", 1, "y") if kind is errors.Corrupt else kind("x")
        message, _, statuses[kind.__name__] = border._explain(error)
        assert message == str(error)
    assert statuses == {
        "GitError": 1, "NotFound": 3, "Ambiguous": 3, "Corrupt": 1, "Unsupported": 6, "Conflict": 4, "BadName": 1,
        "RemoteError": 1, "Unsafe": 1,
    }
    assert border._explain(ExpError("what", "hint", Status.PARTLY)) == ("what", "hint", Status.PARTLY)


@pytest.mark.parametrize("error, told", [
    (FileNotFoundError(2, "No such file or directory", "a"), ("a: No such file or directory", "", 1)),
    (PermissionError(13, "Permission denied", b"caf\xe9"), ("caf\udce9: Permission denied", "", 1)),
    (OSError(28, "No space left on device"), ("No space left on device", "", 1)), (OSError("odd"), ("odd", "", 1)),
    (BrokenPipeError(), ("", "", 141)), (KeyboardInterrupt(), ("interrupted", "", 130)),
])  # fmt: skip
def test_errors_of_the_system_name_the_file(error, told):
    assert border._explain(error) == told


@pytest.mark.parametrize("error", [ValueError("x"), KeyError(1), AssertionError(), RecursionError()])
def test_a_bug_keeps_its_traceback(error):
    assert border._explain(error) is None


def test_each_status_means_one_thing():
    assert set(MEANINGS) == set(Status)
    assert len(set(MEANINGS.values())) == len(MEANINGS)


def no_repository(repo):
    shutil.rmtree(repo.path / ".git")


def other_format(repo):
    no_repository(repo)
    repo.init("--object-format=sha256")


def no_commit(repo):
    no_repository(repo)
    repo.init()


def taken(repo):
    baseline = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/first", "HEAD")


def locked(repo):
    taken(repo)
    repo.git("update-ref", "-d", repo.git("for-each-ref", "--format=%(refname)", "refs/exps"))
    baseline = repo.git("rev-parse", "HEAD")
    repo.write(f".git/refs/exps/{baseline[:2]}/{baseline[2:]}/first.lock")


def filtered(repo):
    repo.write(".gitattributes", b"* filter=lfs\n")
    repo.git("config", "filter.lfs.clean", "false")
    repo.commit("lfs")
    repo.write("params.yaml", b"lr: 7\n")


def replaced(name, content):
    def prepare(repo):
        repo.write(f".git/{name}", content)
    return prepare


def fifo(repo):
    (repo.path / "train.py").unlink()
    os.mkfifo(repo.path / "train.py")


def nobody(repo):
    for name in list(repo.environ):
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")):
            del repo.environ[name]


ERRORS = {  # what is wrong: (how it gets wrong, command, status, what is said)
    "no repository": (no_repository, "save list show", 3, r"/repo is not inside a Git repository"),
    "another format": (other_format, "save list show", 6, r"extensions\.objectformat = sha256 .* not supported"),
    "a name that is taken": (taken, "save", 4, "experiment 'first' exists already on .*\n  choose another name"),
    "a lock of others": (locked, "save", 4, r"first\.lock is held by another program \(\d+ s old\)"),
    "a filter": (filtered, "save", 6, r"params\.yaml: filter=lfs is not supported"),
    "no commit": (no_commit, "save", 1, "branch 'main' has no commit yet.*\n  commit something first"),
    "no commit, for list": (no_commit, "list", 3, "HEAD has no commit yet.*\n  see all with -A"),
    "no identity": (nobody, "save", 1, "who are you.*\n  run `git config user.name"),
    "a FIFO": (fifo, "save", 1, r"train\.py is no file"),
    "a corrupt index": (replaced("index", b"garbage"), "save", 1, r"\.git/index:.*not an index"),
    "a corrupt HEAD": (replaced("HEAD", b"garbage\n"), "save list show", 3, r"\.git is there, but its HEAD"),
    "a corrupt branch": (replaced("refs/heads/main", b"garbage\n"), "save list show", 1, r"refs/heads/main:"),
    "a corrupt packed-refs": (replaced("packed-refs", b"garbage\n"), "list show", 1, r"packed-refs:1:"),
    "a corrupt configuration": (replaced("config", b"[core\n"), "save list show", 1, r"\.git/config:1:"),
    "a bad setting": (
        replaced("config", b"[core]\n\trepositoryformatversion = 0\n[exps]\n\tmaxFileSize = x\n"), "save", 1,
        r"config:4: bad numeric config value 'x' for 'exps.maxfilesize'",
    ),
}  # fmt: skip


@needs("git")
@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_one_line_a_hint_and_a_status(trained, env, case):
    prepare, commands, status, said = ERRORS[case]
    prepare(trained)
    env = {name: value for name, value in env.items() if not name.startswith("GIT_")} | trained.environ
    for command in commands.split():
        arguments = [command, "-n", "first"] if command == "save" else [command]
        done = subprocess.run([*EXPS, *arguments], cwd=trained.path, env=env, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert re.match(f"exps: .*{said}", done.stderr), done.stderr
        assert done.stderr.count("\n") <= 2 and len(done.stderr.splitlines()[0]) < 400


def test_a_folder_that_has_gone_is_told(env, tmp_path):
    code = "import os, sys; os.mkdir('x'); os.chdir('x'); os.rmdir('../x'); os.execv(sys.executable, sys.argv[1:])"
    for arguments in (["list"], ["demo"], ["save"], ["list", "--cd", "."]):
        command = [sys.executable, "-c", code, *EXPS, *arguments]
        gone = {"PWD": f"{tmp_path}/x"}
        done = subprocess.run(command, cwd=tmp_path, env=env | gone, capture_output=True, text=True)
        told = f"exps: the current folder {tmp_path}/x does not exist any more"
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, told)


# --- streams and signals

STREAMS = [["list"], ["show"], ["show", "--json"], ["--help"], ["--version"], ["save", "--help"]]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is needed")
@needs("git")
@pytest.mark.parametrize("arguments", STREAMS, ids=" ".join)
def test_what_cannot_be_printed_is_one_line(trained, env, arguments):
    taken(trained)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*EXPS, *arguments], cwd=trained.path, env=env, stdout=full, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (1, b"exps: No space left on device\n")
        assert subprocess.call([*EXPS, *arguments], cwd=trained.path, env=env, stdout=full, stderr=full) == 1


@needs("git")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", STREAMS, ids=" ".join)
def test_a_pipe_that_nobody_reads_has_status_141_and_no_message(trained, env, arguments, unbuffered):
    taken(trained)
    reading, writing = os.pipe()
    os.close(reading)
    options = {"cwd": trained.path, "env": env | {"PYTHONUNBUFFERED": unbuffered}, "stdout": writing}
    done = subprocess.run([*EXPS, *arguments], stderr=subprocess.PIPE, **options)
    os.close(writing)
    assert (done.returncode, done.stderr) == (Status.BROKEN_PIPE, b"")


@needs("git")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_obstacle(trained, env, closed):
    for arguments in ("list -q", "save -n first", "--version", "show"):
        trained.git("for-each-ref")
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", *EXPS, *arguments.split()]
        done = subprocess.run(command, cwd=trained.path, env=env, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
    assert refs(trained).keys() == {"first"} and is_clean(trained)


# Before each file event but removals: whoever is stopped while clearing up leaves what was not cleared up yet.
INTERRUPTING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
due, number = int(sys.argv.pop(1)), int(sys.argv.pop(1))
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def count(event, arguments):
    global due
    if event in ("os.link", "os.rename", "os.mkdir", "os.utime") or event == "open" and (
            isinstance(arguments[2], int) and arguments[2] & WRITING and "/dev/" not in str(arguments[0])):
        due -= 1
        if due == 0:
            os.kill(os.getpid(), number)
sys.addaudithook(count)
""" + SCRIPT


@needs("git")
@pytest.mark.parametrize("number, status, step", [
    (signal.SIGTERM, Status.TERMINATED, 1), (signal.SIGINT, Status.INTERRUPTED, 5),
])  # fmt: skip
def test_a_save_that_is_ended_leaves_no_lock_and_no_temporary_file(trained, env, number, status, step):
    trained.write("params.yaml", b"lr: 9\n")
    env |= {"PYTHONDONTWRITEBYTECODE": "1"}
    for due in range(1, 100, step):
        command = [sys.executable, "-c", INTERRUPTING, str(due), str(int(number)), "save", "-n", f"n{due}"]
        done = subprocess.run(command, cwd=trained.path, env=env, capture_output=True, text=True)
        left = [path for path in (trained.path / ".git").rglob("*")
                if path.name.endswith((".lock", ".tmp")) or path.name.startswith("tmp_obj")]
        assert not left, f"at event {due}"
        if done.returncode == 0:
            break
        assert done.returncode == status and "Traceback" not in done.stderr
        assert done.stdout == "" and done.stderr.strip() in ("", "exps: interrupted")
        trained.write("params.yaml", b"lr: %d\n" % due)
    assert 5 < due < 99 and is_clean(trained)


@needs("git")
def test_reading_leaves_the_signals_of_the_process_alone(trained, env):
    code = SCRIPT.replace("program", "main") + "import signal; print(repr(signal.getsignal(signal.SIGTERM)))"
    for command, handler in (("list", "Handlers.SIG_DFL"), ("show", "Handlers.SIG_DFL"), ("save", "function")):
        done = subprocess.run([sys.executable, "-c", code, command, "-q"], cwd=trained.path, env=env, capture_output=True)
        assert handler in done.stdout.decode().splitlines()[-1] and done.stderr == b""


# --- global options


@needs("git")
def test_global_options_stand_before_or_behind_the_command(trained, exps):
    def run(*arguments):
        done = exps(*arguments, env=trained.environ)
        return re.sub("[0-9a-f]{40}", "ID", done.stdout + done.stderr)

    here, color = ["--cd", str(trained.path)], ["--color", "always"]
    taken(trained)
    assert run(*here, *color, "list") == run("list", *here, *color) == run(*here, "list", *color)
    assert "\x1b[1m" in run("list", *here, *color)
    for quiet in (["-q"], ["--quiet"]):
        assert run(*quiet, *here, "save", "-f", "-n", "x") == run("save", *here, *quiet, "-f", "-n", "x")
    assert run("-v", *here, "save", "-f", "-n", "x") == run("save", "-f", "-n", "x", *here, "-v")
    assert run("-v", *here, "save", "-fnx").endswith("ID on ID\n")
    assert run("--cd", "/", "list", *here) == run("list", *here)  # the last one counts


@needs("git")
@pytest.mark.parametrize("environ, arguments, coloured", [
    ({}, [], True), ({"NO_COLOR": "1"}, [], False), ({"TERM": "dumb"}, [], False), ({}, ["--color", "never"], False),
    ({"NO_COLOR": "1"}, ["--color", "always"], True), ({}, ["--color", "auto"], True),
])  # fmt: skip
def test_colours_are_for_terminals_that_want_them(trained, env, environ, arguments, coloured):
    taken(trained)
    command = [*EXPS, "list", *arguments]
    status, shown = on_terminal(command, cwd=trained.path, env=env | {"TERM": "xterm"} | environ)
    assert status == 0 and (b"\x1b[" in shown) == coloured


def test_the_script_of_the_tests_starts_what_is_installed():
    scripts = tomllib.loads(Path(ROOT, "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert set(scripts.values()) == {"expref.exps.cli.main:program"} and "exps" in scripts
