"""Configuration as git reads it: generated and hand-picked files, every place, variable and condition."""
import os
import random
import subprocess

import pytest
from expref.objstore.config import Config
from expref.objstore.configfiles import read_file
from expref.objstore.errors import Corrupt, GitError
from expref.objstore.formats.config import as_bool, as_int, parse, with_value

from tests.conftest import needs

pytestmark = needs("git")


@pytest.fixture
def environ(tmp_path):
    (tmp_path / "home").mkdir()
    return {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
    }


@pytest.fixture
def repo(tmp_path, environ):
    """An empty repository on branch main, below a folder with capital letters."""
    path = tmp_path / "home" / "Work" / "repo"
    git(environ, "init", "-q", str(path), cwd=tmp_path)
    git(environ, "symbolic-ref", "HEAD", "refs/heads/main", cwd=path)
    return path


def git(environ, *args, cwd):
    return subprocess.run(["git", *args], env=environ, cwd=cwd, capture_output=True)


def old_git():
    """Whether tabs and carriage returns between the words of a value are read as spaces: before 2.45."""
    version = subprocess.run(["git", "version"], capture_output=True, text=True).stdout.split()[2]
    return tuple(map(int, version.split(".")[:2])) < (2, 45)


def blanks_as(git_is_old, value):
    return value.replace("\t", " ").replace("\r", " ") if git_is_old and value is not None else value


def listed(output):
    """(name, value) of `git config --list -z`."""
    for entry in os.fsdecode(output).split("\0")[:-1]:
        name, newline, value = entry.partition("\n")
        yield name, value if newline else None


def as_git_reads(text, environ, folder, git_is_old):
    """What git finds in the file `text`, None if most commands refuse it, as they do a key before any section."""
    (folder / "file").write_bytes(text)
    done = git(environ, "config", "--file", "file", "--no-includes", "--list", "-z", cwd=folder)
    found = [(name, blanks_as(git_is_old, value)) for name, value in listed(done.stdout)]
    return None if done.returncode or any("." not in name for name, _ in found) else found


def as_we_read(text, git_is_old):
    try:
        return [(each.name, blanks_as(git_is_old, each.value)) for each in parse(text, "file")]
    except Corrupt:
        return None


