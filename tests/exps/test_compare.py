"""Compare: what differs between two commits, folders and the work tree, and what their names mean."""

import pytest
from expref.exps.compare import Side, changes, chosen, compare, find_side
from expref.exps.errors import ExpError, Status
from expref.exps.rows import FileValues
from expref.exps.save import save

from tests.conftest import needs
from tests.projects import head, open_project, refs


def between(old, new, **options):
    sides = ({path: FileValues(values) for path, values in side.items()} for side in (old, new))
    return changes(*sides, **options)


def test_leaves_that_differ_are_told_with_the_difference_of_numbers():
    old = {"p": {"a": 1, "b": {"c": 0.5, "same": 1}, "t": "x", "gone": True}}
    new = {"p": {"a": 3, "b": {"c": 0.25, "same": 1}, "t": "y", "new": None}}
    assert between(old, new) == {"p": {
        "a": {"old": 1, "new": 3, "diff": 2}, "b.c": {"old": 0.5, "new": 0.25, "diff": -0.25},
        "gone": {"old": True, "new": None}, "t": {"old": "x", "new": "y"},
    }}  # fmt: skip
    assert list(between(old, new)["p"]) == ["a", "b.c", "gone", "t"]


@pytest.mark.parametrize("old, new", [(10**400, 0.5), (0.5, -(10**400)), (-(10**4300 - 1), 10**4300 - 1)], ids=range(3))
def test_a_difference_that_cannot_be_told_is_left_out(old, new):
    assert between({"p": {"a": old}}, {"p": {"a": new}}) == {"p": {"a": {"old": old, "new": new}}}


def test_with_unchanged_everything_is_told():
    assert between({"p": {"a": 1}}, {"p": {"a": 1}}) == {}
    assert between({"p": {"a": 1}}, {"p": {"a": 1}}, unchanged=True) == {"p": {"a": {"old": 1, "new": 1, "diff": 0}}}


def test_a_file_of_one_side_has_nothing_on_the_other():
    assert between({"b": {"x": 1}}, {"a": {"y": 2}}) == {
        "a": {"y": {"old": None, "new": 2}},
        "b": {"x": {"old": 1, "new": None}},
    }
    assert list(between({"b": {"x": 1}}, {"a": {"y": 2}})) == ["a", "b"]


def test_a_file_that_cannot_be_read_counts_as_missing():
    assert changes({"p": FileValues(None, ("Bad", "why"))}, {"p": FileValues({"x": 1})}) == {
        "p": {"x": {"old": None, "new": 1}}
    }


def test_lists_are_leaves_and_compared_as_text():
    assert between({"p": {"l": [1, 2]}}, {"p": {"l": [1, 3]}}) == {"p": {"l": {"old": "[1, 2]", "new": "[1, 3]"}}}


@pytest.mark.parametrize("old, new, expected", [
    (5, 6, {"": {"old": 5, "new": 6, "diff": 1}}), (5, 5, None),
    (5, {"a": 1}, {"a": {"old": "unable to parse", "new": 1}}), ({"a": 1}, 5, {"a": {"old": 1, "new": "unable to parse"}}),
    (None, {"a": 1}, {"a": {"old": None, "new": 1}}),
])  # fmt: skip
def test_files_that_hold_a_single_value(old, new, expected):
    assert between({"m": old}, {"m": new}) == ({"m": expected} if expected else {})


def test_files_are_chosen_by_name_and_by_folder():
    found = {path: {"x": {}} for path in ("a", "a/b", "ab", "c/d/e")}
    assert list(chosen(found, [])) == list(found)
    assert list(chosen(found, ["a", "c/d"])) == ["a", "a/b", "c/d/e"]
    assert chosen(found, ["b"]) == {}


@pytest.fixture
def folders(trained):
    """Two folders with experiments; HEAD has other values in the first, and an experiment "saved" is there."""
    for number in (1, 2):
        trained.write(f"runs/{number}/params.yaml", b"lr: 0.%d\n" % number)
    trained.commit("folders")
    save(open_project(trained), name="saved")
    trained.write("runs/1/params.yaml", b"lr: 7\n")
    return trained


def params(repo, old, new):
    return compare(open_project(repo), old, new).params


@needs("git")
def test_commits_folders_and_the_work_tree_are_compared(folders):
    id_ = head(folders)
    assert params(folders, Side(id_), Side()) == {}  # the folders are no files of the project
    changed = {"params.yaml": {"lr": {"old": 0.1, "new": 7, "diff": 6.9}}}
    assert params(folders, Side(id_, "runs/1"), Side(None, "runs/1")) == changed
    assert params(folders, Side(None, "runs/1"), Side(id_, "runs/2"))["params.yaml"]["lr"]["new"] == 0.2


@needs("git")
def test_what_is_compared_is_remembered_and_stays_true(folders):
    for _ in range(2):
        assert params(folders, Side(None, "runs/1"), Side(None, "runs/2"))["params.yaml"]["lr"]["old"] == 7
    folders.write("runs/1/params.yaml", b"lr: 8\n")
    assert params(folders, Side(None, "runs/1"), Side(None, "runs/2"))["params.yaml"]["lr"]["old"] == 8


