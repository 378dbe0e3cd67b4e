"""The pager: the user's program where there is one, none where it would not help, and never the end of the command."""

import os
import signal
import subprocess
import sys
import time

import pytest
from expref.exps.cli.pager import page, size

from tests.terminals import on_terminal


def paged(tmp_path, program, variable="PAGER", **environ):
    """What the pager got, or None if none was started; and whether it is said to have shown it."""
    path = tmp_path / "shown"
    command = program.replace("OUT", str(path))
    done = page(["first", "sécond", "third"], {"PATH": os.environ["PATH"], variable: command} | environ)
    return (path.read_bytes().decode() if path.exists() else None), done


@pytest.mark.parametrize("variable", ["EXPS_PAGER", "DVC_PAGER", "GIT_PAGER", "PAGER"])
def test_the_program_of_the_user_gets_all_lines(tmp_path, variable):
    assert paged(tmp_path, "cat > OUT", variable) == ("first\nsécond\nthird\n", True)


def test_the_nearest_variable_counts(tmp_path):
    assert paged(tmp_path, "cat > OUT", "EXPS_PAGER", PAGER="false") == ("first\nsécond\nthird\n", True)
    (tmp_path / "shown").unlink()
    assert paged(tmp_path, "cat > OUT", "PAGER", DVC_PAGER="cat") == (None, False)


def test_less_gets_options_unless_the_user_has_some(tmp_path):
    assert paged(tmp_path, "cat > OUT; echo $LESS >> OUT")[0].endswith("third\nRSX\n")
    assert paged(tmp_path, "cat > OUT; echo $LESS >> OUT", LESS="i")[0].endswith("third\ni\n")


@pytest.mark.parametrize("program", ["", " ", "cat"])
def test_no_program_is_started_where_none_is_wanted(tmp_path, program, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    assert paged(tmp_path, program) == (None, False)


@pytest.mark.parametrize("program", ["nosuchpager", "/dev/null", "nosuchpager -x | true && nosuchpager"])
def test_a_program_that_cannot_be_started_shows_nothing(tmp_path, program, capfd):
    assert paged(tmp_path, program) == (None, False)
    assert "Traceback" not in capfd.readouterr().err


def test_a_program_that_ends_early_has_shown_what_was_wanted(capfd):
    environ = {"PATH": os.environ["PATH"], "PAGER": "head -n 1"}
    assert page(["x" * 1000] * 10_000, environ)
    assert capfd.readouterr().out == "x" * 1000 + "\n"


def test_a_program_that_fails_has_been_the_users_choice(tmp_path):
    assert paged(tmp_path, "cat > OUT; exit 3") == ("first\nsécond\nthird\n", True)


SLOW = "trap 'echo interrupted; exit 0' INT; cat > /dev/null; echo ready; sleep 60 > /dev/null & wait"


def test_ctrl_c_is_for_the_pager():
    code = f"import os; from expref.exps.cli.pager import page; print(page(['x'], os.environ | {{'PAGER': {SLOW!r}}}))"
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, start_new_session=True,
                               env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.read() == b"interrupted\nTrue\n" and process.wait() == 0


def test_ctrl_c_is_ours_again_behind_it(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    paged(tmp_path, "true")
    paged(tmp_path, "nosuchpager 2> OUT")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("environ, expected", [
    ({}, (80, 24)), ({"COLUMNS": "200", "LINES": "7"}, (200, 7)), ({"COLUMNS": "x", "LINES": "-1"}, (80, 24)),
    ({"COLUMNS": "0", "LINES": ""}, (80, 24)), ({"COLUMNS": "9" * 5000}, (80, 24)),
])  # fmt: skip
def test_the_size_is_what_the_environment_says_or_what_is_usual(environ, expected):
    with open(os.devnull) as nothing:
        assert size(nothing.fileno(), environ) == expected
    assert size(-1, {}) == (80, 24)


def test_the_size_is_that_of_the_terminal(child_env):
    code = (
        "import fcntl, struct, termios; fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 121, 0, 0)); "
        "from expref.exps.cli.pager import size; print(size(1, {}))"
    )
    assert on_terminal([sys.executable, "-c", code], cwd="/", env=child_env)[1] == b"(121, 33)\r\n"


def test_nothing_waits_for_a_pager_that_reads_nothing():
    started = time.monotonic()
    page(["x" * 1000] * 1000, {"PATH": os.environ["PATH"], "PAGER": "true"})
    assert time.monotonic() - started < 120  # a limit, no measurement
