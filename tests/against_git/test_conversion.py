"""What git says of attributes, and what it stores of files that are converted on the way in.

In the generated cases git gets all files of a repository in one call; only those that we refuse are given to it one by
one, and it has to refuse them too.
"""
import os
import random
import re
import shutil
import subprocess
from functools import partial

import pytest
from expref.objstore.attributes import Attributes, indexed_blob
from expref.objstore.conversion import _CODECS, Conversion
from expref.objstore.errors import GitError, Unsupported
from expref.objstore.ids import SHA1

from tests.conftest import needs
from tests.gitrepo import GitRepo, git_environ

pytestmark = needs("git")


def git_is_newer_than(*version):
    if not shutil.which("git"):
        return False
    found = subprocess.run(["git", "version"], capture_output=True, text=True).stdout.split()[2]
    return tuple(map(int, found.split(".")[:2])) > version


NEW_GIT = git_is_newer_than(2, 51)  # in "a/b**" it sees the "b" before the "**"; see formats/ignore.py


@pytest.fixture
def make_repo(tmp_path):
    """A function that makes a repository with its own settings: `make_repo(1, core__eol="lf")`."""

    def make(number, **settings):
        environ = git_environ(tmp_path / "home") | {"GIT_CONFIG_COUNT": str(len(settings))}
        for at, (name, value) in enumerate(settings.items()):
            environ |= {f"GIT_CONFIG_KEY_{at}": name.replace("__", "."), f"GIT_CONFIG_VALUE_{at}": value}
        return GitRepo(tmp_path / f"repo{number}", environ).init()

    return make


FOLDERS = ["", "a/", "a/b/", "a/b/c/", "B/", "a b/", "ä/", "[x]/"]
NAMES = [
    "f", "f.txt", "F.TXT", "x.bin", "x.b", "a", "!x", "#x", "ä", "*", "[x]", "x\\y", "-text", ".hidden", "a.b.c",
    '"q"', "b c",
]  # fmt: skip
GLOBS = [
    "*", "*.txt", "*.b*", "f", "/f", "f.txt", "a/f", "a/*", "a/**", "**/f", "**/b/*", "a/**/f*", "/*", "/a/b/", "b/",
    "**", "[ax]*", "[!a]*", "?", "*[.]txt", "\\!x", "!x", "\\*", "x\\y", "x\\\\y", "*.B", "A/*", "ä", "*ä*", "B",
    "**/", "/**", "/**/c/*", "b*c", "[[:upper:]]*", "[", "[]", "a/b", "*/*", "*.*", "*.*.*", ".*", "*\\*", "-text",
    "**.txt", "a**b", "/", "//f", "./f",
]  # fmt: skip
QUOTED = [
    '"b c"', '"a b/f"', '"\\303\\244"', '"\\"q\\""', '"x\\\\\\\\y"', '"!x"', '"f"', '"f', '"\\f"', '"\\x"',
    '"f"text', '"f\\000x"', '""', '"#x"', '"[attr]m1 x"', '"\\t"', '"a/b/"', '"*.t\\170t"', '"f\\8"', '"f\\477"',
    '"\\\\[x]"', '"f"\v',
]  # fmt: skip
MACROS = ["m1", "m1", "m2", "m3", "binary", "text", "-m", "m,1"]
STRANGE = [
    "", " ", "# x", " #x text", "\t", "f", "*\v text", "f\ftext", " \r", "[attr]", "[attr] x", "\0", "f text\0 -x",
]  # fmt: skip
PLACES = [".git/info/", "../home/.config/git/", "", "", "a/", "a/b/", "a/b/c/", "B/", "ä/"]
STATES = ["%s", "%s", "-%s", "!%s", "%s=", "%s=%s", "-%s=x", "!%s=x"]
ATTRIBUTES = [
    "text", "crlf", "eol", "ident", "filter", "working-tree-encoding", "binary", "m1", "m2", "m3", "diff", "x.y_z-9",
]  # fmt: skip
VALUES = ["auto", "lf", "crlf", "input", "true", "x=y", "ä", "utf-8", "a,b", '"q"', "-", "!"]
BAD = ["--x", "-", "!", "ä", "a/b", "text,", "=", "=x", "+x", "a\0b", "x\v", "#"]


