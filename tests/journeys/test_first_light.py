"""The first day with `exps`, from outside: in anybody's repository, whatever is in it and whatever else is going on."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from expref.exps.save import save

from tests.conftest import SCRIPT, needs
from tests.crash import crashes
from tests.gitrepo import GitRepo, users_files
from tests.projects import fill, git_tree, is_clean, open_project, refs, run_bytes
from tests.terminals import on_terminal, without_progress

pytestmark = needs("git")

EXPS = [sys.executable, "-c", SCRIPT]
SCHEMA = json.loads(Path(__file__).parent.parent.joinpath("exps/exp_show.schema.json").read_text("utf-8"))


@pytest.fixture
def run(exps, repo):
    """`run("save", cwd=folder)`: the command with git's environment, in the repository if nothing else is said."""

    def command(*args, cwd=repo.path, check=True, env=None):
        done = exps(*args, cwd=cwd, check=check, env=repo.environ | (env or {}))
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return command


def names(run, *args, **options):
    return set(run("list", "--name-only", *args, **options).stdout.splitlines())


# --- a day


def test_from_a_clone_to_a_table(trained, run):
    trained.git("clone", "--quiet", ".", "../clone")
    clone = trained.other("clone")
    clone.write("params.yaml", b"lr: 0.2\nepochs: 5\n")
    status, before = clone.git("status", "--porcelain"), users_files(clone.path)
    saved = run("save", cwd=clone.path).stdout
    name = re.fullmatch(r"Experiment has been saved as: ([a-z]{5}-[a-z]{4})\n", saved)[1]
    assert {path: seen for path, seen in users_files(clone.path).items() if path in before} == before
    assert clone.git("status", "--porcelain") == status == " M params.yaml"
    assert clone.git("rev-parse", f"{refs(clone)[name]}^{{tree}}") == git_tree(clone)
    assert run("list", cwd=clone.path).stdout == f"main:\n\t{refs(clone)[name][:7]} [{name}]\n"
    table = run("show", cwd=clone.path).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["Experiment", "workspace", "main", "└──"]
    assert [line.split()[-2:] for line in table] == [["lr", "epochs"], ["0.2", "5"], ["0.1", "5"], ["0.2", "5"]]
    assert is_clean(clone) and clone.git("log", "--all", "--oneline").count("\n") == 1


def test_the_json_is_dvcs(trained, run):
    jsonschema = pytest.importorskip("jsonschema")
    assert re.fullmatch(r'\{"ref": "[0-9a-f]{40}"\}\n', run("save", "--json").stdout)
    trained.write("params.yaml", b"d: 2020-01-01\nlong: 99999999999999999999999\nnan: .nan\n\xc3\xa9: \xc3\xa9\n")
    run("save", "-n", "odd")
    trained.write("params.yaml", b"broken: [")
    found = json.loads(run("show", "--json").stdout)
    jsonschema.validate(found, SCHEMA)
    assert found[0]["data"]["params"]["params.yaml"]["error"]["type"] == "YAMLFileCorruptedError"
    (odd,) = [each["revs"][0] for each in found[1]["experiments"] if each["name"] == "odd"]
    assert odd["data"]["params"]["params.yaml"]["data"]["d"] == "2020-01-01"
    assert len(found[1]["experiments"]) == 2


def test_every_work_tree_of_a_repository_sees_all_experiments(trained, run):
    trained.git("worktree", "add", "--quiet", "-b", "side", "../second")
    second = trained.other("second")
    second.write("params.yaml", b"lr: 0.5\n")
    run("save", "-n", "theirs", cwd=second.path)
    run("save", "-n", "ours")
    assert names(run) == names(run, cwd=second.path) == {"ours", "theirs"}
    assert trained.git("show", f"{refs(trained)['theirs']}:params.yaml") == "lr: 0.5"
    assert run("list").stdout.startswith("main:") and run("list", cwd=second.path).stdout.startswith("side:")


