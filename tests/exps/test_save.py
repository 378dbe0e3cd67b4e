"""Save: the experiment holds what `git add -u` would take, and nothing else of the repository changes."""
import os
import re
import time

import pytest
from expref.exps.errors import ExpError, Status
from expref.exps.save import save
from expref.objstore.errors import Conflict, Corrupt, GitError, Unsupported

from tests.conftest import needs
from tests.gitrepo import GitRepo, users_files
from tests.projects import git_tree, head, is_clean, open_project, refs

pytestmark = needs("git")


def make_executable(repo):
    repo.path.joinpath("train.py").chmod(0o755)


def link_instead_of_file(repo):
    (repo.path / "train.py").unlink()
    (repo.path / "train.py").symlink_to("params.yaml")


def file_instead_of_folder(repo):
    for path in (repo.path / "src").iterdir():
        path.unlink()
    (repo.path / "src").rmdir()
    repo.write("src", b"a file now\n")


def folder_instead_of_file(repo):
    (repo.path / "train.py").unlink()
    repo.write("train.py/inside", b"untracked\n")


def folder_behind_a_link(repo):
    (repo.path / "src").rename(repo.path / "moved")
    (repo.path / "src").symlink_to("moved")


def staged_and_changed_again(repo):
    repo.write("train.py", b"staged\n")
    repo.git("add", "train.py")
    repo.write("train.py", b"changed again\n")


def staged_and_gone(repo):
    repo.write("new.py", b"new\n")
    repo.git("add", "new.py")
    (repo.path / "new.py").unlink()


def staged_deletion(repo):
    repo.git("rm", "--quiet", "--cached", "train.py")


def intent_to_add(repo):
    repo.write("new.py", b"new\n")
    repo.git("add", "--intent-to-add", "new.py")


def same_size_and_time(repo):
    found = (repo.path / "params.yaml").stat()
    repo.write("params.yaml", b"lr: 0.9\nepochs: 5\n")
    os.utime(repo.path / "params.yaml", ns=(found.st_atime_ns, found.st_mtime_ns))


def renamed_and_staged(repo):
    repo.git("mv", "train.py", "fit.py")


def hostile_names(repo):
    for name in (b"new\nline", b"\x1b[31mred", b"-rf", b"caf\xe9", "实验".encode(), b" ", b"a\\b", b'"quoted"'):
        repo.write(name, b"content of " + name)
        repo.git("add", "--", name)


CHANGES = {
    "nothing": GitRepo.open,
    "a changed file": lambda repo: repo.write("params.yaml", b"lr: 0.2\n"),
    "an emptied file": lambda repo: repo.write("params.yaml", b""),
    "a deleted file": lambda repo: (repo.path / "train.py").unlink(),
    "a new file, staged": lambda repo: (repo.write("deep/er/new.py", b"1"), repo.git("add", "deep")),
    "a new file, untracked": lambda repo: repo.write("new.py", b"1"),
    "an executable": make_executable,
    "another target of a link": lambda repo: ((repo.path / "link").unlink(), (repo.path / "link").symlink_to("x")),
    "a file instead of a link": lambda repo: ((repo.path / "link").unlink(), repo.write("link", b"file\n")),
    **{each.__name__.replace("_", " "): each for each in (
        link_instead_of_file, file_instead_of_folder, folder_instead_of_file, folder_behind_a_link,
        staged_and_changed_again, staged_and_gone, staged_deletion, intent_to_add, same_size_and_time,
        renamed_and_staged, hostile_names,
    )},
}  # fmt: skip


@pytest.fixture
def full(trained):
    """The project with a link and a folder in its commit."""
    (trained.path / "link").symlink_to("params.yaml")
    trained.write("src/model.py", b"model\n")
    trained.write("src/data.py", b"data\n")
    trained.commit("full")
    return trained


@pytest.mark.parametrize("change", CHANGES)
def test_the_tree_is_the_one_that_git_would_write(full, change):
    CHANGES[change](full)
    status, before = full.git("status", "--porcelain=v2"), users_files(full.path)
    experiment = save(open_project(full))
    assert full.git("rev-parse", f"{experiment.id}^{{tree}}") == git_tree(full)
    after = users_files(full.path)
    new = {path for path in after.keys() - before.keys() if after[path][1] is not None}  # without folders
    assert all(path.startswith((b".git/refs/exps/", b".git/exps/")) for path in new)
    assert len([path for path in new if path.startswith(b".git/refs/")]) == 1
    assert before == {path: seen for path, seen in after.items() if path in before}
    assert full.git("status", "--porcelain=v2") == status
    assert is_clean(full)


def test_stash_and_reflogs_stay(full):
    full.write("params.yaml", b"stashed\n")
    full.git("stash", "push")
    full.write("params.yaml", b"lr: 7\n")
    before = users_files(full.path)
    save(open_project(full))
    assert {path: seen for path, seen in users_files(full.path).items() if path in before} == before
    assert full.git("stash", "list").count("\n") == 0 and full.git("stash", "list")
    assert full.git("log", "--all", "--oneline")