def attribute(rng):
    if rng.random() < 0.03:
        return rng.choice(BAD)
    state = rng.choice(STATES)
    return state % (rng.choice(ATTRIBUTES), rng.choice(VALUES))[: state.count("%s")]


def attributes_line(rng):
    kind = rng.random()
    if kind < 0.04:
        return rng.choice(STRANGE)
    if kind < 0.14:
        pattern = "[attr]" + rng.choice(MACROS)
    else:
        pattern = rng.choice(GLOBS) * (kind < 0.3) + rng.choice(GLOBS if kind < 0.8 else QUOTED)
        if NEW_GIT and re.search(r"[^/*]\*\*", pattern):
            pattern = "x"
    words = [pattern, *(attribute(rng) for _ in range(rng.randint(0, 4)))]
    line = rng.choice(["", "", "", " ", "\t"]) + rng.choice([" ", "\t", "  "]).join(words) + rng.choice(["", " ", "\r"])
    if rng.random() < 0.02:
        line += " " * (rng.choice([2046, 2047, 2048, 2049]) - len(line.encode()))
    return line


def attributes_text(rng):
    lines = [attributes_line(rng) for _ in range(rng.randint(0, 8))]
    text = rng.choice(["\n", "\n", "\r\n"]).join(lines) + rng.choice(["", "\n"])
    return rng.choice([b"", b"", b"", b"\xef\xbb\xbf"]) + text.encode()


def track(repo, name, content):
    """Put a blob into the index, and leave the work tree alone."""
    id_ = repo.git("hash-object", "-w", "--stdin", stdin=content)
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{id_},{name}")


def scatter_attributes(repo, rng):
    """Write attributes files; some are only in the index, some are links or folders."""
    (repo.path / "../home/.config/git/attributes").unlink(missing_ok=True)
    for place in sorted(set(rng.choices(PLACES, k=rng.randint(1, 6)))):
        text, kind = attributes_text(rng), rng.random()
        if place.startswith("."):
            repo.write(f"{place}attributes", text)
            continue
        path = repo.write(f"{place}.gitattributes", text)
        if kind < 0.3:
            track(repo, f"{place}.gitattributes", text)
            path.unlink()
        if kind < 0.1:
            path.symlink_to(f"{repo.path}/.git/info/attributes")
        elif kind < 0.15:
            path.mkdir()


def assert_same_attributes(repo, paths):
    """Compare all attributes of all paths with git's; return how many paths have any."""
    stdin = b"".join(path.encode() + b"\0" for path in paths)
    fields = os.fsdecode(repo.git_bytes("check-attr", "--stdin", "-z", "-a", stdin=stdin)).split("\0")
    theirs = {path: {} for path in paths}
    for path, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        theirs[path][name] = value
    opened = repo.open()
    attributes = Attributes(opened, partial(indexed_blob, opened, opened.index.read()))
    for path in paths:
        said = attributes.of(path.encode()).items()
        found = {name: {True: "set", False: "unset"}.get(state, state) for name, state in said if state is not None}
        assert found == theirs[path], path
    return sum(map(bool, theirs.values()))


def check_generated_attributes(make_repo, seeds):
    paths, said = [folder + name for folder in FOLDERS for name in NAMES], 0
    for seed in seeds:
        rng = random.Random(seed)
        repo = make_repo(seed, **({"core__ignoreCase": "true"} if rng.random() < 0.3 else {}))
        scatter_attributes(repo, rng)
        said += assert_same_attributes(repo, paths)
    assert said > len(paths) * len(seeds) / 8  # else the generator tells little


def test_generated_attributes(make_repo):
    check_generated_attributes(make_repo, range(40))


@pytest.mark.slow
def test_many_generated_attributes(make_repo):
    check_generated_attributes(make_repo, range(1000, 2000))


