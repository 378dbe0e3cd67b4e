"""Configuration: what callers ask for, what they are told when it is wrong, and edits. What git reads: against_git."""

import os

import pytest
from expref.objstore.config import Config
from expref.objstore.configfiles import read_file
from expref.objstore.errors import Ambiguous, BadName, Corrupt, GitError, Unsupported
from expref.objstore.formats.config import Setting, canonical_name, parse, quote, with_value

TEXT = b"""\
[core]
\tfileMode = false
\tbare
\tautocrlf
\tbigFileThreshold = 512m
\teditor = "vim" ; mine
[remote "Origin.x"]
\turl = /a
\turl =
\turl = /b
[include]
\tpath = ~/more
"""


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"}


def config(text=TEXT, home="/home/me"):
    return Config(parse(text, "a/config"), home=home)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_the_last_value_wins_and_all_can_be_had():
    assert config().get("remote.Origin.x.url") == "/b"
    assert config().get_all("remote.Origin.x.url") == ["/a", "", "/b"]
    assert config().get("remote.origin.x.url") is None
    assert config().get_all("remote.other.url") == []


def test_section_and_key_are_found_in_any_case():
    assert config().get_bool("Core.FILEMODE", True) is False
    assert config().get("REMOTE.Origin.x.URL") == "/b"


def test_parts_of_a_name():
    setting = next(config().items("remote."))
    assert setting == Setting("remote.Origin.x.url", "/a", "local", "a/config", 8)
    assert (setting.section, setting.subsection, setting.key) == ("remote", "Origin.x", "url")
    assert setting.place == "a/config:8"
    assert next(config().items("core.")).subsection is None


def test_settings_come_in_order_by_prefix():
    keys = ["core.filemode", "core.bare", "core.autocrlf", "core.bigfilethreshold", "core.editor"]
    assert [each.name for each in config().items("core.")] == keys
    assert len(list(config().items())) == 9


def test_truth_and_numbers():
    assert config().get_bool("core.bare", False) is True
    assert config().get_bool("core.symlinks", True) is True
    assert config().get_int("core.bigFileThreshold", 1) == 512 << 20
    assert config().get_int("core.compression", -1) == -1


def test_a_key_alone_is_no_text_unless_the_caller_says_what_it_means():
    with pytest.raises(GitError, match=r"^a/config:4: missing value for 'core.autocrlf'$"):
        config().get("core.autocrlf")
    with pytest.raises(GitError, match="missing value"):
        config().get_all("core.autocrlf")
    assert config().get("core.autocrlf", alone="true") == "true"
    assert config(b"[core]\nautocrlf =").get("core.autocrlf", alone="true") == ""


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda c: c.get_bool("core.editor", True), "a/config:6: bad boolean config value 'vim' for 'core.editor'"),
        (lambda c: c.get_int("core.filemode", 1), "a/config:2: bad numeric config value 'false' for 'core.filemode'"),
        (lambda c: c.get_int("core.bare", 1), "a/config:3: missing value for 'core.bare'"),
        (lambda c: c.get_path("core.bare"), "a/config:3: missing value for 'core.bare'"),
    ],
)
def test_a_bad_value_names_place_and_key(ask, message):
    with pytest.raises(GitError) as caught:
        ask(config())
    assert str(caught.value) == message


def test_paths(tmp_path):
    there = write(tmp_path / "there", "")
    text = f"[x]\na=~/b\nc=~\nd=/e/~f\ng=:(optional){there}\nh=:(optional){there}/no\ni=:(optional)~/no\nj=~root/k"
    found = config(text.encode())
    assert [found.get_path(f"x.{key}") for key in "acdg"] == ["/home/me/b", "/home/me", "/e/~f", there]
    assert [found.get_path(f"x.{key}") for key in "hiz"] == [None, None, None]
    assert found.get_path("x.j") == os.path.expanduser("~root/k")


@pytest.mark.parametrize(
    "text, error, message",
    [
        (b"[x]\ny=~no-such-user/z", GitError, "config:2: x.y: cannot expand '~no-such-user/z': no such home folder"),
        (b"[x]\ny=~/z", GitError, "cannot expand '~/z'"),
        (b"[x]\ny=%(prefix)/z", Unsupported, r"config:2: %\(prefix\)/ in 'x.y' is not supported"),
    ],
)
def test_paths_that_lead_nowhere(text, error, message):
    with pytest.raises(error, match=message):
        config(text, home=None).get_path("x.y")