def test_a_subfolder_is_as_good_as_the_top(trained, run):
    trained.write("src/deep/model.py", b"1")
    trained.commit("deep")
    trained.write("params.yaml", b"lr: 0.7\n")
    run("save", "-n", "deep", cwd=trained.path / "src/deep")
    assert trained.git("show", f"{refs(trained)['deep']}:params.yaml") == "lr: 0.7"
    assert run("show", cwd=trained.path / "src/deep").stdout == run("show").stdout
    assert run("--cd", "src", "show").stdout == run("show").stdout


def test_a_detached_head_keeps_its_experiments_apart(trained, run):
    run("save", "-n", "first")
    trained.commit("second")
    run("save", "-n", "second")
    trained.git("checkout", "--quiet", "--detach", "HEAD~1")
    assert names(run) == {"first"} and names(run, "-A") == {"first", "second"}
    shown = run("show")
    assert "[first]" in shown.stdout and "1 more experiment stands on other commits" in shown.stderr
    assert "on other commits" not in run("show", "-q").stderr
    run("save", "-n", "third")
    assert names(run) == {"first", "third"} and trained.try_git("symbolic-ref", "--quiet", "HEAD").returncode


def test_a_submodule_is_a_repository_of_its_own(trained, run):
    inner = fill(trained.other("inner").init())
    trained.git("submodule", "--quiet", "add", "../inner", "lib")
    trained.commit("lib")
    lib = trained.other("repo/lib")
    lib.write("params.yaml", b"lr: inner\n")
    run("save", "-n", "inside", cwd=lib.path)
    run("save", "-n", "outside")
    assert (refs(lib).keys(), refs(trained).keys(), refs(inner)) == ({"inside"}, {"outside"}, {})
    assert trained.git("rev-parse", f"{refs(trained)['outside']}:lib") == lib.git("rev-parse", "HEAD")
    assert is_clean(lib) and is_clean(trained)


def test_a_hook_of_git_can_save(trained, child_env):
    """Git gives its hooks GIT_DIR, GIT_INDEX_FILE and the like, some of them relative to the top of the work tree."""
    hook = f'#!/bin/sh\nexec "{sys.executable}" -c "$EXPS" save -n "on-$(basename "$0")"\n'.encode()
    for name in ("pre-commit", "post-commit"):
        trained.write(f".git/hooks/{name}", hook, mode=0o755)
    (trained.path / "src").mkdir()
    trained.write("params.yaml", b"lr: hooked\n")
    parent = trained.git("rev-parse", "HEAD")
    trained.git("commit", "--all", "--message", "x", env=child_env | {"EXPS": SCRIPT}, cwd=trained.path / "src")
    before, after = refs(trained)["on-pre-commit"], refs(trained)["on-post-commit"]
    assert trained.git("rev-parse", f"{before}^", f"{after}^").split() == [parent, trained.git("rev-parse", "HEAD")]
    for id_ in (before, after):
        assert trained.git("rev-parse", f"{id_}^{{tree}}") == trained.git("rev-parse", "HEAD^{tree}")


def test_in_a_repository_of_a_group_everything_is_the_groups(repo, run):
    shared = fill(repo.other("shared").init("--shared=group"))

    def modes():
        folders = [shared.path / ".git/objects", shared.path / ".git/refs"]
        return {path: oct(path.stat().st_mode) for folder in folders for path in [folder, *folder.rglob("*")]}

    before = modes()
    shared.write("params.yaml", b"lr: 0.2\n")
    run("save", "-n", "ours", cwd=shared.path)
    new = {mode for path, mode in modes().items() if path not in before}
    assert new and new <= set(before.values())
    assert {oct(path.stat().st_mode) for path in (shared.path / ".git/exps").iterdir()} <= set(before.values())


# --- what others put into a repository

