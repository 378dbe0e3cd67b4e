"""Ignore rules: thousands of nasty rule sets, and what `git check-ignore` says of paths in and below their folders."""
import os
import random
import re
from itertools import product

import pytest
from expref.objstore import ignore
from expref.objstore.errors import GitError
from expref.objstore.ignore import IgnoreRules

from tests.conftest import needs

pytestmark = needs("git")

FOLDERS = ["a", "b", "a b", "foo", "A", "[a]", "ab", "a.b", "-", "é", "a/b", "a/b/a", "b/foo", "foo/a", "foo/foo", "a b/ab", "ab/a.b",
           "a/a/a", "foo/b/ab", "b/b", "a/b/a/foo"]  # fmt: skip
NAMES = ["a", "b", "ab", "ba", "aab", "abb", "a.b", "b.a", "foo", "foo.py", "Foo", "foobar", "[a]", "a b", "a ", " a", "  ", "!a", "#a",
         "a\\", "\\a", "\\", "*", "**", "?", "é", "-", "a]", "a-b", "a\r", "a\t", ".a", "a\n", "^", "0", ":", "{a,b}", "a~"]  # fmt: skip
WORDS = ["a", "b", "ab", "foo", "A", "é", ".", "a b", "a.b", "-", "0", "py"]
WILD = ["*", "*", "*", "**", "**", "***", "?", "/", "/", "/", "/**/", "**/", "/**", "/*", "*/", "//", "[ab]", "[!a]", "[^ab]", "[]a]",
        "[!]a]", "[a-c]", "[b-a]", "[a", "[]", "[!]", "[a-]", "[-a]", "[\\]a]", "[a\\-b]", "[/]", "[!/]", "[[:alpha:]]", "[[:nonsense:]]",
        "[![:alpha:]b]", "[[:]", "[[:alpha:]", "[[:a]", "[[:alpha:]-z]", "[\\", "\\", "\\*", "\\a", "\\/", "\\ ", "\\\\", " ", "#", "!",
        "\t", "\r", "~", "\\[", "[a-\\]]"]  # fmt: skip
ENDS = ["", "", "", "", "", "", " ", "  ", "\\ ", "\\  ", "\\", "\\\\ ", "\t", "\r", "/ ", "//", " /", "\0x"]
PLAIN = ["*", "!*", "*/", "!*/", "/*", "!/a", "a", "!a", "a/", "!a/", "!b/", "foo*", "!*.py", "a/*", "!a/b", "**", "!**/", "a/b/", "!a/b/a",
         "/a", "#a", "", " ", "!", "/", "!/", "**/a", "**/a/", "!**/b", "a/**", "!a/**", "foo/**/a", "a/**/", "/**"]  # fmt: skip


def pattern(rng):
    if rng.random() < 0.35:
        return rng.choice(PLAIN)
    text = "".join(rng.choice(rng.choice((WORDS, WORDS, WILD))) for _ in range(rng.randint(1, 5)))
    sign, slash, folder = (rng.choice(choices) for choices in (["", "", "!"], ["", "", "", "/"], ["", "", "/"]))
    return sign + slash + text + folder + rng.choice(ENDS)


def rules(rng):
    lines = [pattern(rng) for _ in range(rng.choice([1, 2, 3, 4, 8]))]
    text = rng.choice(["\n", "\n", "\n", "\r\n"]).join(lines) + rng.choice(["", "\n", "\r\n", "\r", "\n\n"])
    return os.fsencode(rng.choice(["", "", "", "", "\ufeff"]) + text)


def path(rng):
    above = [rng.choice(FOLDERS)] if rng.random() < 0.6 else []
    return os.fsencode("/".join([*above, *rng.choices(NAMES, k=rng.choice([1, 1, 1, 2, 3]))]))


def asked_in(repo, top, rng, count):
    """Folders, which have to be there for git to see that they are, and names of which nothing needs to be there."""
    for folder in rng.sample(FOLDERS, 6):
        os.makedirs(os.path.join(os.fsencode(repo.path), top, os.fsencode(folder)), exist_ok=True)
    return [top + each for each in sorted({path(rng) for _ in range(count)} | {os.fsencode(each) for each in FOLDERS})]


def git_says(repo, asked, **env):
    """{path: whether git ignores it} by the last rule that fits."""
    output = repo.try_git(
        "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n", stdin=b"".join(path + b"\0" for path in asked),
        env=env,
    )  # fmt: skip
    assert output.returncode < 2, output.stderr
    fields = output.stdout.split(b"\0")
    return {path: bool(rule) and not rule.startswith(b"!") for rule, path in zip(fields[2::4], fields[3::4], strict=True)}


