"""Two things at once. What a child must never do is in test_scan.py, where one is used."""
import os

import pytest
from expref.objstore.forking import alongside, can_fork

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def test_both_are_done_and_only_ours_here():
    seen = []
    found = alongside(lambda: seen.append(1) or b"theirs" * 100_000, lambda: seen.append(2) or os.getpid())
    assert found == (os.getpid(), b"theirs" * 100_000)
    assert seen == [2]


def test_an_answer_of_nothing_is_an_answer():
    assert alongside(lambda: b"", lambda: 1) == (1, b"")


def test_a_child_that_raises_or_leaves_has_no_answer(capfd):
    assert alongside(lambda: os._exit(0), lambda: 1) == (1, None)
    assert alongside(lambda: 1 // 0, lambda: 1) == (1, None)


def test_without_fork_nothing_is_forked(monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert not can_fork()
