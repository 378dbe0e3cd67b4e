"""Doctor: what is wrong is named with what to do; only what is proved to be ours and dead is repaired."""

import os
import re
import subprocess
import sys
import time

import pytest
from expref.exps.doctor import YOUNG_S, examine, repair, state_size
from expref.exps.features import features
from expref.exps.remove import remove
from expref.exps.save import save
from expref.objstore.stores.files import LockFile
from expref.objstore.stores.lockmarks import Holder, holder, mark

from tests.conftest import needs
from tests.gitrepo import users_files
from tests.projects import open_project, refs

pytestmark = needs("git")


@pytest.fixture
def saved(trained):
    """A repository with the experiments "a" and "b"."""
    for name in ("a", "b"):
        trained.write("params.yaml", f"name: {name}\n".encode())
        save(open_project(trained), name=name)
    return trained


def said(repo, **environ):
    return [each.what for each in examine(open_project(repo, **environ))]


def ref_file(repo, name):
    return repo.path / ".git" / repo.git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}")


def lose(repo, id_):
    (repo.path / ".git/objects" / id_[:2] / id_[2:]).unlink()


def test_nothing_is_wrong_with_a_repository_as_git_makes_it(saved):
    before = users_files(saved.path)
    assert examine(open_project(saved)) == []
    assert users_files(saved.path) == before


def broken_ref(repo):
    ref_file(repo, "a").write_bytes(b"")


def lost_commit(repo):
    lose(repo, refs(repo)["a"])


def lost_packed(repo):
    repo.git("pack-refs", "--all")
    lost_commit(repo)


def dvcs_own(repo):
    repo.git("symbolic-ref", "refs/exps/exec/EXEC_BRANCH", "refs/exps/gone")


def lost_tree(repo):
    lose(repo, repo.git("rev-parse", f"{refs(repo)['a']}^{{tree}}"))


def lost_branch(repo):
    (repo.path / ".git/refs/heads/gone").write_bytes(b"1" * 40 + b"\n")


def broken_branch(repo):
    (repo.path / ".git/refs/heads/odd").write_bytes(b"nonsense\n")


def lost_head(repo):
    lose(repo, repo.git("rev-parse", "HEAD"))


def broken_index(repo):
    path = repo.path / ".git/index"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def no_index(repo):
    path = repo.path / ".git/index"
    path.unlink()
    path.mkdir()


def split_index(repo):
    repo.git("update-index", "--split-index")


def unborn(repo):
    repo.git("symbolic-ref", "HEAD", "refs/heads/new")


def foreign_lock(repo):
    path = repo.path / ".git/index.lock"
    path.touch()
    os.utime(path, (time.time() - 2 * YOUNG_S,) * 2)


def temporary(repo):
    path = repo.path / ".git/exps/index.999999999-0a1b2c3d.tmp"
    path.write_bytes(b"12345")
    os.utime(path, (time.time() - 2 * YOUNG_S,) * 2)


@pytest.mark.parametrize("harm, what, remedy", [
    (broken_ref, r"broken ref refs/exps/.*/a: ", "--fix puts"), (lost_commit, r"/a leads to object .*, which is missing", "exps remove"),
    (lost_tree, "experiment 'a' on .* cannot be read", "git fsck"), (lost_branch, "refs/heads/gone leads to object 1{40}", "git update-ref"),
    (broken_branch, "broken ref refs/heads/odd", "git update-ref --no-deref -d refs/heads/odd"), (lost_head, "HEAD cannot be read", "git fsck"),
    (broken_index, "the index cannot be read: .*checksum", "git reset"), (unborn, "branch 'new' has no commit yet", "commit something"),
    (lost_packed, r"/a leads to object .*, which is missing", "exps remove"), (dvcs_own, "broken ref .*EXEC_BRANCH", "git update-ref"),
    (no_index, "the index cannot be read: .*not a file", "git reset"), (split_index, "a split index is not", "--no-split-index"),
    (foreign_lock, r"index\.lock is held by another program", r"rm \S*index\.lock"), (temporary, "left by a process that is gone", "--fix removes"),
])  # fmt: skip
def test_what_is_wrong_is_named_with_what_to_do(saved, harm, what, remedy):
    harm(saved)
    before = users_files(saved.path)
    problems = examine(open_project(saved))
    (found, *_) = [each for each in problems if re.search(what, each.what)]
    assert re.search(remedy, found.remedy) and "\n" not in found.what + found.remedy
    assert users_files(saved.path) == before


def test_somebody_without_a_name_is_told_how_to_get_one(saved):
    saved.environ = {name: value for name, value in saved.environ.items() if "_NAME" not in name}
    (problem,) = examine(open_project(saved))
    assert "user.name" in problem.what + problem.remedy


def test_a_broken_ref_of_ours_is_put_aside_and_nothing_else(saved):
    broken_ref(saved)
    other = ref_file(saved, "b")
    broken_branch(saved)
    dvcs_own(saved)
    (done,) = repair(open_project(saved), examine(open_project(saved)))
    assert done.path.endswith("/a") and not os.path.exists(done.path) and other.exists()
    assert list((saved.path / ".git/exps/broken-refs").rglob("a"))
    assert (saved.path / ".git/refs/heads/odd").exists()
    assert [line for line in said(saved) if "refs/exps" in line and "exec" not in line] == []


