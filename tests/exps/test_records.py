"""Files of records: what was added is there, and a file that is broken, foreign or hostile only costs what is in it."""

import os
import threading

import pytest
from expref.exps import records
from expref.exps.records import Record, Records

from tests.projects import open_project

ONE, TWO = Record(b"1" * 20, -1, b"first"), Record(b"2" * 20, 1 << 40, b"second \xff\n" * 9)


@pytest.fixture
def state(repo):
    return open_project(repo).state


def opened(state, about=""):
    return Records(state, "rows", about, 20)


def path(state):
    return state.path("rows")


def read(state):
    with open(path(state), "rb") as file:
        return file.read()


def test_what_was_added_is_there(state):
    assert opened(state).get(ONE.key) is None
    opened(state).add([ONE])
    opened(state).add([TWO])
    found = opened(state)
    assert [found.get(key) for key in (ONE.key, TWO.key, b"3" * 20)] == [ONE, TWO, None]
    assert list(found) == [ONE, TWO] and ONE.key in found and b"3" * 20 not in found


def test_it_is_there_in_the_object_that_added_it(state):
    found = opened(state)
    found.add([ONE])
    assert found.get(ONE.key) == ONE


def test_of_two_with_one_key_the_later_counts(state):
    opened(state).add([ONE])
    opened(state).add([ONE._replace(text=b"newer")])
    assert opened(state).get(ONE.key).text == b"newer"


def test_what_another_version_or_project_wrote_is_not_believed(state, monkeypatch):
    opened(state).add([ONE])
    assert opened(state, "sub/").get(ONE.key) is None
    monkeypatch.setattr(records, "FORMAT", records.FORMAT + 1)
    assert opened(state).get(ONE.key) is None
    opened(state).add([TWO])
    assert list(opened(state)) == [TWO]


def test_what_is_added_behind_the_file_of_another_version_is_not_believed(state, monkeypatch):
    """Another version replaces the file between our look and our write."""
    late = opened(state)
    late.add([ONE])
    assert late.get(ONE.key)
    monkeypatch.setattr(records, "FORMAT", records.FORMAT + 1)
    opened(state).add([TWO])
    late.add([ONE])
    assert [opened(state).get(each.key) for each in (ONE, TWO)] == [None, TWO]


def test_cut_at_every_byte(state):
    opened(state).add([ONE, TWO])
    whole = read(state)
    for end in range(len(whole)):
        with open(path(state), "wb") as file:
            file.write(whole[:end])
        found = list(opened(state))
        assert found in ([], [ONE], [ONE, TWO])
        opened(state).add([TWO])
        assert opened(state).get(TWO.key) == TWO


def test_one_bit_flipped(state):
    opened(state).add([ONE, TWO])
    whole = read(state)
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        with open(path(state), "wb") as file:
            file.write(flipped)
        assert set(opened(state)) <= {ONE, TWO}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda name: os.symlink("/dev/zero", name)])
def test_what_is_no_file_is_nothing(state, make):
    os.makedirs(os.path.dirname(path(state)), exist_ok=True)
    make(path(state))
    assert opened(state).get(ONE.key) is None
    opened(state).add([ONE])
    assert opened(state).get(ONE.key) in (ONE, None)


def test_a_folder_that_cannot_be_written_is_no_obstacle(state, monkeypatch):
    monkeypatch.setattr(os, "open", lambda *_args: (_ for _ in ()).throw(PermissionError(13, "no")))
    found = opened(state)
    found.add([ONE])
    assert found.get(ONE.key) is None


def test_a_file_that_grows_too_large_keeps_its_newer_half(state, monkeypatch):
    monkeypatch.setattr(records, "MOST_BYTES", 4000)
    for number in range(100):
        opened(state).add([Record(b"%020d" % number, number, b"x" * 100)])
        assert os.path.getsize(path(state)) <= 4000 + 100
    kept = [record.number for record in opened(state)]
    assert kept == list(range(kept[0], 100)) and 10 <= len(kept) <= 30


def test_what_is_too_long_is_not_kept(state, monkeypatch):
    monkeypatch.setattr(records, "LONGEST", 10)
    opened(state).add([ONE, TWO])
    assert list(opened(state)) == [ONE]


def test_a_record_that_another_process_is_writing_is_no_damage(state, monkeypatch):
    """A file system shows the start of what is added before the rest, where it crosses a page."""
    opened(state).add([ONE, TWO])
    whole, look = read(state), Records._map

    def go_on(self):
        seen = look(self)
        with open(path(state), "ab") as file:
            file.write(whole[len(seen) :])
        return seen

    os.truncate(path(state), len(whole) - 9)
    monkeypatch.setattr(Records, "_map", go_on)
    three = Record(b"3" * 20, 0, b"third")
    opened(state).add([three])
    assert set(opened(state)) == {ONE, TWO, three}


def test_many_writers_at_once_lose_nothing_that_is_believed(state):
    opened(state).add([ONE])
    wanted = [Record(b"%020d" % number, number, b"x" * 3000) for number in range(40)]
    threads = [threading.Thread(target=lambda each=each: opened(state).add([each])) for each in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(opened(state)) == {ONE, *wanted}
