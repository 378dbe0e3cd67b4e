"""Which remote is meant, what of its refs are experiments, and what is refused before anything starts."""

import sys

import pytest
from expref.exps.errors import ExpError, Status
from expref.exps.experiments import listing
from expref.exps.pull import pull
from expref.exps.push import push
from expref.exps.remoterefs import remove_there, rename_there
from expref.exps.remotes import Place, experiments_of, is_remote, place
from expref.objstore.errors import BadName, GitError, NotFound, Unsupported

from tests.conftest import needs
from tests.gitrepo import GitRepo, users_files
from tests.projects import is_clean, open_project, refs
from tests.sharing import bare, hook, push_all, reasons, statuses, tried

pytestmark = needs("git")


@pytest.fixture
def project(trained):
    trained.git("remote", "add", "team", "https://example.com/x.git")
    return open_project(trained)


# --- which one


@pytest.mark.parametrize("text, expected", [
    ("team", True), ("https://example.com/x", True), ("ssh://h/x", True), ("me@host:x.git", True), ("host:x", True), ("/a", True),
    ("./a", True), ("../a", True), ("../remote.git", True), ("remote.git", True), ("inner", True), ("ext::sh -c x", True), ("-x:y", True),
    ("a", False), ("puffy-daks", False), ("exp:team-a", False), ("folder", False), ("params.yaml", False), ("12ab", False),
    ("refs/exps/00/0/x", False), ("a\0b", False), ("", False),
])  # fmt: skip
def test_what_names_a_remote_and_what_an_experiment(trained, project, text, expected):
    for name in ("remote.git", "../remote.git"):
        GitRepo(trained.path / name, trained.environ).init("--bare")
    GitRepo(trained.path / "inner", trained.environ).init()
    (trained.path / "folder").mkdir()
    assert is_remote(project, text, str(trained.path)) is expected


def test_the_nearest_setting_says_which(trained):
    trained.git("remote", "add", "origin", "/o")
    assert place(open_project(trained), None) == Place("origin", "origin")
    trained.git("config", "exps.gitRemote", "https://example.com/y")
    assert place(open_project(trained), None) == Place(None, "https://example.com/y")
    trained.write(".dvc/config", b"[exp]\n    git_remote = origin\n")
    assert place(open_project(trained), None) == Place("origin", "origin")
    assert place(open_project(trained), "/p") == Place(None, "/p")
    assert place(open_project(trained, DVC_EXP_GIT_REMOTE="/v"), None) == Place(None, "/v")


@pytest.mark.parametrize("text, message, hint", [
    (None, "there is no remote 'origin' here", "name one (team), or set exps.gitRemote"),
    ("temas", "there is no remote 'temas' (those here: team)", "`git remote add` makes one"),
])  # fmt: skip
def test_a_remote_that_is_not_there_is_explained(project, text, message, hint):
    with pytest.raises(ExpError) as caught:
        place(project, text)
    assert (caught.value.message, caught.value.hint, caught.value.status) == (message, hint, Status.NOT_FOUND)


def test_a_path_is_meant_from_where_it_was_written(trained):
    other = bare(trained)
    tried(trained, "a", lr=1)
    (trained.path / "below").mkdir()
    project = open_project(trained, "below")
    named = place(project, "../../remote.git", str(trained.path / "below"))
    assert named == Place(None, str(other.path))
    trained.git("config", "exps.gitRemote", "../remote.git")
    trained.git("remote", "add", "team", "../remote.git")
    project = open_project(trained, "below")
    for where in (named, place(project, None), place(project, "team")):
        assert experiments_of(project, where) == ()
    push(project, place(project, "team"), listing(project.repository).found)
    assert refs(other).keys() == {"a"}


def test_a_password_is_never_shown(project):
    where = place(project, "https://ann:s3cret@example.com/x.git")
    assert where.called == "https://example.com/x.git" and where.address.endswith("s3cret@example.com/x.git")


def test_a_remote_is_rewritten_as_git_rewrites_it(trained):
    other = bare(trained)
    tried(trained, "a", lr=1)
    trained.git("config", f"url.{other.path.parent}/.insteadOf", "team:")
    project = open_project(trained)
    push(project, place(project, "team:remote.git"), listing(project.repository).found)
    assert refs(other).keys() == {"a"}