DIE = """
import os, sys
from expref.objstore.stores.files import LockFile
with LockFile(sys.argv[1]):
    os.kill(os.getpid(), 9)
"""


def test_a_lock_of_ours_whose_process_is_gone_is_removed(saved, child_env):
    path = saved.path / ".git/refs/exps/ab/cd/x"
    path.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", DIE, path], env=child_env, check=False)
    lock = path.with_name("x.lock")
    assert holder(str(lock)).is_gone()
    (problem,) = examine(open_project(saved))
    assert "a lock of ours" in problem.what and problem.repair == "remove"
    assert repair(open_project(saved), [problem]) == [problem] and not lock.exists()


def test_a_lock_of_ours_that_is_held_is_nobodys_problem(saved):
    with LockFile(str(saved.path / ".git/packed-refs")):
        assert holder(str(saved.path / ".git/packed-refs.lock")) == Holder(os.getpid(), *mark().decode().split()[2:])
        assert said(saved) == []


@pytest.mark.parametrize("content", [
    b"", b"expref 999999999 other-host -\n", b"expref 999999999\n", b"1" * 40 + b"\n", b"expref x y z\n", b"\xff" * 2000,
])  # fmt: skip
def test_a_lock_that_is_not_proved_to_be_ours_stays(saved, content):
    path = saved.path / ".git/packed-refs.lock"
    path.write_bytes(content)
    os.utime(path, (time.time() - 2 * YOUNG_S,) * 2)
    (problem,) = examine(open_project(saved))
    assert problem.repair == "" and f"rm {path}" in problem.remedy
    assert repair(open_project(saved), [problem]) == [] and path.exists()


def test_a_lock_that_others_took_meanwhile_stays(saved, child_env):
    path = saved.path / ".git/packed-refs"
    subprocess.run([sys.executable, "-c", DIE, path], env=child_env, check=False)
    problems = examine(open_project(saved))
    path.with_name("packed-refs.lock").write_bytes(mark())
    repair(open_project(saved), problems)
    assert path.with_name("packed-refs.lock").exists()


def test_what_is_ours_is_counted(saved):
    files, size = state_size(open_project(saved))
    found = [path for path in (saved.path / ".git/exps").rglob("*") if path.is_file()]
    assert (files, size) == (len(found), sum(path.stat().st_size for path in found)) and files


def found(repo):
    return {each.what: each.treatment for each in features(open_project(repo))}


def test_what_a_repository_has_is_told_with_what_becomes_of_it(saved):
    assert set(found(saved)) == {"3 tracked files", "A U Thor <author@example.com>"}
    saved.git("worktree", "add", "--quiet", "--detach", "../second")
    inner = saved.other("inner").init()
    inner.commit()
    saved.git("submodule", "--quiet", "add", "../inner", "lib")
    saved.git("config", "core.autocrlf", "input")
    saved.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
    saved.git("config", "commit.gpgSign", "true")
    saved.write(".git/hooks/pre-commit", b"#!/bin/sh\n", mode=0o755)
    saved.write(".git/MERGE_HEAD", saved.git("rev-parse", "HEAD").encode())
    saved.git("replace", "HEAD", refs(saved)["a"])
    told = found(saved)
    for part in ("submodules", "input", "lfs", "signed", "pre-commit", "a merge is in progress", "1 replace ref"):
        assert any(part in what for what in told), part
    assert any("a linked work tree" in what for what in found(saved.other("second")))
    assert any("submodule" in what for what in found(saved.other("repo/lib")))
    saved.git("clone", "--quiet", "--depth=1", f"file://{saved.path}", "../shallow")
    assert any("shallow" in what for what in found(saved.other("shallow")))


def test_the_command_says_it_all_and_its_status_tells(saved, exps):
    def run(*args):
        return exps("doctor", *args, cwd=saved.path, env=saved.environ, check=False)

    fine = run()
    assert (fine.returncode, fine.stderr) == (0, "") and "nothing is wrong" in fine.stdout
    assert "2 experiments" in fine.stdout and "3 tracked files" in fine.stdout
    assert "  A U Thor <author@example.com>: signs" in fine.stdout
    temporary(saved)
    broken_branch(saved)
    wrong = run()
    assert wrong.returncode == 1 and wrong.stdout.count("wrong: ") == 2 and "exps doctor --fix" in wrong.stderr
    half = run("--fix")
    assert half.returncode == 1 and half.stdout.count("wrong: ") == 1 and half.stdout.count("repaired: ") == 1
    (saved.path / ".git/refs/heads/odd").unlink()
    assert run("--fix").returncode == 0
    remove(open_project(saved), ["a"])
    assert re.search(r"^1 experiment, 1 undo step of this work tree, \d files of ours", run().stdout, re.M)
