"""Which folder is a project, and who the user is: as git says, wherever the command is called."""
import os
import time

import pytest
from expref.exps.errors import ExpError, Status
from expref.exps.project import Project
from expref.objstore.errors import NotFound, Unsupported
from expref.objstore.formats.objects import parse_signature

from tests.conftest import needs
from tests.projects import open_project

pytestmark = needs("git")


@pytest.mark.parametrize("below", ["", "src", "src/deep"])
def test_a_plain_repository_is_one_project_wherever_it_is_entered(trained, below):
    (trained.path / "src/deep").mkdir(parents=True)
    project = open_project(trained, below)
    assert (project.root, project.prefix) == (os.path.realpath(trained.path), b"")


@pytest.mark.parametrize("below, root", [
    ("", ""), ("team", "team"), ("team/src", "team"), ("team/model", "team/model"), ("team/model/a/b", "team/model"),
    ("other", ""),
])
def test_the_nearest_dvc_folder_upwards_is_the_root(trained, below, root):
    for folder in ("team/.dvc", "team/src", "team/model/.dvc", "team/model/a/b", "other"):
        (trained.path / folder).mkdir(parents=True)
    project = open_project(trained, below)
    assert project.root == os.path.join(os.path.realpath(trained.path), root).rstrip("/")
    assert project.prefix == (os.fsencode(root) + b"/" if root else b"")


def test_a_dvc_folder_above_the_work_tree_and_a_file_called_dvc_are_none(trained):
    (trained.path.parent / ".dvc").mkdir()
    (trained.path / "src").mkdir()
    (trained.path / "src/.dvc").touch()
    assert open_project(trained, "src").root == os.path.realpath(trained.path)


def test_a_folder_of_any_name_may_be_the_root(trained):
    name = os.fsdecode(b"caf\xe9\n \x1b[31m")
    (trained.path / name / ".dvc").mkdir(parents=True)
    project = open_project(trained, name)
    assert project.prefix == os.fsencode(name) + b"/"


def test_a_project_is_entered_through_a_symbolic_link(trained, tmp_path):
    (trained.path / "src").mkdir()
    (tmp_path / "link").symlink_to(trained.path / "src")
    project = Project.open(str(tmp_path / "link"), trained.environ)
    assert project.root == os.path.realpath(trained.path)


def test_a_linked_work_tree_is_a_project_with_state_of_its_own(trained):
    trained.git("worktree", "add", "--quiet", "../second")
    second = trained.other("second")
    open_project(second).state.write("shared", b"1")
    open_project(second).own_state.write("own", b"2")
    assert open_project(trained).state.get("shared") == b"1"
    assert open_project(trained).own_state.get("own") is None
    assert (trained.path / ".git/worktrees/second/exps/own").read_bytes() == b"2"


@pytest.mark.parametrize("below", [".git", ".git/refs/heads", "../bare.git"])
def test_outside_a_work_tree_there_is_no_project(trained, below):
    trained.git("clone", "--quiet", "--bare", ".", "../bare.git")
    with pytest.raises(ExpError, match=f"{below} is in a Git folder, not in a work tree") as caught:
        open_project(trained, below)
    assert caught.value.hint


def test_outside_a_repository_there_is_no_project(tmp_path, git_env):
    with pytest.raises(NotFound, match=f"{tmp_path} is not inside a Git repository"):
        Project.open(str(tmp_path), git_env)


def test_a_repository_of_another_format_is_refused_by_name(repo):
    other = repo.other("sha256")
    other.init("--object-format=sha256")
    with pytest.raises(Unsupported, match="objectformat = sha256"):
        open_project(other)


