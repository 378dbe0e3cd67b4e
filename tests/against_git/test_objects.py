"""Objects: git reads what we write, we read what git writes, and both call it by the same id."""
import io
import os
import shutil
import zlib

import pytest
from expref.objstore.formats.objects import (
    TREE,
    Commit,
    Signature,
    TreeEntry,
    decode_commit,
    decode_tree,
    encode_commit,
    encode_signature,
    encode_tree,
    parse_signature,
)
from expref.objstore.ids import SHA1
from expref.objstore.stores.alternates import alternates

from tests.conftest import needs
from tests.gitrepo import GitRepo, git_environ
from tests.packmaker import oid

pytestmark = needs("git")
CONTENTS = [b"", b"x", b"text\n" * 1000, bytes(range(256)) * 300, b"\0" * 100_000, os.urandom(5000)]
LINES = b"".join(b"line %d of a file that is long enough for deltas\n" % number for number in range(400))


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    repo = GitRepo(folder / "repo", git_environ(folder / "home")).init()
    for number in range(30):
        at = len(LINES) // 30 * number
        repo.write("big", LINES[:at] + b"CHANGED %d\n" % number + LINES[at:] + b"x" * number)
        repo.write(f"dir/{number % 5}/f", b"%d\n" % number)
        repo.commit(f"commit {number}\n\nwith a body")
    repo.git("tag", "-a", "-m", "a tag", "v1")
    return repo.path


@pytest.fixture
def history(template, tmp_path, git_env):
    """Thirty commits that change files a little, and a tag; loose."""
    shutil.copytree(template, tmp_path / "history")
    return GitRepo(tmp_path / "history", git_env)


def all_objects(repo):
    """{id: (kind, content)} of everything, as git reads it."""
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    out, found = io.BytesIO(repo.git_bytes("cat-file", "--batch", stdin="\n".join(listed).encode())), {}
    while header := out.readline():
        id_, kind, size = header.decode().split()
        found[id_] = kind, out.read(int(size))
        out.read(1)
    return found


def read_everything(repo):
    """Assert that we read every object as git does; returns how many there are."""
    objects, expected = repo.open().objects, all_objects(repo)
    for id_, (kind, content) in expected.items():
        found = objects.find(SHA1.parse_id(id_))
        assert (found.kind, found.content) == (kind, content), id_
        assert objects.find_size(SHA1.parse_id(id_)) == len(content)
        assert objects.has(SHA1.parse_id(id_))
    return len(expected)


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_git_reads_a_blob_that_we_wrote(repo, content):
    objects = repo.open().objects
    for id_ in (objects.write("blob", content), objects.write_blob(io.BytesIO(content), len(content))):
        assert str(id_) == repo.git("hash-object", "--stdin", stdin=content)
        assert repo.git_bytes("cat-file", "blob", str(id_)) == content
    repo.git("fsck", "--strict")


@pytest.mark.parametrize("level", range(-1, 10))
def test_we_read_a_loose_object_of_every_level(repo, level):
    repo.git("config", "core.looseCompression", str(level))
    for content in CONTENTS:
        id_ = SHA1.parse_id(repo.git("hash-object", "-w", "--stdin", stdin=content))
        assert repo.open().objects.find(id_).content == content
        assert repo.open().objects.find_size(id_) == len(content)


def test_we_read_every_loose_object_and_list_them(history):
    assert read_everything(history) > 100
    assert {str(id_) for id_ in history.open().objects._loose.ids()} == set(all_objects(history))


PACKED = {
    "as git does it": ["repack", "-adq"],
    "deep": ["repack", "-adfq", "--depth=4095", "--window=50"],
    "without deltas": ["repack", "-adfq", "--window=0"],
    "bases by id": ["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"],
    "several packs": ["-c", "pack.packSizeLimit=1m", "repack", "-adfq"],
    "with a bitmap": ["-c", "repack.writeBitmaps=true", "repack", "-adbq"],
    "with an old index": ["-c", "pack.indexVersion=1", "repack", "-adfq"],
    "uncompressed": ["-c", "pack.compression=0", "repack", "-adFq"],
    "gc": ["gc", "-q"],
}


@pytest.mark.parametrize("how", PACKED)
def test_we_read_every_packed_object(history, how):
    history.git(*PACKED[how])
    assert history.git("count-objects").startswith("0 objects")
    assert read_everything(history) > 100


def test_we_read_objects_that_are_partly_packed_and_in_many_packs(history):
    for number in range(3):
        history.git("repack", "-q")
        history.write("new", b"%d" % number)
        history.commit()
    history.git("multi-pack-index", "write")
    history.git("commit-graph", "write")
    assert read_everything(history) > 100


