"""Multi-pack-indexes as bytes. What a store does with them is in test_packs.py."""
import struct

import pytest
from expref.objstore.errors import Corrupt, GitError, Unsupported
from expref.objstore.formats.midx import MultiPackIndex
from expref.objstore.ids import ObjectId

from tests.packmaker import make_midx, oid

PACKS = {"pack-b.idx": [oid(5), ObjectId(b"\xff" * 20)], "pack-a.idx": [oid(1)], "pack-c.pack": [oid(3), oid(4)]}


def midx_of(content):
    return MultiPackIndex(memoryview(content), 20, "midx")


def test_it_says_which_pack_holds_an_object():
    midx = midx_of(make_midx(PACKS))
    assert midx.packs == ("pack-a", "pack-b", "pack-c")
    for name, ids in PACKS.items():
        assert {midx.pack_of(id_) for id_ in ids} == {name[:6]}
    assert midx.pack_of(oid(2)) is None


def test_unknown_chunks_are_passed_over():
    assert midx_of(make_midx(PACKS, {b"RIDX": b"x" * 77, b"BTMP": b""})).pack_of(oid(1)) == "pack-a"


def test_a_pack_that_is_not_in_its_list_is_none():
    content = make_midx(PACKS, {b"OOFF": struct.pack(">II", 3, 12) * 5})
    assert midx_of(content).pack_of(oid(1)) is None


@pytest.mark.parametrize(("content", "why"), [
    (b"", "not a multi-pack-index"), (b"JUNK" + make_midx(PACKS)[4:], "not a multi-pack-index"),
    (make_midx(PACKS)[:40], "table of chunks is cut off"), (make_midx(PACKS, {b"OIDL": b""}), "do not fit"),
    (make_midx(PACKS, {b"OOFF": b""}), "do not fit"), (make_midx(PACKS, {b"OIDF": bytes(1000)}), "fan-out"),
    (make_midx(PACKS, {b"PNAM": b"pack-a.idx\0"}), "does not name 3 packs"), (make_midx(PACKS)[:-60], "one behind the other"),
    (make_midx(PACKS).replace(b"OIDF", b"XXXX"), "a chunk is missing"),
])
def test_what_does_not_fit_together_is_corrupt(content, why):
    with pytest.raises(Corrupt, match=f"midx:\\d+: .*{why}"):
        midx_of(content)


@pytest.mark.parametrize("other", [{"version": 2}, {"hash_version": 2}, {"hash_version": 9}])
def test_another_version_or_hash_is_refused(other):
    with pytest.raises(Unsupported):
        midx_of(make_midx(PACKS, **other))


def test_a_huge_count_of_anything_is_refused_at_once():
    content = make_midx(PACKS)
    for at in (6, 8, 12 + 4, *range(24, 100, 4)):
        try:
            midx_of(content[:at] + b"\xff" * 4 + content[at + 4 :])
        except GitError:
            continue