HOSTILE = [b"new\nline", b"\x1b[31mred\x1b[0m", b"-rf", b"--help", b"caf\xe9", "实验".encode(), b" ", b"a\tb", b"a\\b",
           b'"quoted"', b"$(touch pwned)", "\u202egnp.exe".encode(), b"x" * 255]  # fmt: skip


def test_files_may_have_any_name(trained, run):
    for name in HOSTILE:
        trained.write(name, b"first")
    trained.commit("hostile")
    for name in HOSTILE:
        trained.write(name, b"second")
    run("save", "-n", "hostile")
    assert trained.git("rev-parse", f"{refs(trained)['hostile']}^{{tree}}") == git_tree(trained)
    listed = trained.git_bytes("ls-tree", "-z", "--name-only", refs(trained)["hostile"]).split(b"\0")
    assert set(HOSTILE) < set(listed) and is_clean(trained)


@pytest.mark.parametrize("name", HOSTILE[:4])
def test_a_file_that_cannot_be_saved_is_named_without_harm(trained, child_env, name):
    trained.write(name, b"x")
    trained.commit("hostile")
    (trained.path / os.fsdecode(name)).unlink()
    os.mkfifo(trained.path / os.fsdecode(name))
    done = run_bytes([*EXPS, "save"], cwd=trained.path, env=child_env | trained.environ)
    assert done.returncode == 1 and done.stderr.startswith(b"exps: ") and done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr and done.stdout == b""


def test_what_others_wrote_reaches_a_terminal_escaped_and_a_program_unchanged(trained, child_env):
    trained.write("metrics.json", json.dumps({"\x1b[31mred": "\x1b]0;title\x07", "two\nlines": "\u202eback"}).encode())
    trained.write("params.yaml", b'lr: "\\e[2J"\n')
    trained.git("checkout", "--quiet", "-b", "b\u202eranch\u009b31m")
    trained.commit("hostile")
    env = {name: value for name, value in child_env.items() if name != "NO_COLOR"} | trained.environ | {"TERM": "xterm"}
    for command in (["save", "-n", "ex\u009bp\u202e"], ["list"], ["list", "--name-only"], ["show"], ["show", "--json"]):
        status, shown = on_terminal([*EXPS, "--color", "never", *command], cwd=trained.path, env=env)
        assert status == 0
        text = without_progress(shown).decode().replace("\r\n", "")
        assert text.isprintable() or text.replace("\t", "").isprintable(), command
    piped = run_bytes([*EXPS, "list"], cwd=trained.path, env=env).stdout.decode()
    assert piped.startswith("b\u202eranch\u009b31m:\n") and piped.endswith("[ex\u009bp\u202e]\n")
    found = json.loads(run_bytes([*EXPS, "show", "--json"], cwd=trained.path, env=env).stdout)
    assert found[0]["data"]["metrics"]["metrics.json"]["data"]["two\nlines"] == "\u202eback"


def test_names_that_are_not_utf8_come_out_as_the_bytes_that_they_are(trained, child_env):
    env = child_env | trained.environ
    for locale in ("C.UTF-8", "C", "en_US.ISO-8859-1"):
        command = [*EXPS, "save", "-f", "-n", os.fsdecode(b"caf\xe9")]
        done = run_bytes(command, cwd=trained.path, env=env | {"LC_ALL": locale})
        assert (done.returncode, done.stdout) == (0, b"Experiment has been saved as: caf\xe9\n"), done.stderr
        assert b"[caf\xe9]" in run_bytes([*EXPS, "list"], cwd=trained.path, env=env | {"LC_ALL": locale}).stdout
    assert refs(trained).keys() == {os.fsdecode(b"caf\xe9")}


# --- many at once

AT_ONCE = """
import os, sys, time
gate = sys.argv.pop(1)
while not os.path.exists(gate):
    time.sleep(0.001)
""" + SCRIPT