NASTY = {
    "empty": b"",
    "only a byte order mark": b"\xef\xbb\xbf",
    "a byte order mark": b"\xef\xbb\xbf[a]\nb=1",
    "half a byte order mark": b"\xef\xbb[a]\nb=1",
    "a byte order mark later": b"[a]\n\xef\xbb\xbfb=1",
    "no line end": b"[a]\nb = 1",
    "no value": b"[a]\nb",
    "no value and a comment": b"[a]\nb # c\n",
    "an empty value": b"[a]\nb=\nc = \n",
    "a key before any section": b"b = 1\n[a]\n",
    "key behind header": b"[a] b = 1\n[c]d\n",
    "two headers in a line": b"[a][b] c=1",
    "header and comment": b"[a] # b\nc=1 ; d\n",
    "capital letters": b'[A "B"]\nC = D\n[A.B]\nC = D\n[A-1.B.c]\nD = E\n',
    "subsection escapes": b'[a "b\\"c\\\\d\\e"]\nf=1',
    "subsection with a bracket": b'[a "]"]\nb=1\n[a "[x] y"]\nb=1',
    "empty subsection": b'[a ""]\nb=1\n[a.]\nc=1',
    "empty section": b'[ "b"]\nc=1',
    "nothing in brackets": b"[]\nb=1",
    "dots in brackets": b"[.]\nb=1\n[..]\nb=2",
    "blank in brackets": b"[a ]\nb=1",
    "blank before the section": b"[ a]\nb=1",
    "no blank before the subsection": b'[a"b"]\nc=1',
    "many blanks before the subsection": b'[a \t \r "b"]\nc=1',
    "blank behind the subsection": b'[a "b" ]\nc=1',
    "legacy and quoted subsection": b'[a.B "C"]\nd=1',
    "subsection over two lines": b'[a "b\nc"]\nd=1',
    "subsection with an escaped line end": b'[a "b\\\nc"]\nd=1',
    "header without end": b"[a\nb=1",
    "underscore in section": b"[a_b]\nc=1",
    "underscore in key": b"[a]\nb_c=1",
    "key beginning with a digit": b"[a]\n1b=1",
    "key beginning with a dash": b"[a]\n-b=1",
    "section beginning with a digit": b"[1a]\nb=1\n[-]\nc=1",
    "key ending with a dash": b"[a]\nb- = 1",
    "key with a space": b"[a]\nb c = 1",
    "key with a dot": b"[a]\nb.c = 1",
    "key in other letters": "[a]\né = 1".encode(),
    "key with the Kelvin sign": "[a]\n\u212a = 1".encode(),
    "blanks around": b" \t[a]\n \t b \t = \t c \t d \t\n",
    "blanks inside": b"[a]\nb = c  d   e",
    "quoted blanks": b'[a]\nb = " c "\nd = " e" f " g "  \n',
    "quotes inside": b'[a]\nb = c" d "e\nf = ""\ng = "" h\ni = "j"""\n',
    "quote without end": b'[a]\nb = "c\n',
    "quote over two lines": b'[a]\nb = "c\nd"\n',
    "quote over a continuation": b'[a]\nb = "c \\\n d"\n',
    "escapes": b'[a]\nb = \\t\\n\\b\\"\\\\ \\t \n',
    "unknown escape": b"[a]\nb = \\r\n",
    "escaped hash": b"[a]\nb = \\#\n",
    "escape at the end": b"[a]\nb = c\\",
    "continuation": b"[a]\nb = c \\\n   d\\\n\\\n e \\\n\nf = 1",
    "continuation of nothing": b"[a]\nb = \\\n   c\n",
    "continuation into the end": b"[a]\nb = c   \\\n",
    "continuation, windows": b"[a]\r\nb = c \\\r\n   d\r\nf\r\n",
    "comment with a backslash": b"[a]\nb = c # d \\\ne = f\n",
    "continued line is a comment": b"[a]\nb = c \\\n# d\ne = f\n",
    "comment signs in quotes": b'[a]\nb = "c # ; d" # e\n',
    "comment without a blank": b"[a]\nb = c;d\ne = #f\ng;h\n",
    "windows": b'\xef\xbb\xbf[a "b"]\r\nc = d\r\ne\r\nf = "g" \r\n\r\n; h\r\n',
    "lone carriage returns": b"[a]\rb = c\rd\r\n\re = f\r",
    "carriage return behind a key": b"[a]\nb\r = c\n",
    "key and two carriage returns": b"[a]\nb\r\r\n",
    "key and a carriage return at the end": b"[a]\nb\r",
    "quoted carriage return": b'[a]\nb = "c\r"\n',
    "quote ended by windows": b'[a]\nb = "c\r\n',
    "escaped carriage return": b"[a]\nb = c\\\rd\n",
    "not utf-8": b'[a "\xff"]\nb = \xfe\n',
    "other blanks": "[a]\nb = \v c \f\u00a0\u2003\u2028d\x85\n".encode(),
    "other line ends": "[a]\nb = c\vd\n# \u2028[\n".encode(),
    "NUL in a value": b"[a]\nb = c\0d\n",
    "NUL in a comment": b"[a]\nb = c # \0d\n# \0\n",
    "NUL in a key": b"[a]\nb\0 = c\n",
    "NUL between": b"[a]\n\0\n",
    "zeros, as after a crash": bytes(100),
    "equals signs": b"[a]\nb == c = d\n",
    "no key": b"[a]\n= b\n",
    "several values": b"[a]\nb=1\nb=2\n[c]\n[a]\nB=3\n",
    "long": b"[a]\nb = " + b"c" * 100_000 + b' "' + b"d" * 10_000 + b'"\n',
    "CVE-2023-29007": b'[a "' + b"b" * 1030 + b'"]\nc = ' + b"d" * 1030 + b"\n",
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_hand_picked_file(text, environ, tmp_path):
    assert as_we_read(text, old_git()) == as_git_reads(text, environ, tmp_path, old_git())


PIECES = [
    b"v", b"Key-1", b"x y", b"0", b" ", b"\t", b"\r", b'"', b'""', b"\\", b"\\n", b"\\t", b'\\"', b"\\\\", b"\\\n",
    b"\\\r\n", b"#", b";", b"=", b".", b"-", b"[", b"]", b"\n", b"\r\n", b"\xc3\xa9", b"\xff", b"\xef\xbb\xbf", b"\x0b",
    b"k = v\n", b"[a]", b'[ "q"]', b"[a.B]",
]
LINES = [
    b"key = %s", b"key= %s # c", b'key = "%s"', b'k = a%sb"%s"', b'[h "%s"]', b"[h.%s]", b"[h] K=%s", b"#%s", b"%s",
]


def generated(seed):
    """A file of a few lines; about half of them are acceptable to git."""
    rng = random.Random(seed)
    lines = []
    for _ in range(rng.randint(1, 6)):
        line = rng.choice(LINES)
        for _ in range(line.count(b"%s")):
            line = line.replace(b"%s", b"".join(rng.choices(PIECES, k=rng.randint(0, 4))), 1)
        lines.append(line)
    return rng.choice([b"[s]\n", b"[s]\r\n", b""]) + rng.choice([b"\n", b"\n", b"\r\n", b" \n"]).join(lines)


def test_generated_files(environ, tmp_path):
    git_is_old, accepted = old_git(), 0
    for seed in range(400):
        text = generated(seed)
        expected = as_git_reads(text, environ, tmp_path, git_is_old)
        assert as_we_read(text, git_is_old) == expected, text
        accepted += expected is not None
    assert 100 < accepted < 300  # else the generator tells little


VALUES = [
    "", " ", "true", "TRUE", "Yes", "on", "oN", "false", "No", "OFF", "t", "y", "2", "0", "-1", "+1", "00", "010", "08",
    "0x", "0x1F", "0X1f", "0xg", "0x1g", "-0x10", "0o7", "1k", "1K", "1m", "2G", "1 k", "1kk", "k", "-", "+-1", "- 1",
    " 1", "\t\v1", "1 ", "1_0", "1.0", "1e3", "١", "1\u212a", "²", "2147483647", "2147483648", "-2147483647",
    "-2147483649",
    "2g", "1999999k", "2097152k", "-2097153k", "9223372036854775807", "9223372036854775808", "-9223372036854775807",
    "-9223372036854775809", "8589934591g", "8589934592g", "-8589934593g", "1" * 5000, "0x7fffffffffffffff", "0777777g",
]


@pytest.mark.parametrize("kind", ["bool", "int"])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_meaning_of_a_value(kind, value, environ, tmp_path):
    done = git(environ, "-c", f"x.y={value}", "config", f"--type={kind}", "x.y", cwd=tmp_path)
    expected = done.stdout.decode().strip() if done.returncode == 0 else "None"
    ours = as_bool(value) if kind == "bool" else as_int(value)
    assert str(ours).lower() == expected.lower()


def test_a_key_alone_is_true(environ, tmp_path):
    assert git(environ, "-c", "x.y", "config", "--type=bool", "x.y", cwd=tmp_path).stdout == b"true\n"
    assert as_bool(None) is True


def assert_same(repo, environ, branch="main", git_dir=None):
    """Compare level, file, name and value of all settings with those of git, or that both refuse; return ours."""
    done = git(environ, "config", "--list", "-z", "--show-scope", "--show-origin", cwd=repo)
    if done.returncode:
        with pytest.raises(GitError):
            load(repo, environ, branch, git_dir)
        return None
    fields = os.fsdecode(done.stdout).split("\0")[:-1]
    theirs = [
        (level, os.path.join(repo, origin[5:]) if origin.startswith("file:") else "", *entry)
        for level, origin, text in zip(fields[::3], fields[1::3], fields[2::3], strict=True)
        for entry in listed(os.fsencode(text) + b"\0")
    ]
    config = load(repo, environ, branch, git_dir)
    assert [
        (each.level, os.path.join(repo, each.source) if each.line else "", each.name, each.value)
        for each in config.items()
    ] == theirs
    return config


def load(repo, environ, branch="main", git_dir=None):
    git_dir = git_dir or f"{repo}/.git"
    return Config.load(environ, git_dir=git_dir, own=read_file(f"{repo}/.git/config"), branch=branch)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_order_of_places(repo, environ, tmp_path):
    home = tmp_path / "home"
    write(home / ".gitconfig", "[x]\n\ty = user\n\tuser")
    write(home / ".config/git/config", "[x]\n\ty = xdg\n")
    with open(repo / ".git/config", "a") as file:
        file.write("[x]\n\ty = repository\n[extensions]\n\tworktreeConfig\n")
    write(repo / ".git/config.worktree", "[x]\n\ty = work tree\n")
    system = write(tmp_path / "system", "[x]\n\ty = system\n")
    del environ["GIT_CONFIG_NOSYSTEM"]
    environ |= {"GIT_CONFIG_SYSTEM": system, "GIT_CONFIG_COUNT": "1"}
    environ |= {"GIT_CONFIG_KEY_0": "X.Y", "GIT_CONFIG_VALUE_0": "count", "GIT_CONFIG_PARAMETERS": "'x.y'='parameters'"}
    found = assert_same(repo, environ).get_all("x.y")
    assert found == ["system", "xdg", "user", "repository", "work tree", "count", "parameters"]


@pytest.mark.parametrize("variables", [
    {"GIT_CONFIG_NOSYSTEM": "0"}, {"GIT_CONFIG_NOSYSTEM": ""}, {"GIT_CONFIG_NOSYSTEM": "maybe"},
    {"GIT_CONFIG_SYSTEM": ""}, {"GIT_CONFIG_SYSTEM": "/dev/null", "GIT_CONFIG_NOSYSTEM": "off"},
    {"GIT_CONFIG_GLOBAL": ""}, {"GIT_CONFIG_GLOBAL": "/dev/null"}, {"GIT_CONFIG_GLOBAL": "../other"},
    {"GIT_CONFIG_GLOBAL": ".."}, {"GIT_CONFIG_GLOBAL": "../other/below"},
    {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": ".."}, {"HOME": ""}, {"HOME": ".."},
    {"HOME": "", "XDG_CONFIG_HOME": ".."},
])
def test_variables_that_move_files(variables, repo, environ, tmp_path, monkeypatch):
    monkeypatch.chdir(repo)  # the work tree: git reads relative paths from there
    environ["GIT_CONFIG_SYSTEM"] = write(tmp_path / "system", "[x]\n\ty = system\n")
    write(tmp_path / "home/.gitconfig", "[x]\n\ty = user\n")
    write(tmp_path / "home/.config/git/config", "[x]\n\ty = xdg\n")
    write(repo.parent / "other", "[x]\n\ty = other\n")
    write(repo.parent / "git/config", "[x]\n\ty = other xdg\n")
    write(repo.parent / ".gitconfig", "[x]\n\ty = other user\n")
    assert_same(repo, environ | variables)


def test_without_a_home_there_is_no_user_configuration(repo, environ):
    del environ["HOME"]
    assert_same(repo, environ)
    write(repo.parent / "included", "[include]\n\tpath = ~/x\n")
    assert_same(repo, environ | {"GIT_CONFIG_GLOBAL": str(repo.parent / "included")})


PARAMETERS = [
    "", " ", "'a.b'='c'", " 'a.b'='c'", "'a.b'='c' ", "'a.b'='c'\t\n 'd.e'='f'", "'a.b'='c''d.e'='f'", "'a.b'=",
    "'a.b'= 'c.d'=",
    "'a.b'", "'a.b=c'", "'a.b=c=d' 'e.f'", "'a.b='", "'=c'", "''='c'", "'a'='c'", "'a.'='c'", "'.b'='c'", "'.a.b'='c'",
    "'A.B.C'='D'", "'a.B=c.d'='e'", "'a.b.c=d'='e'", "'a.1b'='c'", "'a_b.c'='d'", "'a.b\n.c'='d'", "'a.b'='c'x",
    "'a.b'x='c'",
    "'a.b'='c", "'a.b", "a.b=c", "'a.b'=c", "'a.b'='it'\\''s'", "'a.b'='now'\\!''", "'a.b'='c'\\'", "'a.b'='c'\\x'd'",
    "'a.b'='\n\t \"x\" # ;'", "'remote.\xe9.url'='\xe9'", "'a.b' ='c'", "'a.b'='c''d'", "'a'\\''.b'='c'",
]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=range(len(PARAMETERS)))
def test_parameters(parameters, repo, environ):
    assert_same(repo, environ | {"GIT_CONFIG_PARAMETERS": parameters})


@pytest.mark.parametrize("variables", [
    {"COUNT": ""}, {"COUNT": "0"}, {"COUNT": "x"}, {"COUNT": "-1"}, {"COUNT": "1x"}, {"COUNT": "99999999999"},
    {"COUNT": "1"},
    {"COUNT": "1", "KEY_0": "a.b"}, {"COUNT": "1", "VALUE_0": "c"}, {"COUNT": "1", "KEY_0": "a.b", "VALUE_0": ""},
    {"COUNT": "1", "KEY_0": "", "VALUE_0": "c"}, {"COUNT": "1", "KEY_0": "a", "VALUE_0": "c"},
    {"COUNT": "01", "KEY_0": "A.B.C", "VALUE_0": " c\n"}, {"KEY_0": "a.b", "VALUE_0": "c"},
    {"COUNT": "2", "KEY_0": "a.b", "VALUE_0": "c", "KEY_1": "include.path", "VALUE_1": "relative"},
    {"COUNT": "1", "KEY_0": "include.path", "VALUE_0": "~/absolute"},
])
def test_counted_variables(variables, repo, environ):
    write(repo.parent.parent / "absolute", "[x]\n\ty = 1\n")
    assert_same(repo, environ | {f"GIT_CONFIG_{name}": value for name, value in variables.items()})


INCLUDES = {
    "relative": "path = inc",
    "in another folder": "path = sub/../inc",
    "in the home folder": "path = ~/inc",
    "of a user": "path = ~root/no-such-file",
    "of an unknown user": "path = ~no-such-user/inc",
    "missing": "path = missing\n\tafter = 1",
    "below a file": "path = inc/missing",
    "empty": "path =",
    "without a value": "path",
    "a folder": "path = sub",
    "itself": "path = .gitconfig",
    "a broken file": "path = broken",
    "twice": "path = inc\n\tpath = inc",
    "nested": "path = sub/nested",
    "many keys": "other = 1\n\tpath = inc\n\tother = 2",
}


@pytest.mark.parametrize("include", INCLUDES.values(), ids=INCLUDES)
def test_include(include, repo, environ):
    home = repo.parent.parent
    write(home / "inc", "[x]\n\ty = 1\n")
    write(home / "sub/nested", "[x]\n\ty = 2\n[include]\n\tpath = ../inc\n[x]\n\ty = 3\n")
    write(home / "broken", "[x\n")
    write(home / ".gitconfig", f"[include]\n\t{include}\n[x]\n\ty = 4\n")
    assert_same(repo, environ)


@pytest.mark.parametrize("depth", [9, 10, 11])
def test_depth_of_includes(depth, repo, environ):
    home = repo.parent.parent
    for number in range(depth):
        write(home / str(number), f"[x]\n\ty = {number}\n[include]\n\tpath = {number + 1}\n")
    write(home / ".gitconfig", "[include]\n\tpath = 0\n")
    assert (assert_same(repo, environ) is None) == (depth > 10)


def test_a_file_switched_on_by_an_include_only_is_not_read(repo, environ):
    write(repo / ".git/extra", "[extensions]\n\tworktreeConfig = true\n")
    write(repo / ".git/config.worktree", "[x]\n\ty = 1\n")
    write(repo / ".git/config", "[include]\n\tpath = extra\n")
    assert assert_same(repo, environ).get("x.y") is None


def condition(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'[includeIf "{escaped}"]\n\tpath = inc\n'


FOLDERS = [
    "gitdir:~/Work/", "gitdir:~/work/", "gitdir/i:~/work/", "gitdir/i:~/WORK/REPO/.GIT", "gitdir:~/Work/repo",
    "gitdir:Work/",
    "gitdir:~/Work/repo/", "gitdir:~/Work/repo/.git", "gitdir:~/Work/repo/.git/", "gitdir:repo/.git", "gitdir:.git",
    "gitdir:",
    "gitdir:epo/.git", "gitdir:**/.git", "gitdir:/**", "gitdir:/", "gitdir:*", "gitdir:**", "gitdir:~/W*/**",
    "gitdir:~/*/.git",
    "gitdir:~/[W]ork/", "gitdir:~/[!W]ork/", "gitdir:~/?ork/", "gitdir:~/W?rk/re*/*", "gitdir/i:~/[V-X]ork/",
    "gitdir:~", "gitdir",
    "gitdir:./", "gitdir:./Work/", "gitdir:./W*/", "gitdir:./work/", "gitdir/i:./WORK/", "gitdir:../", "gitdir:link/",
    "gitdir:~/link/", "gitdir:~/link/.git", "gitdir:~no-such-user/", "GitDir:~/Work/", "gitdir/I:~/work/", "gitdir/i",
    "nonsense:x",
    "gitdir:./link/", "gitdir:~/Work//repo/", "gitdir:~//Work/", "gitdir:\\~/Work/", "gitdir:~/Work/repo/.gi\\t", "",
    "path",
]


@pytest.mark.parametrize("through_link", [False, True], ids=["direct", "through a link"])
def test_conditions_on_the_folder(through_link, repo, environ):
    home = repo.parent.parent
    (home / "link").symlink_to("Work/repo")
    write(home / "inc", "[x]\n\ty = 1\n")
    write(home / ".gitconfig", "".join(map(condition, FOLDERS)))
    if through_link:  # as a shell that went there tells
        assert_same(home / "link", environ | {"GIT_DIR": f"{home}/link/.git", "PWD": f"{home}/link"})
    else:
        assert_same(repo, environ)


def test_a_condition_relative_to_the_real_file(repo, environ):
    home = repo.parent.parent
    write(home / "inc", "[x]\n\ty = 1\n")
    write(home / "Work/conditions", condition("gitdir:./repo/") + condition("gitdir:./*/"))
    (home / ".gitconfig").symlink_to("Work/conditions")
    assert_same(repo, environ)


def test_condition_in_a_linked_work_tree(repo, environ):
    home = repo.parent.parent
    git(environ, "-c", "user.name=a", "-c", "user.email=b", "commit", "--allow-empty", "-mx", cwd=repo)
    git(environ, "worktree", "add", str(home / "Tree"), "-b", "topic", cwd=repo)
    write(home / "inc", "[x]\n\ty = 1\n")
    write(home / ".gitconfig", "".join(map(condition, ["gitdir:~/Tree/", "gitdir:~/Work/", "onbranch:topic"])))
    config = load(repo, environ, "topic", f"{repo}/.git/worktrees/Tree")
    theirs = git(environ, "config", "--list", "-z", cwd=home / "Tree").stdout
    assert [(each.name, each.value) for each in config.items()] == list(listed(theirs))


GLOBS = [
    "a", "b", "/", "*", "**", "**/", "/**", "?", "[ab]", "[!a]", "[^a-b]", "[]a]", "[a", "\\*", "\\", "x",
    "[[:alpha:]]", "[[:punct:]-]", "[a\\]b]", "[b-a]", "[[:nonsense:]]", "[/]", "***", "é", "[[:]", "[a-]", "[\\a-b]",
    "[[:upper:]b]", "[![:space:][:digit:]]", "-",
]


@pytest.mark.parametrize("branch", ["a", "b/a", "a/b/x-a", "aab/ab/abb", "é/a-]b"])
def test_globs(branch, repo, environ):
    (repo / ".git/HEAD").write_text(f"ref: refs/heads/{branch}\n")
    rng = random.Random(branch)
    globs = [*GLOBS, *("".join(rng.choices(GLOBS, k=rng.randint(2, 6))) for _ in range(300))]
    write(repo.parent.parent / "inc", "[x]\n\ty = 1\n")
    write(repo.parent.parent / ".gitconfig", "".join(condition(f"onbranch:{glob}") for glob in globs))
    assert assert_same(repo, environ, branch).get("x.y") == "1"


def test_no_branch_matches_when_head_is_detached(repo, environ):
    (repo / ".git/HEAD").write_text("1" * 40 + "\n")
    write(repo.parent.parent / "inc", "[x]\n\ty = 1\n")
    write(repo.parent.parent / ".gitconfig", condition("onbranch:**"))
    assert_same(repo, environ, None)


URLS = [
    "hasconfig:remote.*.url:https://example.com/**", "hasconfig:remote.*.url:https://example.com/*",
    "hasconfig:remote.*.url:**",
    "hasconfig:remote.*.url:https://*/*/r", "hasconfig:remote.*.url:*", "hasconfig:remote.*.url:",
    "hasconfig:remote.*.url",
    "hasconfig:remote.o.url:**", "hasconfig:remote.*.url:ssh://x", "hasconfig:remote.*.url:file://late/",
]


def test_conditions_on_remotes(repo, environ):
    write(repo.parent.parent / "inc", "[x]\n\ty = 1\n")
    write(repo.parent.parent / ".gitconfig", "".join(map(condition, URLS)))
    with open(repo / ".git/config", "a") as file:
        file.write('[remote "o"]\n\turl = https://example.com/a/r\n[remote]\n\turl = ssh://x\n')
        file.write("[include]\n\tpath = late\n")
    write(repo / ".git/late", '[remote "p"]\n\turl = file://late/\n')
    assert_same(repo, environ)


@pytest.mark.parametrize("outer", ["hasconfig:remote.*.url:**", "hasconfig:remote.*.url:no", "gitdir:**", "gitdir:/no"])
@pytest.mark.parametrize("inner", ["include", 'includeIf "gitdir:**"', 'includeIf "hasconfig:remote.*.url:https:**"'])
def test_a_file_included_because_of_a_remote_cannot_set_remotes(outer, inner, repo, environ):
    home = repo.parent.parent
    write(home / "remote", '[remote "o"]\n\turl = https://example.com\n')
    write(home / "inc", f"[{inner}]\n\tpath = remote\n")
    write(home / ".gitconfig", condition(outer))
    assert_same(repo, environ)
    with open(repo / ".git/config", "a") as file:
        file.write('[includeIf "hasconfig:remote.*.url:**"]\n\tpath = none\n[remote "p"]\n\turl = x\n')
    assert_same(repo, environ)


EDITED = [text for name, text in NASTY.items() if as_we_read(text, False) is not None and "NUL" not in name]
NAMES = ["a.b", "A.NewKey", "a.b.c", "a.B.c", 'new.sub "]\\.key', "new.key"]
NEW_VALUES = ["", " v\t", 'a "b" \\ # ;', "line\r\nline", "-\r", None]


@pytest.mark.parametrize("name", NAMES)
def test_git_reads_an_edited_file(name, environ, tmp_path):
    for number, text in enumerate(EDITED):
        value = NEW_VALUES[number % len(NEW_VALUES)]
        try:
            edited = with_value(text, name, value)
        except GitError:
            (tmp_path / "file").write_bytes(text)
            assert git(environ, "config", "--file", "file", name, "x", cwd=tmp_path).returncode
            continue
        assert as_git_reads(edited, environ, tmp_path, old_git()) == as_we_read(edited, old_git())
        done = git(environ, "config", "--file", "file", "-z", "--get", name, cwd=tmp_path)
        assert done.stdout == (b"" if value is None else value.encode() + b"\0"), edited


def test_edits_like_git(environ, tmp_path):
    """Byte for byte where git has nothing odd to do."""
    text = b"# mine\n[a]\n\tb = 1 ; one\n\n[c \"d\"]\r\n    e = 2\r\n\n# end\n"
    (tmp_path / "file").write_bytes(text)
    steps = [("a.b", "x"), ("a.newKey", "# y"), ("c.d.e", "z\\"), ("c.d.f", "\n"), ('g.H"i.j', " 1"), ("g.k", "")]
    steps.append(("a.b", None))
    for name, value in steps:
        git(environ, "config", "--file", "file", *(("--unset", name) if value is None else (name, value)), cwd=tmp_path)
        text = with_value(text, name, value)
        assert text == (tmp_path / "file").read_bytes()
