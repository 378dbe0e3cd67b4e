"""What the command line prints: escaped where people look, coloured where it is wanted, progress only for who waits."""
import io
import os
import subprocess
import sys
import unicodedata

import pytest
from expref.exps.cli.terminal import FIRST_PROGRESS_S, PROGRESS_EVERY_S, ProgressLine, Terminal, escape, sized

from tests.terminals import on_terminal, without_progress


@pytest.mark.parametrize("text, shown", [
    ("plain", "plain"), ("ünï実験 🙂", "ünï実験 🙂"), ("\x1b[31m", "\\x1b[31m"), ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
    ("\0\x7f", "\\x00\\x7f"), ("\x9b31m\x85", "\\x9b31m\\x85"), ("\u202egnp.exe", "\\u202egnp.exe"),
    ("\u2028\u2029\ufeff\u200f", "\\u2028\\u2029\\ufeff\\u200f"), (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
    ("\ud800", "\\ud800"), ("\udc00\udfff", "\\udc00\\udfff"), ("back\\slash", "back\\slash"), ("", ""),
])  # fmt: skip
def test_control_characters_become_visible_and_nothing_else(text, shown):
    assert escape(text) == shown


def test_nothing_that_moves_the_cursor_or_turns_a_line_is_left():
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    left = set(escape(everything))
    assert {unicodedata.category(letter) for letter in left}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    turning = {letter for letter in everything if unicodedata.bidirectional(letter) in
               {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}}
    assert left.isdisjoint(turning)
    escape(everything).encode("utf-8")


def run_python(code, child_env, **environ):
    """Run code that has a Terminal called `t`, on a terminal; return what that got."""
    start = "import os; from expref.exps.cli.terminal import Terminal; t = Terminal(os.environ)\n"
    return on_terminal([sys.executable, "-c", start + code], cwd="/", env=child_env | {"TERM": "xterm"} | environ)[1]


SHOW = "print(t.is_terminal, repr(t.paint('x', 'red')), t.shown(chr(27)))"


def test_on_a_terminal_there_are_colours_and_escapes(child_env):
    assert run_python(SHOW, child_env) == b"True '\\x1b[31mx\\x1b[0m' \\x1b\r\n"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"NO_COLOR": "0"}, {"TERM": "dumb"}])
def test_colours_can_be_declined(child_env, environ):
    assert run_python(SHOW, child_env, **environ) == b"True 'x' \\x1b\r\n"


def test_an_empty_no_color_declines_nothing(child_env):
    assert b"\\x1b[31m" in run_python(SHOW, child_env, NO_COLOR="")


@pytest.mark.parametrize("color, expected", [("auto", "x"), ("never", "x"), ("always", "\x1b[31mx\x1b[0m")])
def test_in_a_pipe_there_are_colours_only_when_asked_for(capsys, color, expected):
    assert Terminal({}, color=color).paint("x", "red") == expected
    assert Terminal({"NO_COLOR": "1"}, color=color).paint("x", "red") == expected
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbosity, said", [(-1, ""), (0, "say\n"), (1, "say\ndetail\n")])
def test_results_are_printed_whatever_is_said_beside(capsys, verbosity, said):
    terminal = Terminal({}, verbosity=verbosity)
    terminal.write("result")
    terminal.say("say")
    terminal.detail("detail")
    assert capsys.readouterr() == ("result\n", said)


def test_for_programs_names_go_out_as_the_bytes_that_they_are(child_env):
    for locale, expected in [("C.UTF-8", b"caf\xe9 \x1b \xc3\xa9\n"), ("C", b"caf\xe9 \x1b \xc3\xa9\n")]:
        code = "import os; from expref.exps.cli.terminal import Terminal; t = Terminal({})\n" \
               "t.write(t.shown(os.fsdecode(b'caf\\xe9 \\x1b \\xc3\\xa9')))"
        done = subprocess.run([sys.executable, "-c", code], env=child_env | {"LC_ALL": locale}, capture_output=True)
        assert (done.stdout, done.stderr) == (expected, b"")


def test_a_stream_that_cannot_print_a_letter_prints_its_number(child_env):
    code = "from expref.exps.cli.terminal import Terminal; Terminal({}).write('\\u5b9f')"
    env = child_env | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True).stdout == b"\\u5b9f\n"


ASK = "print(repr(t.ask('Sure?')))"


