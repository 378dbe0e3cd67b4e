"""Ignore files: the rules in their text, and which names in a folder they fit.

    # comment          a line that starts with "#"; of spaces at the end only one behind a backslash counts
    *.log  cache       no "/", except at the end: fits a name in any folder below the file's own
    /build  a/*.tmp    a "/" elsewhere: fits a path, seen from the file's folder
    tmp/               a "/" at the end: fits folders only
    !keep.log          takes back what rules before it say

The last rule that fits decides. A UTF-8 mark at the start and a CR at the end of a line are not part of the text; a NUL
ends the line. Patterns are those of `wildmatch`; but git compares the plain text that a path begins with apart, and
what follows then counts as the start of a component: "a**/b" fits what "a" + "**/b" fits. (From 2.52 on git does not;
the older and common way is kept.)

Not here: finding and reading the files, and that all in an ignored folder is ignored (`objstore/ignore.py`).
Authority: gitignore(5); git's `dir.c` (`add_patterns_from_buffer`, `parse_path_pattern`, `match_pathname`).
"""
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from ..lighttyping import NamedTuple
from ..patterns import re
from .wildmatch import SPECIAL, Matcher, name_regex, path_regex

MAX_SIZE = 100 << 20  # bytes; git does not use a file of this size or more
_BOM = b"\xef\xbb\xbf"


class Rule(NamedTuple):
    """A line of an ignore file. `pattern` is without the "!" before it and the "/" behind it."""

    pattern: bytes
    negated: bool
    only_folders: bool
    line: int


def parse(content: bytes) -> list[Rule]:
    """The rules in the text of one file, in its order. There are no mistakes: what makes no sense fits nothing.

    >>> parse(b"# made here\\n!/out/  \\n")
    [Rule(pattern=b'/out', negated=True, only_folders=True, line=2)]
    """
    rules = []
    for number, line in enumerate(content.removeprefix(_BOM).split(b"\n"), 1):
        text = _without_spaces(line.removesuffix(b"\r").partition(b"\0")[0])
        pattern = text.removeprefix(b"!")
        rule = Rule(pattern.removesuffix(b"/"), pattern != text, pattern.endswith(b"/"), number)
        if rule.pattern.strip(b"/") and not text.startswith(b"#"):
            rules.append(rule)
    return rules


def _without_spaces(text: bytes) -> bytes:
    """`text` without the spaces at its end, the first kept where a backslash stands before it."""
    if not text.endswith(b" "):
        return text
    kept = text.rstrip(b" ")
    is_escaped = (len(kept) - len(kept.rstrip(b"\\"))) % 2
    return text[: len(kept) + is_escaped]


class Step:
    """Rules of one sign that follow each other, as far as they concern names in one folder: in no order."""

    __slots__ = ("_fits", "_globs", "_names", "_prefix", "_suffixes", "negated")

    def __init__(
        self, negated: bool, names: set[bytes], suffixes: tuple[bytes, ...], globs: tuple[bytes, ...], prefix: bytes
    ) -> None:
        """Fit these names, names with these ends, and those for which a regular expression fits `prefix` + name."""
        self.negated = negated
        self._names, self._suffixes, self._globs, self._prefix = names, suffixes, globs, prefix
        self._fits = _any_of(globs)

    @classmethod
    def together(cls, steps: Sequence["Step"]) -> list["Step"]:
        """Fewer steps, without a sign, that fit what `steps` fit: several passes over 150,000 names take their time."""
        merged = [step for step in steps if not step._prefix]
        names = set[bytes]().union(*(step._names for step in merged))
        suffixes = tuple(suffix for step in merged for suffix in step._suffixes)
        globs = tuple(regex for step in merged for regex in step._globs)
        return [cls(False, names, suffixes, globs, b""), *(step for step in steps if step._prefix)]

    def fitting(self, names: Collection[bytes]) -> set[bytes]:
        """Those of `names` that a rule fits. One pass for each kind of rule is twice as fast as a test of each name."""
        found = self._names.intersection(names) if self._names else set()
        if suffixes := self._suffixes:
            found.update([name for name in names if name.endswith(suffixes)])
        if self._fits and self._prefix:
            fits, prefix = self._fits, self._prefix
            found.update([name for name in names if fits(prefix + name)])
        elif self._fits:
            found.update(filter(self._fits, names))
        return found


