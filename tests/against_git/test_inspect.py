"""Looking into a repository without git: `exps cat` is `git cat-file -p`, `exps log` is `git log --format=raw`."""

import os
import random
import subprocess
import sys

import pytest
from expref.exps.inspect import pretty, raw_log

from tests.conftest import SCRIPT, needs

pytestmark = needs("git")

WHO = b"A U Thor <author@example.com> 1700000000 +0100"
SIGNATURE = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEz\n =abcd\n -----END PGP SIGNATURE-----\n"


def commit(repo, message, *, extra=b"", parents=(), who=WHO, literally=False):
    """Store a commit of these bytes; return its id."""
    tree = repo.git("rev-parse", "HEAD^{tree}").encode()
    head = b"tree " + tree + b"\n" + b"".join(b"parent %s\n" % parent.encode() for parent in parents)
    content = head + b"author " + who + b"\ncommitter " + who + b"\n" + extra + b"\n" + message
    return repo.git("hash-object", "-w", "-t", "commit", "--stdin", *(["--literally"] * literally), stdin=content)


def assert_same_log(repo, revision):
    ours = b"\n".join(raw_log(repo.open(), revision))
    assert ours == repo.git_bytes("log", "--format=raw", revision)


MESSAGES = {
    "plain": b"one line\n",
    "no line end": b"one line",
    "empty": b"",
    "blank": b" \n\t\n",
    "many lines": b"subject\n\nbody  \n\n\n  indented\ttab\n\n\n",
    "leading blank lines": b"\n\n  subject\nsecond\n",
    "carriage returns": b"subject\r\n\r\nbody\r\n",
    "odd blanks": b"subject\v\nbody\f\n\x1c\n\x85\n\xa0\n",
    "control letters": b"red \x1b[31m\a\n",
    "utf-8": "é 实验\n".encode(),
    "not utf-8": b"caf\xe9 \xff\n",
    "trailers": b"subject\n\nSigned-off-by: A <a@x>\n",
}
EXTRAS = {
    "nothing": b"",
    "latin-1": b"encoding ISO-8859-1\n",
    "utf-8 by name": b"encoding UTF-8\n",
    "utf8 by nickname": b"encoding utf8\n",
    "unknown encoding": b"encoding x-nothing\n",
    "signed": SIGNATURE,
    "signed in latin-1": b"encoding latin1\n" + SIGNATURE,
    "merged tag": b"mergetag object " + b"1" * 40 + b"\n type commit\n tag x\n \n text\n",
    "headers of others": b"HG:extra branch:x\nchange-id abc\n",
}


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("message", MESSAGES)
def test_a_commit_in_the_log(repo, message, extra):
    first = repo.commit("root")
    id_ = commit(repo, MESSAGES[message], extra=EXTRAS[extra], parents=[first])
    assert_same_log(repo, id_)
    assert b"".join(pretty(repo.open(), id_)) == repo.git_bytes("cat-file", "-p", id_)


@pytest.mark.parametrize("who", [
    b"A U Thor <author@example.com> 1700000000 -0530", b"A <> 1 +0000", b"\xe9 <\xff@x> 1700000000 +0100",
    b"A U Thor <a@x> 99999999999 +9999", b" <a> 1 +0000",
])  # fmt: skip
@pytest.mark.parametrize("extra", ["nothing", "latin-1"])
def test_odd_people_in_the_log(repo, who, extra):
    first = repo.commit("root")
    assert_same_log(repo, commit(repo, b"message\n", extra=EXTRAS[extra], parents=[first], who=who))


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "latin1", "x-nothing"])
@pytest.mark.parametrize("name", ["i18n.logOutputEncoding", "i18n.commitEncoding"])
def test_the_encoding_that_the_user_wants(repo, name, encoding):
    first = repo.commit("root é")
    second = commit(repo, b"caf\xe9\n", extra=EXTRAS["latin-1"], parents=[first])
    repo.git("config", name, encoding)
    assert_same_log(repo, commit(repo, "é 实\n".encode(), parents=[second]))


@pytest.mark.parametrize("step", [0, 1, 60])
def test_a_history_of_many_commits(repo, step):
    above, rng = [repo.commit("root")], random.Random(step)
    for number in range(30):
        who = WHO.replace(b"1700000000", b"%d" % (1_700_000_000 + step * rng.randint(0, number)))
        above.append(commit(repo, rng.choice([*MESSAGES.values()]), parents=above[-1:], who=who))
    assert_same_log(repo, above[-1])
    repo.git("tag", "-a", "-m", "x", "v1", above[-1])
    assert_same_log(repo, "v1~3")
    repo.git("update-ref", "refs/heads/main", above[-1])
    clone = repo.other("shallow")
    repo.git("clone", "-q", "--depth", "5", f"file://{repo.path}", clone.path)
    assert_same_log(clone, "HEAD")


