"""Packs between us and git: git takes what we send, we take what git sends, and `git fsck --strict` finds no fault."""

import os
import random
import subprocess

import pytest
from expref.objstore.errors import Conflict, NotFound, RemoteError
from expref.objstore.ids import ObjectId
from expref.objstore.stores.packentries import PackEntries
from expref.objstore.stores.remembered import RememberingStore
from expref.objstore.transport import send
from expref.objstore.transport.local import LocalRemote
from expref.objstore.transport.receive import IncomingPack, check_connected
from expref.objstore.transport.send import check_history_is_whole, objects_to_send, pack_stream

from tests.conftest import needs

pytestmark = needs("git")

FILES, EXPERIMENTS = 60, 25


def build(repo, seed=1):
    """A baseline with files in folders, branches that go on from it, and experiments beside each other on it."""
    rng = random.Random(seed)
    for at in range(FILES):
        repo.write(f"d{at % 5}/f{at}.txt", b"".join(b"%x\n" % rng.getrandbits(200) for _ in range(rng.randint(1, 60))))
    repo.write("params.yaml", b"lr: 0.1\nepochs: 3\n")
    base = repo.commit("baseline")
    stream = []
    for number in range(EXPERIMENTS):
        stream += [f"commit refs/exps/{base[:2]}/{base[2:]}/exp-{number}", f"mark :{number + 1}"]
        stream += [
            f"committer C <c@example.com> {1_700_000_000 + number} +0000",
            f"data {len(m := f'exp {number}')}",
            m,
        ]
        stream += [f"from {base}"]
        for name in rng.sample(["params.yaml", "d1/f1.txt", "d2/f2.txt", f"new-{number}"], rng.randint(1, 3)):
            content = f"lr: 0.{number}\n" + name * rng.randint(1, 40) + "\n"
            stream += [f"M 100644 inline {name}", f"data {len(content)}", content]
    repo.git("-c", "fastimport.unpackLimit=100000", "fast-import", "--quiet", stdin="\n".join([*stream, ""]).encode())
    for number in range(12):
        with open(repo.path / "d1/f1.txt", "ab") as file:
            file.write(b"line %d\n" % number)
        repo.commit(f"step {number}")
    return base


def send_pack(repository, wants, haves, **options):
    outgoing = objects_to_send(repository, wants, haves)
    return outgoing, b"".join(pack_stream(repository, outgoing, **options))


def ids(repo, *args):
    return [ObjectId.fromhex(each) for each in repo.git("rev-parse", *args).split()]


def experiments(repo):
    return [ObjectId.fromhex(each) for each in repo.git("for-each-ref", "--format=%(objectname)", "refs/exps").split()]


def take(other, pack, *args):
    """git indexes a pack in another repository, which afterwards is in order."""
    other.git("index-pack", "--stdin", "--strict", *args, stdin=pack)


@pytest.mark.parametrize("packing", ["loose", "packed by git", "both"])
@pytest.mark.parametrize(("thin", "ofs_delta"), [(True, True), (True, False), (False, True), (False, False)])
def test_git_takes_what_we_send(repo, packing, thin, ofs_delta):
    build(repo)
    if packing != "loose":
        repo.git("repack", "-adq")
    if packing == "both":
        build(repo.other("more").init(), 2)
        repo.git("fetch", "-q", repo.other("more").path, "refs/exps/*:refs/exps/*")
    repository = repo.open()
    other = repo.other("other.git").init("--bare")
    base, tip = ids(repo, "HEAD~12", "HEAD")
    _, first = send_pack(repository, [base], [], thin=thin, ofs_delta=ofs_delta)
    take(other, first)
    outgoing, second = send_pack(repository, [tip, *experiments(repo)], [base], thin=thin, ofs_delta=ofs_delta)
    take(other, second, *["--fix-thin"] * thin)
    other.git("update-ref", "refs/heads/main", tip.hex())
    for at, id_ in enumerate(experiments(repo)):
        other.git("update-ref", f"refs/exps/x/{at}", id_.hex())
    assert other.git("fsck", "--strict", "--no-dangling") == ""
    names = [str(id_) for id_ in [tip, *experiments(repo)]]
    needed = repo.git("rev-list", "--objects", *names, "--not", str(base)).splitlines()
    assert {each.split(" ")[0] for each in needed} <= {str(each.id) for each in outgoing.objects}