# --- what is refused before anything starts


_STARTED, _IS_WATCHING = [], []
_EVENTS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system", "socket.connect", "socket.getaddrinfo")


def _watch(event, arguments):
    if _IS_WATCHING and event in _EVENTS:
        _STARTED.append((event, arguments))


@pytest.fixture
def nothing_starts():
    """Fail if a program is started or a connection opened."""
    if not _STARTED:
        sys.addaudithook(_watch)
    _STARTED[:] = ["installed"]
    _IS_WATCHING.append(True)
    yield
    _IS_WATCHING.clear()
    assert _STARTED == ["installed"]


ADDRESSES = [  # and what of the error must be said
    ("ssh://-oProxyCommand=x/y", BadName, "begins with '-'"), ("-oProxyCommand=x:y", BadName, "bad address"),
    ("-x@host:y", BadName, "bad address"), ("host:-y", BadName, "begins with '-'"),
    ("ssh://-x@host/y", BadName, "begins with '-'"), ("ssh://[-oProxyCommand=x]/y", BadName, "begins with '-'"),
    ("http://a\nb/c", BadName, "a line break or NUL"), ("http://a%0ab/c", BadName, "a line break or NUL"), ("ssh://h/a\0b", BadName, "NUL"),
    ("https://u%0dx:p@h/x", BadName, "a line break or NUL"), ("host:a\nb", BadName, "a line break or NUL"),
    ("ext::sh -c id", Unsupported, "remote helper 'ext'"), ("fd::17", Unsupported, "remote helper 'fd'"),
    ("ftp://h/x", Unsupported, "'ftp'"), ("rsync://h/x", Unsupported, "'rsync'"), ("file://h/x", BadName, "no host"),
    ("/nowhere/../nowhere/x", NotFound, "not a Git repository"), ("https:///x", BadName, "no host"), ("ssh://h", BadName, "no path"),
]  # fmt: skip


ACTS = {
    "push": lambda project, where: push(project, where, listing(project.repository).found),
    "pull": lambda project, where: pull(project, where, baselines=None),
    "list": experiments_of,
    "remove": lambda project, where: remove_there(project, where, everything=True),
    "rename": lambda project, where: rename_there(project, where, "a", "b"),
}


@pytest.mark.parametrize("address, error, said", ADDRESSES, ids=repr)
def test_an_address_that_is_none_is_refused(trained, nothing_starts, address, error, said):
    tried(trained, "a", lr=1)
    project = open_project(trained)
    check_refused(trained, project, place(project, address, str(trained.path)), error, said)
    if address.isprintable():
        config = trained.path / ".git/config"
        config.write_text(f'{config.read_text()}[remote "named"]\n\turl = "{address}"\n')
        check_refused(trained, open_project(trained), Place("named", "named"), error, said)


def check_refused(repo, project, where, error, said):
    """Nothing is started, and nothing changes, whatever is to be done with a remote."""
    _STARTED[:] = ["installed"]
    before = users_files(repo.path)
    for act in ACTS.values():
        with pytest.raises(error, match=said):
            act(project, where)
    assert users_files(repo.path) == before


@pytest.mark.parametrize("policy", ["never", "user"])
def test_protocols_that_settings_forbid_are_refused(trained, nothing_starts, policy):
    trained.git("config", "protocol.git.allow", policy)
    project = open_project(trained, GIT_PROTOCOL_FROM_USER="0")
    _STARTED[:] = ["installed"]
    with pytest.raises(GitError, match="is not allowed here"):
        experiments_of(project, place(project, "git://127.0.0.1:1/x"))


# --- changes there


@pytest.fixture
def remote(trained):
    """A bare clone with "a" and "b" on its first commit and "c" on the second; `trained` has none of them any more."""
    made = bare(trained)
    tried(trained, "a", lr=1)
    tried(trained, "b", lr=2)
    trained.commit("second")
    tried(trained, "c", lr=3)
    push_all(trained, made)
    for name in trained.git("for-each-ref", "--format=%(refname)", "refs/exps").split():
        trained.git("update-ref", "-d", name)
    return made


def act(repo, remote, function, *args, **options):
    project = open_project(repo)
    return function(project, place(project, str(remote.path)), *args, **options)


