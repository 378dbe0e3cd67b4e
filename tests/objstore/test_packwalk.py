"""All objects of a pack in one pass: the same as each one read by itself, and Corrupt for whatever is broken."""
import hashlib
import os
import random
import subprocess
import sys
from collections import Counter

import pytest
from expref.objstore.errors import Corrupt, GitError
from expref.objstore.formats.packindex import PackIndex
from expref.objstore.ids import SHA1, SHA256
from expref.objstore.stores import packwalk
from expref.objstore.stores.packfile import DeltaBases, Pack
from expref.objstore.stores.packwalk import PackedObject, walk

from tests.conftest import needs
from tests.gitrepo import GitRepo
from tests.packmaker import (
    OFS_DELTA,
    REF_DELTA,
    Entry,
    blob,
    copy_instruction,
    delta_entry,
    entry_header,
    make_delta,
    make_index,
    make_pack,
    oid,
    write_pack,
)
from tests.packmaker import number as packed_number

BASE, NEXT, LAST, SIDE = b"base " * 100, b"base " * 90 + b"next", b"base " * 80 + b"last", b"base " * 70 + b"side"
LINE = b"".join(b"line %d\n" % number for number in range(300))


def index_of(path, form=SHA1):
    with open(path + ".idx", "rb") as file:
        return PackIndex(memoryview(file.read()), form.width, path + ".idx")


def walked(path, form=SHA1, **options):
    return list(walk(path, index_of(path, form), form, **options))


def singly(path, form=SHA1):
    """Every object of the pack, read by itself; in the order of their ids."""
    pack = Pack(path, form, DeltaBases())
    return [PackedObject(id_, *pack.read(pack.index.get(id_))) for id_ in pack.index.ids()]


def is_same(path, form=SHA1):
    """Assert that both ways find the same objects."""
    expected = singly(path, form)
    for verify in (True, False):
        assert sorted(walked(path, form, verify=verify)) == expected
    return True


@needs("git")
@pytest.mark.parametrize("form", [SHA1, SHA256])
@pytest.mark.parametrize("offsets", ["true", "false"])
def test_a_pack_of_git_with_long_chains(tmp_path, git_env, form, offsets):
    repo = GitRepo(tmp_path / "repo", git_env).init(f"--object-format={form.name}")
    rng, lines = random.Random(5), LINE.splitlines(keepends=True)
    for number in range(30):
        lines[rng.randrange(len(lines))] = b"changed %d\n" % number
        repo.write("dir/f", b"".join(lines))
        repo.write(f"new{number % 20}", rng.randbytes(200))
        repo.commit(f"number {number}")
    repo.git("tag", "-a", "-m", "x", "t")
    repo.git("-c", f"repack.useDeltaBaseOffset={offsets}", "repack", "-adfq", "--depth=50", "--window=50")
    (path,) = (str(each)[:-5] for each in (repo.path / ".git/objects/pack").glob("*.pack"))
    listed = repo.git("verify-pack", "-v", path + ".idx").splitlines()
    assert any("chain length = 1" in line for line in listed)
    assert is_same(path, form)
    kinds = Counter(line.split()[1] for line in listed if line[40:41] == " " or line[64:65] == " ")
    assert Counter(each.kind for each in walked(path, form)) == kinds


@pytest.mark.parametrize("references", [(0, 1, 0), (blob(BASE).id, blob(NEXT).id, blob(BASE).id), (0, blob(NEXT).id, 1)])
def test_deltas_of_both_kinds(tmp_path, references):
    first, second, third = references
    middle = NEXT if third == 1 else BASE
    path = write_pack(tmp_path, blob(BASE), delta_entry(BASE, NEXT, first), delta_entry(NEXT, LAST, second),
                      delta_entry(middle, SIDE, third), blob(b"alone"))
    assert is_same(path)
    assert [each.content for each in walked(path)][:2] == [BASE, NEXT]


def test_bases_may_come_after_their_deltas(tmp_path):
    entries = [delta_entry(NEXT, LAST, blob(NEXT).id), delta_entry(BASE, NEXT, blob(BASE).id), blob(BASE)]
    path = write_pack(tmp_path, *entries)
    assert is_same(path)
    assert [each.content for each in walked(path)] == [BASE, NEXT, LAST]


def test_random_trees_of_deltas(tmp_path):
    rng = random.Random(9)
    for round_ in range(20):
        contents = [LINE]
        entries = [blob(LINE)]
        for number in range(60):
            base = rng.randrange(len(contents))
            contents.append(contents[base][: rng.randrange(1, 300)] + b"%d" % number * 9)
            reference = base if rng.random() < 0.5 else blob(contents[base]).id
            entries.append(delta_entry(contents[base], contents[-1], reference))
        assert is_same(write_pack(tmp_path / str(round_), *entries))


