"""Pull: what comes is verified, nothing here is overwritten unasked, and what was replaced can be brought back."""

import threading

import pytest
from expref.exps.errors import ExpError
from expref.exps.formats.note import decode, encode
from expref.exps.pull import pull
from expref.exps.remotes import place
from expref.exps.undo import restore, steps
from expref.objstore.errors import GitError, RemoteError, Unsupported

from tests.conftest import needs
from tests.gitrepo import GitRepo, users_files
from tests.projects import head, is_clean, open_project, refs
from tests.sharing import bare, clone, note, push_all, reasons, statuses, tried, write_note

pytestmark = needs("git")


@pytest.fixture
def remote(trained):
    """A repository with the experiments "a" and "b" on its first commit and "c" on its second, which is its HEAD."""
    made = bare(trained)
    ann = clone(made, "ann")
    tried(ann, "a", lr=1)
    tried(ann, "b", lr=2)
    ann.commit("second")
    tried(ann, "c", lr=3)
    ann.git("push", "--quiet", "origin", "main")
    push_all(ann, made)
    return made


@pytest.fixture
def here(remote):
    """A fresh clone of it, made by git."""
    return clone(remote, "here")


def pull_from(repo, remote, *names, **options):
    project = open_project(repo)
    options = options if options or names else {"baselines": None}
    return pull(project, place(project, str(remote.path)), names, **options)


def ref_of(repo, name):
    return repo.git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}")


def test_a_fresh_clone_gets_them_and_nothing_else_changes(here, remote):
    before = users_files(here.path)
    assert refs(here) == {}
    assert statuses(pull_from(here, remote)) == {"a": "new", "b": "new", "c": "new"}
    assert refs(here) == refs(remote) and is_clean(here)
    after = users_files(here.path)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert all(path.startswith(b".git/refs/exps") for path in changed)
    assert "exps" not in (here.path / ".git/config").read_text()  # where a prune would find them
    assert statuses(pull_from(here, remote)) == dict.fromkeys("abc", "up to date")
    assert users_files(here.path) == after


def test_those_that_are_asked_for_come(here, remote):
    assert statuses(pull_from(here, remote, "a")) == {"a": "new"}
    assert statuses(pull_from(here, remote, baselines={head(here)})) == {"c": "new"}
    assert statuses(pull_from(here, remote, ref_of(remote, "b"), "a")) == {"b": "new", "a": "up to date"}
    assert refs(here) == refs(remote)


def test_a_name_that_the_remote_lacks_stops_everything(here, remote):
    with pytest.raises(ExpError, match="the remote has no experiment 'nope'") as caught:
        pull_from(here, remote, "a", "nope")
    assert "list REMOTE" in caught.value.hint and refs(here) == {}


def test_a_prune_of_git_does_not_take_them_away(here, remote):
    pull_from(here, remote)
    tried(here, "mine", lr=5)
    before = refs(here)
    here.git("fetch", "--quiet", "--prune", "origin")
    here.git("remote", "prune", "origin")
    remote.git("update-ref", "-d", ref_of(remote, "a"))
    here.git("fetch", "--quiet", "--prune", "--prune-tags", "--force", "origin")
    pull_from(here, remote)
    assert refs(here) == before


def test_what_has_diverged_stays_unless_it_is_asked_for_and_comes_back(here, remote):
    first = here.git("rev-parse", "HEAD")
    tried(here, "c", lr=7)
    mine = refs(here)["c"]
    moved = pull_from(here, remote)
    assert statuses(moved) == {"a": "new", "b": "new", "c": "diverged"}
    assert reasons(moved) == {"c": f"{mine[:7]} has this name here"} and refs(here)["c"] == mine
    assert statuses(pull_from(here, remote, "c", replace=True)) == {"c": "updated"}
    assert refs(here) == refs(remote)
    project = open_project(here)
    assert [(step.command, [each.name for each in step.experiments]) for step in steps(project)] == [("pull", ["c"])]
    here.git("gc", "--quiet", "--prune=now")
    here.git("update-ref", "-d", ref_of(here, "c"))
    restore(project)
    assert refs(here)["c"] == mine and is_clean(here) and here.git("rev-parse", "HEAD") == first