@pytest.mark.parametrize("zone", ["UTC0", "XXX-5:45", "XXX3:30"])
def test_a_signature_has_the_local_time(trained, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        ours = open_project(trained).signature("author", 1_700_000_000)
        theirs = trained.git("var", "GIT_AUTHOR_IDENT", env={"TZ": zone, "GIT_AUTHOR_DATE": "1700000000"})
    finally:
        monkeypatch.undo()
        time.tzset()
    assert ours == os.fsencode(theirs)


NAMES = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"]
IDENTITIES = {  # name: (environment, settings)
    "user": ({}, {"user.name": "Ada", "user.email": "ada@x"}),
    "author and committer apart": ({}, {
        "user.name": "Ada", "user.email": "ada@x", "author.name": "Bob", "author.email": "bob@x",
        "committer.name": "Cy", "committer.email": "cy@x",
    }),
    "half from each": ({}, {"user.name": "Ada", "user.email": "ada@x", "author.name": "Bob", "committer.email": "c@x"}),
    "environment first": (
        {name: f"{name} x" for name in NAMES}, {"user.name": "Ada", "user.email": "ada@x", "author.name": "Bob"},
    ),
    "EMAIL comes last": ({"EMAIL": "mail@x"}, {"user.name": "Ada"}),
    "EMAIL after user.email": ({"EMAIL": "mail@x"}, {"user.name": "Ada", "user.email": "ada@x"}),
    "crud around": ({}, {"user.name": " ,Ada <A.> Lovelace.; ", "user.email": "<ada@x>\n"}),
    "an address that is empty": ({"GIT_AUTHOR_EMAIL": "", "GIT_COMMITTER_EMAIL": ""}, {"user.name": "A", "user.email": "a@x"}),
    "other letters": ({}, {"user.name": "Zoë 实验", "user.email": "zoë@x"}),
}  # fmt: skip


@pytest.mark.parametrize("case", IDENTITIES)
@pytest.mark.parametrize("role", ["author", "committer"])
def test_the_user_is_who_git_says(trained, case, role):
    environ, settings = IDENTITIES[case]
    trained.environ = {name: value for name, value in trained.environ.items() if name not in NAMES} | environ
    for key, value in settings.items():
        trained.git("config", key, value)
    ours = parse_signature(open_project(trained).signature(role, 0))
    theirs = parse_signature(os.fsencode(trained.git("var", f"GIT_{role.upper()}_IDENT")))
    assert (ours.name, ours.email) == (theirs.name, theirs.email)


@pytest.mark.parametrize("settings, said, hint", [
    ({}, "who are you? user.name is not set", 'git config user.name "Your Name"'),
    ({"user.name": "Ada"}, "who are you? user.email is not set", 'git config user.email "you@example.com"'),
    ({"user.name": " .,<> ", "user.email": "a@x"}, "user.name is ' .,<> ': nothing that can sign", "set it in"),
])
def test_a_missing_identity_is_told_with_what_to_type(trained, settings, said, hint):
    trained.environ = {name: value for name, value in trained.environ.items() if name not in NAMES}
    for key, value in settings.items():
        trained.git("config", key, value)
    with pytest.raises(ExpError) as caught:
        open_project(trained).signature("author", 0)
    assert said in caught.value.message and hint in caught.value.hint
    assert caught.value.status == Status.REFUSED


@pytest.mark.parametrize("value", ["", " .,<> ", "\n", "<>"])
def test_a_bad_name_in_the_environment_is_blamed_on_its_variable(trained, value):
    trained.git("config", "user.name", "Ada")
    trained.environ |= {"GIT_COMMITTER_NAME": value}
    assert trained.try_git("var", "GIT_COMMITTER_IDENT").returncode != 0
    with pytest.raises(ExpError) as caught:
        open_project(trained).signature("committer", 0)
    assert caught.value.message == f"GIT_COMMITTER_NAME is {value!r}: nothing that can sign"
    assert caught.value.hint == "unset GIT_COMMITTER_NAME, or put a name into it"
    assert open_project(trained).signature("author", 0)


def test_a_bad_name_in_a_setting_is_blamed_on_its_file(trained):
    trained.environ = {name: value for name, value in trained.environ.items() if name not in NAMES}
    trained.git("config", "--global", "author.name", ".")
    trained.git("config", "user.email", "a@x")
    with pytest.raises(ExpError) as caught:
        open_project(trained).signature("author", 0)
    assert caught.value.message.startswith("author.name is '.'")
    assert caught.value.hint.startswith(f"set it in {trained.environ['HOME']}/.gitconfig:")
