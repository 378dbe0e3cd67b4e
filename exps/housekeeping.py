"""Housekeeping: whether so many objects have gathered since the last time that `tidy` has something to do.

Asked after every save, so it looks at two folders and one file of ours.
"""

from expref.objstore.crowd import MOST_LOOSE, MOST_PACKS, Crowd, crowd

from .project import Project

LEFT = "crowd"  # in the shared state folder: what was there after the last time, docs/formats/state.md


def is_due(project: Project) -> bool:
    """Whether it is time to tidy up."""
    now, before = crowd(project.repository), _left(project)
    least = Crowd(min(now.loose, before.loose), min(now.packs, before.packs))
    if least != before:  # `git gc` was here
        note(project, least)
    return now.loose - least.loose >= MOST_LOOSE or now.packs - least.packs >= MOST_PACKS


def note(project: Project, left: Crowd) -> None:
    """Remember how much is there when there is nothing to tidy up."""
    project.state.write(LEFT, f"{left.loose} {left.packs}\n".encode())


def _left(project: Project) -> Crowd:
    words = (project.state.get(LEFT) or b"").split()
    return Crowd(*map(int, words)) if len(words) == 2 and all(word.isdigit() for word in words) else Crowd(0, 0)
