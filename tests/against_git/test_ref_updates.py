"""Changing refs: whatever is asked for, the same happens as with `git update-ref --stdin`, down to the bytes."""
import random
import shutil
import threading

import pytest
from expref.objstore.errors import GitError
from expref.objstore.ids import SHA1
from expref.objstore.stores.files import PRIVATE
from expref.objstore.stores.packedrefs import PackedChange
from expref.objstore.stores.refstore import RefUpdate

from tests.conftest import needs
from tests.gitrepo import GitRepo
from tests.packmaker import oid

pytestmark = needs("git")
SIGNATURE = b"A U Thor <author@example.com> 1700000000 +0100"
ZERO = "0" * 40
NAMES = [
    "HEAD", "refs/heads/main", "refs/heads/a", "refs/heads/a/b", "refs/heads/a/b/c", "refs/heads/alias", "refs/heads/second",
    "refs/exps/x", "refs/exps/x/y", "refs/exps/xy", "refs/tags/t", "refs/notes/n", "refs/remotes/o/m", "refs/one", "refs/worktree/w",
    "ORIG_HEAD",
]
HEADS = ["refs/heads/main", "refs/heads/unborn", "refs/heads/alias", "refs/exps/x", "refs/heads/a/b"]
LOGGING = [None, "false", "true", "always"]


@pytest.fixture
def twins(repo):
    """Twice the same repository, for git and for us, with a few commits; `.ids` are theirs, `.odd` is a blob."""
    ids = [repo.commit(str(number)) for number in range(3)]
    odd = repo.git("hash-object", "-w", "--stdin", stdin=b"no commit")
    repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/second")
    repo.git("tag", "-a", "-m", "annotated", "v1.0")
    shutil.copytree(repo.path, repo.path.parent / "ours", symlinks=True)
    ours = GitRepo(repo.path.parent / "ours", repo.environ)
    for each in (repo, ours):
        each.ids, each.odd = ids, odd
    return repo, ours


def by_git(repo, updates, message="moved"):
    """Whether git makes the changes."""
    lines = []
    for name, new, expected in updates:
        old = {"absent": ZERO, "any": None}.get(expected, expected)
        lines.append(" ".join(filter(None, ["update", name, new or ZERO, old])))
    done = repo.try_git("update-ref", "-m", message, "--stdin", stdin="\n".join([*lines, ""]).encode())
    return done.returncode == 0, done.stderr.decode()


def by_us(repo, updates, message="moved"):
    """Whether we do; nothing may be changed where not."""
    before = refs_and_logs(repo)
    parse = SHA1.parse_id
    try:
        repo.open().refs.update([
            RefUpdate(name, parse(new) if new else None, expected if expected in ("absent", "any") else parse(expected), message)
            for name, new, expected in updates
        ], signature=SIGNATURE)
    except GitError as error:
        assert refs_and_logs(repo) == before
        return False, str(error)
    return True, ""


def refs_and_logs(repo):
    """What is in the files of refs and logs: {path: content}."""
    git_dir = repo.path / ".git"
    paths = [*git_dir.glob("*HEAD*"), *git_dir.glob("packed-refs*"), *git_dir.glob("refs/**/*"), *git_dir.glob("logs/**/*")]
    return {str(path.relative_to(git_dir)): path.read_bytes() for path in paths if path.is_file()}


def both(twins, updates, message="moved"):
    """Let both do the same; assert that it came to the same, and return whether it was done."""
    git, ours = twins
    (git_did, git_says), (we_did, we_say) = by_git(git, updates, message), by_us(ours, updates, message)
    assert we_did == git_did, f"{updates}: git: {git_says or 'done'}, we: {we_say or 'done'}"
    assert refs_and_logs(ours) == refs_and_logs(git), updates
    return we_did


def any_update(chosen, repo):
    ids = [*repo.ids, *repo.ids, repo.odd, str(oid(99))]
    new = chosen.choice([None, None, *ids])
    return chosen.choice(NAMES), new, chosen.choice(["any", "any", "absent", *repo.ids])


