"""Which refs a repository does not show: `transfer.hideRefs` and its like.

    refs/exps            hides that ref and all below it
    !refs/exps/shared    shows them again
    ^refs/exps           is compared with the full name, which is the same without namespaces

The last pattern that fits decides. Authority: git-config(1) "transfer.hideRefs"; git's `refs.c` (`ref_is_hidden`).
"""

from collections.abc import Sequence


def is_hidden(name: str, patterns: Sequence[str]) -> bool:
    """Whether `patterns`, in the order of the configuration, hide a ref."""
    for pattern in reversed(patterns):
        shown = pattern.startswith("!")
        place = pattern[shown:].removeprefix("^").rstrip("/")
        if name == place or name.startswith(place + "/"):
            return not shown
    return False
