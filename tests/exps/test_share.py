"""The commands that share, as somebody at a terminal or a script meets them: what is printed, and the exit status."""

import json
import os
import random
import sys

import pytest

from tests.conftest import SCRIPT, needs
from tests.gitrepo import GitRepo, users_files
from tests.projects import refs
from tests.sharing import bare, clone, hook, tried, write_note
from tests.terminals import on_terminal

pytestmark = needs("git")


@pytest.fixture
def remote(trained):
    """A bare repository that `trained` calls "origin"."""
    made = bare(trained)
    trained.git("remote", "add", "origin", made.path)
    return made


@pytest.fixture
def run(exps, trained, remote):
    """`run("push")` in the repository; nothing that goes wrong is a bug."""

    def command(*args, cwd=trained.path, check=True, env=None):
        done = exps(*args, cwd=cwd, check=check, env=trained.environ | (env or {}))
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return command


@pytest.fixture
def two(trained):
    """`trained` with the experiments "a" and "b"; their ids as they are printed."""
    return {name: tried(trained, name, lr=number)[:7] for number, name in enumerate("ab")}


def test_push_and_pull_say_what_became_of_each(run, trained, remote, two, tmp_path):
    done = run("push")
    assert done.stdout == f"new        {two['a']} [a]\nnew        {two['b']} [b]\n" and done.stderr == ""
    assert run("push", "origin", "a").stdout == f"up to date {two['a']} [a]\n"
    bob = clone(remote, "bob")
    done = run("pull", cwd=bob.path)
    assert done.stdout == f"new        {two['a']} [a]\nnew        {two['b']} [b]\n" and done.stderr == ""
    tried(bob, "a", replace=True, lr=7)
    done = run("pull", cwd=bob.path, check=False)
    assert done.returncode == 5 and done.stderr == "-f overwrites what has diverged here; `exps undo restore` brings it back\n"
    assert done.stdout.startswith("diverged   ") and done.stdout.endswith(f"up to date {two['b']} [b]\n")
    done = run("push", "a", cwd=bob.path, check=False)
    assert done.returncode == 4 and done.stderr == "-f overwrites what has diverged there\n"
    assert run("push", "-f", "a", cwd=bob.path).stdout.startswith("updated    ")
    assert run("pull", "-f").stdout.startswith("updated    ") and refs(trained) == refs(bob) == refs(remote)
    assert "pull     a" in run("undo", "list").stdout


def test_scripts_get_json_and_statuses(run, trained, remote, two):
    hook(remote, "update", 'case $1 in */a) echo "no \x1b[31ma" >&2; exit 1;; esac')
    done = run("push", "--json", check=False)
    found = json.loads(done.stdout)
    base = trained.git("rev-parse", "HEAD")
    assert done.returncode == 5 and found == {
        "remote": "origin",
        "experiments": [
            {
                "name": name, "ref": f"refs/exps/{base[:2]}/{base[2:]}/{name}", "rev": refs(trained)[name],
                "status": status, "reason": reason,
            } for name, status, reason in (("a", "rejected", "hook declined"), ("b", "new", None))
        ],
    }  # fmt: skip
    assert "remote: no \\x1b[31ma\n" in done.stderr and "\x1b" not in done.stderr
    assert json.loads(run("pull", "--json").stdout)["experiments"][0]["status"] == "up to date"
    assert run("push", "a", check=False).returncode == 1
    assert run("push", "--atomic", check=False).returncode == 5


