"""What git is in the middle of: a merge, a rebase and the like. Reads the work tree's Git folder, nothing else.

Source: git's `wt-status.c`, `wt_status_get_state`.
"""

import os

from expref.objstore.repository import Repository

_SIGNS = {  # what lies in the Git folder: what it is, in the order in which git looks
    "rebase-merge": "a rebase",
    "rebase-apply/applying": "`git am`",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}


def in_progress(repository: Repository) -> str | None:
    """What git is in the middle of in this work tree, in words; None if nothing."""
    found = (what for sign, what in _SIGNS.items() if os.path.lexists(f"{repository.git_dir}/{sign}"))
    return next(found, None)
