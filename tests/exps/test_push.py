"""Push: each experiment has its own result, objects go before names, nothing is overwritten unasked."""

import threading

import pytest
from expref.exps.experiments import listing
from expref.exps.formats.note import decode, encode
from expref.exps.push import push
from expref.exps.remotes import place
from expref.objstore.errors import NotFound, Unsupported

from tests.conftest import needs
from tests.gitrepo import GitRepo, users_files
from tests.projects import is_clean, open_project, refs
from tests.sharing import bare, clone, hook, note, push_all, reasons, statuses, tried, write_note

pytestmark = needs("git")


@pytest.fixture
def remote(trained):
    """A bare clone of `trained` made before it has experiments."""
    return bare(trained)


@pytest.fixture
def pair(trained, remote):
    """The repository `trained` with the experiments "a" and "b", and the remote, which lacks them."""
    tried(trained, "a", lr=1)
    tried(trained, "b", lr=2)
    return trained, remote


def test_what_is_new_goes_and_what_is_there_stays(pair):
    here, there = pair
    before = users_files(here.path)
    assert statuses(push_all(here, there)) == {"a": "new", "b": "new"}
    assert users_files(here.path) == before  # nothing of the user's, no remote-tracking ref, no setting
    assert refs(there) == refs(here) and is_clean(there)
    tried(here, "c", lr=3)
    moved = push_all(here, there)
    assert statuses(moved) == {"a": "up to date", "b": "up to date", "c": "new"}
    assert all(each.is_done for each in moved.results) and refs(there) == refs(here)


def test_only_what_the_other_side_lacks_is_sent(pair):
    here, there = pair
    push_all(here, there)
    count = int(there.git("rev-list", "--objects", "--all", "--count"))
    tried(here, "c", lr=3)
    push_all(here, there)
    assert int(there.git("rev-list", "--objects", "--all", "--count")) == count + 3  # commit, tree, params.yaml
    assert "commit" not in there.git("fsck", "--unreachable", "--no-reflogs")


def test_an_experiment_goes_with_its_baseline(trained, remote):
    trained.write("new.py", b"1")
    baseline = trained.commit("not pushed")
    tried(trained, "a", lr=1)
    assert statuses(push_all(trained, remote)) == {"a": "new"}
    assert remote.git("rev-parse", f"{refs(remote)['a']}^") == baseline and is_clean(remote)


def test_what_has_diverged_is_refused_unless_it_is_asked_for(pair):
    here, there = pair
    push_all(here, there)
    old = refs(there)["a"]
    tried(here, "a", replace=True, lr=9)
    tried(here, "c", lr=3)
    moved = push_all(here, there)
    assert statuses(moved) == {"a": "diverged", "b": "up to date", "c": "new"}
    assert reasons(moved) == {"a": f"the remote has {old[:7]} under this name"}
    assert refs(there)["a"] == old
    assert statuses(push_all(here, there, replace=True))["a"] == "updated"
    assert refs(there) == refs(here) and is_clean(there)


def test_a_chain_of_checkpoints_goes_on(pair):
    here, there = pair
    push_all(here, there)
    name = here.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/a")
    here.git("update-ref", name, here.git("commit-tree", "-p", name, "-m", "further", f"{name}^{{tree}}"))
    assert statuses(push_all(here, there)) == {"a": "updated", "b": "up to date"}
    assert refs(there) == refs(here)
    here.git("update-ref", name, f"{name}^")  # and not back again
    assert statuses(push_all(here, there))["a"] == "diverged"


def test_what_the_remote_has_and_nobody_here_does_not_matter(pair, tmp_path):
    here, there = pair
    bob = clone(there, "bob")
    tried(bob, "a", lr=7)
    push_all(bob, there)
    assert statuses(push_all(here, there)) == {"a": "diverged", "b": "new"}  # its commit is not here
    assert refs(there)["a"] == refs(bob)["a"]


def test_one_refusal_is_no_obstacle_for_the_others(pair):
    here, there = pair
    hook(there, "update", 'case $1 in */a) echo "not this one" >&2; exit 1;; esac')
    moved = push_all(here, there)
    assert statuses(moved) == {"a": "rejected", "b": "new"}
    assert reasons(moved) == {"a": "hook declined"} and "not this one" in moved.said
    assert refs(there).keys() == {"b"}