def test_the_commit_is_one_on_top_of_head_with_a_name_and_a_message(full):
    full.write("params.yaml", b"lr: 0.2\n")
    started = int(time.time())
    experiment = save(open_project(full), name="first", message="Try a larger step")
    baseline = full.git("rev-parse", "HEAD")
    path = f"refs/exps/{baseline[:2]}/{baseline[2:]}/first"
    assert full.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps") == f"{path} {experiment.id}"
    assert (experiment.name, str(experiment.baseline), experiment.message) == ("first", baseline, "Try a larger step")
    assert started <= experiment.created <= int(time.time())
    said = full.git("show", "--no-patch", "--format=%P%n%an <%ae>%n%cn <%ce>%n%ct%n%B", "--raw", str(experiment.id))
    author = "A U Thor <author@example.com>"
    assert said.split("\n")[:5] == [baseline, author, author, str(experiment.created), "Try a larger step"]


@pytest.mark.parametrize("options", [{}, {"message": None}, {"message": ""}])
def test_without_a_message_the_commit_names_the_experiment(full, options):
    experiment = save(open_project(full), name="first", **options)
    assert full.git("log", "-1", "--format=%s", str(experiment.id)) == experiment.message == "exps: save first"


@pytest.mark.parametrize("message, stored", [
    ("\n", b"\n"), ("x" * 1_000_000, b"x" * 1_000_000 + b"\n"), ("a\tb\r\x07", b"a\tb\r\x07\n"), ("two\nlines\n", b"two\nlines\n"), ("many\n\n\n", b"many\n"), ("caf\udce9", b"caf\xe9\n"),
    ("\x1b[31m", b"\x1b[31m\n"), ("# no comment", b"# no comment\n"),
])  # fmt: skip
def test_a_message_is_kept_as_it_is_and_ends_once(full, message, stored):
    experiment = save(open_project(full), message=message)
    assert full.git_bytes("cat-file", "commit", str(experiment.id)).partition(b"\n\n")[2] == stored
    assert is_clean(full)


def test_a_message_with_nul_is_refused(full):
    with pytest.raises(ExpError, match="NUL"):
        save(open_project(full), message="a\0b")
    assert refs(full) == {}


def test_generated_names_are_words(full):
    names = {save(open_project(full)).name for _ in range(5)}
    assert len(names) == 5 and all(re.fullmatch(r"[a-z]{5}-[a-z]{4}", name) for name in names)
    assert refs(full).keys() == names


@pytest.mark.parametrize("name", ["HEAD", "main", "-x", "é", "a@b", "stash", "0" * 40, "x" * 250])
def test_any_name_that_git_allows_can_be_given(full, name):
    experiment = save(open_project(full), name=name)
    assert refs(full) == {name: str(experiment.id)}


@pytest.mark.parametrize("name", ["a b", "a..b", ".a", "a.lock", "a/b", "a\nb", "a@{b", "x" * 300, "\x1b", "a."])
def test_any_other_name_is_refused_before_anything_is_written(full, name):
    full.write("params.yaml", b"lr: 0.2\n")
    before = users_files(full.path), full.git("count-objects", "-v")
    with pytest.raises(ExpError, match="bad experiment name") as caught:
        save(open_project(full), name=name)
    assert caught.value.hint and caught.value.status == Status.REFUSED
    assert (users_files(full.path), full.git("count-objects", "-v")) == before


def test_a_taken_name_is_refused_before_anything_is_written(full):
    first = save(open_project(full), name="first")
    full.write("params.yaml", b"lr: 0.2\n")
    before = users_files(full.path), full.git("count-objects", "-v")
    with pytest.raises(ExpError, match="experiment 'first' exists already on") as caught:
        save(open_project(full), name="first")
    assert caught.value.status == Status.CONFLICT
    assert (users_files(full.path), full.git("count-objects", "-v")) == before
    assert refs(full) == {"first": str(first.id)}


def test_an_experiment_can_be_replaced(full):
    first = save(open_project(full), name="first")
    full.write("params.yaml", b"lr: 0.2\n")
    second = save(open_project(full), name="first", replace=True)
    assert refs(full) == {"first": str(second.id)} and first.id != second.id


def test_before_the_first_commit_there_is_nothing_to_stand_on(repo):
    repo.write("params.yaml", b"lr: 1\n")
    repo.git("add", "params.yaml")
    with pytest.raises(ExpError, match="branch 'main' has no commit yet") as caught:
        save(open_project(repo))
    assert caught.value.hint == "commit something first"


def test_a_detached_head_is_a_baseline_like_any_other(full):
    full.git("checkout", "--quiet", "--detach", "HEAD~1")
    experiment = save(open_project(full))
    assert experiment.baseline == head(full)
    assert full.try_git("symbolic-ref", "--quiet", "HEAD").returncode == 1