def test_unreachable_objects_in_a_cruft_pack_are_read_and_not_relied_upon(history):
    lost = history.git("hash-object", "-w", "--stdin", stdin=b"lost")
    history.git("repack", "-q", "--cruft", "-d")
    objects, id_ = history.open().objects, SHA1.parse_id(lost)
    assert objects.find(id_).content == b"lost"
    assert not objects.freshen(id_)
    objects.keep(id_)
    history.git("gc", "-q", "--prune=1.hour.ago")
    assert history.git("cat-file", "blob", lost) == "lost"


def test_what_is_kept_survives_a_gc_that_would_take_it(history):
    lost = [history.git("hash-object", "-w", "--stdin", stdin=content) for content in (b"kept", b"lost")]
    for id_ in lost:
        os.utime(history.path / ".git/objects" / id_[:2] / id_[2:], (1, 1))
    history.open().objects.keep(SHA1.parse_id(lost[0]))
    history.git("gc", "-q", "--prune=1.hour.ago")
    assert history.try_git("cat-file", "-e", lost[0]).returncode == 0
    assert history.try_git("cat-file", "-e", lost[1]).returncode == 1


def test_an_open_store_reads_on_while_git_packs_and_removes_packs(history):
    objects, expected = history.open().objects, all_objects(history)
    for number in range(4):
        for id_, (_, content) in expected.items():
            assert objects.find(SHA1.parse_id(id_)).content == content
        history.write("f", b"%d" % number)
        new = history.commit()
        history.git("repack", "-adfq" if number % 2 else "-adq")
        assert objects.find_commit(SHA1.parse_id(new)).message == b"a commit\n"


@pytest.mark.parametrize("options", [["--shared"], ["--reference", "HISTORY"], ["--reference", "HISTORY", "--no-local"]])
def test_a_clone_that_borrows_objects(history, options):
    options = [str(history.path) if option == "HISTORY" else option for option in options]
    clone = history.other("clone")
    history.git("clone", "-q", *options, str(history.path), str(clone.path))
    history.git("repack", "-adq")
    assert alternates(str(clone.path / ".git/objects")) == [str(history.path / ".git/objects")]
    assert read_everything(clone) > 100
    again = clone.other("again")
    clone.git("clone", "-q", "--shared", str(clone.path), str(again.path))
    assert read_everything(again) > 100
    own = again.path / ".git/objects"
    again.open().objects.write("blob", b"new")
    assert [path.name for path in own.glob("??/*")] == [str(SHA1.name_object("blob", b"new"))[2:]]
    again.git("fsck", "--strict")


def test_git_makes_the_same_trees(repo):
    names = [b"a", b"a.b", b"a-b", b"a0", b"ab", b"\xff", "é".encode(), b"A", b"-", b"z" * 300]
    blob, tree = oid(0xB), repo.git("mktree", stdin=b"")
    entries = [TreeEntry(0o100644, name, blob) for name in names]
    entries += [TreeEntry(TREE, name + b"d", SHA1.parse_id(tree)) for name in names]
    entries += [TreeEntry(mode, b"%o" % mode, blob) for mode in (0o100755, 0o120000, 0o160000)]
    kinds = {TREE: b"tree", 0o160000: b"commit"}
    lines = [b"%06o %s %s\t%s\0" % (mode, kinds.get(mode, b"blob"), id_.hex().encode(), name) for mode, name, id_ in entries]
    theirs = repo.git("mktree", "-z", "--missing", stdin=b"".join(lines))
    ours = repo.open().objects.write("tree", encode_tree(entries))
    assert str(ours) == theirs
    assert repo.open().objects.find_tree(ours) == decode_tree(repo.git_bytes("cat-file", "tree", theirs), SHA1)


@pytest.mark.parametrize("bad", [
    b"100644 .git\0", b"100644 ..\0", b"100644 a/b\0", b"100644 .\0", b"100644 .GIT\0", b"100644 a\0" + oid(9) + b"100644 a\0",
])
def test_what_we_do_not_write_git_finds_fault_with(repo, bad):
    blob = SHA1.parse_id(repo.git("hash-object", "-w", "--stdin", stdin=b"x"))
    content = bad.replace(oid(9), blob) + blob
    repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=content)
    assert repo.try_git("fsck", "--strict").returncode != 0
    with pytest.raises(ValueError, match="cannot hold"):
        encode_tree(decode_tree(content, SHA1))


