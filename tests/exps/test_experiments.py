"""Experiments of a repository: which refs are some, what is wrong with others, and that two never share a name."""

import os

import pytest
from expref.exps.errors import ExpError, Status
from expref.exps.experiments import change, check_free, get, listing, names, new_name, read
from expref.exps.formats.refnames import check_name, ref_of
from expref.exps.model import ExperimentRef
from expref.objstore.errors import Conflict, Corrupt, NotFound
from expref.objstore.ids import SHA1

from tests.conftest import needs
from tests.projects import head, refs

pytestmark = needs("git")


def folder(repo):
    commit = repo.git("rev-parse", "HEAD")
    return f"refs/exps/{commit[:2]}/{commit[2:]}"


def make(repo, *names):
    """Give experiments of HEAD these names; all are HEAD itself."""
    for name in names:
        repo.git("update-ref", f"{folder(repo)}/{name}", "HEAD")


def listed(repo, **options):
    return [ref.name for ref in listing(repo.open(), **options).found]


def test_a_repository_without_experiments_has_none(repo):
    assert listing(repo.open()) == ((), ())


def test_experiments_are_listed_by_baseline_and_name_loose_and_packed(trained):
    make(trained, "b", "a")
    trained.git("pack-refs", "--all")
    make(trained, "c")
    first = head(trained)
    trained.commit("second")
    make(trained, "d")
    trained.git("pack-refs", "--all", "--no-prune")
    second = head(trained)
    expected = sorted([(first, "a", first), (first, "b", first), (first, "c", first), (second, "d", second)])
    assert listing(trained.open()).found == tuple(expected)
    assert listed(trained, baseline=second) == ["d"]


def test_what_dvc_and_others_keep_below_refs_exps_is_left_out(trained):
    make(trained, "a")
    for ref in (
        "stash",
        "exec/EXEC_HEAD",
        "exec/EXEC_BASELINE",
        "apply/ORIG_HEAD",
        "celery/stash",
        "celery/failed",
        "temp/head-x",
        f"temp/{'1' * 36}/x",
        "ours",
        f"11/{'1' * 38}x/a",
        f"11/{'1' * 38}/a/b",
    ):
        trained.git("update-ref", f"refs/exps/{ref}", "HEAD")
    trained.git("symbolic-ref", "refs/exps/exec/EXEC_BRANCH", f"{folder(trained)}/a")
    trained.git("symbolic-ref", "refs/exps/exec/EXEC_CHECKPOINT", f"{folder(trained)}/gone")
    assert listed(trained) == ["a"]
    assert listing(trained.open()).broken == ()


def test_an_experiment_may_be_a_symbolic_ref(trained):
    make(trained, "a")
    trained.git("symbolic-ref", f"{folder(trained)}/b", f"{folder(trained)}/a")
    assert listed(trained) == ["a", "b"]


def test_a_broken_ref_costs_a_line_and_no_more(trained):
    make(trained, "a", "bad", "empty")
    path = trained.path / ".git" / folder(trained)
    (path / "bad").write_bytes(b"not an id\n")
    (path / "empty").write_bytes(b"")
    (path / "gone").write_bytes(b"ref: refs/heads/gone\n")
    (path / "b a d").write_bytes(b"1" * 40 + b"\n")
    found = listing(trained.open())
    assert [ref.name for ref in found.found] == ["a"]
    assert [line.partition(": ")[0].rpartition("/")[2] for line in found.broken] == ["b a d", "bad", "empty", "gone"]
    assert all("\n" not in line for line in found.broken)


def test_locks_and_empty_folders_are_no_experiments(trained):
    make(trained, "a")
    (trained.path / ".git" / folder(trained) / "b.lock").touch()
    (trained.path / ".git/refs/exps/12/34/56").mkdir(parents=True)
    assert listing(trained.open()) == (((head(trained), "a", head(trained)),), ())


def test_names_are_bytes(trained):
    name = os.fsdecode(b"caf\xe9")
    make(trained, name)
    assert listed(trained) == [name]


def test_an_experiment_is_read_with_what_its_commit_says(trained):
    baseline = head(trained)
    env = {"GIT_COMMITTER_DATE": "1700000123 +0530"}
    commit = trained.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Try é\n\nlonger", env=env)
    found = read(trained.open(), ExperimentRef(baseline, "a", SHA1.parse_id(commit)))
    assert found == ("a", SHA1.parse_id(commit), baseline, 1_700_000_123, "Try é\n\nlonger")


