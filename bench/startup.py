"""How long does a command take that has nothing to do, and an import? Beside Python itself, and Python with click."""
import importlib.metadata
import platform

from bench.inputs import make_repository
from bench.runner import Peer, compare, default_places

VERSION_LIMIT = 2.0  # of `python -c pass`
IMPORT_LIMIT = 3.0  # of `python -c pass`
LIST_LIMIT = 1.35  # of `python -c "import click"`


def run(setting):
    """The comparisons, and the versions of the peers."""
    common = {"rounds": 20 if setting.small else 60, "places": default_places()[:1]}  # they make no files: one place
    version = compare(
        "exps --version",
        ours={"exps --version": [setting.exps, "--version"]},
        peers={"python -c pass": Peer([setting.python, "-c", "pass"], VERSION_LIMIT)},
        setup=lambda _folder, _command: None,
        **common,
    )
    nothing = compare(
        "exps list in a repository without experiments",
        ours={"exps list": [setting.exps, "list"]},
        peers={'python -c "import click"': Peer([setting.python, "-c", "import click"], LIST_LIMIT)},
        setup=lambda folder, _command: make_repository(folder),
        **common,
    )
    store = compare(
        "import of the object store",
        ours={"import expref.objstore.api": [setting.python, "-c", "import expref.objstore.api"]},
        peers={"python -c pass": Peer([setting.python, "-c", "pass"], IMPORT_LIMIT)},
        setup=lambda _folder, _command: None,
        **common,
    )
    versions = {"python": platform.python_version(), "click": importlib.metadata.version("click")}
    return [version, nothing, store], versions
