"""How long does it take to save an experiment in a small repository? Beside the libraries it needs, and DVC."""
import importlib.metadata
import subprocess

from bench.inputs import change_parameter, count_experiments, make_repository
from bench.runner import CommandFailed, Peer, clean_environment, compare

IMPORTS = "import click, yaml, hashlib"
IMPORTS_LIMIT = 1.5
DVC_LIMIT = 1 / 15  # fifteen times faster
SAVES = ("exps save", "dvc exp save")


def run(setting):
    """The comparisons, and the versions of the peers."""
    ours = {"exps save": [setting.exps, "save"]}
    imports = compare(
        "exps save in a repository of three files, one of them changed",
        ours=ours,
        peers={f'python -c "{IMPORTS}"': Peer([setting.python, "-c", IMPORTS], IMPORTS_LIMIT)},
        setup=lambda folder, _command: make_repository(folder),
        before=change_parameter,
        verify=verify,
        rounds=20 if setting.small else 40,
    )
    dvc = compare(
        "the same beside DVC, whose repository is a DVC project too",
        ours=ours,
        peers={"dvc exp save": Peer(setting.dvc and [setting.dvc, "exp", "save"], DVC_LIMIT, "dvc not found")},
        setup=lambda folder, command: make_repository(folder, dvc=setting.dvc if command == "dvc exp save" else None),
        before=change_parameter,
        verify=verify,
        rounds=5 if setting.small else 15,
    )
    versions = {name: importlib.metadata.version(name) for name in ("click", "pyyaml")}
    return [imports, dvc], versions | ({"dvc": dvc_version(setting.dvc)} if setting.dvc else {})


def verify(folder, command, runs):
    """Each run of a command that saves must have made one experiment."""
    if command in SAVES and count_experiments(folder) != runs:
        raise CommandFailed(f"{command}: {runs} runs made {count_experiments(folder)} experiments")


def dvc_version(dvc):
    asked = subprocess.run([dvc, "--version"], env=clean_environment(), capture_output=True, text=True, check=True)
    return asked.stdout.strip()