@pytest.mark.parametrize("args, status, said", [
    (["push", "nope"], 3, "exps: there is no experiment 'nope'\n"), (["pull", "nope"], 3, "the remote has no experiment 'nope'\n"),
    (["push", "a", "-A"], 2, "give either names of experiments"), (["pull", "a", "--rev", "HEAD"], 2, "give either names of experiments"),
    (["push", "../nowhere"], 3, "is not a Git repository"), (["list", "nope"], 3, "there is no remote 'nope' (those here: origin)"),
    (["push", "ext::sh"], 6, "the remote helper 'ext' is not supported"), (["push", "--rev", "nope"], 3, "nope"),
    (["remove", "-g", "origin"], 2, "give either names"), (["remove", "-g", "origin", "--undo"], 2, "give either names"),
    (["push", "--", "-x:y"], 1, "bad address"), (["push", "git://127.0.0.1:1/x"], 1, "no connection to 127.0.0.1:1"),
    (["push", "git://nowhere.invalid/x"], 1, "the host 'nowhere.invalid' is not known"), (["push", "ssh://host/x"], 1, "ssh ended with status 1"),
    (["rename", "-g", "origin", "nope", "x"], 3, "the remote has no experiment 'nope'"), (["push", "http://127.0.0.1:1/x"], 1, "no connection"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_clear_line(run, trained, two, args, status, said):
    before = users_files(trained.path)
    done = run(*args, check=False, env={"GIT_SSH_COMMAND": "false"})
    assert (done.returncode, done.stdout) == (status, "") and said in done.stderr and users_files(trained.path) == before
    assert len([line for line in done.stderr.splitlines() if line.startswith("exps: ")]) == 1


def test_without_a_remote_the_error_says_what_to_do(exps, trained):
    done = exps("push", cwd=trained.path, check=False, env=trained.environ)
    assert done.returncode == 3
    assert done.stderr == "exps: there is no remote 'origin' here\n  name an address, or make one with `git remote add`\n"
    done = exps("push", "puffy", cwd=trained.path, check=False, env=trained.environ)
    assert done.stderr.startswith("exps: 'puffy' is no remote, and there is no remote 'origin' here\n")


def test_nothing_to_do_is_said(run, trained):
    assert run("push").stderr == "nothing to push: no experiments on these commits; -A takes those of all\n"
    assert run("pull", "-A").stderr == "nothing to pull: no experiments at all\n"
    assert json.loads(run("push", "--json").stdout) == {"remote": "origin", "experiments": []}


def test_a_hidden_place_is_explained(run, remote, two):
    remote.git("config", "transfer.hideRefs", "refs/exps")
    done = run("push", check=False)
    assert done.returncode == 1 and "(deny updating a hidden ref)" in done.stdout
    assert done.stderr.startswith("the remote takes no refs/exps/ (transfer.hideRefs there)")


def test_the_baselines_that_are_asked_for(run, trained, remote, two):
    trained.commit("second")
    tried(trained, "c", lr=5)
    names = {"HEAD": ["c"], "main~1": ["a", "b"], "main": ["c"]}
    for rev, expected in names.items():
        found = json.loads(run("push", "--rev", rev, "--json").stdout)["experiments"]
        assert [each["name"] for each in found] == expected
    for args, expected in {"": "c", "-n 2": "a b c", "-n -1": "a b c", "-n 0": "", "-A": "a b c"}.items():
        for verb in ("push", "pull"):
            found = json.loads(run(verb, *args.split(), "--json").stdout)["experiments"]
            assert " ".join(sorted(each["name"] for each in found)) == expected


# --- list, remove and rename there


def test_the_list_of_a_remote_has_dvcs_form(run, trained, remote, two):
    run("push")
    trained.commit("second")
    tried(trained, "c", lr=5)
    first = trained.git("rev-parse", "--short", "HEAD~1")
    assert run("list", "origin").stderr == "no experiments on this commit; 2 on others: exps list REMOTE -A\n"
    run("push", "c")
    assert run("list", "origin").stdout == "main:\n\tc\n"
    assert run("list", "origin", "-A").stdout == f"main:\n\tc\n{first}:\n\ta\n\tb\n"
    assert run("list", "origin", "--rev", "HEAD~1", "--name-only").stdout == "a\nb\n"
    assert run("list", str(remote.path), "-n", "2", "--names-only").stdout == "c\na\nb\n"
    assert run("list", "../remote.git", "--name-only").stdout == "c\n"
    assert run("ls", "origin", "-A", "--sha-only").stdout.split() == [refs(remote)[name] for name in "cab"]


def test_removing_and_renaming_there(run, trained, remote, two):
    run("push")
    done = run("rename", "-g", "origin", "a", "best")
    assert done.stdout == f"renamed    {two['a']} [a]  (best now)\n"
    assert run("rename", "-g", "origin", "best", "best").stdout == "Experiment best is called that already\n"
    assert run("rename", "-g", "origin", "best", "b", check=False).returncode == 4
    assert run("remove", "-g", "origin", "b").stdout == f"removed    {two['b']} [b]\n"
    assert refs(trained).keys() == {"a", "b"} and refs(remote).keys() == {"best"}
    assert run("rm", "-g", "origin", "-A").stdout == f"removed    {two['a']} [best]\n" and refs(remote) == {}
    assert run("rm", "-g", "origin", "-A").stdout == "There is nothing to remove\n"


def test_a_path_is_meant_from_where_one_stands(run, trained, remote, two):
    (trained.path / "below").mkdir()
    assert run("push", "../../remote.git", "a", cwd=trained.path / "below").returncode == 0
    assert run("--cd", "below", "list", "../../remote.git", "--name-only").stdout == "a\n"
    assert run("list", f"file://{remote.path}", "--name-only").stdout == "a\n"


def test_no_password_is_ever_printed_or_kept(run, trained, remote, two):
    done = run("push", "http://ann:s3cret@127.0.0.1:1/x", check=False)
    assert "s3cret" not in done.stdout + done.stderr
    write_note(remote, refs(trained)["a"], "x")
    run("push")
    trained.git("config", f"url.{remote.path}.insteadOf", "https://ann:s3cret@h/x")
    done = run("pull", "https://ann:s3cret@h/x", "--json")
    assert json.loads(done.stdout)["remote"] == "https://h/x"
    assert "pulled from https://h/x" in trained.git("reflog", "show", "refs/notes/exps")
    assert "s3cret" not in done.stderr


# --- what belongs to a save


def test_a_save_is_pushed_where_that_is_set(run, trained, remote):
    run("config", "exps.autoPush", "true")
    trained.write("params.yaml", b"lr: 5\n")
    done = run("save", "-n", "auto", "--json")
    assert json.loads(done.stdout)["ref"] == refs(remote)["auto"] and done.stderr.splitlines()[0] == "pushed to origin"
    hook(remote, "pre-receive", "echo because; exit 1")
    done = run("save", "-n", "second")
    assert done.stdout.endswith("as: second\n") and refs(trained).keys() == {"auto", "second"}
    assert "remote: because\nexps: warning: not pushed to origin: pre-receive hook declined\n" in done.stderr


@pytest.mark.parametrize("address, why", [
    ("/nowhere", "/nowhere is not a Git repository"), ("git://127.0.0.1:1/x", "no connection"), ("-x", "there is no remote '-x'"),
])  # fmt: skip
def test_a_save_that_cannot_be_pushed_is_a_save(run, trained, address, why):
    for setting, value in {"exps.autoPush": "true", "exps.gitRemote": address}.items():
        trained.git("config", setting, value)
    done = run("save", "-n", "x")
    assert refs(trained).keys() == {"x"} and done.stderr.startswith("exps: warning: not pushed: ") and why in done.stderr
    assert done.stdout == "Experiment has been saved as: x\n"


@pytest.mark.parametrize("config", [b"[exp]\n    auto_push = maybe\n", b"auto_push\n"])
def test_a_save_with_settings_of_dvcs_that_nobody_understands_is_a_save(run, trained, config):
    trained.write(".dvc/config", config)
    done = run("save", "-n", "x")
    assert refs(trained).keys() == {"x"} and done.stderr.startswith("exps: warning: not pushed: ")


def test_a_save_is_pushed_where_dvc_is_told_to(run, trained, remote):
    trained.write(".dvc/config", b"[exp]\n    auto_push = true\n    git_remote = ../remote.git\n")
    run("save", "-n", "x")
    assert refs(remote) == refs(trained)
    done = run("save", "-n", "y", env={"DVC_EXP_AUTO_PUSH": "false"})
    assert refs(remote).keys() == {"x"} and "pushed" not in done.stderr


def test_a_dry_run_pushes_nothing(run, trained, remote):
    run("config", "exps.autoPush", "true")
    assert "pushed" not in run("save", "--dry-run").stderr and refs(remote) == {}


def test_outputs_that_stay_are_counted_in_one_line(run, trained, remote, tmp_path):
    trained.write("dvc.yaml", b"stages:\n  train:\n    cmd: x\n    outs: [model, {data: {cache: false}}]\n")
    lock = "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n    - path: model\n      md5: a%031x\n      size: 1\n"
    trained.write("set.dvc", b"outs:\n- md5: b%031x\n  size: 3\n  path: set\n" % 7)
    trained.commit("a pipeline")
    for number in range(3):
        trained.write("dvc.lock", (lock % number).encode())
        run("save", "-n", f"x{number}")
    done = run("push")
    assert done.stderr == "4 cached outputs stay where they are: only what Git holds moves so far\n"
    assert run("push").stderr == ""
    trained.git("push", "--quiet", "origin", "main")
    bob = clone(remote, "bob")
    assert run("pull", "x1", cwd=bob.path).stderr.startswith("2 cached outputs stay")
    assert run("pull", "-q", cwd=bob.path).stderr == ""


# --- on a terminal


@pytest.fixture
def terminal(trained, remote, child_env):
    def command(*args, typed=b"", env=None):
        environ = child_env | trained.environ | (env or {})
        return on_terminal([sys.executable, "-c", SCRIPT, *args], cwd=trained.path, env=environ, typed=typed)

    return command


def test_names_of_others_are_escaped_on_a_terminal(terminal, trained, remote):
    base = trained.git("rev-parse", "HEAD")
    remote.git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/caf\u00e9\u202e", "main")
    hook(remote, "post-update", "printf '\\033[31mred\\n'")
    for args in (["list", "origin"], ["pull"], ["remove", "-g", "origin", "-A"]):
        status, shown = terminal(*args)
        assert status == 0 and "caf\u00e9\\u202e".encode() in shown
        assert b"\x1b[31mred" not in shown
    assert b"remote: \\x1b[31mred" in shown


def test_a_long_transfer_shows_what_has_moved(trained, remote, child_env):
    """Every transfer counts as long here: how long one takes is up to the machine."""
    at_once = "from expref.exps.cli import terminal; terminal.FIRST_PROGRESS_S = terminal.PROGRESS_EVERY_S = 0"
    command = [sys.executable, "-c", f"{at_once}\n{SCRIPT}", "push"]
    options = {"cwd": trained.path, "env": child_env | trained.environ}
    trained.write("large", random.Random(0).randbytes(5 << 20))
    trained.commit("large")
    for name, quiet in (("a", []), ("b", ["-q"])):
        tried(trained, name, lr=1)
        status, shown = on_terminal([*command, *quiet], **options)
        assert status == 0 and b"new  " in shown.rstrip().rpartition(b"\r")[2]
        assert (b" done, " in shown, b"B/s" in shown) == (not quiet, not quiet)


def test_a_full_disk_here_is_one_line_and_changes_nothing(run, trained, remote, tmp_path, child_env):
    """A limit on the size of files stands for it: the pack that arrives is larger."""
    import subprocess

    trained.write("large", random.Random(0).randbytes(6 << 20))
    trained.commit("large")
    tried(trained, "a", lr=1)
    run("push")
    other = GitRepo(tmp_path / "other", trained.environ).init()
    other.write("f", b"1")
    other.commit("unrelated")
    before = users_files(other.path)
    code = f"import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)); {SCRIPT.replace(chr(10), '; ').strip('; ')}"
    command = [sys.executable, "-c", code, "pull", "-A", str(remote.path)]
    done = subprocess.run(command, cwd=other.path, env=child_env | other.environ, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1 and "File too large" in done.stderr
    assert users_files(other.path) == before and os.listdir(other.path / ".git/objects/pack") == []
