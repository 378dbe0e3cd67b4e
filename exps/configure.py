"""Our own settings in the repository's configuration file: `exps.*`, and nothing else of it is ever written."""

import os
import stat

from expref.objstore.config import Config
from expref.objstore.errors import GitError
from expref.objstore.formats.config import Setting, canonical_name, with_value
from expref.objstore.repository import Repository
from expref.objstore.stores.files import LockFile, read_file

from .errors import ExpError, Status
from .settings import Settings

SECTION = "exps."
LOCK_TIMEOUT_S = 1.0


def get_setting(repository: Repository, name: str) -> str:
    """What a setting is, wherever it is set. Raises ExpError if it is not, or not one of ours."""
    _check(name)
    found = repository.config.get(name, alone="true")
    if found is None:
        raise ExpError(f"{name} is not set", f"set it with `exps config {name} VALUE`", Status.NOT_FOUND)
    return found


def set_setting(repository: Repository, name: str, value: str | None) -> None:
    """Set one of our settings for the repository, or take it away if `value` is None.

    All other bytes of the file stay as they are. Raises ExpError if the setting is not ours or cannot have this value,
    Conflict if the file is locked, Ambiguous if it holds the setting several times.
    """
    _check(name)
    if value is not None:
        _check_value(name, value)
    path = os.path.realpath(f"{repository.common_dir}/config")
    with LockFile(path, sharing=repository.sharing, timeout_s=LOCK_TIMEOUT_S) as lock:
        before = read_file(path) or b""
        after = with_value(before, name, value, source=path)
        if after != before:
            if os.path.exists(path):  # it may hold secrets of the user's
                os.chmod(f"{path}.lock", stat.S_IMODE(os.stat(path).st_mode))
            lock.commit(after)


def _check(name: str) -> None:
    if not canonical_name(name).startswith(SECTION):
        raise ExpError(f"{name} is not a setting of exps", "they are called exps.NAME; Git's own are left to Git")


def _check_value(name: str, value: str) -> None:
    """Refuse what no command could read: each of them would end with an error until it is taken away."""
    try:
        Settings.read(Config([Setting(canonical_name(name), value, "command", "the value", 0)]))
    except GitError as error:
        raise ExpError(str(error), "a size is a number, with k, m or g behind it; a switch is true or false") from None