@pytest.mark.parametrize("settings", [
    {}, {"core__attributesFile": "~/mine"}, {"core__attributesFile": "mine"}, {"core__attributesFile": ""},
    {"core__attributesFile": "missing"}, {"core__attributesFile": ".git/info"}, {"XDG_CONFIG_HOME": "xdg"},
    {"XDG_CONFIG_HOME": ""}, {"HOME": ""}, {"HOME": "home"}, {"GIT_ATTR_NOSYSTEM": "0"}, {"GIT_ATTR_NOSYSTEM": ""},
])  # fmt: skip
def test_places(make_repo, settings):
    repo = make_repo(1, **{name: value for name, value in settings.items() if "__" in name})
    repo.environ |= {name: value for name, value in settings.items() if "__" not in name}
    names = ["mine", "../home/mine", "../home/.config/git/attributes", "xdg/git/attributes", ".git/info/attributes"]
    for name in [*names, "home/.config/git/attributes", ".gitattributes"]:
        repo.write(name, f"* {re.sub('[^a-z]', '-', name).lstrip('-')} eol={name}\n".encode())
    assert assert_same_attributes(repo, ["f"])


def test_a_linked_work_tree_shares_the_repositorys_file(make_repo):
    repo = make_repo(1)
    repo.commit()
    repo.git("worktree", "add", "-q", "../linked")
    repo.write(".git/info/attributes", b"* text")
    repo.write(".git/worktrees/linked/info/attributes", b"* ident")
    assert assert_same_attributes(repo.other("linked"), ["f"])


def test_in_a_conflict_our_side_is_read(make_repo):
    repo = make_repo(1)
    ids = [repo.git("hash-object", "-w", "--stdin", stdin=b"* stage=%d" % stage) for stage in range(4)]
    rows = "".join(f"100644 {ids[stage]} {stage}\t.gitattributes\n" for stage in (1, 2, 3))
    repo.git("update-index", "--index-info", stdin=rows.encode())
    assert assert_same_attributes(repo, ["f"])


@pytest.mark.parametrize("size", [(100 << 20) - 1, 100 << 20])
def test_a_file_that_is_too_long_is_taken_from_the_index(make_repo, size):
    repo = make_repo(1)
    track(repo, ".gitattributes", b"* tracked")
    os.truncate(repo.write(".gitattributes", b"* here\n"), size)
    assert assert_same_attributes(repo, ["f"])


def test_a_file_that_must_not_be_read_is_taken_from_the_index(make_repo):
    repo = make_repo(1)
    track(repo, ".gitattributes", b"* tracked")
    repo.write(".gitattributes", b"* here\n", mode=0)
    assert assert_same_attributes(repo, ["f"])


def test_a_commit_where_the_file_was_says_nothing(make_repo):
    repo = make_repo(1)
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},.gitattributes")
    assert not assert_same_attributes(repo, ["f"])


