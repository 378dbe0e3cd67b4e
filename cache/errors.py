"""Every error of this package, split by what the caller can do about it.

    CacheError    something about the cache is wrong; the message names the value and the place
"""


class CacheError(Exception):
    """Root of the package's errors. `str()` is one line that names the value and the place."""