def test_a_new_file_that_is_too_large_is_named_and_not_saved(full):
    full.git("config", "exps.maxFileSize", "1k")
    full.write("weights.bin", bytes(1025))
    full.git("add", "weights.bin")
    with pytest.raises(ExpError, match=r"weights\.bin is new and has 1025 bytes, more than exps\.maxFileSize \(1024\)"):
        save(open_project(full))
    assert refs(full) == {}
    full.write("weights.bin", bytes(1024))
    assert save(open_project(full)).name in refs(full)


def test_a_file_that_was_committed_large_may_change(full):
    full.write("weights.bin", bytes(2000))
    full.commit("weights")
    full.git("config", "exps.maxFileSize", "1k")
    full.write("weights.bin", b"1" * 2000)
    assert save(open_project(full)).name in refs(full)


def test_an_unfinished_merge_is_refused_with_the_paths(full):
    full.git("checkout", "--quiet", "-b", "other")
    full.write("params.yaml", b"lr: 2\n")
    full.commit("theirs")
    full.git("checkout", "--quiet", "main")
    full.write("params.yaml", b"lr: 3\n")
    full.commit("ours")
    assert full.try_git("merge", "other").returncode
    with pytest.raises(Conflict, match=r"merge is not finished.*params\.yaml"):
        save(open_project(full))
    assert refs(full) == {}


@pytest.mark.parametrize("name", ["params.yaml", "src/model.py"])
def test_what_git_cannot_store_is_refused(full, name):
    (full.path / name).unlink()
    os.mkfifo(full.path / name)
    with pytest.raises(GitError, match=f"{name} is no file, symbolic link or folder"):
        save(open_project(full))


def test_a_changed_file_that_a_filter_may_apply_to_is_refused(full):
    full.write(".gitattributes", b"*.bin filter=lfs\n")
    full.write("weights.bin", b"1")
    full.commit("filter")
    full.git("config", "filter.lfs.clean", "false")
    full.write("weights.bin", b"2")
    with pytest.raises(Unsupported, match=r"weights\.bin: filter=lfs"):
        save(open_project(full))


def test_a_submodule_is_saved_as_the_commit_that_it_is_at(full):
    inner = full.other("inner").init()
    inner.write("lib.py", b"1")
    inner.commit("lib")
    full.git("submodule", "--quiet", "add", "../inner", "lib")
    full.commit("with lib")
    checkout = full.other("repo/lib")
    checkout.write("lib.py", b"2")
    checkout.commit("moved")
    checkout.write("lib.py", b"dirty")
    experiment = save(open_project(full))
    assert full.git("rev-parse", f"{experiment.id}:lib") == checkout.git("rev-parse", "HEAD")
    assert full.git("rev-parse", f"{experiment.id}^{{tree}}") == git_tree(full)


def test_what_a_save_refers_to_survives_the_hardest_gc(full):
    for number in range(3):
        full.write("params.yaml", b"lr: %d\n" % number)
        save(open_project(full), name=f"n{number}")
        full.git("gc", "--quiet", "--prune=now")
    assert is_clean(full)
    assert [full.git("show", f"{refs(full)[f'n{number}']}:params.yaml") for number in range(3)] == [
        "lr: 0", "lr: 1", "lr: 2",
    ]


def test_a_blob_that_only_gc_would_keep_out_of_pity_is_written_again(full):
    """An object that is in the store but unreachable and old is about to go: who refers to it must make it new."""
    full.write("params.yaml", b"lr: old\n")
    id_ = full.git("hash-object", "-w", "params.yaml")
    path = full.path / ".git/objects" / id_[:2] / id_[2:]
    os.utime(path, (0, 0))
    save(open_project(full))
    full.git("prune", "--expire=1.hour.ago")
    assert is_clean(full) and full.git("cat-file", "-p", id_) == "lr: old"


def test_what_was_staged_long_ago_is_kept_as_well(full):
    full.write("new.py", b"staged\n")
    full.git("add", "new.py")
    id_ = full.git("rev-parse", ":new.py")
    os.utime(full.path / ".git/objects" / id_[:2] / id_[2:], (0, 0))
    experiment = save(open_project(full))
    full.git("reset", "--quiet")
    full.git("prune", "--expire=1.hour.ago")
    assert full.git("cat-file", "-p", f"{experiment.id}:new.py") == "staged" and is_clean(full)


def test_a_baseline_that_cannot_be_read_is_an_error_of_one_line(full):
    id_ = full.git("rev-parse", "HEAD")
    path = full.path / ".git/objects" / id_[:2] / id_[2:]
    path.chmod(0o644)
    path.write_bytes(b"garbage")
    with pytest.raises(Corrupt, match="broken zlib data") as caught:
        save(open_project(full))
    assert "\n" not in str(caught.value) and refs(full) == {}


def test_saves_from_two_work_trees_have_their_own_baselines(full):
    full.git("worktree", "add", "--quiet", "-b", "side", "../second", "HEAD~1")
    second = full.other("second")
    second.write("params.yaml", b"lr: 9\n")
    ours, theirs = save(open_project(full)), save(open_project(second))
    assert ours.baseline != theirs.baseline and refs(full).keys() == {ours.name, theirs.name}
    assert full.git("show", f"{theirs.id}:params.yaml") == "lr: 9"
