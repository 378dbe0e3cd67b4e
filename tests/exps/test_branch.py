"""Branch: an ordinary branch at the commit of an experiment."""

import pytest
from expref.exps.branch import branch
from expref.exps.errors import ExpError, Status
from expref.exps.save import save
from expref.objstore.errors import Conflict

from tests.conftest import needs
from tests.gitrepo import users_files
from tests.projects import is_clean, open_project, refs

pytestmark = needs("git")


@pytest.fixture
def project(trained):
    """A project with the experiments "a" and "main"."""
    for name in ("a", "main"):
        trained.write("params.yaml", f"name: {name}\n".encode())
        save(open_project(trained), name=name)
    return open_project(trained)


@pytest.mark.parametrize(
    "asked, name", [(("a",), "a-branch"), (("a", "topic/x"), "topic/x"), (("exp:main",), "main-branch")]
)
def test_a_branch_is_made_with_its_log_and_nothing_is_checked_out(trained, project, asked, name):
    status, head = trained.git("status", "--porcelain=v2", "--branch"), trained.git("rev-parse", "HEAD")
    made = branch(project, *asked, when=1_750_000_000)
    assert made.name == name and refs(trained)[made.experiment.name] == trained.git("rev-parse", f"refs/heads/{name}")
    log = trained.git("reflog", "show", "--format=%H %gn <%ge> %gs", f"refs/heads/{name}")
    said = f"exps: created from experiment {made.experiment.name}"
    assert log == f"{made.experiment.id} A U Thor <author@example.com> {said}"
    assert (trained.git("status", "--porcelain=v2", "--branch"), trained.git("rev-parse", "HEAD")) == (status, head)
    assert is_clean(trained)


@pytest.mark.parametrize("asked, said, status", [
    (("x",), "no Git revision and no experiment 'x'", Status.NOT_FOUND), (("main",), "and no experiment", Status.NOT_FOUND),
    (("a", "main"), "there is a branch 'main' already", Status.CONFLICT), (("a", "-x"), "no branch can be called '-x'", Status.REFUSED),
    (("a", "HEAD"), "no branch can be called 'HEAD'", Status.REFUSED), (("a", "x..y"), "no branch can be called", Status.REFUSED),
    (("a", "x\ny"), "no branch can be called", Status.REFUSED), (("a", "x.lock"), "no branch can be called", Status.REFUSED),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_changes(trained, project, asked, said, status):
    before = users_files(trained.path)
    with pytest.raises(ExpError, match=said) as caught:
        branch(project, *asked)
    assert caught.value.status == status and caught.value.hint and users_files(trained.path) == before


def test_a_branch_in_the_way_is_named(trained, project):
    with pytest.raises(Conflict, match="main"):
        branch(project, "a", "main/topic")


def test_another_experiment_that_the_name_hides_is_told_of(trained, project):
    trained.git("branch", "-f", "topic", refs(trained)["a"])
    save(project, name="topic")
    made = branch(project, "topic")
    assert (made.name, made.experiment.name, made.hidden.name) == ("a-branch", "a", "topic")


def test_somebody_without_a_name_can_make_a_branch_as_with_git(trained, project):
    trained.environ = {name: value for name, value in trained.environ.items() if not name.startswith("GIT_COMMITTER")}
    branch(open_project(trained), "a")
    assert trained.git("reflog", "show", "--format=%gn", "a-branch") == "unknown"
