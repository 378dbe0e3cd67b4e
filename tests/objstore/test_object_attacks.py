"""What attackers have done to other readers of Git objects: each published weakness as a test, under its name.

Time and memory are bounded by hard limits in a child process. Formats cut and damaged at random are in
tests/properties; names and trees that lead elsewhere are refused where they are checked out.
"""
import hashlib
import os
import struct
import subprocess
import sys
import zlib

import pytest
from expref.objstore.errors import BadName, Corrupt, GitError, Unsupported
from expref.objstore.formats.delta import apply_delta
from expref.objstore.formats.objects import decode_commit
from expref.objstore.formats.tag import decode_tag
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore

from tests.packmaker import (
    OFS_DELTA,
    REF_DELTA,
    Entry,
    blob,
    copy_instruction,
    entry_header,
    make_delta,
    make_index,
    make_midx,
    make_pack,
    number,
    oid,
    write_pack,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
BASE = b"base of deltas " * 20
READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (192 << 20, -1))
resource.setrlimit(resource.RLIMIT_CPU, (20, -1))
from expref.objstore.errors import GitError
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.objectstore import ObjectStore
objects = ObjectStore(sys.argv[1], SHA1, PRIVATE)
looks = {
    "find": objects.find, "size": objects.find_size, "kind": objects.find_kind,
    "blob": lambda id_: sum(map(len, objects.open_blob(id_))), "all": lambda _: sum(1 for _ in objects.each_object()),
}
for name, look in looks.items():
    try:
        found = look(SHA1.parse_id(sys.argv[2]))
        print(name, len(found.content) if name == "find" else found)
    except GitError as error:
        print(name, type(error).__name__)
