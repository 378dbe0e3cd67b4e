"""Every decoder of the object store: what was encoded comes back; cut or damaged bytes make a result or a GitError.

A GitError is what the caller can show; anything else would be a bug. Memory and time are bounded by hard limits in a
child process, where the bombs are.
"""
import hashlib
import os
import resource
import subprocess
import sys
import zlib
from contextlib import suppress

import pytest
from expref.objstore.errors import GitError
from expref.objstore.formats.alternates import decode_alternates
from expref.objstore.formats.delta import apply_delta
from expref.objstore.formats.index import Index, IndexRow, decode_tree_cache, encode_index
from expref.objstore.formats.midx import MultiPackIndex
from expref.objstore.formats.objects import (
    MODES,
    Commit,
    Signature,
    TreeEntry,
    decode_commit,
    decode_tree,
    encode_commit,
    encode_signature,
    encode_tree,
    is_entry_name,
    parse_signature,
)
from expref.objstore.formats.pack import inflate, read_entry_header
from expref.objstore.formats.packindex import PackIndex
from expref.objstore.formats.refs import decode_loose, decode_packed, encode_loose
from expref.objstore.ids import SHA1, SHA256, ObjectId
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.loose import LooseStore, StoredObject
from expref.objstore.stores.packfile import DeltaBases, Pack
from expref.objstore.stores.packwalk import walk
from expref.objstore.stores.streams import open_loose, open_packed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.indexmaker import Entry, extension, make_index, tree_extension
from tests.packmaker import (
    blob,
    delta_entry,
    distance,
    make_delta,
    make_midx,
    make_old_index,
    make_pack,
    oid,
    write_pack,
)
from tests.packmaker import make_index as make_pack_index

FORMS = st.sampled_from([SHA1, SHA256])
MODEST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ids(form=SHA1):
    return st.binary(min_size=form.width, max_size=form.width).map(ObjectId)


names = st.binary(min_size=1, max_size=12).filter(is_entry_name)
text_lines = st.binary(max_size=30).filter(lambda line: b"\n" not in line and b"\0" not in line)
words = st.text("abcdefghij-", min_size=1, max_size=8).map(str.encode).filter(
    lambda word: word not in (b"tree", b"parent", b"author", b"committer"))
headers = st.lists(st.tuples(words, st.lists(text_lines, min_size=1, max_size=3).map(b"\n".join)), max_size=3).map(tuple)
uint32 = st.integers(0, (1 << 32) - 1)


@st.composite
def trees(draw):
    form = draw(FORMS)
    entries = draw(st.dictionaries(names, st.tuples(st.sampled_from(sorted(MODES)), ids(form)), max_size=8))
    return form, [TreeEntry(mode, name, id_) for name, (mode, id_) in entries.items()]


@MODEST
@given(trees())
def test_a_tree_comes_back(drawn):
    form, entries = drawn
    assert sorted(decode_tree(encode_tree(entries), form)) == sorted(entries)


@MODEST
@given(st.data(), FORMS, text_lines, text_lines, st.binary(max_size=50).filter(lambda m: b"\0" not in m), headers)
def test_a_commit_comes_back(data, form, author, committer, message, extra):
    parents = tuple(data.draw(st.lists(ids(form), max_size=3)))
    commit = Commit(data.draw(ids(form)), parents, author, committer, message, extra)
    assert decode_commit(encode_commit(commit), form) == commit


@MODEST
@given(st.binary(max_size=20), st.binary(max_size=20), st.integers(0, 1 << 40), st.integers(-1439, 1439))
def test_a_signature_comes_back_without_what_git_drops(name, email, when, offset):
    try:
        line = encode_signature(Signature(name, email, when, offset))
    except GitError:
        return
    signature = parse_signature(line)
    assert (signature.when, signature.offset) == (when, offset)
    assert encode_signature(signature) == line


@MODEST
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_delta_makes_what_it_was_made_for(base, result):
    assert apply_delta(base, make_delta(base, result)) == result


@MODEST
@given(st.dictionaries(ids(), st.integers(12, (1 << 63) - 1), max_size=20), st.integers(0, 1 << 33))
def test_every_offset_in_a_pack_index_is_found(offsets, large_from):
    rows = [(id_, offset, 0) for id_, offset in offsets.items()]
    index = PackIndex(memoryview(make_pack_index(rows, large_from=min(large_from, 1 << 31))), 20, "idx")
    assert {id_: index.get(id_) for id_ in index.ids()} == offsets


