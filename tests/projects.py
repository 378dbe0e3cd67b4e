"""A small project to save experiments of: parameters, metrics and a program, in a repository that the real git made.

    def test_something(trained):                 # a GitRepo with one commit
        project = open_project(trained)
        save(project, name="first")
        assert refs(trained) == {"first": "<id>"}
"""
import os
import subprocess

import pytest

PARAMS = b"lr: 0.1\nepochs: 5\n"
METRICS = b'{"loss": 0.5}\n'


@pytest.fixture
def trained(repo):
    """A repository with params.yaml, metrics.json and train.py in its first commit."""
    return fill(repo)


def fill(repo):
    """Make that commit; return the repository."""
    repo.write("params.yaml", PARAMS)
    repo.write("metrics.json", METRICS)
    repo.write("train.py", b"print('training')\n")
    repo.commit("first")
    return repo


def open_project(repo, below="", **environ):
    """The Project of a GitRepo, seen from the folder `below` in it."""
    from expref.exps.project import Project

    return Project.open(str(repo.path / below), repo.environ | environ)


def head(repo):
    """The id of HEAD's commit."""
    from expref.objstore.ids import SHA1

    return SHA1.parse_id(repo.git("rev-parse", "HEAD"))


def refs(repo, prefix="refs/exps"):
    """{name: id} of the refs below `prefix`, as git lists them; names without the folders above."""
    lines = repo.git("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
    return {name.rpartition("/")[2]: id_ for name, _, id_ in (line.rpartition(" ") for line in lines)}


def git_tree(repo):
    """What `git add -u && git write-tree` makes of the work tree, in an index and an object folder of their own."""
    objects = repo.path.parent / "judge"
    objects.mkdir(exist_ok=True)
    index = objects / "index"
    env = {"GIT_INDEX_FILE": str(index), "GIT_OBJECT_DIRECTORY": str(objects)}
    own = repo.git("rev-parse", "--path-format=absolute", "--git-path", "objects")
    env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = own
    index.write_bytes((repo.path / repo.git("rev-parse", "--git-path", "index")).read_bytes())
    repo.git("add", "--update", env=env, cwd=repo.path)
    return repo.git("write-tree", env=env)


def is_clean(repo):
    """Whether `git fsck --strict` finds nothing wrong; fails with what it says otherwise."""
    done = repo.try_git("fsck", "--strict", "--no-dangling")
    assert (done.returncode, done.stderr) == (0, b""), os.fsdecode(done.stdout + done.stderr)
    return True


def run_bytes(command, **options):
    """Run a program that may print anything; return the CompletedProcess, with bytes."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **options)