def test_a_question_gets_the_answer_of_the_user(child_env):
    start = f"import os; from expref.exps.cli.terminal import Terminal; t = Terminal(os.environ)\n{ASK}"
    options = {"cwd": "/", "env": child_env}
    shown = on_terminal([sys.executable, "-c", start], typed=b"yes\n", **options)[1]
    assert b"Sure? " in shown and shown.endswith(b"'yes'\r\n")
    assert on_terminal([sys.executable, "-c", start], typed=b"\n", **options)[1].endswith(b"''\r\n")
    assert on_terminal([sys.executable, "-c", start], typed=b"\x04", **options)[1].endswith(b"None\r\n")


def test_nobody_is_asked_who_cannot_answer(child_env, capsys):
    assert Terminal({}).ask("Sure?") is None
    start = f"import os; from expref.exps.cli.terminal import Terminal; t = Terminal(os.environ)\n{ASK}"
    shown = on_terminal([sys.executable, "-c", start], cwd="/", env=child_env, stdin=subprocess.DEVNULL)[1]
    assert shown == b"None\r\n"
    assert capsys.readouterr() == ("", "")


class Clock:
    """A clock that moves only when told."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_short_work_shows_no_progress(clock):
    out = io.StringIO()
    line = ProgressLine(out)
    for _ in range(1000):
        line.advance(1, 1000)
        clock.now += FIRST_PROGRESS_S / 1001
    line.close()
    assert out.getvalue() == ""


def test_long_work_shows_count_bytes_and_rate_and_leaves_nothing(clock):
    out = io.StringIO()
    line = ProgressLine(out)
    clock.now += 2
    line.advance(3, 4 << 20)
    assert out.getvalue() == "\r3 done, 4.0 MiB, 2.0 MiB/s"
    line.close()
    assert out.getvalue().endswith("\r" + " " * 26 + "\r")
    line.close()
    assert out.getvalue().count("\r") == 3


def test_what_remains_is_shown_as_long_as_it_is_known(clock):
    out = io.StringIO()
    line = ProgressLine(out)
    for step in (lambda: line.expect(4), lambda: line.advance(1, 0), lambda: line.advance(3, 0), lambda: line.expect(2), lambda: line.advance(1, 0)):
        clock.now += 1
        step()
    assert [text.rstrip() for text in out.getvalue().split("\r")[1:]] == ["1 of 4 done", "4 done", "5 of 6 done"]


@pytest.mark.parametrize("then", ["t.write('next')", "t.say('next')", "t.close(); print('next')"])
def test_what_is_printed_next_takes_the_place_of_progress(child_env, then):
    code = f"import time; p = t.progress(); time.sleep(0.6); p.advance(2, 0); {then}"
    shown = run_python(code, child_env)
    assert shown == b"\r2 done\r      \rnext\r\n" and without_progress(shown) == b"next\r\n"


def test_progress_is_shown_ten_times_a_second_at_most(clock):
    out = io.StringIO()
    line = ProgressLine(out)
    clock.now += FIRST_PROGRESS_S
    for _ in range(10_000):
        line.advance(1, 0)
        clock.now += 0.0003
    assert out.getvalue().count("\r") <= 3 / PROGRESS_EVERY_S + 1


def test_a_shorter_line_covers_a_longer_one(clock):
    out = io.StringIO()
    line = ProgressLine(out)
    for items, seconds in ((1, 1), (1, 1000)):
        clock.now += seconds
        line.advance(items, 1 << 20)
    first, second = out.getvalue().split("\r")[1:]
    assert len(second) >= len(first.rstrip())


def test_progress_stays_away_from_pipes_and_from_who_wants_quiet(clock, capsys):
    for verbosity in (-1, 0, 1):
        line = Terminal({}, verbosity=verbosity).progress()
        clock.now += 5
        line.advance(1, 1)
        line.close()
    assert capsys.readouterr() == ("", "")


def test_progress_is_seen_on_a_terminal(child_env):
    code = "import time; p = t.progress(); time.sleep(0.6); p.advance(2, 0); p.close()"
    assert run_python(code, child_env) == b"\r2 done\r      \r"


@pytest.mark.parametrize("size, text", [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB"), (5 << 50, "5120.0 TiB"),
])  # fmt: skip
def test_a_size_has_a_unit_for_people(size, text):
    assert sized(size) == text
