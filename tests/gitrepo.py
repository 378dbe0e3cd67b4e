"""The real `git`, the judge of what we write: repositories in temporary folders, cut off from this machine's settings.

    @needs("git")
    def test_something(repo):                       # the fixture: an empty repository on branch "main"
        repo.write("train.py", b"print()")
        repo.commit("first")
        assert repo.git("ls-files") == "train.py"
        ours = repo.open()                          # the same folder as an expref Repository, same environment

Identity and dates are fixed, so that the same actions make the same ids. Nothing here is about expref's own formats.
"""
import os
import stat
import subprocess
from pathlib import Path

import pytest

SETTINGS = """\
[init]
	defaultBranch = main
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol "file"]
	allow = always
[advice]
	detachedHead = false
"""
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in {"NAME": "A U Thor", "EMAIL": "author@example.com", "DATE": "1700000000 +0100"}.items()
}


def git_environ(home):
    """A whole environment, for git and for `Repository.discover` alike: `home` holds the only settings there are."""
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text(SETTINGS)
    fixed = {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1", "LC_ALL": "C", "TZ": "UTC"}
    return {"PATH": os.environ.get("PATH", os.defpath)} | fixed | IDENTITY


class GitRepo:
    """A folder to call git in; `path` is the work tree. It need not be a repository yet."""

    def __init__(self, path, environ):
        self.path, self.environ = Path(path), dict(environ)

    def try_git(self, *args, stdin=b"", env=None, cwd=None):
        """Run git, whatever its exit status; return the CompletedProcess, with bytes."""
        return subprocess.run(
            ["git", *map(os.fspath, args)], cwd=cwd or self.path, env=self.environ | (env or {}),
            input=stdin, capture_output=True,
        )

    def git_bytes(self, *args, **options):
        """Run git and return what it prints; a failure of git fails the test."""
        done = self.try_git(*args, **options)
        assert done.returncode == 0, f"git {args}: {done.returncode}\n{os.fsdecode(done.stdout + done.stderr)}"
        return done.stdout

    def git(self, *args, **options):
        """The same as text, without the line end."""
        return os.fsdecode(self.git_bytes(*args, **options)).removesuffix("\n")

    def init(self, *args):
        """`git init`; returns this object."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", *args)
        return self

    def other(self, name):
        """The folder `name` beside this one, seen with the same settings; it need not exist."""
        return GitRepo(self.path.parent / name, self.environ)

    def write(self, name, content=b"", mode=None):
        """Make or overwrite the file `name`, with the folders above it; return its path."""
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if mode is not None:
            path.chmod(mode)
        return path

    def commit(self, message="a commit"):
        """Commit everything in the work tree; return the commit's id in hexadecimal."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def open(self, **environ):
        """An expref Repository of this folder."""
        from expref.objstore.repository import Repository  # conftest imports this file before there is an `expref`

        return Repository.discover(str(self.path), self.environ | environ)


def everything_in(folder):
    """What is below a folder, to be compared before and after: {path: (mode, mtime in ns, content or target)}.

    A folder's own time is left out: it tells only that something came and went. Of objects, which may only be added,
    see `users_files`.
    """
    found, folders = {}, [os.fsencode(folder)]
    while folders:
        for entry in os.scandir(folders.pop()):
            found[os.path.relpath(entry.path, os.fsencode(folder))] = _look(entry.path)
            folders += [entry.path] if entry.is_dir(follow_symlinks=False) else []
    return found


def users_files(folder):
    """`everything_in` a work tree with its Git folder, without the objects."""
    return {path: seen for path, seen in everything_in(folder).items() if not path.startswith(b".git/objects")}


def _look(path):
    found = os.lstat(path)
    if stat.S_ISDIR(found.st_mode):
        return found.st_mode, None, None
    if stat.S_ISLNK(found.st_mode):
        return found.st_mode, found.st_mtime_ns, os.readlink(path)
    if not stat.S_ISREG(found.st_mode):
        return found.st_mode, found.st_mtime_ns, None
    with open(path, "rb") as file:
        return found.st_mode, found.st_mtime_ns, file.read()


@pytest.fixture
def git_env(tmp_path):
    """The environment for git, with a home folder of the test's own."""
    return git_environ(tmp_path / "home")


@pytest.fixture
def repo(tmp_path, git_env):
    """An empty repository in `tmp_path / "repo"`, on branch "main"."""
    return GitRepo(tmp_path / "repo", git_env).init()
