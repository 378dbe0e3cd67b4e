"""Discovery in every combination of place, variables and settings, beside `git rev-parse`."""

import os
from itertools import product

import pytest
from expref.objstore.errors import GitError
from expref.objstore.repository import Repository

from tests.conftest import needs
from tests.gitrepo import GitRepo

pytestmark = needs("git")

PLACES = [  # folders to start in; "ABS" is the folder that holds them all
    "repo", "repo/a/b", "repo/.git", "repo/.git/refs/heads", "linked", "linked/a", "repo/.git/worktrees/linked", "repo/sub",
    "repo/.git/modules/sub", "separate", "bare.git", "bare.git/refs", "repo/a/bare.git/objects", "link", "link-to-git", ".",
]  # fmt: skip
GIT_DIRS = [
    None,
    ".git",
    "ABS/repo/.git",
    "ABS/repo/.git/worktrees/linked",
    "ABS/linked/.git",
    "ABS/bare.git",
    "..",
    "",
]
WORK_TREES = [None, ".", "ABS/repo/a", "ABS"]
CEILINGS = [
    "ABS", "ABS/repo", "ABS/repo/", "ABS/repo/a", "ABS/link", "ABS/links/inner", ":ABS/links/inner", ":ABS/repo//",
    "repo:ABS/none:ABS/repo", "/", "", ":", "ABS/repo/a/b", "ABS/links/inner:ABS/repo/a",
]  # fmt: skip
LAYOUTS = [  # settings of the repository, and whether each work tree has its own
    ("core.bare", "true"), ("core.bare", "false"), ("core.worktree", "../a"), ("core.worktree", "ABS/linked"),
    ("core.bare", None), ("core.repositoryFormatVersion", None), ("core.repositoryFormatVersion", "-1"),
    ("extensions.worktreeConfig", "true"), ("extensions.worktreeConfig", "false"),
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with repositories of every kind. Nothing in it is changed, except settings, which are put back."""
    from tests.gitrepo import git_environ

    folder = tmp_path_factory.mktemp("places")
    environ = git_environ(folder / "home")
    library = GitRepo(folder / "library", environ).init()
    library.write("x")
    library.commit()
    repo = GitRepo(folder / "repo", environ).init()
    repo.write("a/b/c", b"1")
    repo.git("submodule", "--quiet", "add", folder / "library", "sub")
    repo.commit()
    repo.git("worktree", "add", "-q", folder / "linked")
    repo.git("clone", "-q", "--bare", ".", folder / "bare.git")
    repo.git("clone", "-q", "--bare", ".", "a/bare.git")
    repo.git("clone", "-q", "--separate-git-dir", folder / "separate.git", ".", folder / "separate")
    (folder / "link").symlink_to("repo/a/b")
    (folder / "links").mkdir()
    (folder / "links/inner").symlink_to("../repo")
    (folder / "link-to-git").mkdir()
    (folder / "link-to-git/.git").symlink_to("../repo/.git")
    return GitRepo(folder, environ)


def filled(value, home):
    return value.replace("ABS", str(home.path))


def seen_by_git(home, place, environ):
    """(Git folder, common Git folder, whether it is bare, prefix, top of the work tree); None if git refuses."""
    asked = ["--absolute-git-dir", "--git-common-dir", "--is-bare-repository", "--is-inside-work-tree", "--show-prefix"]
    done = home.try_git("rev-parse", *asked, "--show-toplevel", cwd=home.path / place, env=environ)
    answers = os.fsdecode(done.stdout).split("\n")[:-1]
    if len(answers) < len(asked):
        return None
    git_dir, common, bare, inside, prefix, *top = answers
    here = os.path.realpath(home.path / place)
    return (
        os.path.realpath(git_dir),
        os.path.realpath(os.path.join(here, common)),
        bare == "true",
        prefix if inside == "true" else None,
        os.path.realpath(top[0]) if top else None,
    )


def seen_by_us(home, place, environ):
    try:
        found = Repository.discover(str(home.path / place), home.environ | environ)
    except GitError:
        return None
    return found.git_dir, found.common_dir, found.is_bare, found.prefix, found.work_tree


def assert_same(home, place, environ):
    environ = {name: filled(value, home) for name, value in environ.items() if value is not None}
    expected = seen_by_git(home, place, environ)
    assert seen_by_us(home, place, environ) == expected, (place, environ)
    return expected is not None


@pytest.mark.parametrize("place", PLACES)
def test_every_git_dir_with_every_work_tree(home, place):
    found = 0
    for git_dir, work_tree, common in product(GIT_DIRS, WORK_TREES, [None, "ABS/repo/.git"]):
        found += assert_same(home, place, {"GIT_DIR": git_dir, "GIT_WORK_TREE": work_tree, "GIT_COMMON_DIR": common})
    assert found > 15


@pytest.mark.parametrize("place", ["repo", "repo/a/b", "link", "linked/a", "bare.git/refs", "."])
def test_every_ceiling(home, place):
    assert sum(assert_same(home, place, {"GIT_CEILING_DIRECTORIES": each}) for each in CEILINGS) >= (place != ".")


@pytest.fixture
def settings(home):
    """A function that sets things in the repository's files; they are put back."""
    files = ["repo/.git/config", "repo/.git/config.worktree", "repo/.git/worktrees/linked/config.worktree"]
    before = {each: (home.path / each).read_bytes() for each in files[:1]}

    def change(name, value, file=files[0]):
        args = ["--unset", name] if value is None else ["--replace-all", name, filled(value, home)]
        home.git("config", "--file", home.path / file, *args)

    yield change
    for each in files:
        (home.path / each).unlink(missing_ok=True)
    for each, content in before.items():
        (home.path / each).write_bytes(content)


def assert_same_from_everywhere(home):
    git_dirs = [None, "ABS/repo/.git", "ABS/repo/.git/worktrees/linked"]
    for place, git_dir, work_tree in product(["repo", "repo/a", "repo/.git", "linked"], git_dirs, [None, "ABS/repo"]):
        assert_same(home, place, {"GIT_DIR": git_dir, "GIT_WORK_TREE": work_tree})


@pytest.mark.parametrize(("name", "value"), LAYOUTS)
def test_every_layout(home, settings, name, value):
    settings(name, value)
    assert_same_from_everywhere(home)


@pytest.mark.parametrize(("name", "value"), LAYOUTS[:4])
@pytest.mark.parametrize("file", ["repo/.git/config.worktree", "repo/.git/worktrees/linked/config.worktree"])
def test_every_layout_of_one_work_tree(home, settings, name, value, file):
    settings("extensions.worktreeConfig", "true")
    settings(name, value, file)
    assert_same_from_everywhere(home)


@pytest.mark.parametrize("value", ["true", "false"])
def test_what_the_user_says_of_bare_repositories(home, value):
    for place in PLACES:
        assert_same(home, place, {
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": value,
        })  # fmt: skip


@pytest.mark.parametrize("value", ["0", "1", "", "no", "maybe"])
@pytest.mark.parametrize("name", ["GIT_IMPLICIT_WORK_TREE", "GIT_DISCOVERY_ACROSS_FILESYSTEM"])
def test_variables_that_are_true_or_false(home, name, value):
    for place, git_dir in product(["repo/a", "bare.git", "."], [None, "ABS/repo/.git"]):
        assert_same(home, place, {"GIT_DIR": git_dir, name: value})
