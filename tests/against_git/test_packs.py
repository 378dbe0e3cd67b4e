"""Packs as git leaves them, now and then: multi-pack-indexes, cruft, partial clones; and git repacking while we read."""
import os
import shutil
import subprocess
import sys
import zlib

import pytest
from expref.objstore.errors import Corrupt, NotFound
from expref.objstore.ids import SHA1

from tests.conftest import needs
from tests.gitrepo import GitRepo

pytestmark = needs("git")
NEW_GIT = os.environ.get("EXPREF_NEW_GIT", "git")  # one that writes incremental multi-pack-indexes: 2.47 and later


def fill(repo, count=4, packs=True):
    """Commits, each in a pack of its own."""
    for number in range(count):
        repo.write("f", b"".join(b"line %d of version %d\n" % (line, number * (line % 9 == 0)) for line in range(300)))
        repo.write(f"d/{number}", b"%d" % number)
        repo.commit(f"commit {number}")
        if packs:
            repo.git("repack", "-q", "-d")
    return repo


def all_ids(repo):
    return repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype) %(objectsize)").splitlines()


def reads_all(repo):
    """Assert that we find every object that git finds, by id and in one pass; return the store."""
    objects, walked = repo.open().objects, {}
    for each in objects.each_object():
        assert each.id not in walked
        walked[each.id] = f"{each.id} {each.kind} {len(each.content)}"
    assert sorted(walked.values()) == sorted(all_ids(repo))
    for line in walked.values():
        id_, kind, size = line.split()
        id_ = SHA1.parse_id(id_)
        assert (objects.find_kind(id_), str(objects.find_size(id_))) == (kind, size)
        assert SHA1.name_object(*objects.find(id_)) == id_
    return objects


def opened(objects):
    return sum("index" in vars(pack) for pack in objects.packs())


def test_a_multi_pack_index_is_used_and_packs_beside_it_are_found(repo):
    fill(repo, 6)
    repo.git("multi-pack-index", "write")
    first = SHA1.parse_id(repo.git("rev-parse", "HEAD~5:f"))
    objects = repo.open().objects
    assert objects.find_kind(first) == "blob"
    assert opened(objects) == 1
    repo.write("later", b"later")
    repo.commit()
    repo.git("repack", "-q", "-d")
    reads_all(repo)


@pytest.mark.parametrize("how", [
    ["multi-pack-index", "write", "--bitmap"], ["multi-pack-index", "repack"], ["multi-pack-index", "expire"],
    ["repack", "-q", "-d", "--geometric=2", "--write-midx"], ["repack", "-adq"], ["gc", "-q"],
])
def test_what_git_makes_of_many_packs_is_read(repo, how):
    fill(repo, 6)
    repo.git("multi-pack-index", "write")
    objects = reads_all(repo)
    repo.git(*how)
    reads_all(repo)
    for line in all_ids(repo):
        assert objects.has(SHA1.parse_id(line.split()[0]))


def test_an_incremental_chain_of_multi_pack_indexes_is_read(repo):
    fill(repo, 3)
    newer = [NEW_GIT, "-C", str(repo.path), "multi-pack-index", "write", "--incremental"]
    if subprocess.run(newer, env=repo.environ, capture_output=True).returncode:
        pytest.skip("this git writes no incremental multi-pack-index")
    fill(repo, 3)
    subprocess.run(newer, env=repo.environ, check=True)
    assert (repo.path / ".git/objects/pack/multi-pack-index.d/multi-pack-index-chain").read_text().count("\n") == 2
    objects = repo.open().objects
    assert objects.find_kind(SHA1.parse_id(repo.git("rev-parse", "HEAD~4"))) == "commit"
    assert opened(objects) == 1
    reads_all(repo)


def test_a_multi_pack_index_that_is_damaged_anywhere_hides_nothing(repo):
    fill(repo, 3)
    repo.git("multi-pack-index", "write")
    path = repo.path / ".git/objects/pack/multi-pack-index"
    sound, ids = path.read_bytes(), [SHA1.parse_id(line.split()[0]) for line in all_ids(repo)]
    path.chmod(0o644)
    for at in range(0, len(sound), 1 + len(sound) // 60):
        for content in (sound[:at], sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :]):
            path.write_bytes(content)
            objects = repo.open().objects
            assert all(SHA1.name_object(*objects.find(id_)) == id_ for id_ in ids), at


