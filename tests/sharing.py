"""Two people and a repository between them: what tests of push and pull start from.

    remote = bare(trained)                       # a bare clone of a GitRepo, which takes pushes
    ann, bob = clone(remote, "ann"), clone(remote, "bob")
    tried(ann, "first", lr=0.2)                  # an experiment of Ann's; her files are as before
    moved = push_all(ann, remote)
    assert statuses(moved) == {"first": "new"}
"""

from expref.exps.experiments import listing
from expref.exps.push import push
from expref.exps.remotes import place
from expref.exps.save import save

from tests.gitrepo import GitRepo
from tests.projects import open_project


def bare(repo, name="remote.git", *settings):
    """A bare clone beside `repo`, with settings ("receive.fsckObjects=true")."""
    made = GitRepo(repo.path.parent / name, repo.environ)
    repo.git("clone", "--quiet", "--bare", "--no-local", repo.path, made.path)
    for setting in ("receive.fsckObjects=true", *settings):
        made.git("config", *setting.split("=", 1))
    return made


def hook(repo, name, script):
    """Give a bare repository a hook."""
    path = repo.write(f"hooks/{name}", f"#!/bin/sh\n{script}\n".encode())
    path.chmod(0o755)


def clone(remote, name, *options):
    """The work tree of somebody, a clone of `remote` made by git."""
    made = GitRepo(remote.path.parent / name, remote.environ)
    remote.git("clone", "--quiet", *options, f"file://{remote.path}", made.path, cwd=remote.path.parent)
    return made


def tried(repo, name, *, replace=False, **params):
    """Save an experiment of these parameters; return its id in hexadecimal. The files are as before."""
    repo.write("params.yaml", "".join(f"{key}: {value}\n" for key, value in params.items()).encode())
    saved = save(open_project(repo), name=name, replace=replace)
    repo.git("checkout", "--quiet", "--", "params.yaml")
    return str(saved.id)


def push_all(repo, remote, **options):
    """Push all experiments of `repo` to the repository `remote`; return what became of them."""
    project = open_project(repo)
    return push(project, place(project, str(remote.path)), listing(project.repository).found, **options)


def statuses(moved):
    """{name: status} of what was moved."""
    return {each.experiment.name: each.status for each in moved.results}


def reasons(moved):
    """{name: reason} of what was not."""
    return {each.experiment.name: each.reason for each in moved.results if each.reason}


def write_note(repo, id_, text):
    """Give a commit a note, as `git notes` does."""
    repo.git("notes", "--ref=exps", "add", "--force", "--message", text, id_)


def note(repo, id_):
    """The note that a commit has; None without one."""
    done = repo.try_git("notes", "--ref=exps", "show", id_)
    return done.stdout.decode().strip() if done.returncode == 0 else None