def test_the_experiments_of_a_remote_are_told_from_what_else_it_has(trained, remote):
    for name in ("exec/EXEC_HEAD", "celery/stash", "apply/stash", "stash"):
        remote.git("update-ref", f"refs/exps/{name}", "main")
    assert {each.name for each in act(trained, remote, experiments_of)} == set("abc")


@pytest.mark.parametrize("names, options, left", [
    (["a"], {}, "b c"), (["a", "c"], {}, "b"), ([], {"everything": True}, ""), ([], {"revs": ["HEAD"]}, "a b"),
    ([], {"revs": ["HEAD~1"]}, "c"), ([], {"revs": ["HEAD"], "num": 2}, ""), (["a"], {"keep": True}, "a"), ([], {"revs": ["HEAD"], "keep": True}, "c"),
])  # fmt: skip
def test_removing_there_is_as_removing_here(trained, remote, names, options, left):
    tried(trained, "a", lr=5)
    before = users_files(trained.path)
    moved = act(trained, remote, remove_there, names, **options)
    assert set(statuses(moved).values()) == {"removed"} and " ".join(sorted(refs(remote))) == left
    assert users_files(trained.path) == before and is_clean(remote)


def test_nothing_is_removed_there_if_one_is_not_there(trained, remote):
    with pytest.raises(ExpError, match="the remote has no experiment 'x'"):
        act(trained, remote, remove_there, ["a", "x"])
    assert refs(remote).keys() == set("abc")


def test_what_was_changed_there_meanwhile_is_not_removed(trained, remote):
    ref = remote.git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/a")
    other = remote.git("commit-tree", "-m", "x", "main^{tree}")
    hook(remote, "pre-receive", f"git update-ref {ref} {other}")
    moved = act(trained, remote, remove_there, everything=True)
    assert statuses(moved) == {"a": "rejected", "b": "removed", "c": "removed"} and refs(remote) == {"a": other}


def test_renaming_there_is_all_or_nothing(trained, remote):
    ids = refs(remote)
    assert statuses(act(trained, remote, rename_there, "a", "best")) == {"a": "renamed"}
    assert refs(remote) == {"best": ids["a"], "b": ids["b"], "c": ids["c"]}
    assert act(trained, remote, rename_there, "best", "best").results == ()
    for new, message in (("b", "exists already"), ("a/b", "holds '/'"), ("x.lock", "bad experiment name")):
        with pytest.raises(ExpError, match=message):
            act(trained, remote, rename_there, "best", new)
    hook(remote, "update", "case $1 in */best) exit 1;; esac")
    moved = act(trained, remote, rename_there, "best", "other")
    assert statuses(moved) == {"best": "rejected"} and "other" not in refs(remote) and "best" in refs(remote)


def test_renaming_there_replaces_if_it_is_asked_for(trained, remote):
    ids = refs(remote)
    assert statuses(act(trained, remote, rename_there, "a", "b", replace=True)) == {"a": "renamed"}
    assert refs(remote) == {"b": ids["a"], "c": ids["c"]}
    assert statuses(act(trained, remote, rename_there, "c", "b")) == {"c": "renamed"}  # on another commit


def test_a_remote_that_cannot_change_two_at_once_is_left_alone(trained, remote):
    remote.git("config", "receive.advertiseAtomic", "false")
    before = refs(remote)
    with pytest.raises(GitError, match="cannot change two refs at once"):
        act(trained, remote, rename_there, "a", "x")
    assert refs(remote) == before


def test_every_address_is_changed(trained, remote):
    second = bare(remote, "second.git")
    remote.git("push", "--quiet", second.path, "refs/exps/*:refs/exps/*")
    trained.git("config", "remote.both.url", remote.path)
    for each in (remote, second):
        trained.git("config", "--add", "remote.both.pushurl", each.path)
    hook(second, "update", "case $1 in */b) exit 1;; esac")
    project = open_project(trained)
    moved = remove_there(project, place(project, "both"), ["a", "b"])
    assert statuses(moved) == {"a": "removed", "b": "rejected"} and reasons(moved) == {"b": "hook declined"}
    assert refs(remote).keys() == {"c"} and refs(second).keys() == {"b", "c"}