@pytest.mark.parametrize("what, error", [("1" * 40, NotFound), ("HEAD^{tree}", Corrupt)])
def test_a_ref_to_no_commit_can_not_be_read(trained, what, error):
    id_ = SHA1.parse_id(trained.git("rev-parse", what))
    with pytest.raises(error, match=str(id_)):
        read(trained.open(), ExperimentRef(head(trained), "a", id_))


def test_a_name_is_taken_once_for_a_baseline(trained):
    repository, first = trained.open(), head(trained)
    check_free(repository, first, "a")
    change(repository, new=[ExperimentRef(first, "a", first)])
    with pytest.raises(ExpError, match=f"experiment 'a' exists already on {str(first)[:7]}") as caught:
        check_free(repository, first, "a")
    assert caught.value.status == Status.CONFLICT and "-n" in caught.value.hint and "-f" in caught.value.hint
    with pytest.raises(ExpError, match="exists already"):
        change(repository, new=[ExperimentRef(first, "a", first)])
    trained.commit("second")
    check_free(repository, head(trained), "a")


def test_a_packed_name_is_taken_too(trained):
    make(trained, "a")
    trained.git("pack-refs", "--all")
    with pytest.raises(ExpError, match="exists already"):
        check_free(trained.open(), head(trained), "a")
    with pytest.raises(ExpError, match="exists already"):
        change(trained.open(), new=[ExperimentRef(head(trained), "a", head(trained))])


def test_an_experiment_is_replaced_only_when_asked(trained):
    first = head(trained)
    make(trained, "a")
    trained.commit("second")
    second = ExperimentRef(first, "a", head(trained))
    change(trained.open(), gone=[ExperimentRef(first, "a", first)], new=[second])
    assert get(trained.open(), first, "a") == second and get(trained.open(), first, "b") is None
    assert refs(trained) == {"a": str(head(trained))}


def test_experiments_change_together_or_not_at_all(trained):
    make(trained, "a", "b", "c")
    first, before = head(trained), refs(trained)
    trained.commit("second")
    second = head(trained)
    a, b, c = (ExperimentRef(first, name, first) for name in "abc")
    for gone, new, error in [
        ([a, b._replace(id=second)], [], Conflict), ([a, b._replace(name="x")], [], Conflict), ([a], [b], ExpError),
        ([a], [a._replace(name="d"), c._replace(id=second)], ExpError),
    ]:  # fmt: skip
        with pytest.raises(error):
            change(trained.open(), gone=gone, new=new)
        assert refs(trained) == before
    change(trained.open(), gone=[a, b], new=[a._replace(name="d"), b._replace(id=second)])
    assert refs(trained) == {"b": str(second), "c": str(first), "d": str(first)}


def test_names_are_told_without_looking_at_what_refs_say(trained):
    make(trained, "a", "b")
    trained.git("pack-refs", "--all")
    make(trained, "c")
    (trained.path / ".git" / folder(trained) / "broken").write_bytes(b"not an id")
    trained.git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    assert names(trained.open()) == {"a", "b", "c", "broken"}


def test_a_name_that_is_a_folder_of_others_is_refused(trained):
    make(trained, "a/b")
    with pytest.raises(Conflict, match="a/b exists"):
        change(trained.open(), new=[ExperimentRef(head(trained), "a", head(trained))])


def test_no_ref_of_an_experiment_gets_a_reflog(trained):
    change(trained.open(), new=[ExperimentRef(head(trained), "a", head(trained))])
    assert not (trained.path / ".git/logs/refs/exps").exists()


def test_a_generated_name_is_new_in_the_whole_repository(trained, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)  # always the same draw
    first = new_name(trained.open())
    make(trained, first)
    trained.commit("second")
    second = new_name(trained.open())
    make(trained, second)
    assert (second, new_name(trained.open())) == (f"{first}-2", f"{first}-3")
    check_name(second)


def test_the_ref_of_a_generated_name_is_one_that_git_accepts(trained):
    trained.git("check-ref-format", ref_of(head(trained), new_name(trained.open())))