def test_levels_tell_whom_a_setting_belongs_to(tmp_path, environ):
    git_dir = str(tmp_path / "repo/.git")
    write(tmp_path / "home/.gitconfig", "[safe]\n\tdirectory = /user\n")
    write(tmp_path / "repo/.git/config", "[safe]\n\tdirectory = *\n")
    environ["GIT_CONFIG_PARAMETERS"] = "'safe.directory'='/command'"
    everything = Config.load(environ, git_dir=git_dir, own=read_file(f"{git_dir}/config"))
    assert [(each.level, each.value) for each in everything.settings("safe.directory")] == [
        ("global", "/user"),
        ("local", "*"),
        ("command", "/command"),
    ]
    trusted = Config.load(environ)
    assert trusted.get_all("safe.directory") == ["/user", "/command"]
    assert trusted.settings("safe.directory")[1].place == "GIT_CONFIG_PARAMETERS"


def test_one_file_is_read_without_includes(tmp_path):
    path = write(tmp_path / "config", "[include]\n\tpath = more\n")
    write(tmp_path / "more", "[extensions]\n\tobjectFormat = sha256\n")
    assert [each.name for each in read_file(path)] == ["include.path"]
    assert read_file(str(tmp_path / "missing")) == []
    with pytest.raises(GitError, match="Is a directory"):
        read_file(str(tmp_path))


def test_a_home_from_the_environment_of_the_process_is_not_used(tmp_path, monkeypatch):
    write(tmp_path / ".gitconfig", "[x]\n\ty = 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not list(Config.load({"GIT_CONFIG_NOSYSTEM": "1"}).items())


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users")
def test_an_unreadable_file_of_the_user_counts_as_missing_and_any_other_is_refused(tmp_path, environ):
    for name in ("home/.gitconfig", "repo/config", "home/.config/git/config"):
        os.chmod(write(tmp_path / name, "[x]\n\ty = 1\n"), 0)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)  # nobody
    try:
        assert not list(Config.load(environ).items())
        with pytest.raises(GitError, match="Permission denied"):
            read_file(str(tmp_path / "repo/config"))
    finally:
        if was_root:
            os.seteuid(0)


def test_an_include_that_cannot_be_followed_names_the_line(tmp_path, environ):
    path = write(tmp_path / "home/.gitconfig", "[x]\n\ty = 1\n[include]\n\tpath = %(prefix)/etc/x\n")
    with pytest.raises(Unsupported, match=f"^{path}:4: %"):
        Config.load(environ)
    write(tmp_path / "home/.gitconfig", "[include]\n\tpath = .gitconfig\n")
    with pytest.raises(GitError, match=f"^{path}:2: more than 10 files"):
        Config.load(environ)


def test_conditions_do_not_hold_outside_of_a_repository(tmp_path, environ):
    conditions = ("gitdir:**", "onbranch:**", "worktree:**", "hasconfig:remote.*.url:**")
    text = "".join(f'[includeIf "{each}"]\n\tpath = more\n' for each in conditions)
    write(tmp_path / "home/.gitconfig", text)
    write(tmp_path / "home/more", "[x]\n\ty = 1\n")
    assert Config.load(environ).get("x.y") is None


IMPOSSIBLE = ["", "a", ".a", "a.", "a.1b", "a_b.c", "a.b_c", "a b.c", "a.b\nc.d", "a.b\0c.d", "é.a", "a.é", "a.\u212a"]


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_names_that_cannot_be(name):
    with pytest.raises(BadName):
        canonical_name(name)


@pytest.mark.parametrize(
    "text, line, why",
    [
        (b"[a]\n\n\nb c", 4, "bad key 'b c'"),
        (b"\nb = 1", 2, "a key stands before any section"),
        (b"[a]\nb = \\\n\n c\nd = \\x", 5, "bad escape"),
        (b'[a]\nb = \\\n "c', 2, "a quote is not closed"),
        (b"[a]\n[b", 2, "bad section header '[b'"),
        (b'[a "b\0"]', 1, "bad section header"),
        (b'[a "b\\\0"]', 1, "bad section header"),
    ],
)
def test_a_broken_file_names_the_line(text, line, why):
    with pytest.raises(Corrupt) as caught:
        parse(text, "my/config")
    assert (caught.value.source, caught.value.offset) == ("my/config", line)
    assert caught.value.why.startswith(why)


