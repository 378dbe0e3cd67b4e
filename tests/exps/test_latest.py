"""What is remembered of the last save is believed only while it is true."""
import pytest
from expref.exps.model import ExperimentRef
from expref.exps.save import LATEST, latest_tree, remember_latest, save
from expref.objstore.ids import SHA1

from tests.conftest import needs
from tests.projects import head, open_project, refs

pytestmark = needs("git")


def saved(trained, content=b"lr: 0.2\n", **options):
    trained.write("params.yaml", content)
    return save(open_project(trained), **options)


def tree_of(trained, revision):
    return SHA1.parse_id(trained.git("rev-parse", f"{revision}^{{tree}}"))


def test_nothing_is_known_before_the_first_save(trained):
    assert latest_tree(open_project(trained)) is None


def test_a_save_leaves_its_tree(trained):
    first = saved(trained)
    assert latest_tree(open_project(trained)) == tree_of(trained, first.id)
    second = saved(trained, b"lr: 0.3\n")
    assert latest_tree(open_project(trained)) == tree_of(trained, second.id) != tree_of(trained, first.id)


def test_an_experiment_that_was_removed_or_replaced_is_not_believed(trained):
    experiment = saved(trained, name="a")
    (ref,) = trained.git("for-each-ref", "--format=%(refname)", "refs/exps").splitlines()
    trained.git("update-ref", ref, "HEAD")
    assert latest_tree(open_project(trained)) is None
    trained.git("update-ref", ref, str(experiment.id))
    assert latest_tree(open_project(trained)) is not None
    trained.git("update-ref", "-d", ref)
    assert latest_tree(open_project(trained)) is None


def test_each_work_tree_has_its_own(trained):
    saved(trained)
    trained.git("worktree", "add", "--quiet", "../second")
    assert latest_tree(open_project(trained.other("second"))) is None


@pytest.mark.parametrize("content", [
    b"", b"\n", b" ", b"refs/exps/x", b"refs/exps/x 123\n", b"../../etc/passwd " + b"1" * 40, b"\xff\xfe\0",
    b"x" * 10000, b"HEAD " + b"1" * 40, b"refs/heads/main " + b"1" * 40,
])  # fmt: skip
def test_anything_else_in_the_file_is_nothing(trained, content):
    project = open_project(trained)
    project.own_state.write(LATEST, content)
    assert latest_tree(project) is None
    assert saved(trained).name in refs(trained)


def test_a_commit_that_has_gone_is_nothing(trained):
    project, gone = open_project(trained), SHA1.parse_id("1" * 40)
    ref = ExperimentRef(head(trained), "a", gone)
    remember_latest(project, ref)
    path = trained.path / ".git/refs/exps" / str(ref.baseline)[:2] / str(ref.baseline)[2:]
    path.mkdir(parents=True)
    (path / "a").write_text(f"{gone}\n")
    assert latest_tree(project) is None