def test_git_makes_the_same_commits(repo):
    tree = repo.git("mktree", stdin=b"")
    objects, parents = repo.open().objects, []
    for number, message in enumerate([b"one\n", b"", b"no end", b"\n\nspace before\n", "ünïcode\n".encode()]):
        arguments = [option for parent in parents for option in ("-p", str(parent))]
        theirs = repo.git("commit-tree", tree, *arguments, stdin=message)
        line = encode_signature(Signature(b"A U Thor", b"author@example.com", 1700000000, 60))
        ours = objects.write("commit", encode_commit(Commit(SHA1.parse_id(tree), tuple(parents), line, line, message)))
        assert str(ours) == theirs
        parents = [ours, *parents][: number + 1]
    repo.git("fsck", "--strict")


def test_every_commit_of_git_is_the_same_when_it_is_written_again(history):
    for change in (["-c", "i18n.commitEncoding=latin-1", "commit", "--allow-empty", "-qm", "x"],
                   ["commit", "--allow-empty", "-q", "--allow-empty-message", "-m", ""]):
        history.git(*change)
    history.git("checkout", "-qb", "side", "HEAD~3")
    history.git("merge", "-q", "--no-edit", "-s", "ours", "main", "v1")
    for id_, (kind, content) in all_objects(history).items():
        if kind == "commit":
            assert encode_commit(decode_commit(content, SHA1)) == content, id_
        elif kind == "tree":
            assert encode_tree(decode_tree(content, SHA1)) == content, id_


SIGNED = b"""tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
author A <a@b> 1 +0000
committer A <a@b> 1 +0000
encoding ISO-8859-1
gpgsig -----BEGIN PGP SIGNATURE-----
 
 iQEzBAABCAAdFiEE
 -----END PGP SIGNATURE-----
mergetag object 4b825dc642cb6eb9a060e54bf8d69288fbee4904
 type commit
 
 message of the tag

signed
"""  # noqa: W293


def test_a_signed_commit_is_the_same_when_it_is_written_again(repo):
    id_ = SHA1.parse_id(repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=SIGNED))
    objects = repo.open().objects
    assert encode_commit(objects.find_commit(id_)) == SIGNED
    assert [key for key, _ in objects.find_commit(id_).extra] == [b"encoding", b"gpgsig", b"mergetag"]


@pytest.mark.parametrize("name", ["A U Thor", "  spaces  ", "a,b.", "<x>", "é", "x\ny", "'quoted'", "J. R. \"Bob\" Dobbs.", "\x01a"])
@pytest.mark.parametrize("zone", ["+0000", "-0930", "+0545", "-0000"])
def test_git_writes_names_and_dates_the_same(repo, name, zone):
    env = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_DATE": f"1700000000 {zone}"}
    theirs = repo.git_bytes("var", "GIT_AUTHOR_IDENT", env=env).removesuffix(b"\n")
    signature = parse_signature(theirs)
    ours = encode_signature(Signature(os.fsencode(name), b"author@example.com", 1700000000, signature.offset))
    assert ours == theirs.replace(b"-0000", b"+0000")


def test_a_commit_of_the_empty_tree_that_nobody_stored(repo):
    empty = repo.git("hash-object", "-t", "tree", "--stdin", stdin=b"")
    commit = SHA1.parse_id(repo.git("commit-tree", "-m", "x", empty))
    objects = repo.open().objects
    assert objects.find_tree(objects.find_commit(commit).tree) == []
    assert not list((repo.path / ".git/objects").glob("4b/*"))


def test_objects_of_another_writer_with_odd_zlib_streams(repo):
    """Flush marks and empty blocks in a stream are legal; so is any window size."""
    content = b"blob 12\0hello hello\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, 9)
    packed = packer.compress(content[:5]) + packer.flush(zlib.Z_FULL_FLUSH) + packer.flush(zlib.Z_SYNC_FLUSH)
    packed += packer.compress(content[5:]) + packer.flush()
    id_ = SHA1.name_object("blob", b"hello hello\n")
    path = repo.path / ".git/objects" / str(id_)[:2] / str(id_)[2:]
    path.parent.mkdir()
    path.write_bytes(packed)
    assert repo.git("cat-file", "blob", str(id_)) == "hello hello"
    assert repo.open().objects.find(id_).content == b"hello hello\n"
    assert repo.open().objects.find_size(id_) == 12


def test_a_shared_repository_gets_the_permissions_that_git_gives(repo):
    for setting in ("group", "all", "0640", "umask", "true"):
        other = repo.other(f"shared-{setting}").init(f"--shared={setting}")
        before = os.umask(0o077)
        try:
            theirs = SHA1.parse_id(other.git("hash-object", "-w", "--stdin", stdin=b"theirs"))
            ours = other.open().objects.write("blob", b"ours")
        finally:
            os.umask(before)
        modes = []
        for id_ in (theirs, ours):
            path = other.path / ".git/objects" / str(id_)[:2] / str(id_)[2:]
            modes.append((path.stat().st_mode, path.parent.stat().st_mode))
        assert modes[0] == modes[1], setting