def test_a_chain_of_checkpoints_goes_on(here, remote):
    pull_from(here, remote)
    name = ref_of(remote, "c")
    remote.git("update-ref", name, remote.git("commit-tree", "-p", name, "-m", "further", f"{name}^{{tree}}"))
    assert statuses(pull_from(here, remote))["c"] == "updated" and refs(here) == refs(remote)
    tried(here, "more", lr=1)
    remote.git("update-ref", name, f"{name}^")  # here is ahead
    assert statuses(pull_from(here, remote))["c"] == "diverged"


def test_a_baseline_that_is_missing_comes_with_its_experiment(trained, remote, tmp_path):
    old = GitRepo(tmp_path / "old", remote.environ)
    old.init()
    old.write("other", b"nothing in common")
    old.commit("another history")
    assert statuses(pull_from(old, remote, "c")) == {"c": "new"}
    assert old.git("log", "--format=%s", refs(old)["c"]).splitlines()[1:] == ["second", "first"]
    assert refs(old).keys() == {"c"} and is_clean(old)


def test_an_empty_repository_can_pull(remote, tmp_path):
    empty = GitRepo(tmp_path / "empty", remote.environ).init()
    assert len(pull_from(empty, remote).results) == 3 and refs(empty) == refs(remote)


# --- what is in the way here, and what is wrong there


def test_one_that_is_in_the_way_is_no_obstacle_for_the_others(here, remote):
    base = here.git("rev-parse", "main")
    folder = here.path / f".git/refs/exps/{base[:2]}/{base[2:]}"
    (folder / "c").mkdir(parents=True)
    (folder / "c/deeper").write_text(f"{base}\n")
    moved = pull_from(here, remote)
    assert statuses(moved) == {"a": "new", "b": "new", "c": "rejected"} and "c/deeper" in reasons(moved)["c"]


def test_a_broken_ref_of_that_name_is_not_overwritten(here, remote):
    pull_from(here, remote)
    path = here.path / ".git" / ref_of(here, "c")
    path.write_text("nonsense\n")
    moved = pull_from(here, remote)
    assert statuses(moved) == {"a": "up to date", "b": "up to date", "c": "rejected"}
    assert path.read_text() == "nonsense\n"


def test_a_lock_of_others_keeps_back_one(here, remote):
    pull_from(here, remote)
    name = ref_of(here, "a")
    here.git("update-ref", "-d", name)
    here.git("update-ref", "-d", ref_of(here, "b"))
    lock = here.path / f".git/{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    moved = pull_from(here, remote)
    assert statuses(moved) == {"a": "rejected", "b": "new", "c": "up to date"} and str(lock) in reasons(moved)["a"]


def add_packed(remote, name, id_):
    """A ref that git would not make itself."""
    base = remote.git("rev-parse", "main")
    remote.git("pack-refs", "--all")
    path = remote.path / "packed-refs"
    lines = [*path.read_text().splitlines()[1:], f"{id_} refs/exps/{base[:2]}/{base[2:]}/{name}"]
    path.write_text("\n".join(["# pack-refs with:", *lines, ""]))


@pytest.mark.parametrize("name, of, reason", [
    ("x" * 252, "main", "longer than 250 bytes"), ("tree", "main^{tree}", "no commit"), ("blob", "main:params.yaml", "no commit"),
])  # fmt: skip
def test_what_is_no_experiment_is_refused_alone(here, remote, name, of, reason):
    add_packed(remote, name, remote.git("rev-parse", of))
    moved = pull_from(here, remote)
    assert statuses(moved) == {"a": "new", "b": "new", "c": "new", name: "rejected"} and reason in reasons(moved)[name]
    assert refs(here).keys() == set("abc") and is_clean(here)


def test_objects_are_checked_where_settings_ask_for_it(here, remote):
    tree, lines = remote.git("rev-parse", "main^{tree}"), "author A <a@x> 1 +0000\ncommitter nobody 1 +0000\n\nm\n"
    bad = remote.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=f"tree {tree}\n{lines}".encode())
    add_packed(remote, "bad", bad)
    here.git("config", "transfer.fsckObjects", "true")
    with pytest.raises(GitError, match=f"{bad}: missingEmail"):
        pull_from(here, remote)
    assert refs(here) == {} and is_clean(here)
    here.git("config", "fetch.fsck.missingEmail", "warn")
    moved = pull_from(here, remote)
    assert statuses(moved) == dict.fromkeys(["a", "b", "bad", "c"], "new")
    assert [each.partition(": ")[0] for each in moved.warnings] == [f"object {bad}"]