@pytest.mark.parametrize("packing", ["loose", "packed"])
def test_what_we_send_is_not_much_larger_than_what_git_sends(repo, packing):
    build(repo)
    if packing == "packed":
        repo.git("repack", "-adq")
    base, tip = ids(repo, "HEAD~12", "HEAD")
    wants = [tip, *experiments(repo)]
    _, ours = send_pack(repo.open(), wants, [base])
    lines = "".join(f"{id_}\n" for id_ in wants) + f"^{base}\n"
    theirs = repo.git_bytes(
        "pack-objects", "--revs", "--thin", "--delta-base-offset", "--stdout", "-q", stdin=lines.encode()
    )
    assert len(ours) <= 1.2 * len(theirs)
    _, everything = send_pack(repo.open(), wants, [])
    lines = "".join(f"{id_}\n" for id_ in wants)
    theirs = repo.git_bytes("pack-objects", "--revs", "--delta-base-offset", "--stdout", "-q", stdin=lines.encode())
    assert len(everything) <= 1.2 * len(theirs)


def test_deltas_of_local_packs_are_copied(repo, monkeypatch):
    build(repo)
    repo.git("repack", "-adfq", "--depth=50")
    repository = repo.open()
    copied = []
    blocks = PackEntries.blocks
    monkeypatch.setattr(
        PackEntries, "blocks", lambda self, offset, at: copied.append(offset) or blocks(self, offset, at)
    )
    outgoing, pack = send_pack(repository, [*ids(repo, "HEAD"), *experiments(repo)], [])
    assert len(set(copied)) == len(outgoing.objects)
    take(repo.other("other.git").init("--bare"), pack)


def test_a_broken_entry_of_a_local_pack_is_not_sent(repo):
    build(repo)
    repo.git("repack", "-adq")
    (path,) = (repo.path / ".git/objects/pack").glob("*.pack")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(bytes(content))
    with pytest.raises(Exception, match="not what the index says|zlib|inflate|reserved|is for a base"):
        send_pack(repo.open(), [*ids(repo, "HEAD"), *experiments(repo)], [])


def test_nothing_to_send_is_an_empty_pack(repo):
    build(repo)
    outgoing, pack = send_pack(repo.open(), experiments(repo), experiments(repo))
    assert outgoing.objects == []
    take(repo.other("other.git").init("--bare"), pack)


@pytest.mark.parametrize("args", [
    ["--thin", "--delta-base-offset"], ["--thin"], ["--delta-base-offset"], [],
    ["--window=0"], ["--depth=200", "--window=50", "--delta-base-offset"],
])  # fmt: skip
@pytest.mark.parametrize("keep", [True, False])
def test_we_take_what_git_sends(repo, args, keep):
    build(repo)
    base, tip = ids(repo, "HEAD~12", "HEAD")
    other = repo.other("other.git").init("--bare")
    ours = other.open()
    wants = [tip, *experiments(repo)]
    for lines, thin in (([str(base)], False), ([*map(str, wants), f"^{base}"], True)):
        options = args if thin else [each for each in args if each != "--thin"]
        pack = repo.git_bytes(
            "pack-objects", "--revs", "--stdout", "-q", *options, stdin="\n".join([*lines, ""]).encode()
        )
        with IncomingPack(ours.objects) as incoming:
            incoming.write(pack)
            received = incoming.finish(unpack_below=0 if keep else 1 << 20)
        ours.objects.rescan()
        received.release()
        check_connected(ours, wants if thin else [base], [base] if thin else [], received)
    for at, id_ in enumerate(wants):
        other.git("update-ref", f"refs/tags/t{at}", id_.hex())
    assert other.git("fsck", "--strict", "--no-dangling") == ""
    packs = list((other.path / "objects/pack").glob("*.idx"))
    assert len(packs) == (2 if keep else 0)
    for each in packs:
        other.git("verify-pack", each)
    assert not list((other.path / "objects/pack").glob("tmp*")) and not list(
        (other.path / "objects/pack").glob("*.keep")
    )


