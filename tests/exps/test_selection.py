"""Which baselines the options of `exps show` name, and in which order."""

import pytest
from expref.exps.errors import ExpError
from expref.exps.selection import Selection, select

from tests.conftest import needs
from tests.projects import open_project

pytestmark = needs("git")


@pytest.fixture
def grown(trained):
    """main: c0 - c1 - c2 (HEAD), side: c0 - s1, tags v1 = c1 (annotated), v0 = c0; a second apart each."""
    ids = {"c0": trained.git("rev-parse", "HEAD")}
    at = 1_700_000_010
    for name in ("c1", "c2"):
        ids[name] = commit(trained, name, at := at + 10)
    trained.git("checkout", "--quiet", "-b", "side", ids["c0"])
    ids["s1"] = commit(trained, "s1", at + 10)
    trained.git("checkout", "--quiet", "main")
    trained.git("tag", "v0", ids["c0"])
    trained.git("tag", "-a", "-m", "x", "v1", ids["c1"])
    trained.git("tag", "of-a-tree", ids["c1"] + "^{tree}")
    return trained, {id_: name for name, id_ in ids.items()}


def commit(repo, name, when):
    repo.git("commit", "--quiet", "--allow-empty", "--message", name, env={"GIT_COMMITTER_DATE": f"{when} +0000"})
    return repo.git("rev-parse", "HEAD")


WANTED = {
    Selection(): "c2", Selection(num=2): "c2 c1", Selection(num=-1): "c2 c1 c0", Selection(num=0): "", Selection(num=9): "c2 c1 c0",
    Selection(("side", "v1")): "s1 c1", Selection(("HEAD~1", "side"), 2): "c1 c0 s1", Selection(branches=True): "c2 s1",
    Selection(branches=True, num=2): "c2 c1 s1 c0", Selection(tags=True): "c0 c1", Selection(("side",), tags=True): "s1 c0 c1",
    Selection(branches=True, tags=True): "c2 s1 c0 c1", Selection(commits=True): "s1 c2 c1 c0",
    Selection(("c1-exp",)): "exp", Selection(("main", "main~0")): "c2",
}  # fmt: skip


@pytest.mark.parametrize("chosen", WANTED, ids=str)
def test_the_commits_are_those_of_dvc_in_its_order(grown, chosen):
    repo, names = grown
    exp = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "x")
    baseline = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/c1-exp", exp)
    found = [(names | {exp: "exp"})[str(id_)] for id_ in select(open_project(repo), chosen)]
    assert found == WANTED[chosen].split()


def test_a_name_of_nothing_is_an_error(grown):
    with pytest.raises(ExpError, match="nonsense"):
        select(open_project(grown[0]), Selection(("nonsense",)))


def test_before_the_first_commit_there_is_nothing_to_select(repo):
    assert select(open_project(repo), Selection(commits=True)) == []


def test_a_branch_that_is_called_like_a_tag_is_itself(grown):
    repo, names = grown
    repo.git("branch", "v0", "side")
    found = select(open_project(repo), Selection(branches=True))
    assert [names[str(id_)] for id_ in found] == ["c2", "s1"]