BAD_NAMES = ["../../../heads/main", "a..b", "x.lock", "a/../../b", "-/.hidden", "sp ace", "a\x7f", "a\nb"]


@pytest.mark.parametrize("name", BAD_NAMES[:-1])
def test_a_bad_name_in_a_folder_never_becomes_a_ref(here, remote, name):
    add_packed(remote, name, remote.git("rev-parse", "main"))
    assert statuses(pull_from(here, remote)) == dict.fromkeys("abc", "new")
    assert len(here.git("for-each-ref").splitlines()) == len("abc") + 3 and is_clean(here)  # main, origin/main, origin/HEAD


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_that_a_server_says_never_becomes_a_ref(here, tmp_path, name):
    """The program that is started in place of ssh says what no server of git would say."""
    tip = here.git("rev-parse", "main")
    lines = [f"{tip} refs/exps/{tip[:2]}/{tip[2:]}/{name}\0side-band-64k multi_ack\n".encode()]
    (tmp_path / "said").write_bytes(b"".join(b"%04x" % (len(line) + 4) + line for line in lines) + b"0000")
    project = open_project(here, GIT_SSH_COMMAND=f"cat '{tmp_path}/said' #")
    before = users_files(here.path)
    with pytest.raises(GitError):
        pull(project, place(project, "ssh://host/path"), baselines=None)
    assert users_files(here.path) == before


def test_what_the_remote_keeps_for_itself_does_not_come(here, remote):
    tip = remote.git("rev-parse", "main")
    names = ["exec/EXEC_HEAD", "celery/stash", "apply/stash", "stash", "temp/x/y", "ab/short/name"]
    for name in names:
        remote.git("update-ref", f"refs/exps/{name}", tip)
    remote.git("update-ref", "refs/expref/undo/main/x/remove/exps/a", tip)
    assert set(statuses(pull_from(here, remote))) == set("abc")
    assert here.git("for-each-ref", "refs/exps/exec", "refs/exps/celery", "refs/expref") == ""


def test_objects_that_are_missing_there_are_never_missing_here(here, remote):
    remote.git("repack", "-adq")
    blob = remote.git("rev-parse", f"{refs(remote)['c']}:params.yaml")
    pack = next((remote.path / "objects/pack").glob("*.pack"))
    content = pack.read_bytes()
    for path in (remote.path / "objects/pack").iterdir():
        path.unlink()
    remote.git("unpack-objects", "-q", stdin=content)
    (remote.path / f"objects/{blob[:2]}/{blob[2:]}").unlink()
    with pytest.raises(GitError, match=blob):
        pull_from(here, remote)
    assert refs(here) == {} and is_clean(here)
    assert statuses(pull_from(here, remote, "a")) == {"a": "new"}


# --- clones that lack something


def test_a_shallow_clone_pulls_what_stands_on_what_it_has(remote):
    shallow = clone(remote, "shallow", "--depth=1")
    assert statuses(pull_from(shallow, remote, baselines={head(shallow)})) == {"c": "new"}
    assert statuses(pull_from(shallow, remote)) == {"a": "new", "b": "new", "c": "up to date"}
    assert is_clean(shallow) and refs(shallow) == refs(remote)


def test_a_partial_clone_pulls(remote):
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        remote.git("config", setting, "true")
    partial = clone(remote, "partial", "--filter=blob:none", "--no-checkout")
    assert len(pull_from(partial, remote).results) == 3 and is_clean(partial)


def test_history_that_ends_there_is_refused_by_name(remote, tmp_path):
    shallow = clone(remote, "shallow", "--depth=1")
    tried(shallow, "d", lr=4)
    other = GitRepo(tmp_path / "other", remote.environ).init()
    with pytest.raises(Unsupported, match="shallow clone"):
        pull_from(other, shallow)
    assert refs(other) == {}