def any_change_of_scene(chosen, twins):
    """What git does in between, in both."""
    head, id_, pattern = chosen.choice(HEADS), chosen.choice(twins[0].ids), chosen.randrange(6)
    for each in twins:
        if not (each.path / ".git/HEAD").exists():  # git deletes a detached one, and knows its repository no more
            (each.path / ".git/HEAD").write_text("ref: refs/heads/main\n")
        if pattern < 3:
            each.git("pack-refs", "--all", *(["--no-prune"] if pattern == 0 else []))
        elif pattern < 5:
            each.git("symbolic-ref", "-m", "elsewhere", "HEAD", head)
        else:
            each.git("update-ref", "--no-deref", "HEAD", id_)


def run_randomly(twins, seed, steps):
    chosen = random.Random(seed)
    setting = chosen.choice(LOGGING)
    for each in twins:
        if setting:
            each.git("config", "core.logAllRefUpdates", setting)
    done = 0
    for _ in range(steps):
        if chosen.random() < 0.25 or not (twins[0].path / ".git/HEAD").exists():
            any_change_of_scene(chosen, twins)
        done += both(twins, [any_update(chosen, twins[0]) for _ in range(chosen.choice([1, 1, 1, 2, 3]))])
    return done


@pytest.mark.parametrize("seed", range(8))
def test_random_updates_come_to_the_same(twins, seed):
    assert run_randomly(twins, seed, 30) > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_random_updates_come_to_the_same(twins, seed):
    assert run_randomly(twins, seed, 60) > 3


@pytest.mark.parametrize("message", ["plain", "  two\n\nlines\t\tand\v more \r\n", " \n", "é \x7f"])
def test_a_message_is_logged_as_one_line(twins, message):
    assert both(twins, [("refs/heads/main", twins[0].ids[0], "any")], message)
    assert both(twins, [("refs/heads/new", twins[0].ids[0], "absent"), ("HEAD", None, twins[0].ids[0])], message)


@pytest.mark.parametrize("setting", LOGGING)
@pytest.mark.parametrize("bare", ["true", "false"])
def test_what_is_logged(twins, setting, bare):
    id_, other, _ = twins[0].ids
    for each in twins:
        each.git("config", "core.bare", bare)
        if setting:
            each.git("config", "core.logAllRefUpdates", setting)
        (each.path / ".git/logs/refs/exps").mkdir()
        (each.path / ".git/logs/refs/exps/kept").touch()
    names = ["refs/heads/a", "refs/tags/t", "refs/exps/kept", "refs/exps/x", "refs/notes/n", "refs/remotes/o/m", "ORIG_HEAD", "refs/x"]
    assert both(twins, [(name, id_, "absent") for name in names])
    assert both(twins, [(name, other, id_) for name in names])
    assert both(twins, [("HEAD", id_, "any")])
    assert both(twins, [(name, None, other) for name in names])


@pytest.mark.parametrize("stale", ["logs/refs/heads/a", "logs/refs/heads/a/b/c", "logs/refs/heads/a/b"])
def test_a_log_that_was_left_behind_may_be_in_the_way(twins, stale):
    for each in twins:
        each.write(f".git/{stale}", b"")
    both(twins, [("refs/heads/a/b", twins[0].ids[0], "any")])
    both(twins, [("refs/heads/a", twins[0].ids[0], "any")])


@pytest.mark.parametrize("header", ["", "# pack-refs with: \n", "# pack-refs with: peeled \n", "# pack-refs with: sorted \n"])
def test_a_ref_is_taken_out_of_packed_refs_of_every_age(twins, header):
    """Git writes them anew in today's form, we leave the rest as it is: all that counts is which refs there are."""
    ids = twins[0].ids
    names = ["refs/heads/main", "refs/exps/b", "refs/exps/a", "refs/exps/c"]
    for each in twins:
        each.git("update-ref", "-d", "refs/heads/main")
        listed = sorted(names) if "sorted" in header else names
        each.write(".git/packed-refs", (header + "".join(f"{ids[0]} {name}\n" for name in listed)).encode())
        assert (by_git if each is twins[0] else by_us)(each, [("refs/exps/a", None, ids[0]), ("HEAD", None, "any")])[0]
        assert each.git("for-each-ref", "--format=%(refname)").split() == [
            "refs/exps/b", "refs/exps/c", "refs/tags/v1.0",
        ]