"""


@pytest.fixture
def look(tmp_path, child_env):
    """Every way to read the object in `tmp_path`, in a process of limited memory and time: {way: what came of it}."""

    def read(id_):
        command = [sys.executable, "-c", READ, str(tmp_path), str(id_)]
        done = subprocess.run(command, env=child_env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return dict(line.split() for line in done.stdout.splitlines())

    return read


def put_pack(folder, *entries, header=None):
    """A pack of these raw entries (bytes) or Entry values; each has the id of its number, from 1 on."""
    pack, rows = bytearray(b"PACK" + struct.pack(">II", 2, len(entries))), []
    for count, entry in enumerate(entries, 1):
        rows.append((oid(count), len(pack), 0))
        pack += entry
    trailer = hashlib.sha1(pack).digest()
    folder.mkdir()
    (folder / "p.pack").write_bytes(pack + trailer)
    (folder / "p.idx").write_bytes(make_index(rows, trailer))


def whole(content):
    return entry_header(3, len(content)) + zlib.compress(content, 9)


def bomb(start=b"", fill=b"\0"):
    """A zlib stream of 160 kB that makes `start` and 160 MiB."""
    packer = zlib.compressobj(9)
    first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + (packer.compress(fill * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 160


# Bombs (dulwich 1.2.x: unbounded inflation of entries and loose objects, results of deltas; class 12)


@pytest.mark.parametrize("promised", [0, 10, 40_000, 1 << 24, 1 << 40, (1 << 63) + 1])
def test_an_entry_that_inflates_to_more_than_it_promises_or_promises_the_world(tmp_path, look, promised):
    put_pack(tmp_path / "pack", entry_header(3, promised) + bomb())
    found = look(oid(1))
    assert {found[way] for way in ("find", "blob", "all")} == {"Corrupt"}


@pytest.mark.parametrize("promised", [0, 10, 40_000, 1 << 24, 1 << 40, 10**19])
def test_a_loose_object_that_inflates_to_more_than_it_promises_or_promises_the_world(tmp_path, look, promised):
    path = tmp_path / str(oid(1))[:2] / str(oid(1))[2:]
    path.parent.mkdir()
    path.write_bytes(bomb(b"blob %d\0" % promised))
    found = look(oid(1))
    assert {found[way] for way in ("find", "blob", "all")} == {"Corrupt"}


def test_a_header_that_does_not_end_in_a_bomb(tmp_path, look):
    path = tmp_path / str(oid(1))[:2] / str(oid(1))[2:]
    path.parent.mkdir()
    path.write_bytes(bomb(b"blob ", b"1"))
    assert set(look(oid(1)).values()) == {"Corrupt"}


@pytest.mark.parametrize("result", [1 << 20, (2 << 30) + 1, 1 << 62])
def test_a_delta_of_a_hundred_bytes_that_promises_or_makes_gigabytes(tmp_path, look, result):
    """174 bytes that made dulwich allocate hundreds of megabytes."""
    base = bytes(1 << 16)
    bomb = number(len(base)) + number(result) + copy_instruction(0, 0xFFFF) * 100_000
    put_pack(tmp_path / "pack", whole(base), entry_header(REF_DELTA, len(bomb)) + oid(1) + zlib.compress(bomb, 9))
    found = look(oid(2))
    assert found["find"] in ("Corrupt", "Unsupported")
    assert found["blob"] in ("Corrupt", "Unsupported")


def test_millions_of_empty_blocks_of_zlib_are_read_in_time(tmp_path, look):
    packer = zlib.compressobj(0)
    packed = b"".join(packer.flush(zlib.Z_FULL_FLUSH) for _ in range(300_000)) + packer.flush()
    put_pack(tmp_path / "pack", entry_header(3, 0) + packed)
    assert look(oid(1))["find"] == "0"


# Deltas (CVE-2015-0838, CVE-2018-10887, CVE-2018-10888, dulwich: an OFS_DELTA on itself)


@pytest.mark.parametrize("back", [b"\x00", b"\x80\x00", b"\xff" * 9 + b"\x7f", b"\xff" * 30, b"\x7f"])
def test_an_offset_delta_on_itself_or_outside_of_the_pack(tmp_path, look, back):
    delta = make_delta(BASE, BASE)
    put_pack(tmp_path / "pack", entry_header(OFS_DELTA, len(delta)) + back + zlib.compress(delta))
    assert set(look(oid(1)).values()) - {str(len(BASE))} == {"Corrupt"}


def test_deltas_that_are_made_from_each_other(tmp_path, look):
    delta = make_delta(BASE, BASE)
    put_pack(tmp_path / "pack", *(entry_header(REF_DELTA, len(delta)) + oid(other) + zlib.compress(delta) for other in (2, 3, 1)))
    found = look(oid(1))
    assert {found[way] for way in ("find", "kind", "blob", "all")} == {"Corrupt"}


@pytest.mark.parametrize("step", [
    b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\x8f\xff\xff\xff\xff", b"\x88\x80", b"\xf0\xff\xff\xff", b"\x93\xff\xff\xff",
    b"\x97\xff\xff\xff\xff", b"\xb3\xff\xff\xff\xff", b"\x80",
])
def test_a_copy_whose_start_and_length_overflow(step):
    for size in (1, 255, 0x10000, 0xFFFFFF):
        with pytest.raises(Corrupt):
            apply_delta(BASE, number(len(BASE)) + number(size) + step)


@pytest.mark.parametrize("step", [b"\x91", b"\xff\x01", b"\x7f", b"\x05abcd", b"\xb3\0\0\0", b"\x97\0\0\0", b"\x93\0\0"])
def test_an_instruction_that_reads_past_the_end_of_the_delta(step):
    with pytest.raises(Corrupt):
        apply_delta(BASE, number(len(BASE)) + number(5) + step)


def test_a_delta_for_another_base_or_of_another_size():
    good = make_delta(BASE, BASE[:50] + b"x")
    for base, delta in ((BASE + b"x", good), (BASE[1:], good), (BASE, good + b"\x01x"), (BASE, good[:-2]), (b"", good)):
        with pytest.raises(Corrupt):
            apply_delta(base, delta)


def test_a_line_of_deltas_that_is_too_long(tmp_path, look):
    delta = make_delta(BASE, BASE)
    entries = [blob(BASE), *(Entry(oid(count), OFS_DELTA, delta, count - 1) for count in range(1, 6000))]
    write_pack(tmp_path / "pack", *entries)
    found = look(oid(5999))
    assert (found["find"], found["kind"]) == ("Corrupt", "Corrupt")


# Tables (class 13; libgit2: counts that overflow, large offsets outside of the table)


@pytest.mark.parametrize("suffix", [".idx", ".midx"])
def test_counts_of_billions_in_a_small_file(tmp_path, look, suffix):
    folder = tmp_path / "pack"
    write_pack(folder, blob(b"x"), name="pack-a")
    write_pack(folder, blob(b"y"), name="pack-b")
    index = bytearray((folder / "pack-a.idx").read_bytes())
    if suffix == ".midx":
        fanout = struct.pack(">256I", *[0xFFFFFFFF] * 256)
        (folder / "multi-pack-index").write_bytes(make_midx({"pack-a.idx": [], "pack-b.idx": []}, {b"OIDF": fanout}))
        assert look(blob(b"x").id)["find"] == "1"
    else:
        index[8 : 8 + 1024] = struct.pack(">256I", *[0xFFFFFFFF] * 256)
        (folder / "pack-a.idx").write_bytes(index)
        assert set(look(blob(b"x").id).values()) == {"Corrupt"}
        assert look(blob(b"y").id)["find"] == "1"


@pytest.mark.parametrize("offset", [0, 11, 1 << 31, (1 << 63) - 1, (1 << 64) - 1])
def test_an_offset_outside_of_the_pack(tmp_path, look, offset):
    pack, _ = make_pack(blob(b"x"))
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/p.pack").write_bytes(pack)
    (tmp_path / "pack/p.idx").write_bytes(make_index([(blob(b"x").id, offset, 0)], pack[-20:]))
    assert set(look(blob(b"x").id).values()) == {"Corrupt"}


def test_a_pack_that_promises_more_objects_than_it_has(tmp_path):
    path = write_pack(tmp_path / "pack", blob(b"x"))
    with open(path + ".pack", "r+b") as file:
        file.seek(8)
        file.write(b"\xff" * 4)
    with pytest.raises(Corrupt, match="as many objects as its index"):
        ObjectStore(str(tmp_path), SHA1, PRIVATE).find(blob(b"x").id)


# Other objects than asked for (class 15), names that lead out of the folder (dulwich: ids with a path in them)


def test_who_reads_anew_what_is_here_never_replaces_it(tmp_path):
    """Two contents of one id cannot be made for a test; that the first one stays is what is promised."""
    objects = ObjectStore(str(tmp_path), SHA1, PRIVATE)
    id_ = objects.write("blob", b"first")
    path = tmp_path / str(id_)[:2] / str(id_)[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 5\0other"))
    assert objects.write("blob", b"first") == id_
    assert objects.find(id_).content == b"other"
    with pytest.raises(Corrupt, match="another object"):
        list(objects.open_blob(id_))


@pytest.mark.parametrize("text", ["../../../etc/passwd", "a" * 38 + "/x", "0" * 39, "0" * 41, "g" * 40, "", "0x" + "0" * 38, "٣" * 40])
def test_an_id_that_is_a_path_or_anything_else(text):
    with pytest.raises(BadName):
        SHA1.parse_id(text)


def test_names_of_packs_in_a_multi_pack_index_lead_nowhere(tmp_path):
    write_pack(tmp_path / "pack", blob(b"x"), name="pack-a")
    write_pack(tmp_path / "pack", blob(b"y"), name="pack-b")
    write_pack(tmp_path / "secret", blob(b"secret"), name="p")
    names = {name: [blob(b"secret").id] for name in ("../secret/p.idx", f"{tmp_path}/secret/p.idx")}
    (tmp_path / "pack/multi-pack-index").write_bytes(make_midx(names))
    assert not ObjectStore(str(tmp_path), SHA1, PRIVATE).has(blob(b"secret").id)


# Headers (dulwich: time that grows with the square of the lines)


@pytest.mark.parametrize("line", [b" x\n", b"x y\n", b"parent " + b"1" * 40 + b"\n", b"\xff\n"])
def test_hundreds_of_thousands_of_header_lines_are_read_in_time(tmp_path, child_env, line):
    start = b"tree %s\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n" % (b"1" * 40)
    content = start + b"gpgsig x\n" + line * 200_000 + b"\nm"
    (tmp_path / "commit").write_bytes(content)
    (tmp_path / "tag").write_bytes(b"object %s\ntype commit\ntag t\n" % (b"1" * 40) + line * 200_000 + b"\nm")
    script = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, -1))
from expref.objstore.formats.objects import decode_commit
from expref.objstore.formats.tag import decode_tag
from expref.objstore.ids import SHA1
decode_commit(open(sys.argv[1] + "/commit", "rb").read(), SHA1)
decode_tag(open(sys.argv[1] + "/tag", "rb").read(), SHA1)
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=child_env, check=True)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"tree", b"\0" * 100, b" " * 100, b"object x\ntype y\ntag z\n\n"])
def test_objects_without_what_they_must_have(content):
    for decode in (decode_commit, decode_tag):
        with pytest.raises(GitError):
            decode(content, SHA1)


def test_what_cannot_be_held_is_refused_by_name():
    with pytest.raises(Unsupported, match="a delta that makes"):
        apply_delta(BASE, number(len(BASE)) + number(1 << 40) + os.urandom(10))