def we_say(repo, asked, **env):
    ours = IgnoreRules(repo.open(**env))
    return {path: ours.ignored(path, (repo.path / os.fsdecode(path)).is_dir()) for path in asked}


def has_literal_prefix_quirk(repo):
    """Whether this git matches "a**/b" as "a" + "**/b": before 2.52."""
    repo.write(".git/info/exclude", b"/x**/y\n")
    found = git_says(repo, [b"xy"])[b"xy"]
    repo.write(".git/info/exclude")
    return found


QUIRKY = re.compile(rb"(?m)^!?(?=.*/)[^*?\[\\\n]*[^*?\[\\\n/]\*\*")


def assert_same(repo, texts, asked, **env):
    """`texts` are the rules that are in force, by where they are."""
    theirs, ours = git_says(repo, asked, **env), we_say(repo, asked, **env)
    wrong = [each for each in asked if theirs[each] != ours[each]]
    about = {place: text for place, text in texts.items() if any(each.startswith(place) for each in wrong)}
    assert not wrong, f"git ignores: { {each: theirs[each] for each in wrong} }\n{about}"


def random_cases(repo, seed, count):
    """Rule sets in folders beside each other, and often another one further down; one call of git for all of them."""
    rng = random.Random(seed)
    quirk = has_literal_prefix_quirk(repo)
    texts, asked = {}, []
    for number in range(count):
        top = b"%d/" % number
        for place in [top, *(top + os.fsencode(rng.choice(FOLDERS)) + b"/" for _ in range(rng.choice([0, 0, 1, 2])))]:
            text = rules(rng)
            texts[place] = text if quirk else QUIRKY.sub(b"x", text)
            repo.write(place + b".gitignore", texts[place])
        asked += asked_in(repo, top, rng, 60)
    assert_same(repo, texts, asked)


@pytest.mark.parametrize("seed", range(2))
def test_random_rules(seed, repo):
    random_cases(repo, seed, 200)


def test_random_rules_as_many_names_are_looked_up(repo, monkeypatch):
    monkeypatch.setattr(ignore, "_MANY", 0)
    random_cases(repo, 50, 200)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_random_rules(seed, repo, monkeypatch):
    monkeypatch.setattr(ignore, "_MANY", seed % 2 * 256)
    random_cases(repo, seed, 500)


@pytest.mark.parametrize("seed", [100])
def test_random_rules_where_case_does_not_matter(seed, repo):
    repo.git("config", "core.ignoreCase", "true")
    random_cases(repo, seed, 150)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(101, 105))
def test_many_random_rules_where_case_does_not_matter(seed, repo):
    repo.git("config", "core.ignoreCase", "true")
    random_cases(repo, seed, 500)


CLASSES = ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"]
SETS = [b"[[:%b:]]" % name.encode() for name in CLASSES] + [
    b"A", b"?", b"\\A", b"\\a", b"\xe9", b"[A]", b"[a]", b"[A-f]", b"[^A-f]", b"[X-b]", b"[B-a]", b"[Z-a]", b"[\x80-\xff]", b"[!\x80-\xff]",
    b"[\xc3\xa9]", b"[[:upper:]a]", b"[^[:lower:]]", b"[]a]", b"[!]a]", b"[b-a]", b"[a-]", b"[-a]", b"[--0]", b"[+--]", b"[a-c-e]", b"[/-9]",
    b"[\\]a]", b"[a\\-b]", b"[a-\\]]", b"[\\a-b]", b"[[:]", b"[[:]]", b"[[:a]", b"[[:a]x]", b"[[::]]", b"[[:alpha:]-z]", b"[[:digit:]", b"[[]", b"[",
    b"[!", b"[]", b"[!]", b"[a", b"[a-", b"[\\", b"[[:nonsense:]a]", b"[a[:nonsense:]]", b"[^^]", b"[^!]", b"[!^]",
]  # fmt: skip


@pytest.mark.parametrize("fold", [False, True], ids=["exact", "folded"])
def test_every_byte_in_every_set(fold, repo):
    repo.git("config", "core.ignoreCase", str(fold).lower())
    asked = []
    for number, each in enumerate(SETS):
        repo.write(f"{number}/.gitignore", b"x" + each + b"\n/?" + each + b"\n")
        asked += [b"%d/%c%c" % (number, first, byte) for byte in {*range(1, 256)} - {0x2F} for first in b"xy"]
    assert_same(repo, {}, asked)