def test_the_log_of_a_merge(repo):
    first = repo.commit("root")
    sides = [commit(repo, b"side %d\n" % number, parents=[first]) for number in range(3)]
    assert_same_log(repo, commit(repo, b"merge\n", parents=sides))


TREES = {
    "plain": [(b"100644", b"a"), (b"100755", b"b"), (b"120000", b"c"), (b"40000", b"d"), (b"160000", b"e")],
    "odd modes": [(b"100664", b"a"), (b"100600", b"b"), (b"040000", b"c"), (b"100777", b"d"), (b"0100644", b"e")],
    "odd names": [(b"100644", name) for name in sorted([b'"', b"\\", b"a\tb", b"a b", b"\xff", b"\x7f", b"\x01", "é".encode()])],
    "empty": [],
}  # fmt: skip


@pytest.mark.parametrize("quote", ["true", "false"])
@pytest.mark.parametrize("kind", TREES)
def test_a_tree(repo, kind, quote):
    repo.git("config", "core.quotePath", quote)
    content = b"".join(mode + b" " + name + b"\0" + bytes(20) for mode, name in TREES[kind])
    tree = repo.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=content)
    assert b"".join(pretty(repo.open(), tree)) == repo.git_bytes("cat-file", "-p", tree)


def test_everything_there_is(repo):
    repo.write("dir/sub/f", b"\0\xff binary")
    repo.write("empty")
    os.symlink("dir/sub", repo.path / "link")
    repo.commit("first")
    repo.git("tag", "-a", "-m", "message\n\nof a tag", "v1")
    repo.git("tag", "-a", "-m", "of a tag", "v2", "v1")
    repo.git("tag", "-a", "-m", "of a tree", "v3", "HEAD^{tree}")
    odd = (
        b"object %s\ntype commit\ntag odd\ntagger caf\xe9 <> 0 +0000\n\n\xff\n" % repo.git("rev-parse", "HEAD").encode()
    )
    repo.git("update-ref", "refs/tags/odd", repo.git("hash-object", "-w", "-t", "tag", "--stdin", stdin=odd))
    ours = repo.open()
    for revision in (
        "HEAD", "v1", "v2", "v3", "odd", "v1^{}", "v2^{tree}", "HEAD:", "HEAD:dir", "HEAD:dir/", "HEAD:dir/sub/f", "HEAD:empty",
        "HEAD:link", ":dir/sub/f", "HEAD:./dir",
    ):  # fmt: skip
        assert b"".join(pretty(ours, revision)) == repo.git_bytes("cat-file", "-p", revision), revision


@pytest.mark.parametrize("arguments, theirs", [
    (["cat", "HEAD"], ["cat-file", "-p", "HEAD"]), (["cat", "HEAD:f"], ["cat-file", "-p", "HEAD:f"]),
    (["cat", "HEAD:./g"], ["cat-file", "-p", "HEAD:./g"]), (["log", "--porcelain"], ["log", "--format=raw"]),
    (["log", "HEAD~1", "--porcelain"], ["log", "--format=raw", "HEAD~1"]),
    (["log", "HEAD@{yesterday}"], ["log", "--format=raw", "HEAD@{yesterday}"]),
])  # fmt: skip
def test_the_commands_print_what_git_prints(repo, child_env, arguments, theirs):
    repo.write("f", "é \0\r\n".encode())
    repo.write("below/g", b"2")
    repo.commit("first")
    repo.commit("second\n\nthird \n")
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], cwd=repo.path / "below", env=child_env | repo.environ,
                          capture_output=True)  # fmt: skip
    assert done.stdout == repo.git_bytes(*theirs, cwd=repo.path / "below")


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_AS, (180 << 20, -1))\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_a_large_blob_is_printed_in_little_memory(repo, child_env):
    size = 200 << 20
    with open(repo.path / "large", "w+b") as file:
        file.truncate(size)
        blob = repo.open().objects.write_blob(file, size)
    command = [sys.executable, "-c", LIMITED + SCRIPT, "cat", str(blob)]
    child = subprocess.Popen(command, cwd=repo.path, env=child_env | repo.environ, stdout=subprocess.PIPE)
    with child.stdout as out:
        assert sum(map(len, iter(lambda: out.read(1 << 20), b""))) == size
    assert child.wait() == 0