@MODEST
@given(FORMS, st.data())
def test_an_index_comes_back(form, data):
    pairs = st.tuples(uint32, uint32)
    row = st.builds(IndexRow, pairs, pairs, uint32, st.sampled_from(sorted(MODES)), uint32, uint32, uint32, ids(form),
                    st.just(0), st.just(0))
    paths = st.binary(min_size=1, max_size=30).filter(lambda path: b"\0" not in path)
    rows = sorted(data.draw(st.dictionaries(paths, row, max_size=6)).items())
    index = Index(encode_index(rows, form), form, "index")
    assert [(index.path(n), index.row(n)._replace(flags=0)) for n in range(len(index))] == rows
    assert all(index.find(path) == number for number, (path, _) in enumerate(rows))


@MODEST
@given(FORMS, st.data())
def test_a_loose_ref_comes_back(form, data):
    id_ = data.draw(ids(form).filter(any))
    assert decode_loose(encode_loose(id_), form, "ref") == id_


@settings(MODEST, max_examples=20)
@given(st.sampled_from(["blob", "tree", "commit", "tag"]), st.binary(max_size=5000))
def test_a_loose_object_comes_back(tmp_path_factory, kind, content):
    store = LooseStore(str(tmp_path_factory.getbasetemp() / "loose"), SHA1, PRIVATE)
    assert store.get(store.write(kind, content)) == StoredObject(kind, content)


# Damage. Each reader takes bytes and does everything with them that the package does.

BASE = b"some content that is the base of deltas " * 5
COMMIT = Commit(oid(1), (oid(2),), b"a <b> 1 +0000", b"a <b> 1 +0000", b"m\n", ((b"gpgsig", b"x\n\ny"),))
TREE_CACHE = tree_extension((b"", 3, 1, oid(1)), (b"dir", 2, 1, oid(2)), (b"sub", 1, 0, oid(3)))
ENTRIES = [Entry(b"a"), Entry(b"dir/b", extended=0x4000), Entry(b"dir/sub/c", flags=0x1000)]
LARGE_ROWS = [(oid(1), 1 << 40, 7), *((oid(number), 12 * number, 1) for number in range(2, 6))]
PACK, PACK_INDEX = make_pack(blob(BASE), delta_entry(BASE, BASE[:50], 0), delta_entry(BASE, b"new" + BASE, blob(BASE).id))


def read_index(content):
    index = Index(content, SHA1, "index")
    for number in range(len(index)):
        index.find(index.path(number))
        index.row(number)


def with_checksum(read):
    """The same for bytes whose trailer is put right after the damage: so it gets past the checksum."""
    return lambda content: read(content[:-20] + hashlib.sha1(content[:-20]).digest())


def read_pack_index(content):
    index = PackIndex(memoryview(content), 20, "idx")
    every(index.offsets, lambda: list(index.ids_starting_with("00")), lambda: index.get(bytes(20)), lambda: index.pack_hash)
    for id_ in index.ids():
        every(lambda id_=id_: index.get(id_), lambda id_=id_: index.crc(index.find(id_) or 0))


def read_midx(content):
    midx = MultiPackIndex(memoryview(content), 20, "midx")
    for id_ in midx.ids():
        midx.pack_of(id_)


def read_entry(content):
    header, at = read_entry_header(memoryview(bytes(20) + content), 20, 20, "pack")
    inflate(memoryview(bytes(20) + content), at, header.size, "pack")


