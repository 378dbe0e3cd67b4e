"""Remove: DVC's ways of saying which experiments, and all of them or none."""

import pytest
from expref.exps.errors import ExpError
from expref.exps.remove import remove
from expref.exps.save import save
from expref.objstore.errors import Conflict, NotFound

from tests.conftest import needs
from tests.gitrepo import users_files
from tests.projects import is_clean, open_project, refs

pytestmark = needs("git")


@pytest.fixture
def project(trained):
    """Experiments "a1", "a2" on the first commit, "b1" on the second, "c1", "c2" on the third, which is HEAD."""
    for letter, count in {"a": 2, "b": 1, "c": 2}.items():
        if letter != "a":
            trained.commit(letter)
        for number in range(1, count + 1):
            trained.write("params.yaml", f"lr: {letter}{number}\n".encode())
            save(open_project(trained), name=f"{letter}{number}")
        trained.git("checkout", "--quiet", "--", ".")
    return open_project(trained)


@pytest.mark.parametrize("asked, left", [
    ((["a1"],), "a2 b1 c1 c2"), ((["a1", "c2", "a1"],), "a2 b1 c1"), (([],), "a1 a2 b1 c1 c2"),
    ({"everything": True}, ""), ({"revs": ["HEAD"]}, "a1 a2 b1"), ({"revs": ["main~1"]}, "a1 a2 c1 c2"),
    ({"revs": ["HEAD"], "num": 2}, "a1 a2"), ({"revs": ["HEAD"], "num": -1}, ""), ({"revs": ["HEAD"], "num": 0}, "a1 a2 b1 c1 c2"),
    ({"revs": ["HEAD", "HEAD~2"]}, "b1"), ({"revs": ["HEAD"], "everything": True}, ""),
    ({"revs": ["HEAD"], "keep": True}, "c1 c2"), ({"experiments": ["b1"], "keep": True}, "b1"),
    ({"everything": True, "keep": True}, "a1 a2 b1 c1 c2"), ({"keep": True}, "a1 a2 b1 c1 c2"), ({"num": 3}, "a1 a2 b1 c1 c2"),
])  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_what_was_asked_for_goes_and_nothing_else(trained, project, asked, left, packed):
    if packed:
        trained.git("pack-refs", "--all")
    before = refs(trained)
    gone = remove(project, **asked) if isinstance(asked, dict) else remove(project, *asked)
    assert " ".join(sorted(refs(trained))) == left
    assert {each.name for each in gone} == before.keys() - refs(trained).keys()
    assert is_clean(trained)


@pytest.mark.parametrize("asked, error", [
    ({"experiments": ["a1", "nowhere"]}, ExpError), ({"revs": ["HEAD", "nowhere"]}, ExpError),
    ({"revs": ["HEAD:params.yaml"]}, NotFound),
])  # fmt: skip
def test_nothing_goes_if_anything_is_not_there(trained, project, asked, error):
    before = users_files(trained.path)
    with pytest.raises(error):
        remove(project, **asked)
    assert users_files(trained.path) == before


def test_all_experiments_of_a_name_go_where_a_baseline_is_asked_for(trained, project):
    """DVC keeps all but one: it remembers them by name."""
    trained.git("checkout", "--quiet", "HEAD~1")
    save(open_project(trained), name="c1")
    trained.git("checkout", "--quiet", "main")
    assert len(remove(project, revs=["HEAD"], num=2)) == 4
    assert refs(trained).keys() == {"a1", "a2"}


def test_a_lock_on_one_of_them_keeps_them_all(trained, project):
    ref = trained.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/b1")
    (trained.path / ".git" / f"{ref}.lock").touch()
    before = refs(trained)
    with pytest.raises(Conflict, match=r"b1\.lock"):
        remove(project, everything=True)
    assert refs(trained) == before and trained.git("for-each-ref", "refs/expref") == ""


def test_no_empty_folders_are_left(trained, project):
    remove(project, everything=True)
    assert not list((trained.path / ".git/refs/exps").rglob("*"))


def test_what_is_under_refs_exps_and_no_experiment_stays(trained, project):
    trained.git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    trained.git("update-ref", "refs/exps/celery/stash", "HEAD")
    remove(project, everything=True)
    assert refs(trained).keys() == {"EXEC_HEAD", "stash"}
