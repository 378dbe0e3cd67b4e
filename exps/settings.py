"""The settings of expref: Git's configuration, section `exps`. Read once, passed down as a value."""
from typing import NamedTuple

from expref.objstore.config import Config


class Settings(NamedTuple):
    """What the user has set. Sizes in bytes."""

    max_file_size: int  # exps.maxFileSize: a new file that is larger is not put into a commit

    @classmethod
    def read(cls, config: Config) -> "Settings":
        """The settings of an open repository; raises GitError, naming file and key, for a value that is not one."""
        return cls(max_file_size=config.get_int("exps.maxfilesize", 50 << 20))
