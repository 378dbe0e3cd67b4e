"""The settings of expref: Git's configuration, section `exps`. Read once, passed down as a value."""

from expref.objstore.config import Config
from expref.objstore.lighttyping import NamedTuple


class Settings(NamedTuple):
    """What the user has set. Sizes in bytes."""

    max_file_size: int  # exps.maxFileSize: a new file that is larger is not put into a commit
    undo_days: int = 30  # exps.undoDays: how long what was removed or replaced can be brought back
    git_remote: str | None = None  # exps.gitRemote: where experiments are pushed to if nothing is named
    auto_push: bool = False  # exps.autoPush: whether every save is pushed there

    @classmethod
    def read(cls, config: Config) -> "Settings":
        """The settings of an open repository; raises GitError, naming file and key, for a value that is not one."""
        return cls(
            config.get_int("exps.maxfilesize", 50 << 20),
            config.get_int("exps.undodays", 30),
            config.get("exps.gitremote"),
            config.get_bool("exps.autopush", False),
        )
