"""Two people and a repository between them, over every kind of server: pushed, pulled, at once, killed, on full disks."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import pytest

from tests.conftest import SCRIPT, needs
from tests.gitrepo import GitRepo
from tests.projects import is_clean, refs
from tests.servers import daemon, jgit, sshd, web  # noqa: F401
from tests.sharing import bare, clone, note, tried, write_note
from tests.terminals import on_terminal

pytestmark = needs("git")

EXPS = [sys.executable, "-c", SCRIPT]
WEB = [needs("nginx"), needs("fcgiwrap"), needs("openssl")]
SERVERS = {
    "path": ("path", []), "file": ("path", []), "http": ("web", WEB), "http with a password": ("web", WEB),
    "https with a password": ("web", WEB), "ssh": ("sshd", [needs("sshd")]), "git": ("daemon", []), "jgit": ("jgit", [needs("jgit")]),
}  # fmt: skip
SMALL = ["path", "http", "ssh"]


class Team:
    """A repository on a server, and the people who share it: `team("ann", "push")` is Ann's `exps push`."""

    def __init__(self, there, url, env, folder):
        self.there, self.url, self.env, self._folder = there, url, env, folder

    def clone(self, name):
        """Somebody's clone, made by git."""
        repo = GitRepo(self._folder / name, self.env)
        repo.git("clone", "--quiet", self.url, repo.path, cwd=self._folder)
        return repo

    def start(self, repo, *args):
        return subprocess.Popen(
            [*EXPS, *args], cwd=repo.path, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __call__(self, repo, *args, status=0):
        process = self.start(repo, *args)
        out, err = process.communicate(timeout=120)
        assert process.returncode == status and "Traceback" not in err, f"exps {args}: {process.returncode}\n{out}{err}"
        return out

    def states(self, repo, *args, status=0):
        """{name: status} of a push or pull."""
        return {each["name"]: each["status"] for each in json.loads(self(repo, *args, "--json", status=status))["experiments"]}


def make_team(kind, request, trained, child_env, tmp_path):
    name = f"{os.urandom(8).hex()}.git"
    env = child_env | trained.environ
    if kind in ("path", "file"):
        there = GitRepo(tmp_path / name, trained.environ).init("--bare")
        there.git("config", "receive.fsckObjects", "true")
        url = f"file://{there.path}" if kind == "file" else str(there.path)
    else:
        server = request.getfixturevalue(SERVERS[kind][0])
        there = server.repo(name)
        env, url = for_server(kind, server, name, env)
    trained.git("push", "--quiet", url, "main", env=env)
    return Team(there, url, env, tmp_path)


def for_server(kind, server, name, env):
    """The environment and the address to reach a repository of a server with; git takes the same."""
    if kind == "ssh":
        return env | {"GIT_SSH_COMMAND": server.command}, server.url(name)
    if not kind.startswith("http"):
        return env, server.url(name)
    tls, private = kind.startswith("https"), "password" in kind
    if private:
        home = env["HOME"]
        with open(f"{home}/.git-credentials", "w") as file:
            file.write(server.url("", "", tls=tls, user="ann:se%20cret%3A1@").rstrip("/") + "\n")
        with open(f"{home}/.gitconfig", "a") as file:
            file.write("[credential]\n\thelper = store\n")
    return env | {"GIT_SSL_CAINFO": str(server.authority)}, server.url(name, "private" if private else "open", tls=tls)


@pytest.fixture(params=[pytest.param(kind, marks=marks) for kind, (_, marks) in SERVERS.items()])
def team(request, trained, child_env, tmp_path):
    return make_team(request.param, request, trained, child_env, tmp_path)


@pytest.fixture(params=[pytest.param(kind, marks=SERVERS[kind][1]) for kind in SMALL])
def small_team(request, trained, child_env, tmp_path):
    return make_team(request.param, request, trained, child_env, tmp_path)


def test_two_people_share_experiments(team):
    ann, bob = team.clone("ann"), team.clone("bob")
    for name, lr in {"a": 1, "b": 2}.items():
        tried(ann, name, lr=lr)
    assert team.states(ann, "push") == {"a": "new", "b": "new"}
    assert team(bob, "list", "origin", "--name-only") == "a\nb\n" and refs(bob) == {}
    assert team.states(bob, "pull", "a") == {"a": "new"}
    assert team.states(bob, "pull") == {"a": "up to date", "b": "new"} and refs(bob) == refs(ann)
    assert "lr: 2" in team(bob, "cat", "b:params.yaml")
    tried(bob, "a", replace=True, lr=7)
    tried(bob, "c", lr=3)
    assert team.states(bob, "push", status=5) == {"a": "diverged", "b": "up to date", "c": "new"}
    assert team.states(bob, "push", "--force") == {"a": "updated", "b": "up to date", "c": "up to date"}
    assert team.states(ann, "pull", status=5) == {"a": "diverged", "b": "up to date", "c": "new"}
    assert team.states(ann, "pull", "-f", "a") == {"a": "updated"} and refs(ann) == refs(bob) == refs(team.there)
    team(ann, "rename", "-g", "origin", "a", "best")
    team(ann, "remove", "-g", "origin", "b", "c")
    assert refs(team.there) == {"best": refs(ann)["a"]} and team(bob, "list", "origin") == "main:\n\tbest\n"
    assert team.states(bob, "pull") == {"best": "new"} and refs(bob).keys() == {"a", "b", "c", "best"}
    assert all(is_clean(repo) for repo in (ann, bob, team.there))
    assert ann.git("status", "--porcelain") == bob.git("status", "--porcelain") == ""


def test_a_baseline_of_ones_own_and_notes_go_along(small_team):
    team = small_team
    ann, bob = team.clone("ann"), team.clone("bob")
    ann.write("new.py", b"print(1)\n")
    ann.commit("not pushed")
    id_ = tried(ann, "a", lr=1)
    write_note(ann, id_, "see here")
    assert team.states(ann, "push") == {"a": "new"}
    assert team.states(bob, "pull", "-A") == {"a": "new"} and note(bob, id_) == "see here"
    assert team(bob, "cat", "a~1:new.py") == "print(1)\n" and team(bob, "list") == ""
    assert all(is_clean(repo) for repo in (ann, bob, team.there)) and bob.git("log", "--all", "--oneline")


def test_two_people_push_and_pull_the_same_at_once(small_team):
    team = small_team
    people = [team.clone("ann"), team.clone("bob")]
    names = [f"n{number}" for number in range(5)]
    for number, person in enumerate(people):
        for name in names:
            tried(person, name, lr=f"{number}{name}")
    running = [team.start(person, verb, "--json") for person in people for verb in ("push", "pull", "push")]
    ended = [(process, *process.communicate(timeout=120)) for process in running]
    assert all("Traceback" not in err and process.returncode in (0, 1, 4, 5) for process, _, err in ended), ended
    won = refs(team.there)
    assert won.keys() == set(names) and is_clean(team.there)
    for person in people:
        same = {name for name in names if refs(person)[name] == won[name]}
        states = team.states(person, "push", status=0 if len(same) == 5 else 5 if same else 4)
        assert {name for name, state in states.items() if state == "up to date"} == same
        team(person, "pull", "-f")
        assert refs(person) == won and is_clean(person)


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_one_lists_while_others_push(trained, child_env, tmp_path, request, verb):
    team = make_team("path", request, trained, child_env, tmp_path)
    ann, bob = team.clone("ann"), team.clone("bob")
    for number in range(12):
        tried(ann, f"n{number}", lr=number)
    running = team.start(ann, "push")
    seen = set()
    while running.poll() is None:
        seen |= set(team(bob, "list", "origin", "--name-only").split()) if verb == "push" else set(team.states(bob, "pull"))
    running.communicate()
    assert running.returncode == 0 and seen <= refs(ann).keys()
    team(bob, "pull")
    assert refs(bob) == refs(ann) == refs(team.there) and is_clean(bob)


@needs("nginx")
@needs("fcgiwrap")
@needs("openssl")
@pytest.mark.parametrize("verb", ["push", "list"])
def test_a_password_is_asked_for_where_somebody_is(request, trained, child_env, tmp_path, verb):
    server = request.getfixturevalue("web")
    name = f"{os.urandom(8).hex()}.git"
    there = server.repo(name)
    tried(trained, "a", lr=1)
    url, env = server.url(name, "private"), child_env | trained.environ
    args = {"push": ["push", url], "list": ["list", url, "-A"]}[verb]
    status, shown = on_terminal([*EXPS, *args], cwd=trained.path, env=env, answers={b"Username for ": b"ann\n", b"Password for ": b"se cret:1\n"})
    assert status == 0 and b"Password for " in shown and b"se cret" not in shown
    assert refs(there) == (refs(trained) if verb == "push" else {})
    done = subprocess.run([*EXPS, *args], cwd=trained.path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and "user name and password are needed" in done.stderr


# --- an end in the middle


@pytest.fixture
def many(trained):
    """A repository with sixty experiments, and the folder of a clone without them, to be copied."""
    made = bare(trained)
    ann = clone(made, "ann")
    for number in range(30):
        ann.write(f"src/{number % 5}/{number}.py", b"%d\n" % number * 200)
    base = ann.commit("many files")
    parts = []
    for number in range(60):
        name, text = f"refs/exps/{base[:2]}/{base[2:]}/n{number}", f"lr: {number}\n"
        parts.append(
            f"commit {name}\ncommitter A <a@x> 1700000000 +0000\ndata 1\nx\nfrom {base}\n"
            f"M 100644 inline params.yaml\ndata {len(text)}\n{text}\n\n"
        )
    ann.git("fast-import", "--quiet", stdin="".join(parts).encode())
    ann.git("push", "--quiet", "origin", "main", "refs/exps/*:refs/exps/*")
    return made, clone(made, "fresh")


@pytest.mark.parametrize("verb, times", [("pull", 6), pytest.param("pull", 50, marks=pytest.mark.slow), ("push", 4), pytest.param("push", 50, marks=pytest.mark.slow)])
def test_killed_at_any_moment_it_can_be_repeated(many, tmp_path, child_env, verb, times):
    made, fresh = many
    env, wanted = child_env | made.environ, refs(made)
    source = clone(made, "source")
    source.git("fetch", "--quiet", "origin", "refs/exps/*:refs/exps/*")
    empty = bare(fresh, "empty.git")
    random.seed(times)
    for number in range(-1, times):
        here, there = (GitRepo(tmp_path / f"{name}-{number}", env) for name in ("here", "there.git"))
        shutil.copytree((fresh if verb == "pull" else source).path, here.path)
        shutil.copytree((made if verb == "pull" else empty).path, there.path)
        target = here if verb == "pull" else there
        command = [*EXPS, verb, "-q", "-A", str(there.path)]
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=here.path, env=env, stdout=subprocess.DEVNULL)
        if number < 0:
            assert process.wait() == 0
            lasts = time.monotonic() - began
        else:
            time.sleep(random.uniform(0.2, 1.0) * lasts)
            process.kill()
            process.wait()
        assert is_clean(target) and refs(target).items() <= wanted.items() and target.git("log", "--all", "--oneline")
        for lock in target.path.rglob("*.lock"):  # that of a dead process is broken by nobody but its owner
            lock.unlink()
        assert subprocess.run(command, cwd=here.path, env=env, stdout=subprocess.DEVNULL).returncode == 0
        assert refs(target) == wanted and is_clean(target)
        target.git("gc", "--quiet", "--prune=now")
        assert not [path for path in target.path.rglob("*") if path.name.startswith("tmp_")]
        assert not list(target.path.rglob("*.keep"))
        shutil.rmtree(here.path)
        shutil.rmtree(there.path)


# --- full disks


@pytest.mark.parametrize("left_kib", [0, 4, 8, 40, 300])
@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_full_disk_is_said_in_a_line_and_nothing_is_half_done(many, small_disk, exps, verb, left_kib):
    made, _ = many
    whole = clone(made, "whole")
    whole.git("fetch", "--quiet", "origin", "refs/exps/*:refs/exps/*")
    small = GitRepo(small_disk / "repo", made.environ)
    made.git("clone", "--quiet", *(["--bare"] if verb == "push" else []), f"file://{made.path}", small.path)
    with open(small_disk / "ballast", "wb") as ballast:
        ballast.write(bytes(max(0, shutil.disk_usage(small_disk).free - left_kib * 1024)))
    where, other = (whole, small) if verb == "push" else (small, made)
    done = exps(verb, "-A", str(other.path), cwd=where.path, check=False, env=made.environ)
    assert "Traceback" not in done.stderr and refs(small).items() <= refs(made).items()
    assert (done.returncode == 0) == (refs(small) == refs(made))
    assert done.returncode == 0 or "No space left" in done.stdout + done.stderr, done
    (small_disk / "ballast").unlink()
    assert is_clean(small)
    exps(verb, "-A", str(other.path), cwd=where.path, env=made.environ)
    assert refs(small) == refs(made) and is_clean(small)
