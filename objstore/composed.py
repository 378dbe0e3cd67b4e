"""Names of files as Git's index has them, where the file system takes letters apart: `core.precomposeUnicode` on macOS.

HFS+ stores "é" as "e" and an accent, and lists it so; git asks for either spelling of a file and keeps the composed
one. Elsewhere the two are names of different files, and git leaves the setting alone.
Authority: git-config(1), "core.precomposeUnicode"; git's `compat/precompose_utf8.c`.
"""

import sys
from collections.abc import Callable

from .config import Config

# The letters that macOS leaves as they are, though Unicode has another spelling of them (Apple's Technical Q&A 1173).
_KEPT = "\u2000-\u2fff\uf900-\ufaff\U0002f800-\U0002faff"


def composer(config: Config) -> Callable[[bytes], bytes] | None:
    """A function that gives a name on disk, or a path, as the index has it; None where that is the name itself."""
    if sys.platform != "darwin" or not config.get_bool("core.precomposeunicode", False):
        return None
    return _compose


def _compose(name: bytes) -> bytes:
    if name.isascii():
        return name
    import re
    from unicodedata import normalize

    try:
        text = name.decode()
    except UnicodeDecodeError:  # git leaves these alone, too
        return name
    return re.sub(f"[^{_KEPT}]+", lambda run: normalize("NFC", run[0]), text).encode()