SETTINGS = {
    "core__autocrlf": ["true", "input", "false", "TRUE", "Input", "1", ""],
    "core__eol": ["lf", "crlf", "native", "CRLF", "x"],
    "core__safecrlf": ["true", "false", "warn", "Warn", "0"],
    "core__checkRoundtripEncoding": ["UTF-16, latin1", "utf-16LE,UTF-16", "My-UTF-16", "utf-16", ""],
}
FILTERS = {
    "filter__run__clean": "cat", "filter__Run.x__clean": "cat", "filter__must__required": "true",
    "filter__may__required": "false", "filter__off__process": "", "filter__off__clean": "cat",
    "filter__smudge__smudge": "cat", "filter__empty__clean": "",
}  # fmt: skip
ASKED = {  # attribute: how often it is said of a file, what is said
    "text": (0.7, ["text", "-text", "!text", "text=auto", "text=auto", "text=input", "text=true", "text=", "binary"]),
    "crlf": (0.3, ["crlf", "-crlf", "crlf=auto", "crlf=input", "!crlf", "crlf=x"]),
    "eol": (0.3, ["eol=lf", "eol=crlf", "eol", "-eol", "eol=x", "!eol", "eol=LF"]),
    "ident": (0.3, ["ident", "ident", "-ident", "ident=x"]),
    "filter": (0.1, [f"filter={name.split('__')[1]}" for name in FILTERS] + ["filter=none", "filter=RUN", "filter="]),
    "working-tree-encoding": (0.02, [sign + "working-tree-encoding" for sign in ("", "-", "!")]),
}
ENCODINGS = [
    "UTF-16", "utf16", "UTF-16LE", "UTF-16BE", "UTF-16LE-BOM", "UTF-16BE-BOM", "utf-32", "UTF-32LE", "UTF-32BE",
    "UTF-8", "utf8", "latin1", "LATIN-1", "WINDOWS-1252", "ASCII", "nonsense", "true", "UTF-", "UTF",
]  # fmt: skip
UNSUPPORTED = {"filter=run", "filter=Run.x"} | {
    f"working-tree-encoding={name}" for name in ENCODINGS if name.upper() not in {"UTF-8", "UTF8", *_CODECS}
}
PIECES = [
    b"a", b"a" * 126, b"b" * 127, b" line\n", b" line\r\n", b"\n", b"\r\n", b"\r\n", b"\r", b"\0", b"\x01", b"\x1a",
    b"\x7f", b"\x1b\t\b\f", b"$Id$", b"$Id: x $", b"$Id:$", b"$Id: x\n$", b"$Id", b"$", b"Id: $", b"$Id: \r\n",
    "äß".encode(), b"\xff",
]  # fmt: skip


def some_content(rng):
    if rng.random() < 0.3:  # near the border between text and binary: 1 odd byte in 128
        lines = [bytes(rng.choices(b"ab\x01", [60, 60, 1], k=rng.randint(100, 140))) for _ in range(4)]
        return rng.choice([b"\n", b"\r\n"]).join(lines) + rng.choice([b"", b"\r\n", b"\x1a"])
    weights = [3 if len(piece) > 3 and piece.isascii() else 1 for piece in PIECES]
    return b"".join(rng.choices(PIECES, weights, k=rng.randint(0, 8)))


def encoded_content(rng, encoding):
    """Content in that encoding, mostly; with and without a mark, cut off, or of another sort altogether."""
    codec = rng.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-32-le", "latin-1"])
    kind = rng.random()
    if kind < 0.15:
        return some_content(rng)
    if kind < 0.8:
        codec = _CODECS.get(encoding.upper(), codec)
    text = some_content(rng).replace(b"\xff", b"").decode()
    text = text.replace("ß", rng.choice(["", "€", "\U0001f600", "\ufeff"]))
    end = rng.choice([b"", b"", b"", b"\xd8\x00", b"a"])
    return rng.choice([b"", b"", b"\xff\xfe", b"\xfe\xff"]) + text.encode(codec, "ignore") + end


def make_files(repo, rng, count):
    """Files "0", "1"…, an attributes line for each, and for most of them another content in the index."""
    lines, indexed = [], {}
    for number in range(count):
        asked = [rng.choice(said) for often, said in ASKED.values() if rng.random() < often]
        content = some_content(rng)
        if rng.random() < 0.2:
            encoding = rng.choice(ENCODINGS)
            asked.append(f"working-tree-encoding={encoding}")
            content = encoded_content(rng, encoding)
        rng.shuffle(asked)
        lines.append(f"/{number} {' '.join(asked)}\n".encode())
        repo.write(str(number), content)
        if rng.random() < 0.6:
            indexed[number] = repo.write(f"../blobs/{number}", some_content(rng))
    repo.write(".gitattributes", b"".join(lines))
    paths = "".join(f"{path}\n" for path in indexed.values()).encode()
    ids = repo.git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths).split()
    rows = "".join(f"100644 {id_}\t{number}\n" for number, id_ in zip(indexed, ids, strict=True))
    repo.git("update-index", "--index-info", stdin=rows.encode())


