"""What people call commits."""
import pytest
from expref.exps.baselines import commit_names

from tests.conftest import needs
from tests.projects import head

pytestmark = needs("git")


@pytest.fixture
def first(trained):
    return head(trained)


def names(repo, *wanted):
    return commit_names(repo.open(), set(wanted))


def test_the_branch_that_is_checked_out_comes_first_then_tags_then_branches(trained, first):
    trained.git("branch", "other")
    trained.git("tag", "v1")
    assert names(trained, first) == {first: "main"}
    trained.commit("second")
    assert names(trained, first) == {first: "v1"}
    trained.git("tag", "-d", "v1")
    assert names(trained, first) == {first: "other"}
    trained.git("branch", "-D", "other")
    assert names(trained, first) == {}


def test_an_annotated_tag_names_its_commit(trained, first):
    trained.git("tag", "-a", "-m", "x", "inner")
    trained.git("tag", "-a", "-m", "x", "outer", "inner")
    trained.git("checkout", "--quiet", "--detach")
    assert names(trained, first) == {first: "inner"}
    trained.git("pack-refs", "--all")
    assert names(trained, first) == {first: "inner"}


def test_of_many_names_the_first_in_order_counts(trained, first):
    for name in ("b", "a/deep", "c"):
        trained.git("branch", name)
    trained.git("checkout", "--quiet", "--detach")
    assert names(trained, first) == {first: "a/deep"}


def test_tags_of_trees_and_broken_refs_are_passed_over(trained, first):
    trained.git("tag", "tree", "HEAD^{tree}")
    trained.git("tag", "-a", "-m", "x", "annotated-tree", "HEAD^{tree}")
    trained.write(".git/refs/tags/broken", b"nonsense")
    trained.write(".git/refs/tags/gone", b"1" * 40)
    trained.git("checkout", "--quiet", "--detach")
    assert names(trained, first) == {first: "main"}


def test_a_tag_that_is_broken_names_nothing(trained, first):
    trained.git("tag", "-a", "-m", "x", "v1")
    id_ = trained.git("rev-parse", "v1")
    path = trained.path / ".git/objects" / id_[:2] / id_[2:]
    path.chmod(0o644)
    path.write_bytes(b"nonsense")
    trained.git("checkout", "--quiet", "--detach")
    assert names(trained, first) == {first: "main"}


def test_commits_that_are_not_asked_for_are_not_named(trained):
    assert names(trained) == {}


def test_an_unborn_branch_names_nothing(repo):
    assert names(repo) == {}
