"""Undo steps: what commands take away can be brought back, until it expires."""

import os

import pytest
from expref.exps.errors import ExpError, Status
from expref.exps.formats.refnames import Step, parse_undo, stamp, undo_ref
from expref.exps.remove import remove
from expref.exps.rename import rename
from expref.exps.save import save
from expref.exps.undo import MOST_STEPS, restore, steps

from tests.conftest import needs
from tests.gitrepo import users_files
from tests.projects import is_clean, open_project, refs

pytestmark = needs("git")

NOW, DAY_S = 1_750_000_000, 86_400


@pytest.fixture
def project(trained):
    """A project with the experiments "a" and "b"."""
    project = open_project(trained)
    for name in ("a", "b"):
        trained.write("params.yaml", f"name: {name}\n".encode())
        save(project, name=name)
    return project


def listed(project):
    return [(step.command, [each.name for each in step.experiments]) for step in steps(project)]


def kept(repo):
    return repo.git("for-each-ref", "--format=%(refname)", "refs/expref").split()


def test_what_was_removed_is_kept_under_its_old_path_and_comes_back(trained, project):
    before = trained.git("for-each-ref", "refs/exps")
    remove(project, ["a", "b"], when=NOW)
    assert refs(trained) == {}
    folder = f"refs/expref/undo/main/{stamp(NOW)}-"
    assert [ref.startswith(folder) and ref.split("/")[5:7] for ref in kept(trained)] == [["remove", "exps"]] * 2
    assert listed(project) == [("remove", ["a", "b"])]
    trained.git("gc", "--quiet", "--prune=now")
    restore(project, command="remove")
    assert trained.git("for-each-ref", "refs/exps") == before
    assert kept(trained) == [] and listed(project) == [] and is_clean(trained)


def test_steps_are_undone_from_the_last_to_the_first(trained, project):
    remove(project, ["a"], when=NOW)
    remove(project, ["b"], when=NOW)
    assert listed(project) == [("remove", ["b"]), ("remove", ["a"])]
    restore(project)
    assert refs(trained).keys() == {"b"}
    restore(project)
    assert refs(trained).keys() == {"a", "b"}
    with pytest.raises(ExpError, match="there is no undo step") as caught:
        restore(project)
    assert caught.value.status == Status.NOT_FOUND


@pytest.mark.parametrize("later", [1, 0, -1, -DAY_S])
def test_the_last_step_has_the_greatest_name_whatever_the_clock_says(trained, project, later):
    remove(project, ["a"], when=NOW)
    remove(project, ["b"], when=NOW + later)
    assert listed(project) == [("remove", ["b"]), ("remove", ["a"])]


def test_a_step_that_would_replace_something_is_refused_and_stays(trained, project):
    remove(project, ["a", "b"])
    trained.write("params.yaml", b"other: 1\n")
    save(project, name="b")
    before = users_files(trained.path)
    with pytest.raises(ExpError, match="experiment 'b' exists already") as caught:
        restore(project)
    assert "rename or remove" in caught.value.hint and caught.value.status == Status.CONFLICT
    assert users_files(trained.path) == before and listed(project) == [("remove", ["a", "b"])]


def test_what_is_there_again_as_it_was_is_no_obstacle(trained, project):
    old = refs(trained)
    path = trained.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/a")
    remove(project, ["a", "b"])
    trained.git("update-ref", path, old["a"])
    restore(project)
    assert refs(trained) == old and listed(project) == []


def test_a_replaced_experiment_is_a_step_as_well(trained, project):
    old = refs(trained)
    trained.write("params.yaml", b"lr: new\n")
    save(project, name="a", replace=True, when=NOW)
    rename(project, "a", "b", replace=True, when=NOW + 1)
    assert listed(project) == [("rename", ["b"]), ("save", ["a"])]
    with pytest.raises(ExpError, match="experiment 'b' exists already"):
        restore(project, command="rename")
    restore(project, command="save")
    assert refs(trained)["a"] == old["a"] and refs(trained)["b"] != old["b"]
    rename(project, "b", "new")
    restore(project)
    assert refs(trained)["b"] == old["b"]


def test_saving_the_same_again_makes_no_step(trained, project):
    first = save(project, name="a", replace=True, when=NOW)
    count = len(steps(project))
    assert save(project, name="a", replace=True, when=NOW).id == first.id
    assert len(steps(project)) == count


def test_steps_older_than_the_days_of_the_setting_are_dropped_by_the_next(trained, project):
    trained.git("config", "exps.undoDays", "2")
    project = open_project(trained)
    remove(project, ["a"], when=NOW)
    restore(project)
    remove(project, ["a"], when=NOW)
    remove(project, ["b"], when=NOW + 2 * DAY_S)
    assert len(steps(project)) == 2
    restore(project)
    remove(project, ["b"], when=NOW + 2 * DAY_S + 1)
    assert listed(project) == [("remove", ["b"])]


def test_only_the_last_steps_of_a_work_tree_are_kept(trained, project):
    id_ = refs(trained)["a"]
    lines = [
        f"create {undo_ref(Step(tree, f'{stamp(NOW + n)}-abcd', 'remove'), f'refs/exps/11/{1:038}/n{n}')} {id_}\n"
        for n in range(MOST_STEPS)
        for tree in ("main", "other")
    ]
    trained.git("update-ref", "--stdin", stdin="".join(lines).encode())
    remove(project, ["a"], when=NOW + MOST_STEPS)
    assert len(steps(project)) == MOST_STEPS and len(kept(trained)) == 2 * MOST_STEPS
    assert listed(project)[-1] == ("remove", ["n1"])


def test_each_work_tree_has_its_own_steps(trained, project):
    trained.git("worktree", "add", "--quiet", "--detach", "../main")
    second = open_project(trained.other("main"))
    assert os.path.basename(second.repository.git_dir) == "main"
    remove(second, ["a"])
    remove(project, ["b"])
    assert (listed(second), listed(project)) == ([("remove", ["a"])], [("remove", ["b"])])
    restore(second, command="remove")
    assert refs(trained).keys() == {"a"} and listed(project) == [("remove", ["b"])]


def test_a_step_is_chosen_by_any_start_of_its_name(trained, project):
    remove(project, ["a"], when=NOW)
    remove(project, ["b"], when=NOW + DAY_S)
    restore(project, stamp(NOW))
    assert refs(trained).keys() == {"a"}
    remove(project, ["a"], when=NOW + 2 * DAY_S)
    for name, said in {"2025": "several undo steps start with '2025'", "1999": "no undo step '1999'"}.items():
        with pytest.raises(ExpError, match=said):
            restore(project, name)


def test_what_others_keep_there_is_no_step(trained, project):
    for ref in ("refs/expref/undo/main/x/remove/exps/1/2/3", "refs/expref/undo/main/y", "refs/expref/x"):
        trained.git("update-ref", ref, "HEAD")
    assert steps(project) == []
    remove(project, ["a"])
    assert len(steps(project)) == 1 and "refs/expref/x" in kept(trained)


@pytest.mark.parametrize("tree, old", [("main", "refs/exps/12/34/a b"), ("é", "refs/exps/1/2/\udce9")])
def test_the_ref_of_a_step_says_everything(tree, old):
    step = Step(tree, f"{stamp(NOW)}-0a1b", "remove")
    assert parse_undo(undo_ref(step, old)) == (step, old)
