"""The folders that commands are measured in. They are made by the real `git` (and `dvc`), never by what is measured."""
import subprocess

from bench.runner import CommandFailed, environment_beside

FILES = {
    "README.md": "# Three files\n",
    "params.yaml": "lr: 0.1\nepochs: 3\n",
    "train.py": 'print("trained")\n',
}


def make_repository(folder, *, dvc=None):
    """A Git repository of three files and one commit in the empty `folder`; a DVC project too where `dvc` is given."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    call(folder, "git", "init", "--quiet")
    if dvc:
        call(folder, dvc, "init", "--quiet")
    call(folder, "git", "add", "--all")
    call(folder, "git", "commit", "--quiet", "--message", "three files")


def change_parameter(folder, number):
    """Make params.yaml a file that was never there before, as its owner does between two experiments."""
    (folder / "params.yaml").write_text(f"lr: 0.{number + 2}\nepochs: 3\n")


def count_experiments(folder):
    """The refs/exps/<2>/<38>/<name> of the repository; DVC's own refs/exps/exec/* are none."""
    return len(call(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps/??/*/*").split())


def call(folder, *argv):
    """Run a program that is not measured, in the environment of those that are; return what it prints."""
    env = environment_beside(folder)
    done = subprocess.run(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise CommandFailed(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
