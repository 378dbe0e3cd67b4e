"""What hostile repositories, names and files have done to Git programs: each class of it, tried here."""

import os
import stat
import subprocess
import sys

import pytest
from expref.exps.configure import get_setting, set_setting
from expref.objstore.config import Config
from expref.objstore.configfiles import MAX_BYTES, MAX_INCLUDES
from expref.objstore.errors import BadName, Corrupt, GitError, NotFound, Unsupported
from expref.objstore.formats.config import parse, with_value
from expref.objstore.formats.objects import FILE, TREE, Signature, TreeEntry, encode_signature, encode_tree
from expref.objstore.formats.reflog import LogEntry, encode_entry
from expref.objstore.ids import SHA1, ObjectId
from expref.objstore.repository import Repository
from expref.objstore.revisions import find
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.trees import flatten, get_entry
from expref.objstore.untracked import untracked
from expref.objstore.worktree import snapshot

from tests.conftest import needs
from tests.gitrepo import everything_in
from tests.projects import fill, open_project

pytestmark = needs("git")

BOUND_BYTES = 1 << 30


@pytest.fixture
def trained(repo):
    """A repository with a commit, to open projects in."""
    return fill(repo)


BOUNDED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from expref.objstore.repository import Repository
from expref.objstore.errors import GitError
try:
    Repository.discover(sys.argv[1], {"GIT_CONFIG_NOSYSTEM": "1"}).head()
except GitError as error:
    print(type(error).__name__, error)
else:
    print("opened")
