"""safe.directory and safe.bareRepository: what git opens is opened, what it refuses is refused. With real owners."""

import os
import re
import shutil
import subprocess
import tempfile
from itertools import product

import pytest
from expref.objstore.errors import GitError, NotFound, Unsafe
from expref.objstore.repository import Repository

from tests.conftest import needs
from tests.gitrepo import GitRepo

STRANGER, OTHER = 4711, 4712
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
pytestmark = [needs("git"), pytest.mark.skipif(not IS_ROOT, reason="files of other users are made by root only")]


def git_version():
    told = (
        subprocess.run(["git", "version"], capture_output=True, text=True).stdout if shutil.which("git") else "0 0 9.9"
    )
    return tuple(map(int, told.split()[2].split(".")[:2]))


def give(path, owner, below=True):
    """Make everything at a path the property of a user."""
    os.lchown(path, owner, owner)
    for folder, folders, files in os.walk(path) if below else ():
        for name in folders + files:
            os.lchown(os.path.join(folder, name), owner, owner)


@pytest.fixture
def strange(repo):
    """A repository of somebody else."""
    repo.write("a/f", b"1")
    repo.commit()
    give(repo.path, STRANGER)
    return repo


def opened_by_git(repo, environ, cwd=None):
    return repo.try_git("rev-parse", "--git-dir", env=environ, cwd=cwd).returncode == 0


def opened_by_us(repo, environ, cwd=None):
    try:
        Repository.discover(str(cwd or repo.path), repo.environ | environ)
    except Unsafe:
        return False
    return True


def assert_same(repo, environ=None, cwd=None):
    """Assert that both open it or that both do not; return which."""
    found = opened_by_git(repo, environ or {}, cwd)
    assert opened_by_us(repo, environ or {}, cwd) == found, (environ, cwd)
    return found


def test_a_repository_of_somebody_else_is_refused_before_its_configuration_is_read(strange):
    (strange.path / ".git/config").write_text("this is no configuration\n")
    assert not assert_same(strange) and not assert_same(strange, cwd=strange.path / "a")
    with pytest.raises(Unsafe) as told:
        strange.open()
    assert str(told.value).startswith(f"{strange.path} belongs to somebody else (user {STRANGER})")
    command, rest = re.fullmatch(r"run `(.*)`, or write into (.*)", told.value.hint).groups()
    assert command == f"git config --global --add safe.directory {strange.path}"
    assert rest == f"{strange.environ['HOME']}/.gitconfig: [safe] directory = {strange.path}"


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_the_hint_says_helps(strange, by_hand):
    path = shutil.copytree(strange.path, strange.path.parent / 'it\'s; "odd" #1', symlinks=True)
    give(path, STRANGER)
    with pytest.raises(Unsafe) as told:
        Repository.discover(str(path), strange.environ)
    command, file, line = re.fullmatch(r"run `(.*)`, or write into (.*?): (.*)", told.value.hint).groups()
    if by_hand:
        with open(file, "a") as config:
            config.write(line + "\n")
    else:
        subprocess.run(command, shell=True, env=strange.environ, check=True)
    assert assert_same(strange, cwd=path)
    assert not assert_same(strange)


@pytest.mark.parametrize("owned", list(product([0, STRANGER], repeat=3)))
def test_each_of_work_tree_gitfile_and_git_folder_must_be_ours(repo, owned):
    repo.commit()
    repo.git("worktree", "add", "-q", "../linked")
    linked = repo.other("linked")
    give(linked.path, owned[0])
    give(linked.path / ".git", owned[1])
    give(repo.path / ".git/worktrees/linked", owned[2])
    assert assert_same(linked) == (not any(owned))


@pytest.mark.parametrize("owned", list(product([0, STRANGER], repeat=2)))
def test_the_owner_of_a_link_counts(repo, owned):
    repo.commit()
    os.rename(repo.path / ".git", repo.path / "real")
    (repo.path / ".git").symlink_to("real")
    give(repo.path / "real", owned[0])
    give(repo.path / ".git", owned[1], below=False)
    assert assert_same(repo) == (not owned[1])