def test_a_symbolic_link_as_head_and_as_packed_refs(twins):
    for each in twins:
        each.git("pack-refs", "--all")
        (each.path / ".git/HEAD").unlink()
        (each.path / ".git/HEAD").symlink_to("refs/heads/main")
        (each.path / ".git/packed-refs").rename(each.path / ".git/packed")
        (each.path / ".git/packed-refs").symlink_to("packed")
    assert both(twins, [("HEAD", twins[0].ids[0], twins[0].ids[2]), ("refs/tags/v1.0", None, "any")])
    assert both(twins, [("HEAD", None, twins[0].ids[0])])
    for each in twins:
        assert (each.path / ".git/HEAD").is_symlink() and (each.path / ".git/packed-refs").is_symlink()
        assert each.git("for-each-ref") == ""


def test_refs_and_head_of_a_linked_work_tree(twins):
    for each in twins:
        each.git("worktree", "add", "-q", "-b", "linked", "../" + each.path.name + "-linked")
    linked = [each.other(each.path.name + "-linked") for each in twins]
    id_ = twins[0].ids[0]
    updates = [("HEAD", id_, "any"), ("refs/worktree/w", id_, "absent"), ("refs/heads/main", id_, "any"), ("refs/bisect/x", id_, "any")]
    assert by_git(linked[0], updates)[0]
    linked[1].open().refs.update([RefUpdate(name, SHA1.parse_id(id_), "any", "moved") for name, _, _ in updates], signature=SIGNATURE)
    seen = [refs_and_logs(each) | {
        str(path.relative_to(each.path)): path.read_bytes()
        for path in each.path.glob(".git/worktrees/*/**/*") if path.is_file() and path.name not in ("gitdir", "index")
    } for each in twins]
    assert seen[0] == {path.replace("ours-linked", "repo-linked"): content for path, content in seen[1].items()}
    assert ".git/worktrees/repo-linked/logs/HEAD" in seen[0]


def test_locks_are_waited_for_as_long_as_the_configuration_says(twins):
    ours = twins[1]
    for name, lock in (("core.filesRefLockTimeout", "refs/heads/main.lock"), ("core.packedRefsTimeout", "packed-refs.lock")):
        ours.git("config", name, "60000")
        path = ours.write(f".git/{lock}")
        threading.Timer(0.3, path.unlink).start()
        assert by_us(ours, [("refs/heads/main", ours.ids[0], "any"), ("refs/tags/v1.0", None, "any")])[0]
        assert by_git(ours, [("refs/heads/main", ours.ids[2], "any"), ("refs/tags/v1.0", ours.ids[2], "any")])[0]


def test_git_waits_for_our_locks_while_refs_are_deleted(twins):
    """The lock of packed-refs is there until the loose file is gone: else `git pack-refs` would bring the ref back."""
    ours = twins[1]
    ours.git("pack-refs", "--all")
    ours.git("update-ref", "refs/tags/v1.0", ours.ids[0])
    store = ours.open().refs
    seen = []
    with PackedChange(store.packed, ["refs/tags/v1.0"], PRIVATE, 1.0, new={}) as change:
        for step in (lambda: None, change.commit):
            step()
            ours.git("config", "core.packedRefsTimeout", "10")
            seen.append(ours.try_git("pack-refs", "--all").stderr)
    assert all(b"packed-refs.lock" in each for each in seen)
    assert ours.git("rev-parse", "refs/tags/v1.0") == ours.ids[0]
    assert "v1.0" not in (ours.path / ".git/packed-refs").read_text()