def test_cruft_and_kept_packs_are_read(repo):
    fill(repo, 3)
    lost = SHA1.parse_id(repo.git("hash-object", "-w", "--stdin", stdin=b"lost"))
    kept = next((repo.path / ".git/objects/pack").glob("*.pack")).with_suffix(".keep")
    kept.touch()
    repo.git("repack", "-q", "--cruft", "-d")
    assert list((repo.path / ".git/objects/pack").glob("*.mtimes"))
    objects = reads_all(repo)
    assert objects.find(lost).content == b"lost"
    assert not objects.freshen(lost)


def test_an_index_of_version_1_is_read_and_that_of_a_large_file(repo):
    fill(repo, 2, packs=False)
    repo.write("big", os.urandom(300_000))
    repo.commit()
    repo.git("-c", "pack.indexVersion=1", "repack", "-adq")
    path, = (repo.path / ".git/objects/pack").glob("*.pack")
    reads_all(repo)
    os.remove(path.with_suffix(".idx"))
    repo.git("index-pack", "--index-version=2,0x100", path)  # offsets from 256 on are 64-bit ones
    reads_all(repo)


def test_alternates_of_every_form_and_depth_are_those_of_git(repo, tmp_path):
    fill(repo, 1)
    id_ = SHA1.parse_id(repo.git("rev-parse", "HEAD"))
    folder = repo.path / ".git/objects"
    for number in range(8):
        other = GitRepo(tmp_path / f'o {number}\t"x"', repo.environ).init()
        quoted = '"' + "".join({'"': '\\"', "\t": "\\t"}.get(letter, letter) for letter in f"{folder}") + '"'
        lines = [f"{folder}/", quoted, f"# x\n\n{tmp_path}/./home/../{folder.relative_to(tmp_path)}",
                 os.path.relpath(folder, other.path / ".git/objects")]
        (other.path / ".git/objects/info/alternates").write_text(f"{lines[number % 4]}\n")
        found = other.try_git("cat-file", "-e", str(id_)).returncode == 0
        assert other.open().objects.has(id_) == found == (number < 6), number
        folder = other.path / ".git/objects"


def test_an_object_that_a_partial_clone_lacks_is_named_and_can_be_fetched_as_the_error_says(repo, tmp_path):
    fill(repo, 2)
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = repo.other("clone")
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.path}", clone.path)
    blob = SHA1.parse_id(repo.git("rev-parse", "HEAD:f"))
    objects = clone.open().objects
    assert objects.is_partial()
    with pytest.raises(NotFound, match=f"object {blob} is missing from .*partial clone") as error:
        objects.find(blob)
    command = error.value.hint.split("`")[1].split()
    clone.git(*command[1:])
    assert SHA1.name_object(*objects.find(blob)) == blob


def test_what_git_checks_against_its_id_we_check_too(repo):
    """git reads a file under a wrong name as it stands, but not where it takes an object apart by its name."""
    fill(repo, 2, packs=False)
    folder = repo.path / ".git/objects"
    names = {kind: [SHA1.parse_id(repo.git("rev-parse", f"{at}{path}")) for at in ("HEAD~1", "HEAD")]
             for kind, path in (("blob", ":f"), ("tree", "^{tree}"), ("commit", ""))}
    for kind, (other, id_) in names.items():
        target, source = (folder / str(each)[:2] / str(each)[2:] for each in (id_, other))
        sound = target.read_bytes()
        target.chmod(0o644)
        target.write_bytes(source.read_bytes())
        objects = repo.open().objects
        assert objects.find(id_).content == repo.git_bytes("cat-file", kind, str(id_)) == objects.find(other).content
        assert repo.try_git("rev-parse", f"{id_}^{{{kind}}}").returncode == 128
        look = {"blob": objects.open_blob, "tree": objects.find_tree, "commit": objects.find_commit}
        with pytest.raises(Corrupt, match="that of another object"):
            list(look[kind](id_))
        assert repo.try_git("fsck").returncode != 0
        with pytest.raises(Corrupt, match="that of another object"):
            list(objects.each_object())
        target.write_bytes(sound)


