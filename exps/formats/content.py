"""What locks say of files and folders. A value on its own, so that remembered rows are read without any codec."""

from expref.objstore.lighttyping import NamedTuple


class Content(NamedTuple):
    """What is known of a file or folder: its digest, size in bytes and number of files; each may be unknown."""

    hash: str | None = None
    size: int | None = None
    nfiles: int | None = None