@pytest.mark.parametrize("prepare", ["diverged", "hook"])
def test_atomic_is_all_or_none(pair, prepare):
    here, there = pair
    if prepare == "hook":
        hook(there, "update", "case $1 in */a) exit 1;; esac")
    else:
        push_all(here, there)
        there.git("update-ref", "-d", there.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/b"))
        tried(here, "a", replace=True, lr=5)
    before = refs(there)
    moved = push_all(here, there, atomic=True)
    assert statuses(moved) == {"a": "diverged" if prepare == "diverged" else "rejected", "b": "rejected"}
    assert refs(there) == before and "atomic" in reasons(moved)["b"]


def test_an_experiment_that_is_broken_here_stays_alone(pair):
    here, there = pair
    blob = here.git("rev-parse", f"{refs(here)['a']}:params.yaml")
    (here.path / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    moved = push_all(here, there)
    assert statuses(moved) == {"a": "rejected", "b": "new"}
    assert f"object {blob} is missing" in reasons(moved)["a"]
    assert refs(there).keys() == {"b"} and is_clean(there)


@pytest.mark.parametrize("setting, reason", [
    ("transfer.hideRefs=refs/exps", "deny updating a hidden ref"), ("receive.hideRefs=refs/exps", "deny updating a hidden ref"),
    ("receive.maxInputSize=10", "unpacker error"), ("receive.procReceiveRefs=refs/exps", "fail to run proc-receive hook"),
])  # fmt: skip
def test_the_reasons_of_the_remote_are_told(pair, setting, reason):
    here, there = pair
    there.git("config", *setting.split("="))
    moved = push_all(here, there)
    assert set(statuses(moved).values()) == {"rejected"} and reason in reasons(moved)["a"]
    assert refs(there) == {}


def test_settings_for_branches_do_not_protect_experiments(pair):
    here, there = pair
    for setting in ("receive.denyNonFastForwards", "receive.denyDeletes"):
        there.git("config", setting, "true")
    push_all(here, there)
    tried(here, "a", replace=True, lr=5)
    assert statuses(push_all(here, there, replace=True))["a"] == "updated"


def test_every_address_of_a_remote_gets_them_and_the_worst_result_counts(pair, tmp_path):
    here, there = pair
    second = bare(here, "second.git")
    hook(second, "update", "case $1 in */b) exit 1;; esac")
    for each in (there, second):
        here.git("config", "--add", "remote.both.pushurl", each.path)
    here.git("config", "remote.both.url", "/nowhere")
    project = open_project(here)
    moved = push(project, place(project, "both"), listing(project.repository).found)
    assert statuses(moved) == {"a": "new", "b": "rejected"}
    assert refs(there).keys() == {"a", "b"} and refs(second).keys() == {"a"}


# --- several at once


def test_what_somebody_else_pushes_at_this_moment_is_not_overwritten(pair):
    here, there = pair
    other = there.git("commit-tree", "-p", "main", "-m", "somebody else's", "main^{tree}")
    names = there.git("rev-parse", "main"), "a"
    ref = f"refs/exps/{names[0][:2]}/{names[0][2:]}/a"
    hook(there, "pre-receive", f"env -u GIT_QUARANTINE_PATH git update-ref {ref} {other}")
    moved = push_all(here, there, replace=True)
    assert statuses(moved) == {"a": "diverged", "b": "new"}
    assert reasons(moved) == {"a": f"somebody else has just pushed {other[:7]} under this name"}
    assert refs(there)["a"] == other


def test_what_somebody_else_pushes_at_this_moment_may_be_the_same(pair):
    here, there = pair
    base, id_ = there.git("rev-parse", "main"), refs(here)["a"]
    ref = f"refs/exps/{base[:2]}/{base[2:]}/a"
    script = f"env -u GIT_QUARANTINE_PATH git update-ref {ref} {id_}"
    push_all(here, there)
    there.git("update-ref", "-d", ref)
    hook(there, "pre-receive", script)
    moved = push_all(here, there)
    assert all(each.is_done for each in moved.results) and refs(there)["a"] == id_


def test_many_push_different_things_under_one_name_and_one_wins(pair):
    _, there = pair
    there.git("config", "core.filesRefLockTimeout", "60000")  # a busy disk takes longer than the usual tenth of a second
    people = [clone(there, f"person-{number}") for number in range(4)]
    ids = [tried(person, "same", lr=number) for number, person in enumerate(people)]
    found = []
    start = threading.Barrier(len(people))

    def run(person):
        start.wait()
        found.append(statuses(push_all(person, there))["same"])

    threads = [threading.Thread(target=run, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["diverged"] * 3 + ["new"]
    assert refs(there)["same"] in ids and is_clean(there)


# --- clones that lack something


def test_a_shallow_clone_pushes_what_stands_on_what_the_remote_has(trained, remote):
    trained.commit("second")
    trained.git("push", "--quiet", remote.path, "main")
    shallow = clone(remote, "shallow", "--depth=1")
    tried(shallow, "a", lr=1)
    assert statuses(push_all(shallow, remote)) == {"a": "new"} and is_clean(remote)


def test_a_shallow_clone_does_not_push_what_would_have_no_beginning(trained, remote):
    trained.commit("second")
    whole = bare(trained, "whole.git")
    shallow = clone(whole, "shallow", "--depth=1")
    tried(shallow, "a", lr=1)
    moved = push_all(shallow, GitRepo(remote.path, remote.environ))
    assert statuses(moved) == {"a": "rejected"} and "this clone is shallow" in reasons(moved)["a"]
    assert refs(remote) == {}


def test_a_partial_clone_pushes_without_what_it_lacks(trained, remote):
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        remote.git("config", setting, "true")
    partial = clone(remote, "partial", "--filter=blob:none", "--no-checkout")
    partial.git("reset", "--quiet", "--", "params.yaml")
    partial.git("checkout", "--quiet", "main", "--", "params.yaml")
    tried(partial, "a", lr=1)
    assert statuses(push_all(partial, remote)) == {"a": "new"} and is_clean(remote)


def test_a_remote_with_other_ids_is_refused_by_name(pair, tmp_path):
    here, _ = pair
    other = GitRepo(tmp_path / "other.git", here.environ).init("--bare", "--object-format=sha256")
    with pytest.raises(Unsupported, match="sha256"):
        push_all(here, other)


@pytest.mark.parametrize("address, error", [("nowhere.git", NotFound), ("params.yaml", NotFound)])
def test_what_is_no_repository_is_refused(pair, tmp_path, address, error):
    here, _ = pair
    with pytest.raises(error, match="is not a Git repository"):
        push_all(here, GitRepo(here.path / address, here.environ))


# --- notes


def test_notes_go_with_their_experiments_and_no_others(pair):
    here, there = pair
    ids = refs(here)
    write_note(here, ids["a"], "remarkable")
    write_note(here, here.git("rev-parse", "HEAD"), "not of an experiment")
    project = open_project(here)
    (a,) = (each for each in listing(project.repository).found if each.name == "a")
    assert push(project, place(project, str(there.path)), [a]).warnings == ()
    assert there.git("notes", "--ref=exps", "list").split()[1:] == [ids["a"]]
    assert note(there, ids["a"]) == "remarkable" and is_clean(there)
    before = there.git("rev-parse", "refs/notes/exps")
    push_all(here, there)
    assert there.git("rev-parse", "refs/notes/exps") == before  # b has none, that of a is there


def test_notes_are_merged_into_those_of_the_remote(pair):
    here, there = pair
    push_all(here, there)
    id_ = refs(here)["a"]
    tags = [{"tags": {"at": at, "value": [tag]}, "star": {"at": at, "value": at == 2}} for at, tag in ((1, "x"), (2, "y"))]
    write_note(there, id_, encode(tags[0]).decode())
    write_note(there, refs(here)["b"], "stays")
    write_note(here, id_, encode(tags[1]).decode())
    assert push_all(here, there).warnings == ()
    assert decode(note(there, id_).encode()) == {"star": tags[1]["star"], "tags": {"at": 2, "value": ["x", "y"]}}
    assert note(there, refs(here)["b"]) == "stays" and is_clean(there)
    assert there.git("rev-list", "--count", "refs/notes/exps") == "3"


def test_notes_that_are_refused_are_a_warning(pair):
    here, there = pair
    write_note(here, refs(here)["a"], "x")
    hook(there, "update", "case $1 in refs/notes/*) exit 1;; esac")
    moved = push_all(here, there)
    assert statuses(moved) == {"a": "new", "b": "new"}
    assert moved.warnings == ("the notes of the experiments were not taken: hook declined",)


def test_notes_that_others_push_at_this_moment_are_not_lost(pair):
    here, there = pair
    id_ = refs(here)["a"]
    push_all(here, there)
    write_note(here, id_, "mine")
    (there.path / "others").mkdir()
    once = "test -e others/done || { touch others/done; env -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY git notes --ref=exps add -m theirs main; }"
    hook(there, "pre-receive", once)
    assert push_all(here, there).warnings == ()
    assert (note(there, id_), note(there, "main")) == ("mine", "theirs") and is_clean(there)


def test_progress_counts_objects_and_bytes(pair):
    here, there = pair
    counted, expected = [], []

    class Counter:
        def advance(self, items, size_bytes):
            counted.append((items, size_bytes))

        def expect(self, items):
            expected.append(items)

    project = open_project(here)
    project.progress = Counter()
    push(project, place(project, str(there.path)), listing(project.repository).found)
    items, size = (sum(each) for each in zip(*counted, strict=True))
    assert items == sum(expected) >= 6 and size > 100


def test_nothing_to_push_does_not_even_look(trained):
    project = open_project(trained)
    assert push(project, place(project, "https://nowhere.invalid/x"), []).results == ()