"""


def opened_in_bounds(repo, child_env):
    """What opening says, in 20 seconds of the processor and 1 GiB."""
    command = [sys.executable, "-c", BOUNDED, str(repo.path), str(BOUND_BYTES)]
    done = subprocess.run(command, env=child_env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- a bare repository inside of a work tree (class 11) is in test_trust.py, HEAD and gitfiles in test_repository.py


# --- trees that no Git program makes (class 14)


def tree_of(*entries):
    return b"".join(b"%o %s\0%s" % (mode, name, bytes(id_)) for mode, name, id_ in entries)


def test_a_tree_in_the_wrong_order_is_looked_through_to_its_end(repo):
    repository = repo.open()
    blob = repository.objects.write("blob", b"x")
    tree = repository.objects.write("tree", tree_of((FILE, b"z", blob), (FILE, b"a", blob), (FILE, b"m", blob)))
    for name in (b"z", b"a", b"m"):
        assert get_entry(repository.objects, tree, name) == TreeEntry(FILE, name, blob)
    assert [path for path, _ in flatten(repository.objects, tree)] == [b"z", b"a", b"m"]


def test_of_two_entries_of_one_name_the_first_is_meant_as_by_git(repo):
    repository = repo.open()
    one, two = (repository.objects.write("blob", content) for content in (b"1", b"2"))
    inner = repository.objects.write("tree", encode_tree([TreeEntry(FILE, b"f", two)]))
    tree = repository.objects.write("tree", tree_of((FILE, b"x", one), (FILE, b"x", two), (TREE, b"x", inner)))
    assert find(repository, f"{tree}:x") == one
    assert repo.git("rev-parse", f"{tree}:x") == str(one)


@pytest.mark.parametrize("name", [
    b"", b".", b"..", b".git", b".GIT", b"a/b", b"/", b"a\0b", b"git~1", b"GIT~1", b".git ", b".git. .", b".git::$INDEX_ALLOCATION",
    b".g\xe2\x80\x8cit", b"\xef\xbb\xbf.GIT", b"git\xe2\x81\xaf~1", b"a\\.git",
])  # fmt: skip
def test_no_tree_with_a_name_that_leads_elsewhere_is_written(repo, name):
    with pytest.raises(BadName):
        encode_tree([TreeEntry(FILE, b"a", ObjectId(bytes(20))), TreeEntry(FILE, name, ObjectId(bytes(20)))])
    repo.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=tree_of((FILE, name, bytes(20))))
    assert repo.try_git("fsck", "--strict").returncode != 0


@pytest.mark.parametrize("name", ["git~1/config", "a/.git ", "a/GIT~1", ".git.:x", ".gitmodules", "a/.GitModules"])
def test_a_name_that_git_does_not_add_is_in_no_snapshot(repo, name):
    path = repo.write(name)
    if name.lower().endswith(".gitmodules"):
        path.unlink()
        path.symlink_to("x")
    assert "invalid path" in repo.try_git("add", "--", name).stderr.decode()
    before = everything_in(repo.path)
    with pytest.raises(BadName, match="no tree can hold|no path in the work tree|is a symbolic link"):
        snapshot(repo.open(), extra=[b""])
    assert everything_in(repo.path) == before


@pytest.mark.parametrize("name", ["git~2", ".gitx", ".git~1", "git", "a:.git", "b\u2014.git", ".gıt", ".gitmodules"])
def test_a_name_that_is_only_like_gits_own_is_in_a_snapshot(repo, name):
    repo.write(name)
    assert repo.git("ls-tree", "-r", "--name-only", "-z", str(snapshot(repo.open(), extra=[b""]))) == f"{name}\0"
    assert repo.try_git("fsck", "--strict").returncode == 0


# --- ids and names of refs that become paths (class 16)


@pytest.mark.parametrize("text", [
    "../../../../etc/passwd", "aa/" + "b" * 37, "/" * 40, "." * 40, "..%2f" * 8, "g" * 40, "a" * 39, "a" * 41, "a" * 64, "a" * 39 + "\n",
    "+" + "a" * 39, " " * 40, "0x" + "a" * 38, "a_" * 20, "١" * 40, "", "a" * 39 + "\0",
])  # fmt: skip
def test_only_hexadecimal_digits_become_an_id(text):
    with pytest.raises(BadName):
        SHA1.parse_id(text)
    with pytest.raises(BadName):
        SHA1.parse_id(text.encode())


NAMES = [
    "../../x", "refs/../config", "refs/heads/../../config", "refs/x.lock/y", "refs/heads/x.lock", "/etc/passwd", "refs//x", "refs/heads/.x",
    "config", "hooks/pre-commit", "refs/heads/x\0", "refs/heads/x\n", "refs/heads/a b", "refs/heads/~", "refs/heads/@{", "refs", "refs/",
    "HEAD/x", "objects/aa/bb", "logs/HEAD", "refs\\heads\\x", "C:/x", "refs/heads/x:y", "worktrees/../x", "main-worktree/config", "-x",
    "refs/heads/\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_ref_is_read_or_written_outside_of_the_refs(repo, name):
    repo.commit()
    repository = repo.open()
    head = repository.head().id
    before = everything_in(repo.path.parent)
    for action in (repository.refs.read, repository.refs.get, repository.refs.get_log):
        with pytest.raises(BadName):
            action(name)
    with pytest.raises(BadName):
        repository.refs.update([RefUpdate(name, head, "any")])
    assert everything_in(repo.path.parent) == before


@pytest.mark.parametrize(
    "target", ["config", "../../x", "hooks/x", "refs/heads/../../config", "/etc/passwd", "refs/heads/x.lock"]
)
def test_no_symbolic_ref_leads_out_of_the_refs(repo, target):
    repo.commit()
    repository = repo.open()
    (repo.path / ".git/refs/heads/link").write_text(f"ref: {target}\n")
    before = everything_in(repo.path)
    with pytest.raises(GitError):
        repository.refs.get("refs/heads/link")
    with pytest.raises(GitError):
        repository.refs.update([RefUpdate("refs/heads/link", repository.head().id, "any")])
    assert everything_in(repo.path) == before
    for text in ("link", "link~1", "heads/link:f"):
        with pytest.raises(GitError):
            find(repository, text)


# --- lines that grow more lines (class 19)

INJECTED = b"Ada\nauthor Eve <eve@x> 1 +0000\0\n\nmessage"


def test_a_name_or_an_address_cannot_add_a_header_to_a_commit():
    line = encode_signature(Signature(INJECTED, b"a@x> 1 +0000\nparent " + b"1" * 40 + b"<", 1, 0))
    assert not set(line) & set(b"\n\0") and line.count(b"<") == line.count(b">") == 1


def test_a_message_cannot_add_a_line_to_a_reflog():
    none = ObjectId(bytes(20))
    line = encode_entry(LogEntry(none, none, b"A <a@x> 1 +0000", b"one\n" + b"1" * 40 + b" two\r\n\x0bthree\n"))
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    with pytest.raises(BadName):
        encode_entry(LogEntry(none, none, b"A\n <a@x> 1 +0000", b""))


@pytest.mark.parametrize("variable", ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME"])
def test_the_environment_cannot_either(trained, variable):
    trained.environ |= {variable: os.fsdecode(INJECTED.replace(b"\0", b""))}
    role = variable.split("_")[1].lower()
    assert open_project(trained).signature(role, 1).count(b"\n") == 0
    assert (
        os.fsencode(trained.git("var", f"GIT_{role.upper()}_IDENT")).rpartition(b"> ")[0]
        == (open_project(trained).signature(role, 1).rpartition(b"> ")[0])
    )


# --- writing configuration (class 20)

EVIL = [
    "x\n[core]\n\tpager = evil", 'x"\n[core]\n\tpager = evil', "x\\", 'x\\"', "x # y", "x ; y", " x", "x ", "\tx\t", "x\r", "x\r\n[core]", "",
    "\\\n[core]", '"', "a" * 5000 + "\n[core]", "é\udcff", "[core]", "x\ny\tz\b", "\r", "\x0b", "=",
]  # fmt: skip


@pytest.mark.parametrize("value", EVIL, ids=lambda value: ascii(value[:20]))
def test_a_value_stays_the_value_of_its_setting(trained, value):
    before = trained.git_bytes("config", "--local", "--list", "-z").split(b"\0")
    set_setting(trained.open(), "exps.evil", value)
    assert get_setting(trained.open(), "exps.evil") == value
    after = trained.git_bytes("config", "--local", "--list", "-z").split(b"\0")
    assert [each for each in after if each not in before] == [b"exps.evil\n" + os.fsencode(value)]
    set_setting(trained.open(), "exps.evil", None)
    assert trained.git_bytes("config", "--local", "--list", "-z").split(b"\0") == before


@pytest.mark.parametrize(
    "name",
    ["exps.a.b\n[core]\n\tpager.c", "exps.a\nb", 'exps.a"]\n[core "x.b', "exps.a\0.b", "core.pager", "exps", "exps."],
)
def test_a_name_of_a_setting_adds_no_section(trained, name):
    before = (trained.path / ".git/config").read_bytes()
    try:
        set_setting(trained.open(), name, "x")
    except Exception as refused:
        assert not isinstance(refused, (ValueError, KeyError, IndexError)) or isinstance(refused, BadName)
        assert (trained.path / ".git/config").read_bytes() == before
    else:
        assert get_setting(trained.open(), name) == "x"
        assert not [each for each in parse((trained.path / ".git/config").read_bytes(), "x") if each.key == "pager"]


def test_long_lines_of_others_stay_in_one_piece():
    """CVE-2023-29007: a section name of more than 1,024 letters was cut, and what was behind became settings."""
    text = b'[a]\n\tx = 1\n[submodule "' + b"A" * 1030 + b'"]\n\turl = x\n[core]\n\ty = 2\n'
    edited = with_value(text, "exps.k", "v")
    assert edited == text + b"[exps]\n\tk = v\n"
    long = with_value(b"", "exps.k", "v" * 3000)
    assert Config(parse(with_value(long, "exps.l", "w"), "x")).get("exps.k") == "v" * 3000


def test_a_carriage_return_at_the_end_of_a_value_survives():
    """CVE-2025-48384: written without quotes, it was lost when it was read again."""
    text = with_value(b"", "exps.path", "x\r")
    assert b'"x\r"' in text
    assert Config(parse(text, "x")).get("exps.path") == "x\r"


# --- temporary files (class 23)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o664])
def test_a_configuration_file_keeps_its_permissions(trained, mode):
    config = trained.path / ".git/config"
    config.chmod(mode)
    set_setting(trained.open(), "exps.x", "1")
    assert stat.S_IMODE(config.stat().st_mode) == mode
    trained.git("config", "exps.y", "1")
    assert stat.S_IMODE(config.stat().st_mode) == mode


def test_a_lock_that_is_a_link_is_not_followed(trained):
    victim = trained.path.parent / "victim"
    victim.write_text("precious")
    (trained.path / ".git/config.lock").symlink_to(victim)
    with pytest.raises(GitError, match="config.lock"):
        set_setting(trained.open(), "exps.x", "1")
    assert victim.read_text() == "precious"


def test_what_is_written_is_open_to_nobody_else_than_the_umask_says(repo):
    before = os.umask(0o077)
    try:
        repository = Repository.init(str(repo.path.parent / "new"), repo.environ)
        repository.objects.write("blob", b"x")
    finally:
        os.umask(before)
    for folder, folders, files in os.walk(repository.git_dir):
        for name in folders + files:
            assert not os.lstat(os.path.join(folder, name)).st_mode & 0o077, name


# --- sizes


def test_a_configuration_of_a_hundred_megabytes_is_refused(repo, child_env):
    with (repo.path / ".git/config").open("ab") as config:
        config.truncate(100 << 20)
    assert "Unsupported" in opened_in_bounds(repo, child_env)
    with (repo.path / ".git/config").open("wb") as config:
        config.write(b"[a]\n" + b"b=\n" * (100 << 18))
    assert "a configuration file of more than 4 MiB is not supported" in opened_in_bounds(repo, child_env)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"b=\n", b"[a]\n", b"[a.b]c\n", b'b="\\n" \\\n', b"#\n", b"\n", b'[a "b"]\n'])
def test_a_configuration_just_small_enough_is_read(repo, child_env, piece):
    with (repo.path / ".git/config").open("ab") as config:
        size = MAX_BYTES - config.tell() - 10
        config.write(b"[a]\n" + piece * (size // len(piece) - 1) + (b"x\n" if piece.endswith(b"\\\n") else b""))
    assert opened_in_bounds(repo, child_env) == "opened\n"


@pytest.mark.parametrize("opening", [b'[a "', b'[a]\nb = "', b"[a]\nb = \\\n", b"[a]\n" + b"b" * 1000])
def test_one_long_line_is_read_or_refused_in_time(repo, child_env, opening):
    for piece in (b"\\\\", b"x", b' "" ', b"\\\n", b"\t"):
        with (repo.path / ".git/config").open("wb") as config:
            config.write(opening + piece * ((1 << 19) // len(piece)))
        assert opened_in_bounds(repo, child_env)


def test_files_that_include_each_other_ten_times_each_end(repo, child_env):
    for level in range(10):
        lines = f"[include]\n\tpath = {level + 1}\n" * 10
        (repo.path / f".git/{level}").write_text(lines if level < 9 else "[a]\n\tb = c\n")
    with (repo.path / ".git/config").open("a") as config:
        config.write("[include]\n\tpath = 0\n" * 10)
    assert f"Unsupported {repo.path}/.git/" in (told := opened_in_bounds(repo, child_env))
    assert f"includes more than {MAX_INCLUDES} files" in told


@pytest.mark.parametrize("name", ["HEAD", "commondir", "config", "packed-refs", "shallow"])
def test_a_pipe_in_the_place_of_a_file_does_not_make_us_wait(repo, child_env, name):
    (repo.path / ".git" / name).unlink(missing_ok=True)
    os.mkfifo(repo.path / ".git" / name)
    assert opened_in_bounds(repo, child_env)


def test_a_head_of_eight_gigabytes_costs_nothing(repo, child_env):
    with (repo.path / ".git/HEAD").open("ab") as head:
        head.truncate(1 << 33)
    assert opened_in_bounds(repo, child_env)


def test_a_repository_in_the_work_tree_with_a_head_of_a_terabyte_is_one_like_others(repo):
    inner = repo.other(f"{repo.path.name}/inner").init()
    with (inner.path / ".git/HEAD").open("ab") as head:
        head.truncate(1 << 40)
    assert list(untracked(repo.open())) == [b"inner/"]


def test_a_chain_of_many_tags_is_followed_without_recursion(repo):
    repo.commit()
    repository = repo.open()
    id_, kind = repository.head().id, "commit"
    for _ in range(sys.getrecursionlimit() + 100):
        content = b"object %s\ntype %s\ntag t\ntagger A <a> 1 +0000\n\n\n" % (id_.hex().encode(), kind.encode())
        id_, kind = repository.objects.write("tag", content), "tag"
    assert find(repository, f"{id_}^{{commit}}") == repository.head().id


def test_a_tag_that_says_the_wrong_kind_is_not_believed(repo):
    repo.commit()
    repository = repo.open()
    blob = repository.objects.write("blob", b"x")
    tag = repository.objects.write("tag", b"object %s\ntype commit\ntag t\n\n" % blob.hex().encode())
    with pytest.raises((NotFound, Corrupt)):
        find(repository, f"{tag}^{{commit}}")


def test_a_shallow_file_of_garbage_is_corrupt(repo):
    repo.commit()
    (repo.path / ".git/shallow").write_bytes(b"../../x\n")
    with pytest.raises(Corrupt, match="shallow"):
        find(repo.open(), "HEAD~1")


def test_nothing_unsupported_is_hidden_by_a_bad_configuration(repo):
    (repo.path / ".git/config").write_text(
        "[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tobjectFormat = sha256\n[bad\n"
    )
    with pytest.raises((Corrupt, Unsupported)):
        repo.open()