READ_ON = """
import os, sys
from expref.objstore.ids import SHA1
from expref.objstore.repository import Repository
ids = [SHA1.parse_id(line) for line in sys.stdin.read().split()]
objects = Repository.discover(".", os.environ).objects
print("ready", flush=True)
rounds = 0
while not os.path.exists("stop") or rounds < 2:
    fresh = Repository.discover(".", os.environ).objects
    for id_ in ids:
        for store in (objects, fresh):
            assert SHA1.name_object(*store.find(id_)) == id_
            assert store.has(id_)
        if objects.find_kind(id_) == "blob":
            assert sum(map(len, objects.open_blob(id_))) == objects.find_size(id_)
    assert set(ids) <= {each.id for each in fresh.each_object()}
    rounds += 1
print(rounds)
"""
REPACKS = {
    "repack -ad": [["repack", "-adq"], ["repack", "-adfq"]],
    "gc": [["gc", "-q", "--prune=now"], ["-c", "gc.writeCommitGraph=true", "gc", "-q"]],
    "multi-pack-index": [["repack", "-dq", "--geometric=2", "--write-midx"], ["multi-pack-index", "write"], ["repack", "-adq"]],
    "packed and unpacked": [["repack", "-adq"], "unpack"],
}


def unpack(repo):
    """Make loose objects of all packs before they go, as `git gc` does of what nothing reaches."""
    packs, other = list((repo.path / ".git/objects/pack").glob("*.pack")), repo.other("unpacked")
    shutil.rmtree(other.path, ignore_errors=True)
    other.init()
    for pack in packs:
        other.git("unpack-objects", "-q", stdin=pack.read_bytes())
    for path in other.path.glob(".git/objects/??/*"):
        place = repo.path / path.relative_to(other.path)
        place.parent.mkdir(exist_ok=True)
        if not place.exists():
            os.rename(path, place)
    for pack in packs:
        for suffix in (".idx", ".rev", ".bitmap", ".pack"):
            pack.with_suffix(suffix).unlink(missing_ok=True)


@pytest.mark.parametrize("how", REPACKS)
@pytest.mark.parametrize("count", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_nothing_is_missing_while_git_repacks(repo, child_env, how, count):
    fill(repo, 3)
    for round_ in range(2):  # some stay loose
        repo.write("loose", b"%d" % round_)
        repo.commit()
    env = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    ids = "\n".join(line.split()[0] for line in all_ids(repo))
    reader = subprocess.Popen([sys.executable, "-c", READ_ON], cwd=repo.path, env=env, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader.stdin.write(ids)
    reader.stdin.close()
    assert reader.stdout.readline() == "ready\n"
    for number in range(count):
        repo.write(f"new{number}", b"%d" % number)
        repo.commit()
        if reader.poll() is not None:
            break
        for command in REPACKS[how]:
            unpack(repo) if command == "unpack" else repo.git(*command)
    (repo.path / "stop").touch()
    assert reader.wait(timeout=120) == 0, reader.stderr.read()
    assert int(reader.stdout.read()) >= 2
    reader.stdout.close()
    reader.stderr.close()


def test_a_zlib_stream_that_git_reads_too(repo):
    """Flush marks between every byte: far longer than what deflate makes of it at once."""
    content = bytes(range(256)) * 4
    packer = zlib.compressobj(0)
    packed = b"".join(packer.compress(bytes([byte])) + packer.flush(zlib.Z_FULL_FLUSH) for byte in b"blob 1024\0" + content)
    id_ = SHA1.name_object("blob", content)
    path = repo.path / ".git/objects" / str(id_)[:2] / str(id_)[2:]
    path.parent.mkdir()
    path.write_bytes(packed + packer.flush())
    assert repo.git_bytes("cat-file", "blob", str(id_)) == content
    objects = repo.open().objects
    assert objects.find(id_).content == b"".join(objects.open_blob(id_)) == content