def cleaned(repo, names):
    """What we make of each file: the id of its blob, or None where we refuse it; without those that we cannot do."""
    opened = repo.open()
    conversion = Conversion(opened, partial(indexed_blob, opened, opened.index.read()))
    for name in names:
        before = (repo.path / name).read_bytes()
        try:
            cleaner = conversion.cleaner(name.encode())
            after = cleaner.clean(before) if cleaner else before
            assert after == before or not cleaner.leaves_alone(before)
            yield name, str(SHA1.name_object("blob", after))
        except Unsupported as error:
            assert error.feature in UNSUPPORTED
        except GitError:
            yield name, None


def assert_same_blobs(repo, names, refused_at_most=20):
    """Compare the ids of all files with git's; return how many contents were changed, and how many were refused."""
    ours = dict(cleaned(repo, names))
    stored = [name for name, id_ in ours.items() if id_]
    refused = [name for name, id_ in ours.items() if not id_][:refused_at_most]
    repo.git("update-index", "--add", "-z", "--stdin", stdin="\0".join(stored).encode())
    theirs = {name: id_ for _, id_, _, name in map(str.split, repo.git("ls-files", "-s").splitlines())}
    assert {name: theirs[name] for name in stored} == {name: ours[name] for name in stored}
    for name in refused:
        done = repo.try_git("update-index", "--add", name)
        assert done.returncode == 128 and b"fatal" in done.stderr, name
    as_they_are = (str(SHA1.name_object("blob", (repo.path / name).read_bytes())) for name in stored)
    return sum(id_ != ours[name] for name, id_ in zip(stored, as_they_are, strict=True)), len(refused)


def check_generated_files(make_repo, seeds, count=250):
    changed = refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        settings = {name: rng.choice(values) for name, values in SETTINGS.items() if rng.random() < 0.6}
        repo = make_repo(seed, **settings, **FILTERS)
        make_files(repo, rng, count)
        found = assert_same_blobs(repo, list(map(str, range(count))))
        changed, refused = changed + found[0], refused + found[1]
    assert changed > 20 * len(seeds) and refused > 2 * len(seeds)


def test_generated_files(make_repo):
    check_generated_files(make_repo, range(16))


@pytest.mark.slow
def test_many_generated_files(make_repo):
    check_generated_files(make_repo, range(1000, 1200))


def decodes(content, codec):
    try:
        return bool(content.decode(codec))
    except UnicodeDecodeError:
        return False


def test_every_encoding_means_the_same_bytes(make_repo):
    repo, lines, names = make_repo(1), [], []
    for number, (encoding, codec) in enumerate(_CODECS.items()):
        if codec.startswith("utf"):
            continue
        seconds = [[byte] for byte in range(256)] if codec == "gb2312" else [[]]
        chars = [bytes([first, *second]) for first in range(128, 256) for second in seconds]
        good = bytes(range(128)) + b"".join(char for char in chars if decodes(char, codec))
        bad = [char for char in chars if not decodes(char, codec)]
        for at, content in enumerate([good, *bad[:: len(bad) // 3 + 1]]):
            names.append(f"{number}.{at}")
            repo.write(names[-1], content)
        lines.append(f"/{number}.* working-tree-encoding={encoding}\n".encode())
    repo.write(".gitattributes", b"".join(lines))
    changed, refused = assert_same_blobs(repo, names, refused_at_most=100)
    assert changed > 60 and refused > 20


UTF_16 = "a\r\nb".encode("utf-16-be")
ROUND_TRIPS = [
    "", "UTF-16", "x UTF-16 y", "x,utf-16,y", "xUTF-16", "UTF-16LE UTF-16", "UTF-16x", "x\tUTF-16\n",
]  # fmt: skip


@pytest.mark.parametrize("names", ROUND_TRIPS)
def test_encodings_that_have_to_come_back_the_same(make_repo, names):
    repo = make_repo(1, core__checkRoundtripEncoding=names)
    repo.write(".gitattributes", b"a* working-tree-encoding=UTF-16\nb* working-tree-encoding=UTF-16LE-BOM\n")
    contents = [UTF_16, b"\xfe\xff", b"\xff\xfe", b"\xfe\xff" + UTF_16, b"\xff\xfea\0"]
    files = [repo.write(f"{kind}{at}", content).name for at, content in enumerate(contents) for kind in "ab"]
    assert_same_blobs(repo, files)
