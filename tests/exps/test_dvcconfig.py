"""What DVC's settings say, as DVC itself reads them."""

import pytest
from expref.exps.dvcconfig import get, get_bool, get_path
from expref.exps.errors import ExpError

from tests.conftest import needs
from tests.projects import open_project

pytestmark = needs("git")


@pytest.fixture
def dvc(trained):
    trained.write(".dvc/config", b"[core]\n    remote = storage\n['remote \"storage\"']\n    url = /x\n")
    return trained


def write(repo, text, name=".dvc/config"):
    return repo.write(name, text.encode())


@pytest.mark.parametrize("text, expected", [
    ("[exp]\n    git_remote = team\n", "team"), ("[exp]\ngit_remote=team", "team"), ("[exp]\n\tGit_Remote = team  # why\n", "team"),
    ("[exp]\n    git_remote = 'a b'\n", "a b"), ('[exp]\n    git_remote = "https://h/x#y"\n', "https://h/x#y"),
    ("[core]\n    analytics = false\n[exp]\n    auto_push = true\n    git_remote = team\n", "team"),
    ("[exp]\n    git_remote =\n", ""), ("# git_remote = x\n[core]\n", None), ("[core]\n    git_remote = x\n", None), ("", None),
    ("[exp]\n    git_remote = 50%\n", "50%"), ("[exp]\r\n    git_remote = team\r\n", "team"), ("[exp]\n    git_remote = \u00e4\n", "\u00e4"),
    ("['remote \"git_remote\"']\n    url = s3://x\n", None),
])  # fmt: skip
def test_a_setting_is_found(dvc, text, expected):
    write(dvc, text)
    assert get(open_project(dvc), "exp", "git_remote") == expected


def test_the_nearest_file_counts(dvc, tmp_path):
    home = tmp_path / "home"
    places = [home / ".config/dvc/config", dvc.path / ".dvc/config", dvc.path / ".dvc/config.local"]
    for number, path in enumerate(places):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[exp]\n    git_remote = number-{number}\n")
        assert get(open_project(dvc), "exp", "git_remote") == f"number-{number}"
    assert get(open_project(dvc, DVC_EXP_GIT_REMOTE="variable"), "exp", "git_remote") == "variable"


@pytest.mark.parametrize("variables, place", [
    ({"XDG_CONFIG_HOME": "{}/x"}, "x/dvc/config"), ({"DVC_GLOBAL_CONFIG_DIR": "{}/g"}, "g/config"), ({"DVC_SYSTEM_CONFIG_DIR": "{}/s"}, "s/config"),
])  # fmt: skip
def test_files_elsewhere_are_found(dvc, tmp_path, variables, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text("[exp]\n    git_remote = there\n")
    environ = {name: value.format(tmp_path) for name, value in variables.items()}
    assert get(open_project(dvc, **environ), "exp", "git_remote") == "there"


@pytest.mark.parametrize("text, expected", [
    ("../elsewhere", "{repo}/elsewhere"), ("/shared/cache", "/shared/cache"), ("~/cache", "{home}/cache"), ("", None),
    ("inside", "{repo}/.dvc/inside"),
])  # fmt: skip
def test_a_path_is_seen_from_its_file(dvc, text, expected):
    write(dvc, f"[cache]\n    dir = {text}\n")
    project = open_project(dvc)
    places = {"repo": project.root, "home": project.repository.environ["HOME"]}
    assert get_path(project, "cache", "dir") == (expected and expected.format(**places))
    assert get_path(project, "cache", "type") is None


@pytest.mark.parametrize("text, expected", [
    ("true", True), ("True", True), ("yes", True), ("1", True), ("on", True), ("false", False), ("no", False), ("off", False), ("0", False),
])  # fmt: skip
def test_truth(dvc, text, expected):
    write(dvc, f"[exp]\n    auto_push = {text}\n")
    assert get_bool(open_project(dvc), "exp", "auto_push") is expected
    assert get_bool(open_project(dvc, DVC_EXP_AUTO_PUSH="true"), "exp", "auto_push") is True


def test_what_is_no_truth_is_told(dvc):
    write(dvc, "[exp]\n    auto_push = perhaps\n")
    with pytest.raises(ExpError, match=r"exp.auto_push of DVC's settings is 'perhaps'"):
        get_bool(open_project(dvc), "exp", "auto_push")


def test_a_file_that_cannot_be_understood_is_named(dvc):
    path = write(dvc, "git_remote = no section\n")
    with pytest.raises(ExpError, match=f"{path}"):
        get(open_project(dvc), "exp", "git_remote")


def test_without_a_dvc_project_there_are_no_settings_of_dvc(trained, tmp_path):
    path = tmp_path / "home/.config/dvc/config"
    path.parent.mkdir(parents=True)
    path.write_text("[exp]\n    git_remote = x\n    auto_push = true\n")
    project = open_project(trained, DVC_EXP_AUTO_PUSH="1")
    assert get(project, "exp", "git_remote") is None and get_bool(project, "exp", "auto_push") is False


def test_a_folder_in_the_place_of_a_file_is_none(dvc):
    (dvc.path / ".dvc/config.local").mkdir()
    write(dvc, "[exp]\n    git_remote = x\n")
    assert get(open_project(dvc), "exp", "git_remote") == "x"