ONES = ["a", "b", "/", "*", "**", "?", "[!a]", "\\/"]
ALL_PATHS = [
    text for size in range(1, 7) for letters in product("ab/", repeat=size)
    if "//" not in (text := "".join(letters)) and text[0] != "/" and text[-1] != "/"
]  # fmt: skip


def short_patterns(repo, size, rng, count, paths):
    """Patterns of `size` elements, `count` of all there are, as rules for paths; and short paths."""
    quirk, asked = has_literal_prefix_quirk(repo), []
    for number, elements in enumerate(rng.sample(list(product(ONES, repeat=size)), count)):
        rule = "/" + "".join(elements)
        if quirk or not QUIRKY.search(rule.encode()):
            repo.write(f"{number}/.gitignore", f"{rule}\n".encode())
            asked += [b"%d/%b" % (number, path.encode()) for path in rng.sample(ALL_PATHS, paths)]
    assert_same(repo, {}, asked)


def test_short_patterns(repo):
    short_patterns(repo, 4, random.Random(1), 400, 60)


@pytest.mark.slow
@pytest.mark.parametrize("size", [4, 5, 6])
def test_many_short_patterns(size, repo):
    short_patterns(repo, size, random.Random(size), 4000, 60)


SETTINGS = {
    "nothing": {}, "a path": {"core.excludesFile": "{home}/mine"}, "below home": {"core.excludesFile": "~/mine"},
    "relative": {"core.excludesFile": "sub/mine"}, "empty": {"core.excludesFile": ""}, "missing": {"core.excludesFile": "/no/such/file"},
    "no file": {"core.excludesFile": "/dev/null"}, "a folder": {"core.excludesFile": "{home}"}, "a link": {"core.excludesFile": "~/link"},
}  # fmt: skip
HOMES = {
    "as it is": {}, "XDG": {"XDG_CONFIG_HOME": "{home}/xdg"}, "no XDG": {"XDG_CONFIG_HOME": ""}, "no HOME": {"HOME": ""},
    "relative XDG": {"XDG_CONFIG_HOME": "sub"},
}  # fmt: skip


@pytest.mark.parametrize("env", HOMES.values(), ids=HOMES)
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_files_of_the_user(settings, env, repo):
    home = repo.environ["HOME"]
    places = [".config/git/ignore", "xdg/git/ignore", "mine", "../repo/.git/info/exclude", "../repo/.gitignore", "../repo/sub/git/ignore"]
    for number, name in enumerate([*places, "../repo/sub/.gitignore", "../repo/sub/mine"]):
        repo.write(f"{home}/{name}", b"only-%d\n/sub/%d\nx%d\n!x%d\n" % (number, number, number, (number + 1) % 8))
    os.symlink("mine", f"{home}/link")
    for name, value in settings.items():
        repo.git("config", name, value.format(home=home))
    env = {name: value.format(home=home) for name, value in env.items()}
    names = [b"only-%d" % number for number in range(8)] + [b"x%d" % number for number in range(8)]
    asked = [*names, *(b"sub/" + name for name in names), *(b"sub/%d" % number for number in range(8))]
    if "{home}" in settings.values():  # a folder cannot be read
        assert repo.try_git("check-ignore", "x", env=env).returncode == 128
        with pytest.raises(GitError, match="cannot be used as an ignore file"):
            we_say(repo, asked, **env)
    else:
        assert_same(repo, {}, asked, **env)


def test_rules_of_the_repository_hold_in_a_linked_work_tree(repo):
    repo.commit()
    repo.git("worktree", "add", "--quiet", "--detach", repo.other("tree").path)
    repo.write(".git/info/exclude", b"a\n")
    repo.write(".git/worktrees/tree/info/exclude", b"b\n")
    assert_same(repo.other("tree"), {}, [b"a", b"b"])


def test_links_are_not_followed_and_folders_are_no_rules(repo):
    repo.write("rules", b"x\n")
    for folder in ("linked", "into"):
        (repo.path / folder).mkdir()
    os.symlink("../rules", repo.path / "linked/.gitignore")
    (repo.path / "into/.gitignore").mkdir()
    assert_same(repo, {}, [b"linked/x", b"into/x", b"linked/.gitignore", b"x"])