def test_lines_are_those_of_the_keys():
    settings = parse(b'[a]b=1\n\n# x\n\tc = 1 \\\n2\\\n3\nd\r\n[e]\r\nf = ""\n', "config")
    assert [(each.name, each.line) for each in settings] == [("a.b", 1), ("a.c", 4), ("a.d", 7), ("e.f", 9)]


@pytest.mark.parametrize(
    "value, text",
    [
        ("a b", "a b"),
        ("", ""),
        (" a", '" a"'),
        ("a ", '"a "'),
        ("a;b", '"a;b"'),
        ("#", '"#"'),
        ("a\r", '"a\r"'),
        ('"', '\\"'),
        ("\\", "\\\\"),
        ("a\nb", "a\\nb"),
        ("\t", "\\t"),
        ("a\x07", "a\x07"),
    ],
)
def test_quotes(value, text):
    assert quote(value) == text


EDITS = [  # text, name, value, what comes out
    (b"", "a.b", "c", b"[a]\n\tb = c\n"),
    (b"", 'a.B "\\.c', "d", b'[a "B \\"\\\\"]\n\tc = d\n'),
    (b"", "a.b", None, b""),
    (b"[a]\n  b = 1 # x\n  c = 2", "a.b", "d", b"[a]\n\tb = d\n  c = 2"),
    (b"[a]\n  b = 1 \\\n  2\n# y\n", "a.b", None, b"[a]\n# y\n"),
    (b"[a] b = 1\nc = 2\n", "a.b", "d", b"[a]\n\tb = d\nc = 2\n"),
    (b"[a] b = 1\nc = 2\n", "a.b", None, b"[a]\nc = 2\n"),
    (b"[a] # x\n\n[e]\n", "a.newKey", "d", b"[a] # x\n\tnewKey = d\n\n[e]\n"),
    (b"[a][e] f = 1\n", "a.b", "d", b"[a]\n\tb = d\n[e] f = 1\n"),
    (b"[a]\nb = 1\n[e]\nf=2\n[a]\ng=3", "A.h", "d", b"[a]\nb = 1\n[e]\nf=2\n[a]\ng=3\n\th = d\n"),
    (b"[a]\nb = 1 \\", "a.c", "d", b"[a]\nb = 1 \\\n\n\tc = d\n"),
    (b"[a]\nb = 1 \\\n", "e.c", "d", b"[a]\nb = 1 \\\n\n[e]\n\tc = d\n"),
    (b"\xef\xbb\xbf[a]\r\nb = \xff\r\n\r\n", "a.c", "\udcfe", b"\xef\xbb\xbf[a]\r\nb = \xff\r\n\tc = \xfe\n\r\n"),
    (b"[a.b]\nc = 1\n", "a.b.d", "2", b"[a.b]\nc = 1\n\td = 2\n"),
    (b'[A "B"]\nc = 1\n', "a.b.c", "2", b'[A "B"]\nc = 1\n[a "b"]\n\tc = 2\n'),
]


@pytest.mark.parametrize("text, name, value, expected", EDITS, ids=range(len(EDITS)))
def test_an_edit_leaves_the_rest_as_it_was(text, name, value, expected):
    assert with_value(text, name, value) == expected


@pytest.mark.parametrize(
    "text, name, value, error",
    [
        (b"[a]\nb=1\nb=2", "a.b", "c", Ambiguous),
        (b"[a]\nb=1\nB=2", "a.b", None, Ambiguous),
        (b"[a", "a.b", "c", Corrupt),
        (b"", "a", "c", BadName),
        (b"", "a.b\n[x]\ny=.c", "d", BadName),
        (b"", "a.b", "c\0", BadName),
    ],
)
def test_edits_that_are_refused(text, name, value, error):
    with pytest.raises(error):
        with_value(text, name, value)