@pytest.mark.parametrize("named", [True, False])
def test_eight_saves_at_the_same_moment_are_eight_experiments(trained, child_env, tmp_path, named):
    trained.write("params.yaml", b"lr: at once\n")
    options = {"cwd": trained.path, "env": child_env | trained.environ, "stdout": subprocess.PIPE, "text": True}
    arguments = [["save", "-n", f"n{number}"] if named else ["save"] for number in range(8)]
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / "gate")]
    processes = [subprocess.Popen([*command, *each], stderr=subprocess.PIPE, **options) for each in arguments]
    (tmp_path / "gate").touch()
    done = [(process.communicate(), process.returncode) for process in processes]
    assert [(error, status) for (_, error), status in done] == [("", 0)] * 8
    assert len({said for (said, _), _ in done}) == len(refs(trained)) == 8
    assert {trained.git("show", f"{id_}:params.yaml") for id_ in refs(trained).values()} == {"lr: at once"}
    assert is_clean(trained) and trained.git("status", "--porcelain") == " M params.yaml"


def test_of_eight_saves_with_one_name_one_wins_and_the_others_say_so(trained, child_env, tmp_path):
    options = {"cwd": trained.path, "env": child_env | trained.environ, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / "gate"), "save", "-n", "same", "-m"]
    processes = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE, **options) for n in range(8)]
    (tmp_path / "gate").touch()
    done = [(process.communicate()[1], process.returncode) for process in processes]
    assert sorted(status for _, status in done) == [0, *[4] * 7]
    refusal = re.compile("exps: (experiment 'same' exists already|.*same.lock is held by)")
    assert all(refusal.match(said) for said, status in done if status)
    assert refs(trained).keys() == {"same"} and is_clean(trained)