def test_a_tag_goes_with_what_it_points_to(repo):
    build(repo)
    repo.git("tag", "-a", "-m", "a tag", "v1")
    repo.git("tag", "-a", "-m", "a tag of a tag", "v2", "v1")
    other = repo.other("other.git").init("--bare")
    _, pack = send_pack(repo.open(), ids(repo, "v2"), [])
    take(other, pack)
    other.git("update-ref", "refs/tags/v2", repo.git("rev-parse", "v2"))
    assert other.git("fsck", "--strict", "--no-dangling") == ""


def test_large_blobs_are_sent_and_taken_in_blocks(repo, monkeypatch):
    monkeypatch.setattr(send, "WHOLE", 100_000)
    monkeypatch.setattr(send, "SMALL", 1000)
    rng = random.Random(3)
    for at, content in enumerate([rng.randbytes(300_000), b"ab" * 200_000]):
        repo.write(f"large{at}", content)
    repo.commit("large")
    for way in ("loose", "packed"):
        repository = repo.open()
        other = repo.other(f"other-{way}.git").init("--bare")
        _, pack = send_pack(repository, ids(repo, "HEAD"), [])
        take(other, pack)
        third = repo.other(f"third-{way}.git").init("--bare")
        with IncomingPack(third.open().objects) as incoming:
            incoming.write(pack)
            incoming.finish()
        third.git("update-ref", "refs/heads/main", repo.git("rev-parse", "HEAD"))
        assert third.git("fsck", "--strict") == ""
        repo.git("repack", "-adq")


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("size", [10, 300_000])
def test_objects_that_git_packs_while_they_are_sent(repo, monkeypatch, size, number):
    """`git gc` between the look where the `number`-th object is, and the reading of its file."""
    monkeypatch.setattr(send, "WHOLE", 100_000)
    monkeypatch.setattr(send, "SMALL", 1000)
    repo.write("file", random.Random(4).randbytes(size))
    tip = repo.commit("a commit, a tree and a blob")
    repository, looked, get_place = repo.open(), [], RememberingStore.get_place
    outgoing = objects_to_send(repository, ids(repo, tip), [])._replace(contents={})

    def get_place_late(objects, id_):
        place = get_place(objects, id_)
        if len(looked) == number:
            repo.git("repack", "-adq")
        looked.append(place)
        return place

    monkeypatch.setattr(RememberingStore, "get_place", get_place_late)
    other = repo.other("other.git").init("--bare")
    take(other, b"".join(pack_stream(repository, outgoing)))
    other.git("update-ref", "refs/heads/main", tip)
    assert other.git("fsck", "--strict", "--no-dangling") == ""
    assert [isinstance(place, int) for place in looked] == [at <= number for at in range(3)]


def test_the_empty_tree_that_nobody_stored_is_sent(repo):
    empty = repo.git("hash-object", "-t", "tree", "/dev/null")
    commit = repo.git("commit-tree", "-m", "nothing", empty)
    _, pack = send_pack(repo.open(), [ObjectId.fromhex(commit)], [])
    other = repo.other("other.git").init("--bare")
    take(other, pack)
    other.git("update-ref", "refs/heads/main", commit)
    assert other.git("fsck", "--strict", "--no-dangling") == ""


# Shallow and partial clones.


def clone(repo, name, *args):
    other = repo.other(name)
    repo.git("clone", "--quiet", "--no-local", *args, f"file://{repo.path}", other.path)
    return other


def test_an_experiment_on_the_boundary_of_a_shallow_clone_is_pushed(repo):
    build(repo)
    bare = repo.other("bare.git")
    repo.git("clone", "-q", "--bare", repo.path, bare.path)
    shallow = clone(repo, "shallow", "--depth=1")
    shallow.write("params.yaml", b"lr: 0.7\n")
    new = shallow.commit("an experiment")
    repository = shallow.open()
    outgoing, pack = send_pack(repository, ids(shallow, "HEAD"), ids(repo, "HEAD"))
    check_history_is_whole(repository, outgoing)
    assert len(outgoing.objects) == 3
    take(bare, pack, "--fix-thin")
    bare.git("update-ref", "refs/heads/new", new)
    assert bare.git("fsck", "--strict", "--no-dangling") == ""