def test_brothers_come_in_the_order_of_the_pack(tmp_path):
    contents = [BASE[:-1] + b"%d" % number for number in range(9)]
    path = write_pack(tmp_path, blob(BASE), *(delta_entry(BASE, content, 0) for content in contents))
    assert [each.content for each in walked(path)] == [BASE, *contents]


def test_an_empty_pack_holds_nothing(tmp_path):
    assert walked(write_pack(tmp_path)) == []


def test_headers_are_read_in_pieces(tmp_path, monkeypatch):
    rng = random.Random(4)
    contents = [rng.randbytes(rng.choice([0, 1, 50, 63, 64, 65, 200, 1000])) + b"%d" % number for number in range(80)]
    path = write_pack(tmp_path, *map(blob, contents), *(delta_entry(each, each + b"!", blob(each).id) for each in contents))
    expected = walked(path)
    assert len(expected) == 160
    for size in (64, 65, 100, 1000):
        monkeypatch.setattr(packwalk, "BLOCK", size)
        assert walked(path) == expected


@pytest.mark.parametrize("links", [((1, 2), (2, 3), (3, 1)), ((4, 4),), ((1, 2), (2, 1), (3, 1))])
def test_deltas_in_a_circle_are_corrupt(tmp_path, links):
    delta = make_delta(BASE, BASE)
    path = write_pack(tmp_path, blob(b"good"), *(Entry(oid(a), REF_DELTA, delta, oid(b)) for a, b in links))
    with pytest.raises(Corrupt, match=rf"pack-test.pack: {len(links)} deltas are made from each other in a circle"):
        walked(path)


def test_a_base_that_is_not_in_the_pack_is_corrupt(tmp_path):
    path = write_pack(tmp_path, blob(b"x"), delta_entry(BASE, NEXT, oid(77)))
    with pytest.raises(Corrupt, match=r"pack-test.pack:\d+: the base of a delta is not in this pack"):
        walked(path)


def test_a_base_in_the_middle_of_an_entry_is_corrupt(tmp_path):
    pack, index = make_pack(blob(BASE), delta_entry(BASE, NEXT, 0))
    shifted = pack.replace(b"\x60" if len(BASE) < 16 else make_header(BASE, NEXT), make_header(BASE, NEXT, back=1))
    (tmp_path / "p.pack").write_bytes(shifted)
    (tmp_path / "p.idx").write_bytes(index)
    with pytest.raises(Corrupt, match="the base of a delta is not in this pack"):
        walked(str(tmp_path / "p"))


def make_header(base, content, back=0):
    """The header of the second entry of a pack, an OFS_DELTA on the first one, or `back` bytes nearer."""
    start = len(make_pack(blob(base))[0]) - 20
    return entry_header(6, len(make_delta(base, content))) + bytes([start - 12 - back])


@pytest.fixture
def sound(tmp_path):
    """A pack with objects and deltas of both kinds; (path, pack, index)."""
    entries = [blob(LINE), delta_entry(LINE, LINE[:900], 0), delta_entry(LINE[:900], LINE[:500], blob(LINE[:900]).id), blob(b"x")]
    path = write_pack(tmp_path, *entries)
    return path, *(open(path + end, "rb").read() for end in (".pack", ".idx"))


def put(path, content):
    with open(path, "wb") as file:
        file.write(content)


def test_a_pack_cut_at_any_byte_is_corrupt(sound):
    path, pack, _ = sound
    for end in range(0, len(pack), 3):
        put(path + ".pack", pack[:end])
        with pytest.raises(Corrupt, match=r"pack-test\.pack"):
            walked(path, verify=False)


def test_one_bit_flipped_in_an_entry_is_found(sound):
    path, pack, _ = sound
    expected = walked(path)
    for at in range(12, len(pack) - 20):
        changed = bytearray(pack)
        changed[at] ^= 1 << at % 8
        put(path + ".pack", changed)
        try:
            assert walked(path) == expected  # a flag of zlib's header can mean nothing
        except GitError:
            continue


def test_content_that_is_not_what_its_id_says_is_corrupt_if_asked_for(tmp_path):
    wrong = Entry(oid(1), 3, b"some content")
    path = write_pack(tmp_path, blob(BASE), wrong, delta_entry(BASE, NEXT, 0)._replace(id=oid(2)))
    with pytest.raises(Corrupt, match=r"pack-test.pack:\d+: object 0+2 has another content"):
        walked(path)
    assert {each.id for each in walked(path, verify=False)} == {blob(BASE).id, oid(1), oid(2)}


@pytest.mark.parametrize("offset", [0, 5, 11, 13, 1 << 20, (1 << 64) - 1])
def test_an_index_that_points_anywhere_is_corrupt(tmp_path, offset):
    path = write_pack(tmp_path, blob(b"x"), blob(b"y"))
    rows = [(blob(b"x").id, offset, 0), (blob(b"y").id, 22, 0)]
    put(path + ".idx", make_index(rows))
    with pytest.raises(Corrupt):
        walked(path)