def test_nothing_is_lost_while_git_commits_packs_and_collects_garbage(trained, run):
    stop, done = threading.Event(), {"commit": 0, "gc": 0, "pack-refs": 0}

    def repeat(name, *command):
        while not stop.is_set():
            done[name] += trained.try_git(*command).returncode == 0

    commands = {
        "commit": ("commit", "--quiet", "--allow-empty", "--message", "x"), "gc": ("gc", "--quiet"),
        "pack-refs": ("pack-refs", "--all"),
    }  # fmt: skip
    threads = [threading.Thread(target=repeat, args=(name, *command)) for name, command in commands.items()]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            trained.write("params.yaml", b"lr: %d\n" % number)
            run("save", "-n", f"n{number}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all(done.values()), done
    assert refs(trained).keys() == names(run, "-A") == {f"n{number}" for number in range(10)}
    for number in range(10):
        assert trained.git("show", f"{refs(trained)[f'n{number}']}:params.yaml") == f"lr: {number}"
    assert is_clean(trained)


# --- when it goes wrong


def test_after_a_crash_at_any_moment_the_repository_is_whole_and_the_next_save_works(trained, tmp_path, child_env):
    trained.write("src/new.py", b"new\n")
    trained.git("add", "src")
    trained.write("params.yaml", b"lr: before the crash\n")
    status = trained.git("status", "--porcelain")
    env = child_env | trained.environ
    options = {"source": trained.path, "copies": tmp_path / "copies", "env": env}
    seen = set()
    for crash in crashes(SCRIPT, "save", "-n", "crashed", **options):
        copy = GitRepo(crash.folder, trained.environ)
        assert copy.git("status", "--porcelain") == status, crash
        saved = copy.git("log", "--all", "--format=%s").splitlines()
        assert saved in (["first"], ["exps: save crashed", "first"])
        seen.add(len(saved))
        if len(saved) == 2:
            assert copy.git("show", f"{refs(copy)['crashed']}:params.yaml") == "lr: before the crash"
        copy.write("params.yaml", b"lr: after the crash\n")
        id_ = save(open_project(copy), name="next").id
        assert refs(copy)["next"] == str(id_) and is_clean(copy)
    assert seen == {1, 2}


def test_a_full_disk_is_one_line_and_changes_nothing(small_disk, trained, run):
    shutil.copytree(trained.path, small_disk / "repo", ignore=shutil.ignore_patterns("*.sample"))
    small = GitRepo(small_disk / "repo", trained.environ)
    content = os.urandom(20_000)
    small.write("train.py", content)
    room = os.statvfs(small_disk)
    pages = room.f_bavail
    told = set()
    for free in (0, 2, 4, 6, 8, 12):
        filler = small_disk / "filler"
        filler.write_bytes(bytes((pages - free) * room.f_bsize))
        before = users_files(small.path)
        done = run("save", "-n", f"n{free}", cwd=small.path, check=False)
        if done.returncode:
            told.add(free)
            assert (done.returncode, done.stdout) == (1, "") and done.stderr.count("\n") == 1
            assert "No space left on device" in done.stderr
            after = users_files(small.path)
            assert {path: seen for path, seen in after.items() if seen[1] is not None} == {
                path: seen for path, seen in before.items() if seen[1] is not None
            }
        filler.unlink()
        assert is_clean(small)
    assert 0 in told
    run("save", "-n", "at last", cwd=small.path, check=False)
    assert run("save", "-n", "at-last", cwd=small.path).returncode == 0
    assert small.git_bytes("cat-file", "blob", f"{refs(small)['at-last']}:train.py") == content


# Everything is loaded by root: a user without rights may not even see the checkout.
AS_NOBODY = """
import difflib, hashlib, importlib, os, pkgutil, signal, sys, unicodedata
from expref import cache, exps, objstore
for package in (cache, exps, objstore):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
from expref.exps.cli import main
from expref.exps.formats import yaml12
yaml12.decode(b"a: 1", "x")
hashlib.sha1()
sys.argv[0] = "exps"
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
main.program()
"""


@pytest.fixture
def public(trained):
    """The repository in a folder that everybody may enter, and nobody may change."""
    folder = Path(tempfile.mkdtemp(prefix="exps-public-"))
    folder.chmod(0o755)
    shutil.copytree(trained.path, folder / "repo")
    yield GitRepo(folder / "repo", trained.environ)
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def as_nobody(repo, child_env, *arguments):
    trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    env = child_env | repo.environ | {"HOME": "/nonexistent"} | trusted
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *arguments], cwd=repo.path, env=env, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_read_only_repository_can_be_read_and_not_written(public, child_env):
    save(open_project(public), name="first")
    public.write("params.yaml", b"lr: 3\n")
    subprocess.run(["chmod", "-R", "a-w", public.path], check=True)
    assert as_nobody(public, child_env, "list", "--name-only").stdout == "first\n"
    assert "[first]" in as_nobody(public, child_env, "show").stdout
    done = as_nobody(public, child_env, "save", "-n", "second")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"exps: /\S+/\.git/objects/\S*: Permission denied\n", done.stderr)
    assert refs(public).keys() == {"first"}


def test_a_file_that_may_not_be_read_costs_its_cell_and_a_save_one_line(public, child_env):
    public.write("params.yaml", b"lr: secret\n", mode=0o000)
    subprocess.run(["chmod", "-R", "a+rwX", public.path / ".git"], check=True)
    shown = as_nobody(public, child_env, "show")
    assert shown.returncode == 0 and "params.yaml: Permission denied (workspace)" in shown.stderr
    assert "secret" not in shown.stdout and "0.5" in shown.stdout
    done = as_nobody(public, child_env, "save")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"exps: .*params\.yaml: Permission denied\n", done.stderr)
    assert refs(public) == {}


def garbage(path):
    path.chmod(0o644)
    path.write_bytes(b"garbage\n")


def empty(path):
    path.chmod(0o644)
    path.write_bytes(b"")