def test_what_a_shallow_clone_cannot_send_is_named(repo):
    build(repo)
    parent = repo.git("rev-parse", "HEAD~1")
    repository = clone(repo, "shallow", "--depth=1").open()
    outgoing = objects_to_send(repository, [repository.head().id], [])
    with pytest.raises(Conflict, match=f"shallow.*{parent}"):
        check_history_is_whole(repository, outgoing)
    check_history_is_whole(repository, objects_to_send(repository, [repository.head().id], [ObjectId.fromhex(parent)]))


def test_an_experiment_in_a_partial_clone_is_pushed(repo):
    build(repo)
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = clone(repo, "partial", "--filter=blob:none", "--no-checkout")
    blob = partial.git("hash-object", "-w", "--stdin", stdin=b"lr: 0.7\n")
    partial.git("read-tree", "HEAD")
    partial.git("update-index", "--cacheinfo", f"100644,{blob},params.yaml")
    tree = partial.git("write-tree", "--missing-ok")
    new = partial.git("commit-tree", tree, "-p", "HEAD", "-m", "an experiment")
    outgoing, pack = send_pack(partial.open(), [ObjectId.fromhex(new)], ids(repo, "HEAD"))
    assert len(outgoing.objects) == 3
    take(repo, pack, "--fix-thin")
    repo.git("update-ref", "refs/exps/new", new)
    assert repo.git("fsck", "--strict", "--no-dangling") == ""


# Fetching from a path.


class Bytes(list):
    """A sink that keeps what it gets."""

    write = list.append


def fetch(other, remote, wants, haves=(), **options):
    repository = other.open()
    with IncomingPack(repository.objects) as incoming:
        update = remote.fetch_pack(wants, haves, into=incoming, **options)
        received = incoming.finish()
    repository.objects.rescan()
    received.release()
    return update


def test_we_fetch_from_a_path_what_is_not_here(repo):
    build(repo)
    other = clone(repo, "other", "--single-branch")
    with LocalRemote(str(repo.path), repo.environ, other.open().object_format) as remote:
        refs = remote.list_refs(["refs/exps/"])
        assert [(each.name, str(each.id)) for each in refs] == [
            tuple(line.split()[::-1]) for line in repo.git("ls-remote", ".", "refs/exps/*").splitlines()
        ]
        fetch(other, remote, [each.id for each in refs], [other.open().head().id])
    for each in refs:
        other.git("update-ref", each.name, str(each.id))
    assert other.git("fsck", "--strict", "--no-dangling") == ""


def test_refs_are_listed_as_git_lists_them(repo):
    build(repo)
    repo.git("tag", "-a", "-m", "a", "v1")
    repo.git("tag", "light")
    repo.git("pack-refs", "--all")
    repo.git("branch", "more")
    (repo.path / ".git/refs/heads/broken").write_text("1" * 40 + "\n")
    (repo.path / ".git/refs/tags/broken").write_text("1" * 40 + "\n")
    remote = LocalRemote(str(repo.path), repo.environ, repo.open().object_format)
    lines = [line.split("\t") for line in repo.git("ls-remote", ".").splitlines()]
    assert [(str(each.id), each.name) for each in remote.list_refs()] == [
        tuple(line) for line in lines if not line[1].endswith("^{}")
    ]
    peeled = {each.name: str(each.peeled) for each in remote.list_refs() if each.peeled}
    assert peeled == {line[1][:-3]: line[0] for line in lines if line[1].endswith("^{}")}
    assert remote.list_refs()[0].symref_target == "refs/heads/main"
    assert [each.name for each in remote.list_refs(["refs/heads/m"])] == ["refs/heads/main", "refs/heads/more"]
    assert [each.name for each in remote.list_refs(["refs/tags/l", "refs/heads/mo"])] == ["refs/heads/more", "refs/tags/light"]
    repo.git("config", "transfer.hideRefs", "refs/heads")
    repo.git("config", "--add", "uploadpack.hideRefs", "!refs/heads/more")
    shown = [line.split("\t")[1] for line in repo.git("ls-remote", ".").splitlines()]
    remote = LocalRemote(str(repo.path), repo.environ, repo.open().object_format)
    assert [each.name for each in remote.list_refs()] == [name for name in shown if not name.endswith("^{}")]