@pytest.mark.parametrize("sudo", ["", "0", str(STRANGER), str(OTHER), "x", f"{STRANGER}x", "-1", "9" * 30])
def test_who_became_root_by_sudo_is_still_who_it_was(strange, sudo):
    assert assert_same(strange, {"SUDO_UID": sudo}) == (sudo == str(STRANGER))
    give(strange.path, 0)
    assert assert_same(strange, {"SUDO_UID": sudo})


VALUES = [
    "*", "", "REPO", "REPO/", "REPO/a", "REPO/.git", "HOME/../repo", "PARENT", "PARENT/", "relative", "repo", "~/x", "~nobody-here/x",
    "~/../repo", "LINK",
]  # fmt: skip
NEW_VALUES = [  # since 2.46
    ".", "PARENT/*", "PARENT/*/", "PARENT/re*", "/*", "REPO/*", "LINKS/*", "PARENT/none/../repo", "./", "LINKS/repo",
]  # fmt: skip
ORDERS = [
    ["REPO", ""],
    ["", "REPO"],
    ["*", "", "REPO/a"],
    ["REPO", "relative"],
    ["*", ""],
    ["", "*"],
    ["x", "REPO", "y"],
]


@pytest.mark.parametrize(
    "values", [*([value] for value in VALUES), *ORDERS, *([value] for value in NEW_VALUES)], ids=str
)
@pytest.mark.parametrize("place", ["user", "system", "command", "repository", "include"])
def test_settings_of_safe_directory(strange, values, place):
    if values[0] in (*NEW_VALUES, "LINK", "HOME/../repo", "~/../repo", "REPO/") and git_version() < (2, 46):
        pytest.skip("since git 2.46")
    parent = strange.path.parent
    (parent / "link").symlink_to("repo")
    (parent / "links").symlink_to(".")
    known = {"REPO": strange.path, "HOME": strange.environ["HOME"], "PARENT": parent, "LINKS": parent / "links"}
    known["LINK"] = parent / "link"
    for name in ("LINKS", "LINK", "REPO", "HOME", "PARENT"):
        values = [value.replace(name, str(known[name])) for value in values]
    text = "".join(f"[safe]\n\tdirectory = {value}\n" for value in values)
    environ = {}
    if place == "command":
        environ = {"GIT_CONFIG_COUNT": str(len(values))}
        for number, value in enumerate(values):
            environ |= {f"GIT_CONFIG_KEY_{number}": "safe.directory", f"GIT_CONFIG_VALUE_{number}": value}
    elif place == "system":
        (parent / "system").write_text(text)
        environ = {"GIT_CONFIG_NOSYSTEM": "0", "GIT_CONFIG_SYSTEM": str(parent / "system")}
    elif place == "repository":
        with open(strange.path / ".git/config", "a") as config:
            config.write(text)
    else:
        (parent / "more").write_text(text)
        with open(f"{strange.environ['HOME']}/.gitconfig", "a") as config:
            config.write(text if place == "user" else f"[include]\n\tpath = {parent}/more\n")
    found = assert_same(strange, environ)
    assert not (found and place == "repository")


def test_a_condition_on_the_repository_does_not_hold_yet(strange):
    (strange.path.parent / "more").write_text("[safe]\n\tdirectory = *\n")
    with open(f"{strange.environ['HOME']}/.gitconfig", "a") as config:
        config.write('[includeIf "gitdir:**"]\n\tpath = ../more\n[includeIf "onbranch:**"]\n\tpath = ../more\n')
    assert not assert_same(strange)


def test_who_names_a_repository_is_not_asked(strange):
    assert assert_same(strange, {"GIT_DIR": ".git"})
    assert not assert_same(strange, {"GIT_WORK_TREE": "."})


@pytest.mark.parametrize("owner", [0, STRANGER])
def test_a_bare_repository_has_an_owner_too(strange, owner):
    give(strange.path, 0)
    strange.git("clone", "-q", "--bare", ".", "../bare.git")
    bare = strange.other("bare.git")
    give(bare.path, owner)
    assert assert_same(bare) == assert_same(bare, cwd=bare.path / "refs") == (owner == 0)
    (bare.path.parent / "home/.gitconfig").write_text(f"[safe]\n\tdirectory = {bare.path}\n")
    assert assert_same(bare)


