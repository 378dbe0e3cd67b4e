"""The runner of `python -m bench`: that it measures what it says, in turn, and refuses what is no wheel. No times."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # `bench` is never installed, and `pytest` alone does not look for modules here

from bench import inputs, installed, report, runner  # noqa: E402
from bench.runner import CommandFailed, Peer, Row, run  # noqa: E402
from tests.conftest import needs  # noqa: E402

PYTHON = sys.executable
NOTE = "import sys; print(sys.argv[1], file=open('../../order', 'a'))"  # beside the folders of all sides
COST = runner.Cost(1.0, 0.5, 2**20)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "input").mkdir()
    return tmp_path / "input"


@pytest.fixture
def compared(tmp_path):
    """Compare two commands that note their names; return the comparison and what setup, before and verify saw."""
    seen = {"setup": [], "before": [], "order": []}

    def verify(folder, command, runs):
        seen["order"] = (folder / "../../order").read_text().split()
        assert (command, runs) in {("a", 4), ("b", 4)}

    comparison = runner.compare(
        "two notes",
        ours={"a": [PYTHON, "-c", NOTE, "a"]},
        peers={"b": Peer([PYTHON, "-c", NOTE, "b"], 1000.0), "c": Peer(None, 1 / 15, "c not found")},
        setup=lambda folder, command: seen["setup"].append((command, folder, list(folder.iterdir()))),
        before=lambda folder, number: seen["before"].append((folder, number)),
        verify=verify,
        rounds=3,
        places=[tmp_path],
    )
    return comparison, seen


def test_commands_run_in_alternating_order_after_a_run_that_is_not_counted(compared):
    assert compared[1]["order"] == list("ab" "ba" "ab" "ba")


def test_each_side_has_its_own_empty_folder_that_is_gone_at_the_end(compared, tmp_path):
    setup = compared[1]["setup"]
    assert [(command, there) for command, _, there in setup] == [("a", []), ("b", [])]
    assert len({folder for _, folder, _ in setup}) == 2
    assert not list(tmp_path.iterdir())


def test_before_is_called_for_each_run_of_each_side(compared):
    assert [number for _, number in compared[1]["before"]] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_peer_that_is_not_there_is_a_row_that_says_so(compared):
    ours, found, missing = compared[0].rows
    assert ours.cost and ours.ratio is None
    assert found.ratio == ours.cost.wall_s / found.cost.wall_s
    assert missing.cost is missing.ratio is None
    assert "not measured: c not found" in report.render([compared[0]])


def test_limits_count_in_the_first_place_only(tmp_path):
    places = [tmp_path / "memory", tmp_path / "disk"]
    for place in places:
        place.mkdir()
    nothing = [PYTHON, "-S", "-c", "pass"]
    compared = runner.compare(
        "x", ours={"a": nothing}, peers={"b": Peer(nothing, 2.0)}, setup=lambda *_: None, rounds=3, places=places
    )
    assert [(row.command, row.at_most) for row in compared.rows] == [("a", None), ("b", 2.0), ("a", None), ("b", None)]


def test_memory_and_processor_time_include_what_the_command_waited_for(folder):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(300_000_000)'])"
    assert run([PYTHON, "-c", code], folder).memory_bytes > 300_000_000


def test_the_memory_of_the_runner_is_not_counted(folder):
    ours = bytearray(200_000_000)
    assert run([PYTHON, "-c", "pass"], folder).memory_bytes < len(ours)


def test_a_command_that_fails_ends_the_benchmark_with_its_output(folder):
    with pytest.raises(CommandFailed, match=r"(?s)exit status 3.*no reason"):
        run([PYTHON, "-c", "import sys; print('no reason'); sys.exit(3)"], folder)
    with pytest.raises(CommandFailed, match="no-such-program not found"):
        run(["no-such-program"], folder)


def test_commands_see_nothing_of_the_users_settings(folder, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert not [name for name in runner.clean_environment() if name.startswith(("PYTHON", "GIT_"))]
    code = "import os; assert os.environ['HOME'] == os.path.abspath('../home') and 'GIT_DIR' not in os.environ"
    run([PYTHON, "-c", code], folder)


def test_the_disk_is_no_memory_file_system():
    assert len(runner.default_places()) in (1, 2)
    assert [runner.file_system(place) for place in runner.default_places()[1:]] != ["tmpfs"]


@pytest.mark.parametrize("ratio, at_most, texts", [
    (1.25, 1.5, ["≤ 1.50x its time", "1.25x its time", "yes"]),
    (1.6, 1.5, ["≤ 1.50x its time", "1.60x its time", "NO"]),
    (1 / 20, 1 / 15, ["≥ 15.0x faster", "20.0x faster", "yes"]),
    (1 / 10, 1 / 15, ["≥ 15.0x faster", "10.0x faster", "NO"]),
    (2.0, None, ["2.00x its time"]),
])
def test_a_row_states_limit_measurement_and_verdict(ratio, at_most, texts):
    assert [text for text in report.cells(Row("c", "p", COST, ratio, at_most))[5:] if text] == texts


def test_results_are_appended_for_programs_and_for_people(tmp_path):
    kept = [runner.Comparison("x", 3, [Row("a", "p", COST, None, None), Row("b", "p", None, None, 2.0, "b not found")])]
    wheel = installed.Installed("0.1", Path("p"), Path("s"), "abc", 0)
    for _ in range(2):
        about = report.circumstances(wheel, {"b": "1"}, small=True)
        report.keep("x", kept, report.render(kept), about=about, folder=tmp_path / "results")
    lines = [json.loads(line) for line in (tmp_path / "results" / "x.jsonl").read_text().splitlines()]
    assert [line["commit"] for line in lines] == ["abc", "abc"]
    assert lines[0]["comparisons"][0]["rows"][0]["cost"] == {"wall_s": 1.0, "cpu_s": 0.5, "memory_bytes": 2**20}
    assert (tmp_path / "results" / "x.txt").read_text().count("not measured: b not found") == 2


@needs("git")
def test_the_repository_that_is_measured_has_three_files_and_no_experiment(folder):
    inputs.make_repository(folder)
    inputs.change_parameter(folder, 1)
    assert sorted(path.name for path in folder.iterdir()) == [".git", "README.md", "params.yaml", "train.py"]
    assert inputs.count_experiments(folder) == 0


@pytest.fixture(scope="module")
def environment_of(tmp_path_factory):
    """Make a virtual environment in which a stand-in for expref is installed; return its Python."""

    def make(direct_url, package=None):
        top = tmp_path_factory.mktemp("environment")
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", top], check=True)
        site = next(top.glob("lib/python*/site-packages"))
        described = site / "expref-0.1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: expref\nVersion: 0.1.0\n")
        (described / "direct_url.json").write_text(json.dumps(direct_url))
        (site / "expref").mkdir()
        if package:
            (site / "expref" / "exps").symlink_to(package)
        else:
            (site / "expref" / "exps").mkdir()
            (site / "expref" / "exps" / "__init__.py").touch()
        (top / "bin" / "exps").touch()
        return str(top / "bin" / "python")

    return make


def test_an_installed_wheel_is_found_and_compared_with_the_checkout(environment_of):
    found = installed.find(environment_of({"url": "file:///x.whl", "archive_info": {}}))
    assert (found.version, found.folder.name, found.script.name) == ("0.1.0", "expref", "exps")
    assert found.different > 0


def test_an_editable_install_the_checkout_and_nothing_are_refused(environment_of, tmp_path):
    editable = {"url": "file:///somewhere", "dir_info": {"editable": True}}
    with pytest.raises(installed.Refused, match=r"(?s)editable install of expref: file:///somewhere\n.*-m build"):
        installed.find(environment_of(editable))
    with pytest.raises(installed.Refused, match="from the checkout"):
        installed.find(environment_of({"url": "file:///x.whl"}, package=ROOT / "exps"))
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", tmp_path / "empty"], check=True)
    with pytest.raises(installed.Refused, match="no expref installed"):
        installed.find(tmp_path / "empty" / "bin" / "python")


def test_the_command_names_what_it_does_not_know():
    asked = [PYTHON, "-m", "bench", "speed"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no benchmark is called 'speed'; there are: startup, save" in done.stderr