@pytest.mark.parametrize(("setting", "allowed"), [
    (None, ()), ("allowTipSHA1InWant", ("hidden",)), ("allowReachableSHA1InWant", ("below",)),
    ("allowAnySHA1InWant", ("hidden", "below", "unreachable")),
])  # fmt: skip
def test_what_may_be_fetched_is_what_the_settings_allow(repo, setting, allowed):
    build(repo)
    wants = {
        "shown": ids(repo, "HEAD")[0], "below": ids(repo, "HEAD~3")[0], "hidden": experiments(repo)[0],
        "unreachable": ObjectId.fromhex(repo.git("commit-tree", "-m", "x", "HEAD^{tree}")),
    }  # fmt: skip
    repo.git("config", "uploadpack.hideRefs", "refs/exps")
    if setting:
        repo.git("config", f"uploadpack.{setting}", "true")
    for name, id_ in wants.items():
        remote = LocalRemote(str(repo.path), repo.environ, repo.open().object_format)
        if name == "shown" or name in allowed:
            assert remote.fetch_pack([id_], [], into=Bytes())
        else:
            with pytest.raises(RemoteError, match=f"not our ref {id_}"):
                remote.fetch_pack([id_], [], into=Bytes())


def test_from_a_shallow_repository_comes_where_history_ends(repo):
    build(repo)
    shallow = clone(repo, "shallow", "--depth=3")
    other = repo.other("other").init()
    remote = LocalRemote(str(shallow.path), repo.environ, other.open().object_format)
    update = fetch(other, remote, ids(shallow, "HEAD"))
    assert [str(id_) for id_ in update.shallow] == (shallow.path / ".git/shallow").read_text().split()


def test_a_shallow_clone_gets_what_lies_behind_its_boundary(repo):
    """A branch that forked before the boundary: its commits are not ancestors that the clone has."""
    build(repo)
    shallow = clone(repo, "shallow", "--depth=2")
    repo.git("checkout", "-q", "-b", "old", "HEAD~6")
    repo.write("other", b"x")
    new = ObjectId.fromhex(repo.commit("beside"))
    boundary = [ObjectId.fromhex(each) for each in (shallow.path / ".git/shallow").read_text().split()]
    remote = LocalRemote(str(repo.path), repo.environ, repo.open().object_format)
    fetch(shallow, remote, [new], ids(shallow, "HEAD"), shallow=boundary)
    shallow.git("update-ref", "refs/heads/old", str(new))
    assert shallow.git("fsck", "--strict", "--no-dangling") == ""


def test_a_path_that_is_no_repository(repo, tmp_path):
    form = repo.open().object_format
    for path in (tmp_path / "nothing", tmp_path, repo.path / ".git/objects"):
        with pytest.raises(NotFound, match="is not a Git repository"):
            LocalRemote(str(path), repo.environ, form)
    repo.git("clone", "-q", "--bare", repo.path, tmp_path / "b.git")
    for path in (repo.path, repo.path / ".git", tmp_path / "b.git", tmp_path / "b"):
        assert LocalRemote(str(path), repo.environ, form).list_refs() == []
        assert (
            subprocess.run(["git", "ls-remote", path], env=repo.environ, check=True, capture_output=True).stdout == b""
        )


def test_the_repository_of_somebody_else_is_not_read(repo, tmp_path):
    from expref.objstore.errors import Unsafe

    if os.geteuid():
        pytest.skip("only root can give files away")
    build(repo)
    form = repo.open().object_format
    os.chown(repo.path / ".git", 12345, 12345)
    os.chown(repo.path, 12345, 12345)
    with pytest.raises(Unsafe, match="belongs to somebody else"):
        LocalRemote(str(repo.path), repo.environ, form)
    (tmp_path / "home/.gitconfig").write_text(f"[safe]\n\tdirectory = {repo.path}\n")
    assert LocalRemote(str(repo.path), repo.environ, form).list_refs()