@pytest.mark.parametrize("value", ["all", "explicit", None])
def test_a_bare_repository_is_opened_by_name_only_if_the_user_wants_that(repo, value):
    repo.write("a/f")
    repo.commit()
    repo.git("submodule", "--quiet", "add", str(repo.path), "sub")
    repo.git("worktree", "add", "-q", "../linked")
    repo.git("clone", "-q", "--bare", ".", "a/bare.git")
    environ = {} if value is None else {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.bareRepository", "GIT_CONFIG_VALUE_0": value,
    }  # fmt: skip
    bare = repo.path / "a/bare.git"
    assert (
        assert_same(repo, environ, cwd=bare) == assert_same(repo, environ, cwd=bare / "refs") == (value != "explicit")
    )
    assert assert_same(repo, environ | {"GIT_DIR": "."}, cwd=bare)
    if value != "explicit" or git_version() >= (2, 45):
        for place in (".git", ".git/refs", ".git/worktrees/linked", ".git/modules/sub", "sub", "../linked", "a"):
            assert assert_same(repo, environ, cwd=repo.path / place)


def test_a_bare_repository_in_a_work_tree_is_named_in_the_refusal(repo):
    repo.git("init", "-q", "--bare", "data/hidden.git")
    environ = repo.environ | {"GIT_CONFIG_PARAMETERS": "'safe.barerepository'='explicit'"}
    with pytest.raises(Unsafe, match=r"hidden\.git is a bare repository, and safe\.bareRepository is 'explicit'"):
        Repository.discover(str(repo.path / "data/hidden.git/refs"), environ)
    with pytest.raises(GitError, match="safe.bareRepository: bad value 'maybe'"):
        Repository.discover(
            str(repo.path / "data/hidden.git"),
            repo.environ | {"GIT_CONFIG_PARAMETERS": "'safe.barerepository'='maybe'"},
        )


def as_user(uid, path):
    """What we say to a user who is not root: the Git folder, or the error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            told = Repository.discover(str(path), {"HOME": "/nowhere"}).git_dir
        except BaseException as error:
            told = f"{type(error).__name__} {error}"
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        told = answer.read().decode()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def public(git_env):
    """A repository of somebody else where everybody can look, unlike in pytest's own folders."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        repo = GitRepo(os.path.join(folder, "repo"), git_env).init()
        repo.write("a/f", b"1")
        repo.commit()
        give(repo.path, STRANGER)
        yield repo


def test_for_a_plain_user_root_is_somebody_else(public):
    assert as_user(STRANGER, public.path) == f"{public.path}/.git"
    assert as_user(OTHER, public.path).startswith("Unsafe ")
    give(public.path, 0)
    assert as_user(STRANGER, public.path).startswith("Unsafe ")


@pytest.mark.parametrize("closed", [".git", ".git/HEAD", ".git/objects", ".git/refs", ".git/config"])
def test_what_cannot_be_looked_into_is_named(public, closed):
    (public.path / closed).chmod(0)
    told = as_user(STRANGER, public.path / "a")
    assert re.fullmatch(rf"GitError {public.path}/{closed}\S*: Permission denied", told)


def test_without_any_home_the_hint_names_the_file_of_the_machine(strange):
    environ = {name: value for name, value in strange.environ.items() if name != "HOME"}
    with pytest.raises(Unsafe) as told:
        Repository.discover(str(strange.path), environ)
    assert "write into /etc/gitconfig: " in told.value.hint


def test_a_folder_of_somebody_else_around_ours_does_not_matter(strange):
    inner = strange.path / "a/ours"
    strange.git("init", "-q", inner, env={"GIT_DIR": str(inner / ".git")})
    assert assert_same(strange, cwd=inner)


def test_no_repository_at_all_is_not_found_whoever_asks(tmp_path, git_env):
    with pytest.raises(NotFound):
        Repository.discover(str(tmp_path), git_env)
