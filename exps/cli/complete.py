"""What may stand at the end of an unfinished command line: commands, options, names of experiments.

The shells' scripts (`completion`) call `exps --complete SHELL WORD…`; for bash the one word is the line up to the
cursor. One candidate a line is printed, those of bash quoted for it: a name that others gave may be any text, and bash
puts it on the line as it is. Names are looked up without click, which costs as much as everything else together.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from expref.objstore.repository import Repository

from ..experiments import names
from .commands import ALIASES, COMMANDS

_ODD = re.compile(r"([^\w@%+=:,./-])")
_BREAK = re.compile(r".*[:=]")  # bash replaces what is behind the last of these only

Options = Callable[[Sequence[str]], Mapping[str, bool]]  # words → the options they allow, and which want a value


def answer(arguments: Sequence[str], environ: Mapping[str, str], options: Options) -> bytes:
    """What to print for the arguments that follow `--complete`."""
    shell, *words = arguments
    if shell == "bash":
        words = words[0].split(" ")[1:]
    found = [each for each in candidates(words, environ, options) if each.startswith(words[-1])]
    if shell == "bash":
        start = _BREAK.match(words[-1])
        found = [_ODD.sub(r"\\\1", each[start.end() if start else 0 :]) for each in found]
    return "".join(f"{each}\n" for each in found).encode("utf-8", "surrogateescape")


def candidates(words: Sequence[str], environ: Mapping[str, str], options: Options) -> Iterable[str]:
    """What the last of the words may become, and some of what it may not; none where files may stand."""
    *before, current = words
    if current.startswith("-"):
        return options(before)
    name = next((word for word in before if word in COMMANDS or word in ALIASES), None)
    if before and before[-1].startswith("-") and options(before).get(before[-1]):
        return _names(before, environ) if before[-1] == "--rev" else ()
    if name is None:
        return [*COMMANDS, *ALIASES]
    entry = COMMANDS[ALIASES.get(name, name)]
    if entry.words and before[-1] == name:
        return entry.words
    return _names(before, environ) if entry.takes_experiments else ()


def _names(before: Sequence[str], environ: Mapping[str, str]) -> Iterable[str]:
    """The names of the experiments of the repository here, or where `--cd` leads."""
    folder = next((after for word, after in pairwise(before) if word == "--cd"), os.curdir)
    return sorted(names(Repository.discover(os.path.abspath(folder), environ)))