def test_a_shallow_clone_can_be_pulled_from_by_who_has_the_rest(here, remote):
    shallow = clone(remote, "shallow", "--depth=1")
    tried(shallow, "d", lr=4)
    assert statuses(pull_from(here, shallow)) == {"d": "new"} and is_clean(here)


def test_a_remote_with_other_ids_is_refused_by_name(here, tmp_path):
    other = GitRepo(tmp_path / "other.git", here.environ).init("--bare", "--object-format=sha256")
    with pytest.raises(Unsupported, match="sha256"):
        pull_from(here, other)


# --- notes


def test_notes_come_with_their_experiments_and_no_others(here, remote):
    ids = refs(remote)
    write_note(remote, ids["a"], "remarkable")
    write_note(remote, ids["b"], "not asked for")
    pull_from(here, remote, "a")
    assert here.git("notes", "--ref=exps", "list").split()[1:] == [ids["a"]]
    assert note(here, ids["a"]) == "remarkable" and is_clean(here)
    assert "pulled from" in here.git("reflog", "show", "refs/notes/exps")
    pull_from(here, remote)
    assert note(here, ids["b"]) == "not asked for"
    tip = here.git("rev-parse", "refs/notes/exps")
    pull_from(here, remote)
    assert here.git("rev-parse", "refs/notes/exps") == tip


def test_notes_are_merged_into_those_that_are_here(here, remote):
    pull_from(here, remote)
    ids = refs(remote)
    documents = [{"text": {"at": at, "value": text}, "tags": {"at": at, "value": [text]}} for at, text in ((5, "new"), (3, "old"))]
    write_note(remote, ids["a"], encode(documents[0]).decode())
    write_note(here, ids["a"], encode(documents[1]).decode())
    write_note(here, ids["b"], "mine")
    pull_from(here, remote)
    assert decode(note(here, ids["a"]).encode()) == {"text": documents[0]["text"], "tags": {"at": 5, "value": ["new", "old"]}}
    assert note(here, ids["b"]) == "mine"


def test_a_note_in_any_folders_is_found(here, remote):
    """The fan-out that git makes of many notes, and none at all."""
    ids = refs(remote)
    for name, at in {"a": "%s", "b": "%.2s/%.38s", "c": "%.2s/%.2s/%.36s"}.items():
        id_, cut = ids[name], at.count("/")
        path = "/".join([*(id_[2 * n : 2 * n + 2] for n in range(cut)), id_[2 * cut :]])
        blob = remote.git("hash-object", "-w", "--stdin", stdin=name.encode())
        remote.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env={"GIT_INDEX_FILE": str(remote.path / "i")})
    tree = remote.git("write-tree", env={"GIT_INDEX_FILE": str(remote.path / "i")})
    remote.git("update-ref", "refs/notes/exps", remote.git("commit-tree", "-m", "notes", tree))
    pull_from(here, remote)
    assert [note(here, ids[name]) for name in "abc"] == ["a", "b", "c"] and is_clean(here)


def test_notes_that_are_no_notes_are_a_warning(here, remote):
    remote.git("update-ref", "refs/notes/exps", remote.git("rev-parse", "main:params.yaml"))
    moved = pull_from(here, remote)
    assert statuses(moved) == dict.fromkeys("abc", "new")
    assert len(moved.warnings) == 1 and "notes" in moved.warnings[0] and is_clean(here)


# --- several at once


def test_many_pull_the_same_at_the_same_time(here, remote):
    here.git("config", "core.filesRefLockTimeout", "60000")  # a busy disk takes longer than the usual tenth of a second
    found, start = [], threading.Barrier(4)

    def run():
        start.wait()
        found.append(set(statuses(pull_from(here, remote)).values()))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(each <= {"new", "up to date"} for each in found)
    assert refs(here) == refs(remote) and is_clean(here)


def test_a_remote_that_is_not_there_changes_nothing(here):
    before = users_files(here.path)
    project = open_project(here)
    with pytest.raises(RemoteError, match="no connection"):
        pull(project, place(project, "git://127.0.0.1:1/x"), baselines=None)
    assert users_files(here.path) == before
