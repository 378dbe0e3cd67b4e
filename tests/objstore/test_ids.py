"""Ids and the hashes that make them."""
import pytest
from expref.objstore.errors import BadName
from expref.objstore.ids import SHA1, SHA256, ObjectId


def test_an_id_is_shown_in_hexadecimal():
    assert str(ObjectId(b"\x01" * 20)) == "01" * 20
    assert repr(ObjectId(b"\x01")) == "ObjectId('01')"


def test_an_object_is_named_by_kind_size_and_content():
    assert str(SHA1.name_object("blob", b"")) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert str(SHA1.name_object("tree", b"")) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert str(SHA256.name_object("blob", b"")).startswith("473a0f4c3be8a936")


def test_hexadecimal_is_read_in_any_case_and_as_bytes():
    assert SHA1.parse_id("AB" * 20) == SHA1.parse_id(b"ab" * 20) == b"\xab" * 20
    assert SHA256.parse_id("00" * 32) == bytes(32)


@pytest.mark.parametrize("text", ["", "ab", "0" * 39, "0" * 41, "0" * 64, "g" * 40, " " + "0" * 39, "0_" * 20, "٣" * 40])
def test_what_is_no_id_is_refused(text):
    with pytest.raises(BadName, match="bad object id"):
        SHA1.parse_id(text)