@needs("git")
@pytest.mark.parametrize("side, where", [
    (Side(None, "runs/3"), "the work tree"), (Side(None, "train.py"), "the work tree"), (Side(None, ".git"), "the work"),
])  # fmt: skip
def test_a_folder_that_is_not_there_is_an_error(folders, side, where):
    with pytest.raises(ExpError, match=f"there is no folder {side.folder!r} in {where}") as caught:
        compare(open_project(folders), side, Side())
    assert caught.value.status == Status.NOT_FOUND
    with pytest.raises(ExpError, match=f"in commit {str(head(folders))[:7]}"):
        compare(open_project(folders), Side(head(folders), "runs/3"), Side())


@needs("git")
@pytest.mark.parametrize("text, here, folder", [
    ("HEAD", "", None), ("saved", "", None), ("exp:saved", "", None), ("HEAD:", "", ""), ("HEAD:runs/1", "", "runs/1"),
    ("HEAD:runs/1/", "runs", "runs/1"), ("HEAD:./1", "runs", "runs/1"), ("HEAD:.", "runs", "runs"),
    ("HEAD:../runs/2", "runs", "runs/2"), ("exp:saved:runs/1", "", "runs/1"), ("HEAD^{tree}", "", "error"),
    ("HEAD^{commit}:runs/1", "", "runs/1"),
])  # fmt: skip
def test_what_names_of_commits_mean(folders, text, here, folder):
    project = open_project(folders)
    if folder == "error":
        with pytest.raises(Exception, match="commit"):
            find_side(project, text, str(folders.path / here))
        return
    side, hidden = find_side(project, text, str(folders.path / here))
    meant = refs(folders)["saved"] if "saved" in text else str(head(folders))
    assert (str(side.commit), side.folder, hidden) == (meant, folder or "", None)


@needs("git")
@pytest.mark.parametrize("text, here, folder", [
    (":", "", ""), (":runs/1", "", "runs/1"), (":runs/1", "runs", "runs/1"), (":./1", "runs", "runs/1"),
    ("runs/1", "", "runs/1"), ("1", "runs", "runs/1"), ("./1/", "runs", "runs/1"), ("..", "runs", ""),
])  # fmt: skip
def test_what_names_of_folders_of_the_work_tree_mean(folders, text, here, folder):
    assert find_side(open_project(folders), text, str(folders.path / here)) == (Side(None, folder), None)


@needs("git")
def test_an_absolute_path_names_a_folder_too(folders):
    assert find_side(open_project(folders), str(folders.path / "runs/2"), "/") == (Side(None, "runs/2"), None)


@needs("git")
@pytest.mark.parametrize("text, said, status", [
    ("nothing", "there is no Git revision and no experiment 'nothing'", Status.NOT_FOUND),
    ("train.py", "there is no Git revision and no experiment 'train.py'", Status.NOT_FOUND),
    ("exp:runs", "there is no experiment 'runs'", Status.NOT_FOUND),
    ("nothing:runs/1", "no Git revision and no experiment 'nothing'", Status.NOT_FOUND),
    ("HEAD:../x", "folder '../x' is not in ", Status.USAGE), (":/etc", "folder '/etc' is not in ", Status.USAGE),
    ("/etc", "folder '/etc' is not in ", Status.USAGE),
])  # fmt: skip
def test_names_that_mean_nothing_are_errors(folders, text, said, status):
    with pytest.raises(ExpError) as caught:
        find_side(open_project(folders), text, str(folders.path))
    assert said in caught.value.message and caught.value.status == status


@needs("git")
def test_a_revision_goes_before_an_experiment_and_that_before_a_folder(folders):
    project = open_project(folders)
    (folders.path / "saved").mkdir()
    assert find_side(project, "saved", str(folders.path))[0].commit
    folders.git("branch", "saved")
    side, hidden = find_side(project, "saved", str(folders.path))
    assert side == Side(head(folders)) and hidden.name == "saved"


@needs("git")
def test_an_ambiguous_experiment_is_no_folder(folders):
    folders.commit("next")
    save(open_project(folders), name="twice")
    folders.commit("after")
    save(open_project(folders), name="twice")
    folders.commit("last")
    (folders.path / "twice").mkdir()
    with pytest.raises(ExpError, match="'twice' may be any of"):
        find_side(open_project(folders), "twice", str(folders.path))


@needs("git")
def test_folders_of_a_project_below_the_top_are_relative_to_it(repo):
    for name in ("sub/.dvc/config", "sub/runs/a/params.yaml", "runs/a/params.yaml"):
        repo.write(name, b"")
    repo.write("sub/runs/a/params.yaml", b"lr: 1\n")
    repo.commit("first")
    project = open_project(repo, "sub")
    side, _ = find_side(project, "HEAD:runs/a", str(repo.path / "sub"))
    assert compare(project, side, Side(None, "runs/a"), unchanged=True).params["params.yaml"]["lr"]["old"] == 1
    with pytest.raises(ExpError, match="is not in"):
        find_side(project, ":../runs/a", str(repo.path / "sub"))
