"""Rename: another name on the same commit."""

import pytest
from expref.exps.errors import ExpError, Status
from expref.exps.rename import rename
from expref.exps.save import save

from tests.conftest import needs
from tests.gitrepo import users_files
from tests.projects import is_clean, open_project, refs

pytestmark = needs("git")


@pytest.fixture
def project(trained):
    """A project with the experiments "a" and "b"."""
    for name in ("a", "b"):
        trained.write("params.yaml", f"name: {name}\n".encode())
        save(open_project(trained), name=name)
    return open_project(trained)


@pytest.mark.parametrize("packed", [False, True])
def test_the_commit_and_the_baseline_stay(trained, project, packed):
    if packed:
        trained.git("pack-refs", "--all")
    before = refs(trained)
    renamed = rename(project, "a", "c")
    assert refs(trained) == {"b": before["b"], "c": before["a"]} and is_clean(trained)
    assert (renamed.name, str(renamed.id), str(renamed.baseline)) == (
        "c",
        before["a"],
        trained.git("rev-parse", "HEAD"),
    )


def test_a_name_that_it_has_already_is_none_to_give(trained, project):
    before = users_files(trained.path)
    assert rename(project, "a", "a") is None
    assert users_files(trained.path) == before


@pytest.mark.parametrize("old, new, said, status", [
    ("a", "b", "experiment 'b' exists already on", Status.CONFLICT), ("x", "c", "no experiment 'x'", Status.NOT_FOUND),
    ("x", "x", "no experiment 'x'", Status.NOT_FOUND), ("a", "b/c", "bad experiment name 'b/c'", Status.REFUSED),
    ("a", "b..c", "bad experiment name", Status.REFUSED), ("a", "", "bad experiment name", Status.REFUSED),
    ("a", "n" * 300, "longer than 250 bytes", Status.REFUSED), ("a", "b\nc", "bad experiment name", Status.REFUSED),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_changes(trained, project, old, new, said, status):
    before = users_files(trained.path)
    with pytest.raises(ExpError, match=said) as caught:
        rename(project, old, new)
    assert caught.value.status == status and caught.value.hint and users_files(trained.path) == before


@pytest.mark.parametrize("packed", [False, True])
def test_another_one_is_replaced_only_when_asked(trained, project, packed):
    if packed:
        trained.git("pack-refs", "--all")
    before = refs(trained)
    rename(project, "a", "b", replace=True)
    assert refs(trained) == {"b": before["a"]}
    assert refs(trained, "refs/expref/undo") == {"b": before["b"]}


def test_the_same_name_on_another_commit_is_no_obstacle(trained, project):
    trained.commit("second")
    save(open_project(trained), name="c")
    rename(project, "a", "c")
    assert len(trained.git("for-each-ref", "refs/exps/*/*/c").splitlines()) == 2