class RuleList:
    """The rules of one file, sorted by how they are looked up.

    With `fold` ASCII letters are equal in both cases, and names and folders have to be passed in lower case.
    """

    __slots__ = ("_for_files", "_for_folders")

    def __init__(self, rules: Sequence[Rule], *, fold: bool = False) -> None:
        self._for_folders = _groups(rules, fold)
        self._for_files = _groups([rule for rule in rules if not rule.only_folders], fold)

    def steps(self, folder: bytes, *, is_dir: bool) -> list[Step]:
        """What decides on files, or on folders, in `folder` ("a/b/", seen from the file's own): the first that fits."""
        return [step for group in (self._for_folders if is_dir else self._for_files) for step in group.within(folder)]


def _groups(rules: Sequence[Rule], fold: bool) -> list["_Group"]:
    return [_Group(negated, run, fold) for negated, run in groupby(reversed(rules), lambda rule: rule.negated)]


class _Group:
    """Rules of one sign that follow each other, for all folders."""

    __slots__ = ("_anywhere", "_fold", "_in_folder", "_negated", "_paths", "_sizes")

    def __init__(self, negated: bool, rules: Iterable[Rule], fold: bool) -> None:
        self._negated, self._fold = negated, fold
        self._anywhere = _Names(negated, fold)
        self._in_folder: dict[bytes, _Names] = {}
        self._paths: dict[bytes, list[bytes]] = {}  # folder that paths begin with: regular expressions for paths
        for rule in rules:
            pattern = rule.pattern.removeprefix(b"/")
            rest = pattern.removeprefix(b"**/")
            if b"/" not in rule.pattern or (b"/" not in rest and rest != pattern):
                self._anywhere.add(rest)
            else:
                self._add_path(pattern)
        self._sizes = {len(above) for above in self._paths}

    def _add_path(self, pattern: bytes) -> None:
        """A rule with wildcards only behind the last "/" is one for names in one folder."""
        special = SPECIAL.search(pattern)
        plain = pattern[: special.start()] if special else pattern
        name_at = plain.rfind(b"/") + 1
        above = plain[:name_at].lower() if self._fold else plain[:name_at]
        wild = pattern[len(plain) :]
        if b"/" in wild or b"**" in wild:
            self._paths.setdefault(above, []).append(path_regex(wild, fold=self._fold, after=plain))
        else:
            self._in_folder.setdefault(above, _Names(self._negated, self._fold)).add(pattern[name_at:])

    def within(self, folder: bytes) -> Iterator[Step]:
        """What the rules amount to in `folder`."""
        yield from self._anywhere.steps()
        if folder in self._in_folder:
            yield from self._in_folder[folder].steps()
        starts = [folder[:size] for size in self._sizes if size <= len(folder)]  # a folder may be very deep
        regexes = [regex for start in starts for regex in self._paths.get(start, ())]
        if regexes:
            yield Step(self._negated, set(), (), tuple(regexes), folder)


class _Names:
    """Rules for names, sorted by what they take to look up."""

    __slots__ = ("_fold", "_globs", "_negated", "_plain", "_steps", "_suffixes")

    def __init__(self, negated: bool, fold: bool) -> None:
        self._negated, self._fold = negated, fold
        self._plain: set[bytes] = set()
        self._suffixes: list[bytes] = []
        self._globs: list[bytes] = []
        self._steps: list[Step] = []

    def add(self, pattern: bytes) -> None:
        text = pattern.lower() if self._fold else pattern
        if not SPECIAL.search(pattern):
            self._plain.add(text)
        elif pattern.startswith(b"*") and not SPECIAL.search(pattern, 1):
            self._suffixes.append(text[1:])
        else:
            self._globs.append(name_regex(pattern, fold=self._fold))

    def steps(self) -> list[Step]:
        """One step, made when it is first asked for; none if there is no rule."""
        if not self._steps and (self._plain or self._suffixes or self._globs):
            self._steps = [Step(self._negated, self._plain, tuple(self._suffixes), tuple(self._globs), b"")]
        return self._steps


@lru_cache(maxsize=512)  # most folders ask for the same few
def _any_of(regexes: tuple[bytes, ...]) -> Matcher | None:
    return re.compile(b"|".join(regexes)).match if regexes else None