def test_two_objects_at_one_place_are_corrupt(tmp_path):
    path = write_pack(tmp_path, blob(b"x"), blob(b"y"))
    put(path + ".idx", make_index([(blob(b"x").id, 12, 0), (blob(b"y").id, 12, 0)]))
    with pytest.raises(Corrupt):
        walked(path)


def test_a_random_pack_raises_only_our_errors(sound):
    path, pack, index = sound
    rng = random.Random(2)
    for _ in range(300):
        files = {".pack": bytearray(pack), ".idx": bytearray(index)}
        for _ in range(rng.choice([1, 2, 8])):
            content = files[rng.choice([".pack", ".idx"])]
            content[rng.randrange(len(content))] = rng.randrange(256)
        for end, content in files.items():
            put(path + end, content)
        try:
            walked(path)
        except GitError:
            continue


def test_a_pack_that_is_left_early_is_closed(sound):
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else None
    found = walk(sound[0], index_of(sound[0]), SHA1)
    next(found)
    found.close()
    assert before is None or len(os.listdir("/proc/self/fd")) == before


def test_bases_that_are_dropped_while_they_wait_are_made_again(tmp_path, monkeypatch):
    """Whatever the room for bases is, the same objects come in the same order."""
    rng, contents = random.Random(3), [LINE]
    entries = [blob(LINE)]
    for number in range(80):
        base = max(0, len(contents) - rng.choice([1, 1, 1, 2, 5]))
        contents.append(contents[base][: rng.randrange(1, 2000)] + b"%d" % number * rng.randrange(1, 200))
        reference = base if rng.random() < 0.5 else blob(contents[base]).id
        entries.append(delta_entry(contents[base], contents[-1], reference))
    path = write_pack(tmp_path, *entries)
    expected = walked(path)
    assert len(expected) == 81
    for room in (0, 1, 1000, 5000, 20_000):
        monkeypatch.setattr(packwalk, "WAITING", room)
        assert walked(path) == expected


def test_large_bases_with_brothers_take_no_memory_each(tmp_path, child_env):
    size, content, entries = 4 << 20, os.urandom(4 << 20), []
    same = b"".join(copy_instruction(at, min(0xFFFF, size - 2 - at)) for at in range(0, size - 2, 0xFFFF))
    for number in range(60):  # a line of thirty, each with a brother
        last = b"%02d" % number
        delta = packed_number(size) * 2 + same + b"\2" + last
        id_ = SHA1.name_object("blob", content[:-2] + last)
        entries.append(Entry(id_, OFS_DELTA, delta, max(0, number - 1 - number % 2)) if number else blob(content[:-2] + last))
    assert int(limited(write_pack(tmp_path, *entries), child_env, 180)) == 60 * size


LIMITED = """
import resource, sys
from expref.objstore.errors import Corrupt
from expref.objstore.formats.packindex import PackIndex
from expref.objstore.ids import SHA1
from expref.objstore.stores.packwalk import walk
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) << 20, -1))
with open(sys.argv[1] + ".idx", "rb") as file:
    index = PackIndex(memoryview(file.read()), 20, "idx")
try:
    print(sum(len(each.content) for each in walk(sys.argv[1], index, SHA1)))
except Corrupt as error:
    print(error)
"""


def limited(path, child_env, size_mib):
    command = [sys.executable, "-c", LIMITED, path, str(size_mib)]
    done = subprocess.run(command, env=child_env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_memory_does_not_grow_with_the_pack(tmp_path, child_env):
    entries, size, content = [], 1 << 20, b""
    same = b"".join(copy_instruction(at, min(0xFFFF, size - 1 - at)) for at in range(0, size - 1, 0xFFFF))
    for number in range(60):  # chains of four
        last = b"%d" % (number % 4)
        content = content[:-1] + last if number % 4 else os.urandom(size)
        delta = packed_number(size) * 2 + same + b"\1" + last
        id_ = SHA1.name_object("blob", content)
        entries.append(Entry(id_, OFS_DELTA, delta, number - 1) if number % 4 else blob(content))
    path = write_pack(tmp_path, *entries, *(blob(os.urandom(size)) for _ in range(40)))
    assert int(limited(path, child_env, 90)) == 100 * size


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
def test_an_entry_that_inflates_to_far_more_than_it_promises_costs_no_memory(tmp_path, child_env):
    bomb = make_pack(Entry(oid(1), 3, bytes(150 << 20)))[0]
    header = entry_header(3, 150 << 20)
    pack = b"PACK\0\0\0\2\0\0\0\1" + entry_header(3, 1000) + bomb[12 + len(header) : -20]
    put(f"{tmp_path}/p.pack", pack + hashlib.sha1(pack).digest())
    put(f"{tmp_path}/p.idx", make_index([(oid(1), 12, 0)]))
    assert "does not inflate to the 1000 bytes" in limited(f"{tmp_path}/p", child_env, 100)