class InFile:
    """Readers of files; each file is written anew."""

    def __init__(self, folder):
        self.folder = folder

    def loose(self, content):
        path = self.folder / "objects" / "00" / oid(1).hex()[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        store = LooseStore(str(self.folder / "objects"), SHA1, PRIVATE)
        every(lambda: store.get(oid(1)), lambda: store.size(oid(1)))

    def pack(self, content):
        self._read_pack(content, PACK_INDEX)

    def pack_by_damaged_index(self, content):
        self._read_pack(PACK, content)

    def streamed_loose(self, content):
        (self.folder / "streamed").write_bytes(content)
        list(open_loose(str(self.folder / "streamed")).blocks)

    def streamed_pack(self, content):
        self._write_pack(content, PACK_INDEX)
        opened = Pack(str(self.folder / "p"), SHA1, DeltaBases())
        for row in range(opened.index.count):
            every(lambda row=row: list(open_packed(opened, opened.index.offset(row)).blocks))

    def walked_pack(self, content):
        self._walk_pack(content, PACK_INDEX)

    def walked_by_damaged_index(self, content):
        self._walk_pack(PACK, content)

    def _walk_pack(self, pack, index):
        self._write_pack(pack, index)
        list(walk(str(self.folder / "p"), PackIndex(memoryview(index), 20, "idx"), SHA1, verify=False))

    def _write_pack(self, pack, index):
        for suffix, part in ((".pack", pack), (".idx", index)):
            (self.folder / f"p{suffix}").write_bytes(part)

    def _read_pack(self, pack, index):
        self._write_pack(pack, index)
        opened = Pack(str(self.folder / "p"), SHA1, DeltaBases())
        for row in range(min(opened.index.count, 10)):
            every(lambda row=row: opened.read(opened.index.offset(row)), lambda row=row: opened.size(opened.index.offset(row)))


def every(*calls):
    """Call each, whether the one before raised a GitError or not."""
    for call in calls:
        with suppress(GitError):
            call()


SUBJECTS = {
    "tree": (encode_tree([TreeEntry(mode, b"%o" % mode, oid(mode)) for mode in MODES]), lambda c: decode_tree(c, SHA1)),
    "commit": (encode_commit(COMMIT), lambda content: decode_commit(content, SHA1)),
    "signature": (b"A U Thor <a@b.c> 1700000000 -0130", parse_signature),
    "delta": (make_delta(BASE, BASE[:70] + b"inserted" + BASE), lambda content: apply_delta(BASE, content)),
    "index": (make_index(*ENTRIES, version=3, extensions=TREE_CACHE + extension(b"REUC", b"x")), read_index),
    "index with checksum": (make_index(*ENTRIES, version=3, extensions=TREE_CACHE), with_checksum(read_index)),
    "index of version 4": (make_index(*ENTRIES, version=4, extensions=TREE_CACHE), read_index),
    "index of version 4 with checksum": (make_index(*ENTRIES, version=4), with_checksum(read_index)),
    "TREE": (TREE_CACHE[8:], lambda content: decode_tree_cache(content, SHA1)),
    "pack index": (PACK_INDEX, read_pack_index),
    "pack index of version 1": (make_old_index(LARGE_ROWS[1:]), read_pack_index),
    "pack index with large offsets": (make_pack_index(LARGE_ROWS, large_from=100), read_pack_index),
    "multi-pack-index": (make_midx({"pack-a.idx": [oid(1), oid(2)], "pack-b.idx": [oid(3)]}), read_midx),
    "pack entry": (PACK[12:-20], read_entry),
    "entry of a delta": (b"\x65" + distance(5) + zlib.compress(b"12345"), read_entry),
    "alternates": (b'../a\n"/b\\303\\244"\n# c\n', lambda content: list(decode_alternates(content))),
    "loose ref": (b"ref: refs/heads/main\n", lambda content: decode_loose(content, SHA1, "ref")),
    "loose ref with id": (encode_loose(oid(5)), lambda content: decode_loose(content, SHA1, "ref")),
    "packed-refs": (
        b"# pack-refs with: peeled fully-peeled sorted \n%s refs/a\n^%s\n%s refs/b\n" % ((b"1" * 40,) * 3),
        lambda content: list(decode_packed(content, SHA1, "packed-refs")),
    ),
    "streamed loose object": (zlib.compress(b"blob 200\0" + BASE), "streamed_loose"),
    "streamed pack": (PACK, "streamed_pack"),
    "walked pack": (PACK, "walked_pack"),
    "pack walked by a damaged index": (PACK_INDEX, "walked_by_damaged_index"),
    "loose object": (zlib.compress(b"blob 200\0" + BASE), "loose"),
    "stored loose object": (zlib.compress(b"blob 200\0" + BASE, 0), "loose"),
    "pack": (PACK, "pack"),
    "pack by a damaged index": (PACK_INDEX, "pack_by_damaged_index"),
}
LONG = 300  # from this many bytes on only some of the places are tried, others each time the code of a decoder changes


@pytest.fixture
def subject(request, tmp_path):
    content, read = SUBJECTS[request.param]
    return content, getattr(InFile(tmp_path), read) if isinstance(read, str) else read


def places(content):
    return range(0, len(content), 1 + len(content) // LONG)


def survive(read, content, what):
    try:
        read(content)
    except GitError:
        pass
    except Exception as error:
        pytest.fail(f"{what}: {type(error).__name__}: {error}")


@pytest.mark.parametrize("subject", SUBJECTS, indirect=True)
def test_undamaged_it_is_read(subject):
    content, read = subject
    read(content)


@pytest.mark.parametrize("subject", SUBJECTS, indirect=True)
def test_cut_at_every_byte(subject):
    content, read = subject
    for end in places(content):
        survive(read, content[:end], f"cut at {end}")


@pytest.mark.parametrize("subject", SUBJECTS, indirect=True)
def test_one_bit_flipped(subject):
    content, read = subject
    for at in places(content):
        damaged = bytearray(content)
        damaged[at] ^= 1 << (at * 5 + 3) % 8
        survive(read, bytes(damaged), f"bit {(at * 5 + 3) % 8} of byte {at} flipped")


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, indirect=True)
def test_every_single_bit_flipped(subject):
    content, read = subject
    for at in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[at // 8] ^= 1 << at % 8
        survive(read, bytes(damaged), f"bit {at % 8} of byte {at // 8} flipped")


@pytest.mark.parametrize("subject", SUBJECTS, indirect=True)
def test_numbers_made_as_large_as_they_can_be(subject):
    content, read = subject
    for at in places(content):
        for pattern in (b"\xff" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\0" * 4, b"\x80\0\0\0"):
            survive(read, content[:at] + pattern + content[at + len(pattern) :], f"{pattern!r} at {at}")


@pytest.mark.parametrize("subject", SUBJECTS, indirect=True)
@settings(MODEST, suppress_health_check=list(HealthCheck))
@given(noise=st.binary(max_size=200), share=st.floats(0, 1))
def test_noise_in_any_place(subject, noise, share):
    content, read = subject
    at = int(share * len(content))
    survive(read, content[:at] + noise + content[at:], f"{noise!r} put in at {at}")
    survive(read, noise, f"only {noise!r}")


BOMB_S, BOMB_BYTES = 20, 700 << 20  # of the processor and of memory: a bomb would take far more of both


def in_limits(script, child_env, *arguments):
    """Run Python code that prints; kill it when it takes too much. Returns what it printed."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (BOMB_BYTES, BOMB_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (BOMB_S, BOMB_S))

    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=child_env, preexec_fn=limit, capture_output=True, text=True, timeout=10 * BOMB_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


READ_PACK = """
import sys
from expref.objstore.errors import GitError
from expref.objstore.ids import SHA1
from expref.objstore.stores.packfile import DeltaBases, Pack
from expref.objstore.stores.packwalk import walk
from expref.objstore.stores.streams import open_loose, open_packed
pack = Pack(sys.argv[1], SHA1, DeltaBases())
for row in range(pack.index.count):
    try:
        print(len(pack.read(pack.index.offset(row)).content))
    except GitError as error:
        print(type(error).__name__)
"""


def delta_to(size, *steps, base=BASE):
    from tests.packmaker import number

    return number(len(base)) + number(size) + b"".join(steps)


def test_a_delta_bomb_is_refused(tmp_path, child_env):
    from tests.packmaker import OFS_DELTA, Entry, copy_instruction

    big = bytes(1 << 24)
    copies = [copy_instruction(0, 0xFFFFFF)] * 100_000
    entries = [blob(big), Entry(oid(1), OFS_DELTA, delta_to(100_000 * 0xFFFFFF, *copies, base=big), 0),
               Entry(oid(2), OFS_DELTA, delta_to(1 << 60, *copies, base=big), 0),
               Entry(oid(3), OFS_DELTA, delta_to(1000, *copies, base=big), 0)]
    out = in_limits(READ_PACK, child_env, write_pack(tmp_path, *entries))
    assert sorted(out.split()) == sorted([str(1 << 24), "Unsupported", "Unsupported", "Corrupt"])


def test_a_zlib_bomb_in_a_pack_is_refused(tmp_path, child_env):
    path = write_pack(tmp_path, blob(bytes(1 << 28)))
    with open(path + ".pack", "r+b") as file:
        file.seek(12)
        file.write(b"\xb0\x80\x80\x80\x01"[:5])  # the same length of header, another size
    assert in_limits(READ_PACK, child_env, path).split() == ["Corrupt"]


def test_deltas_in_circles_and_endless_chains_end(tmp_path, child_env):
    from tests.packmaker import OFS_DELTA, REF_DELTA, Entry

    content = os.urandom(1 << 16)
    delta = make_delta(content, content) + b"\x01x" * 500_000
    circle = [Entry(oid(number), REF_DELTA, delta, oid(1 + number % 50)) for number in range(1, 51)]
    chain = [Entry(oid(100 + number), OFS_DELTA, make_delta(BASE, BASE), 50 + number) for number in range(5000)]
    path = write_pack(tmp_path, *circle, blob(BASE), *chain)
    out = in_limits(READ_PACK, child_env, path).split()
    assert out.count("Corrupt") >= 50
    assert set(out) == {"Corrupt", str(len(BASE))}


def test_a_loose_bomb_is_refused(tmp_path, child_env):
    packer, path = zlib.compressobj(9), tmp_path / "00" / oid(1).hex()[2:]
    path.parent.mkdir()
    start = packer.compress(b"blob 10\0") + packer.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(start + (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 2000)
    script = """
import sys
from expref.objstore.errors import Corrupt
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.loose import LooseStore
store, id_ = LooseStore(sys.argv[1], SHA1, PRIVATE), bytes(19) + b"\\1"
try:
    store.get(id_)
except Corrupt:
    print("refused", store.size(id_))
"""
    assert in_limits(script, child_env, tmp_path) == "refused 10\n"