def half(path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def gone(path):
    path.unlink()


def folder(path):
    path.unlink()
    path.mkdir()


FOUR = """
import sys
from expref.exps.cli.main import main
sys.argv[0] = "exps"
for sys.argv[1:] in (["list"], ["show"], ["show", "--json"], ["save"]):
    print(int(main()), flush=True)
"""


@pytest.mark.parametrize("harm", [garbage, empty, half, gone, folder])
def test_a_damaged_repository_is_told_in_one_line(trained, child_env, tmp_path, harm):
    save(open_project(trained), name="first")
    trained.git("gc", "--quiet")
    save(open_project(trained), name="second", message="loose")
    env = child_env | trained.environ
    git_dir = trained.path / ".git"
    found = sorted(path for path in git_dir.rglob("*") if path.is_file() and is_read(path, git_dir))
    files = [path.relative_to(trained.path) for path in found]
    assert len(files) > 8
    for number, path in enumerate(files):
        copy = tmp_path / f"copy{number}"
        shutil.copytree(trained.path, copy, symlinks=True)
        copy.joinpath("params.yaml").write_bytes(b"lr: 4\n")
        harm(copy / path)
        done = subprocess.run([sys.executable, "-c", FOUR], cwd=copy, env=env, capture_output=True, text=True)
        assert done.returncode == 0 and "Traceback" not in done.stderr, (path, done.stderr)
        assert all(line.startswith(("exps: ", "  ", "not saved, ")) and len(line) < 500 for line in done.stderr.splitlines()), path
        shutil.rmtree(copy)


def is_read(path, git_dir):
    """Whether a file of the Git folder is one that our commands look at."""
    top = path.relative_to(git_dir).parts[0]
    if top == "objects":
        return path.suffix in (".pack", ".idx", "") and path.parent.name != "info"
    return top in ("HEAD", "index", "config", "packed-refs", "refs", "exps")


def test_without_an_identity_a_save_says_what_to_type_and_that_works(trained, run):
    trained.environ = {name: value for name, value in trained.environ.items() if not name.startswith("GIT_AUTHOR")}
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL")
    nobody = dict.fromkeys(names)
    for part in ("name", "email"):
        done = run("save", "-n", "mine", check=False, env=nobody)
        assert done.returncode == 1 and f"user.{part} is not set" in done.stderr
        typed = re.search(r'`git (config user\.\w+) "(.*)"`', done.stderr)
        trained.git(*typed[1].split(), typed[2])
    run("save", "-n", "mine", env=nobody)
    assert trained.git("log", "-1", "--format=%an <%ae>", refs(trained)["mine"]) == "Your Name <you@example.com>"


def test_the_demo_can_be_followed_line_by_line(run, tmp_path):
    said = run("demo", cwd=tmp_path).stdout
    demo = GitRepo(tmp_path / "exps-demo", {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"})
    assert demo.git("status", "--porcelain") == "" and is_clean(demo) and len(refs(demo)) == 5
    assert run("show", cwd=demo.path).stdout in said
    params = demo.path / "params.yaml"
    params.write_text(params.read_text().replace("lr: 0.05", "lr: 0.5"))
    subprocess.run([sys.executable, "train.py"], cwd=demo.path, check=True)
    run("save", "-n", "mine", cwd=demo.path, env={"GIT_AUTHOR_NAME": None, "GIT_COMMITTER_NAME": None})
    table = run("show", cwd=demo.path).stdout
    assert table.splitlines()[3].split()[2] == "[mine]" and table.splitlines()[1].split()[-3] == "0.5"
    again = run("demo", cwd=tmp_path, check=False)
    assert again.returncode == 4
    assert again.stderr.startswith(f"exps: {demo.path} is there already and not an empty folder")


def test_five_hundred_experiments_meet_no_limit(trained, run):
    head = trained.git("rev-parse", "HEAD")
    lines = "".join(f"create refs/exps/{head[:2]}/{head[2:]}/n{number} {head}\n" for number in range(500))
    trained.git("update-ref", "--stdin", stdin=lines.encode())
    assert run("show").stdout.count("\n") == 503
    assert len(names(run)) == 500
