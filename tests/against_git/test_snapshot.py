"""A snapshot is the tree that `git add --sparse -u && git write-tree` makes in an index of its own; nothing else changes.

`--sparse`: a file that is there is stored as it is, also where a sparse checkout does not want it to be there.
"""
import hashlib
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial

import pytest
from expref.exps.save import save
from expref.objstore import scan, worktree
from expref.objstore.conversion import fingerprint
from expref.objstore.errors import Conflict, GitError, Unsupported
from expref.objstore.formats.index import key_of
from expref.objstore.ids import SHA1
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.stores.files import PRIVATE
from expref.objstore.trees import get_blob
from expref.objstore.worktree import snapshot

from tests.conftest import needs
from tests.deepfolder import deep_folder, write_in
from tests.gitrepo import GitRepo, git_environ, users_files
from tests.indexmaker import Entry, extension, make_index, tree_extension
from tests.packmaker import oid
from tests.projects import open_project

pytestmark = needs("git")


@pytest.fixture(autouse=True)
def small_scale(monkeypatch):
    """No syncs: nothing here loses power. The copy of the index and the fork are used for few files too."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(worktree, "_WORTH", 0)
    monkeypatch.setattr(worktree, "_MANY", 0)
    monkeypatch.setattr(scan, "RUN", 3)
    monkeypatch.setattr(scan, "WORTH_A_FORK", 0)


def git_tree(repo, tmp_path):
    """What git makes of the work tree: (tree, environment that sees its objects). The repository is only read."""
    index, objects = tmp_path / "oracle-index", tmp_path / "oracle-objects"
    objects.mkdir(exist_ok=True)
    folder = repo.path / ".git"
    theirs, real = folder / "index", folder / "objects"
    if folder.is_file():  # a linked work tree
        theirs, real = (repo.path / repo.git("rev-parse", "--git-path", name) for name in ("index", "objects"))
    if theirs.exists():
        shutil.copy2(theirs, index)  # with its time: what is racy stays so
    env = {
        "GIT_INDEX_FILE": str(index), "GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(real),
    }
    repo.git("add", "--sparse", "--update", env=env)
    return repo.git("write-tree", env=env), env


def agree(repo, tmp_path, **environ):
    """Assert that git makes the same tree, and that nothing but objects came to be. Returns the tree.

    Done twice: on its own, and with what earlier calls in the same test left in a copy of the index.
    """
    before = users_files(repo.path)
    repository = repo.open(**environ)
    tree = str(snapshot(repository))
    copy = IndexCopy(str(tmp_path / f"copy-{repo.path.name}"), repository.object_format, repository.sharing)
    assert str(snapshot(repository, copy=copy, workers=2)) == tree
    assert users_files(repo.path) == before
    expected, env = git_tree(repo, tmp_path)
    if tree != expected:
        pytest.fail(f"ours → git's:\n{repo.git('diff-tree', '-r', tree, expected, env=env)}")
    repo.git("rev-list", "--objects", tree)  # fails if anything is missing
    return tree


def refuse(repo, error, match):
    """Assert that a snapshot is refused, and that nothing at all was written."""
    def state():
        return users_files(repo.path), sorted(os.walk(repo.path / ".git" / "objects"))

    before = state()
    with pytest.raises(error, match=match):
        snapshot(repo.open())
    assert state() == before


def check_objects(repo):
    found = repo.try_git("fsck", "--strict", "--no-dangling")
    assert found.returncode == 0, found.stdout + found.stderr
    assert not found.stdout + found.stderr.replace(b"notice: HEAD points to an unborn branch (main)\n", b"").replace(
        b"notice: No default references\n", b"")


@pytest.fixture
def filled(repo):
    """A repository with a bit of everything, committed."""
    return fill(repo)


def fill(repo):
    for name in ("a", "dir/b", "dir/sub/c", "dir/sub/d", "dir-x", "dir0/e", "other/f"):
        repo.write(name, name.encode() + b"\n")
    repo.write("run.sh", b"#!/bin/sh\n", mode=0o755)
    repo.write("empty")
    (repo.path / "link").symlink_to("dir/b")
    repo.commit()
    return repo


def test_an_unchanged_work_tree_is_the_tree_of_head(filled, tmp_path):
    assert agree(filled, tmp_path) == filled.git("rev-parse", "HEAD^{tree}")


def test_an_empty_repository_is_the_empty_tree(repo, tmp_path):
    assert agree(repo, tmp_path) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


CHANGES = {
    "edited": lambda path: (path / "dir/b").write_bytes(b"new content\n"),
    "edited to the same size": lambda path: (path / "dir/b").write_bytes(b"DIR/B\n"),
    "emptied": lambda path: (path / "dir/b").write_bytes(b""),
    "filled": lambda path: (path / "empty").write_bytes(b"x"),
    "touched": lambda path: os.utime(path / "dir/b", (1, 1)),
    "deleted": lambda path: (path / "dir/b").unlink(),
    "folder deleted": lambda path: shutil.rmtree(path / "dir"),
    "everything deleted": lambda path: [p.unlink() for p in path.rglob("*") if ".git/" not in str(p) and not p.is_dir()],
    "made executable": lambda path: (path / "dir/b").chmod(0o755),
    "made executable for others only": lambda path: (path / "dir/b").chmod(0o655),
    "no longer executable": lambda path: (path / "run.sh").chmod(0o644),
    "link changed": lambda path: ((path / "link").unlink(), (path / "link").symlink_to("dir/c")),
    "link to nowhere of the same length": lambda path: ((path / "link").unlink(), (path / "link").symlink_to("DIR/B")),
    "link becomes file": lambda path: ((path / "link").unlink(), (path / "link").write_bytes(b"dir/b")),
    "file becomes link": lambda path: ((path / "a").unlink(), (path / "a").symlink_to("empty")),
    "file becomes folder": lambda path: ((path / "a").unlink(), (path / "a").mkdir(), (path / "a/x").touch()),
    "folder becomes file": lambda path: (shutil.rmtree(path / "dir/sub"), (path / "dir/sub").write_bytes(b"file")),
    "folder becomes link to a folder with such files": lambda path: (
        (path / "dir/sub").rename(path / "moved"), (path / "dir/sub").symlink_to("../moved")),
    "folder above becomes link": lambda path: ((path / "dir").rename(path / "moved"), (path / "dir").symlink_to("moved")),
    "renamed": lambda path: (path / "a").rename(path / "z"),
    "untracked added": lambda path: (path / "new").write_bytes(b"new"),
    "hard link to another": lambda path: ((path / "a").unlink(), os.link(path / "dir/b", path / "a")),
}


@pytest.mark.parametrize("aged", [False, True], ids=["racy", "aged"])
@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_change(filled, tmp_path, change, aged):
    if aged:
        make_old(filled)
    CHANGES[change](filled.path)
    agree(filled, tmp_path)
    check_objects(filled)


def make_old(repo, seconds=100):
    """Put files and index back in time, stat data refreshed: nothing is racy any more."""
    when = time.time() - seconds
    for name in repo.git("ls-files").splitlines():
        if os.path.lexists(repo.path / name):
            os.utime(repo.path / name, (when, when), follow_symlinks=False)
    repo.git("update-index", "--refresh")


def test_edits_of_the_same_size_in_the_same_second_are_seen(repo, tmp_path):
    file, copy = repo.write("f", b"0000"), IndexCopy(str(tmp_path / "copy"), SHA1, PRIVATE)
    repo.git("add", "f")
    for number in range(60):
        if number % 7 == 0:
            repo.git("add", "f")
        before = os.stat(file)
        file.write_bytes(b"%04d" % number)
        if number % 3 == 0:  # the tick of the clock in which it was added
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        for tree in (snapshot(repo.open(), copy=copy), snapshot(repo.open())):
            assert repo.git("cat-file", "blob", f"{tree}:f") == f"{number:04d}"
    agree(repo, tmp_path)


def test_an_entry_that_git_marked_as_to_be_compared_is(filled, tmp_path):
    """Git stores size 0 for entries that were racy when it wrote the index ("smudged")."""
    for number in range(10):
        filled.write("a", b"aaaa%d" % number)
        filled.git("add", "a")
        filled.write("a", b"bbbb%d" % number)
        filled.git("update-index", "--force-write-index")
        agree(filled, tmp_path)


def test_a_lock_on_the_index_does_not_matter(filled, tmp_path):
    filled.write(".git/index.lock", b"of a program that runs, or did")
    filled.write("dir/b", b"changed")
    agree(filled, tmp_path)


def test_what_is_staged_is_taken_as_it_is_in_the_work_tree(filled, tmp_path):
    filled.write("new/staged", b"1")
    filled.write("new/gone", b"1")
    filled.write("new/changed", b"1")
    filled.git("add", "new")
    filled.git("rm", "--cached", "--quiet", "a")
    (filled.path / "new/gone").unlink()
    filled.write("new/changed", b"2")
    tree = agree(filled, tmp_path)
    assert filled.git("ls-tree", "-r", "--name-only", tree, "new", "a").split() == ["new/changed", "new/staged"]


def test_what_is_intended_to_be_added(filled, tmp_path):
    for name, content in {"n/full": b"x", "n/empty": b"", "n/gone": b"x", "n/swapped": b"x", "m/only": b""}.items():
        filled.write(name, content)
        filled.git("add", "--intent-to-add", name)
    (filled.path / "n/gone").unlink()
    (filled.path / "n/swapped").unlink()
    (filled.path / "n/swapped").mkdir()
    assert filled.git("ls-tree", "-r", "--name-only", agree(filled, tmp_path), "n", "m").split() == [
        "m/only", "n/empty", "n/full",
    ]
    filled.git("update-index", "--assume-unchanged", "n/full")
    filled.git("update-index", "--skip-worktree", "n/empty")
    (filled.path / "n/empty").unlink()
    agree(filled, tmp_path)


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("change", ["edited", "deleted", "file becomes folder", "folder deleted", "made executable"])
def test_files_that_git_was_told_not_to_look_at(filled, tmp_path, option, change):
    filled.git("update-index", option, "a", "dir/b", "dir/sub/c", "link")
    CHANGES[change](filled.path)
    (filled.path / "link").unlink()
    agree(filled, tmp_path)


@pytest.mark.parametrize("expected", [None, "true"])
def test_a_sparse_checkout_keeps_what_is_not_there(filled, tmp_path, expected):
    filled.git("sparse-checkout", "set", "--no-cone", "/dir/", "!/dir/sub/")
    if expected:
        filled.git("config", "sparse.expectFilesOutsideOfPatterns", expected)
    assert not (filled.path / "other").exists()
    agree(filled, tmp_path)
    filled.write("other/f", b"here nevertheless\n")
    filled.write("dir/b", b"changed\n")
    tree = agree(filled, tmp_path)
    content = filled.git("cat-file", "blob", f"{tree}:other/f")
    assert content == ("other/f" if expected else "here nevertheless")


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_index_versions(filled, tmp_path, version):
    filled.git("update-index", "--index-version", version)
    filled.git("update-index", "--skip-worktree", "other/f")
    filled.write("dir/b", b"changed")
    agree(filled, tmp_path)


@pytest.mark.parametrize("setting", ["core.fileMode", "core.symlinks", "core.trustctime"])
@pytest.mark.parametrize("change", CHANGES)
def test_settings_about_the_file_system(filled, tmp_path, setting, change):
    filled.git("config", setting, "false")
    CHANGES[change](filled.path)
    agree(filled, tmp_path)


def test_with_minimal_stat_data_and_without_checksum(filled, tmp_path):
    for setting in ("core.checkStat=minimal", "index.skipHash=true", "core.untrackedCache=true", "index.threads=2"):
        filled.git("config", *setting.split("="))
    filled.write("dir/b", b"changed")
    filled.git("add", "dir/b")
    filled.git("status")
    filled.write("dir/b", b"again!!")
    agree(filled, tmp_path)


NAMES = [b"\xff\xfe", b"caf\xe9", "é".encode(), "e\u0301".encode(), b"a b", b'q"uote', b"back\\slash", b"new\nline", b"tab\t",
         b"-dash", b":colon", b"#hash", b"!x", b"*", b"?", b"[x]", b"~", b"\x01", b"x" * 255, b"d\xff/\xfe/f", b"...", b"a.lock"]


@pytest.mark.parametrize("change", ["none", "edited", "deleted"])
def test_names_of_every_kind(repo, tmp_path, change):
    for name in NAMES:
        repo.write(name, name)
    repo.commit()
    for name in NAMES:
        path = os.path.join(os.fsencode(repo.path), name)
        if change == "edited":
            with open(path, "ab") as file:
                file.write(b"more")
        elif change == "deleted":
            os.unlink(path)
    agree(repo, tmp_path)
    check_objects(repo)


def test_very_deep_folders(repo, tmp_path):
    place = "d/" * 1100 + "f"
    with deep_folder(repo.path, 1100) as last:
        write_in(last, "f", b"deep")
        repo.git("add", place)
        write_in(last, "f", b"changed")
        assert repo.git("cat-file", "blob", f"{agree(repo, tmp_path)}:{place}") == "changed"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    filled = fill(GitRepo(folder / "repo", git_environ(folder / "home")).init())
    library = filled.other("library").init()
    library.write("lib.py", b"1")
    library.commit()
    for name in ("sub", "moved", "absent", "bare"):
        filled.git("submodule", "--quiet", "add", str(library.path), name)
    filled.commit("with submodules")
    filled.git("submodule", "--quiet", "deinit", "bare")
    shutil.rmtree(filled.path / "absent")
    moved = filled.other("repo/moved")
    moved.write("lib.py", b"2")
    moved.commit()
    return filled.path


@pytest.fixture
def with_submodules(template, tmp_path, git_env):
    """`filled` with submodules: "sub" as made, "moved" at another commit, "absent" without folder, "bare" not set up."""
    shutil.copytree(template, tmp_path / "repo", symlinks=True)
    return GitRepo(tmp_path / "repo", git_env)


def test_submodules(with_submodules, tmp_path):
    tree = agree(with_submodules, tmp_path)
    listed = with_submodules.git("ls-tree", tree, "sub", "moved", "absent", "bare").splitlines()
    assert [line.split("\t")[1] for line in listed] == ["bare", "moved", "sub"]
    with_submodules.write("sub/lib.py", b"changed inside")
    with_submodules.write("sub/new", b"untracked inside")
    assert agree(with_submodules, tmp_path) == tree


def make_repository(repo):
    (repo.path / "a").unlink()
    nested = repo.other("repo/a").init()
    nested.write("x", b"x")
    nested.commit()


SUBMODULE_CHANGES = {
    "file becomes repository": make_repository,
    "file becomes repository without a commit": lambda repo: (
        (repo.path / "a").unlink(), repo.other("repo/a").init()),
    "submodule becomes file": lambda repo: (shutil.rmtree(repo.path / "sub"), repo.write("sub", b"file")),
    "submodule becomes link": lambda repo: (shutil.rmtree(repo.path / "sub"), (repo.path / "sub").symlink_to("dir")),
    "submodule becomes link to itself": lambda repo: (
        (repo.path / "sub").rename(repo.path / "x"), (repo.path / "sub").symlink_to("x")),
    "submodule loses its git folder": lambda repo: (repo.path / "sub/.git").unlink(),
    "head is on a branch without commits": lambda repo: repo.git("-C", "sub", "switch", "-q", "--orphan", "o"),
    "submodule is detached": lambda repo: repo.git("-C", "moved", "checkout", "-q", "HEAD~1"),
}
BROKEN_SUBMODULES = {
    "git folder is an empty one": lambda repo: ((repo.path / "sub/.git").unlink(), (repo.path / "sub/.git").mkdir()),
    "git file is junk": lambda repo: (repo.path / "sub/.git").write_bytes(b"junk"),
    "git file leads nowhere": lambda repo: (repo.path / "sub/.git").write_bytes(b"gitdir: ../nowhere\n"),
    "head is broken": lambda repo: (repo.path / ".git/modules/sub/HEAD").write_bytes(b"junk"),
    "branch is broken": lambda repo: (repo.path / ".git/modules/sub/refs/heads/main").write_bytes(b"junk"),
}


@pytest.mark.parametrize("change", SUBMODULE_CHANGES)
def test_submodules_that_change_what_they_are(with_submodules, tmp_path, change):
    SUBMODULE_CHANGES[change](with_submodules)
    agree(with_submodules, tmp_path)


@pytest.mark.parametrize("damage", BROKEN_SUBMODULES)
def test_a_broken_submodule_is_an_error_for_git_and_for_us(with_submodules, damage):
    with_submodules.write("a", b"changed before it")
    BROKEN_SUBMODULES[damage](with_submodules)
    assert with_submodules.try_git("add", "-u", "--dry-run").returncode == 128
    refuse(with_submodules, GitError, "sub")


def test_a_submodule_in_a_format_that_is_not_ours_is_refused_by_name(with_submodules):
    with_submodules.write("a", b"changed before it")
    with_submodules.git("-C", "sub", "config", "core.repositoryFormatVersion", "1")
    with_submodules.git("-C", "sub", "config", "extensions.refStorage", "reftable")
    refuse(with_submodules, Unsupported, "refstorage = reftable")


TREE_EXTENSIONS = {
    "none": lambda repo: repo.git("read-tree", "HEAD"),
    "valid": lambda repo: repo.git("write-tree"),
    "partly invalid": lambda repo: (repo.write("dir/sub/c", b"x"), repo.git("add", "dir/sub/c")),
    "invalid at the root": lambda repo: repo.git("rm", "-q", "--cached", "a"),
    "new folder": lambda repo: (repo.write("dir/new/x", b"x"), repo.git("add", "dir/new/x")),
    "folder gone": lambda repo: repo.git("rm", "-rq", "--cached", "dir/sub"),
}


@pytest.mark.parametrize("state", TREE_EXTENSIONS)
@pytest.mark.parametrize("change", ["edited", "folder deleted", "untracked added"])
def test_remembered_trees_in_every_state(filled, tmp_path, state, change):
    TREE_EXTENSIONS[state](filled)
    CHANGES[change](filled.path)
    agree(filled, tmp_path)
    check_objects(filled)


def entries_of(repo):
    lines = (line.split("\t") for line in repo.git("ls-files", "--stage").splitlines())
    return [(name, *words.split()) for words, name in lines]


@pytest.mark.parametrize("root", [
    (b"", 11, 0, oid(77)), (b"", 3, 0, oid(77)), (b"", -1, 0, None), (b"", 10, 1, oid(77)), (b"x", 11, 0, oid(77)),
])
@pytest.mark.parametrize("change", ["edited", "touched", "untracked added"])
def test_remembered_trees_that_are_wrong_and_missing_are_not_believed(filled, tmp_path, root, change):
    entries = [Entry(name.encode(), int(mode, 8), bytes.fromhex(id_)) for name, mode, id_, _ in entries_of(filled)]
    inner = [(b"dir", 3, 1, oid(78)), (b"sub", 2, 0, oid(79))] if root[2] else []
    (filled.path / ".git/index").write_bytes(make_index(*entries, extensions=tree_extension(root, *inner)))
    CHANGES[change](filled.path)
    agree(filled, tmp_path)


def test_unmerged_paths_are_a_conflict_that_names_them(filled):
    filled.git("checkout", "-qb", "other")
    filled.write("a", b"theirs")
    filled.write("dir/b", b"theirs")
    filled.commit()
    filled.git("checkout", "-q", "main")
    filled.write("a", b"ours")
    (filled.path / "dir/b").unlink()
    filled.write("empty", b"also changed")
    filled.commit()
    assert filled.try_git("merge", "other").returncode == 1
    filled.write("run.sh", b"changed")
    refuse(filled, Conflict, "resolve these paths first: a, dir/b$")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.mknod(path, stat.S_IFSOCK | 0o600)], ids=["fifo", "socket"])
def test_what_git_cannot_store_is_an_error_that_never_waits(filled, tmp_path, make):
    filled.write("a", b"changed before it")
    (filled.path / "dir/b").unlink()
    make(filled.path / "dir/b")
    refuse(filled, GitError, "dir/b is no file, symbolic link or folder")
    (filled.path / "dir/b").unlink()
    filled.write("dir/b", b"dir/b\n")
    agree(filled, tmp_path)


def test_a_fifo_that_is_not_tracked_is_nothing(filled, tmp_path):
    os.mkfifo(filled.path / "fifo")
    os.mkfifo(filled.path / ".gitattributes")
    filled.write("a", b"changed")
    assert snapshot(filled.open())
    (filled.path / ".gitattributes").unlink()  # git waits for it
    agree(filled, tmp_path)


CONVERSIONS = {
    "text": lambda repo: repo.write(".gitattributes", b"*.x -text\n* text=auto\n"),
    "in a folder": lambda repo: repo.write("dir/.gitattributes", b"b eol=crlf\n"),
    "filter": lambda repo: repo.write(".gitattributes", b"* filter=lfs diff=lfs merge=lfs -text\n"),
    "for this clone": lambda repo: repo.write(".git/info/attributes", b"* ident\n"),
    "of the user": lambda repo: repo.write("../home/.config/git/attributes", b"* working-tree-encoding=UTF-8\n"),
    "core.autocrlf": lambda repo: repo.git("config", "core.autocrlf", "input"),
    "core.autocrlf of the user": lambda repo: repo.git("config", "--global", "core.autocrlf", "true"),
}


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_a_changed_file_is_converted_as_git_does_it(filled, tmp_path, conversion):
    CONVERSIONS[conversion](filled)
    agree(filled, tmp_path)
    filled.write("a" if conversion == "in a folder" else "new", b"changed before it")
    filled.git("add", "--all", ":!a")
    os.utime(filled.path / "dir/b", (1, 1))
    (filled.path / "dir/sub/c").unlink()
    (filled.path / "dir/sub/d").chmod(0o755)
    agree(filled, tmp_path)
    filled.write("dir/b", b"changed\r\n$Id: of old$\r\n")
    agree(filled, tmp_path)


def test_a_file_that_was_intended_to_be_added_is_converted_too(filled, tmp_path):
    filled.write(".gitattributes", b"new text\n")
    filled.write("new", b"large\r\n")
    filled.git("add", "-N", "new")
    agree(filled, tmp_path)


def test_a_changed_file_with_a_filter_is_refused_and_an_unchanged_one_is_fine(filled, tmp_path):
    filled.write(".gitattributes", b"* filter=lfs diff=lfs merge=lfs -text\n")
    os.utime(filled.path / "dir/b", (1, 1))
    agree(filled, tmp_path)
    filled.git("config", "filter.lfs.clean", "false")
    filled.write("dir/b", b"changed\n")
    refuse(filled, Unsupported, "dir/b: filter=lfs")


# What `git-lfs clean` prints of a file that is no pointer.
CLEAN = """sh -c 'cat > big; printf "version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %d\\n" $(sha256sum big | cut -c-64) $(wc -c < big); rm big'"""


def test_a_file_of_lfs_is_unchanged_if_its_pointer_is_the_one_in_the_index(filled, tmp_path):
    filled.git("config", "filter.lfs.clean", CLEAN)
    filled.write(".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n")
    filled.write("dir/large.bin", b"weights " * 2_000_000)  # read in blocks
    filled.write("small.bin", b"weights")
    filled.commit("lfs")
    assert filled.git("show", "HEAD:small.bin").startswith("version https://git-lfs.github.com/spec/v1\noid sha256:")
    for path in ("small.bin", "dir/large.bin"):  # as in a new clone, or copied
        os.utime(filled.path / path, (1, 1))
    agree(filled, tmp_path)
    filled.write("small.bin", b"changed")
    refuse(filled, Unsupported, "small.bin: filter=lfs")
    filled.write("small.bin", filled.git_bytes("show", "HEAD:small.bin"))  # not downloaded
    assert str(snapshot(filled.open())) == filled.git("rev-parse", "HEAD^{tree}")


def test_links_are_never_converted(filled, tmp_path):
    filled.git("config", "core.autocrlf", "true")
    CHANGES["link changed"](filled.path)
    CHANGES["file becomes link"](filled.path)
    agree(filled, tmp_path)


@pytest.mark.parametrize(("prepare", "feature"), [
    (lambda repo: repo.git("update-index", "--split-index"), "a split index"),
    (lambda repo: repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "dir"), "a sparse index"),
    (lambda repo: (repo.path / ".git/index").write_bytes(make_index(extensions=extension(b"newx", b"1"))), "extension 'newx'"),
    (lambda repo: (repo.path / ".git/index").write_bytes(make_index(version=5)), "index version 5"),
    (lambda repo: (repo.path / ".git/index").write_bytes(make_index(Entry(b"a", extended=0x1000))), "extended flag 0x1000"),
])
def test_an_index_that_we_cannot_read_is_refused_by_name(filled, prepare, feature):
    prepare(filled)
    filled.write("a", b"changed")
    refuse(filled, Unsupported, feature)


def test_in_a_linked_work_tree(filled, tmp_path):
    filled.git("worktree", "add", "-q", "../linked")
    linked = filled.other("linked")
    linked.write("a", b"changed there\n")
    linked.write("new", b"staged there\n")
    linked.git("add", "new")
    before = users_files(linked.path)
    tree = str(snapshot(linked.open()))
    assert users_files(linked.path) == before
    assert tree == git_tree(linked, tmp_path)[0]
    assert agree(filled, tmp_path) != tree


def test_an_index_named_in_the_environment(filled, tmp_path):
    shutil.copy2(filled.path / ".git/index", filled.path / ".git/mine")
    filled.write("new", b"x")
    filled.git("add", "new", env={"GIT_INDEX_FILE": ".git/mine"})
    tree = snapshot(filled.other("repo/dir").open(GIT_INDEX_FILE=".git/mine"))
    assert str(tree) == filled.git("write-tree", env={"GIT_INDEX_FILE": ".git/mine"})
    assert str(tree) != agree(filled, tmp_path)


class Walk:
    """Random changes of work tree and index, each as a user or a script would make it."""

    def __init__(self, repo, seed):
        self.repo, self.path, self.random = repo, repo.path, random.Random(seed)

    def step(self):
        name = self.random.choice([name for name in dir(Walk) if name.startswith("do_")])
        with suppress(OSError):  # no such file, or something is in the way: another day
            getattr(self, name)(self.target())
        return name

    def target(self):
        folder = self.random.choice(["", "d/", "d/e/", "f/", "d-/"])
        return self.path / f"{folder}{self.random.choice('xyz')}"

    def do_edit(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.random.choice([b"", b"1\n", b"2\n", b"3\n", b"longer\n"]))

    do_edit_too = do_edit_again = do_edit

    def do_delete(self, path):
        path.unlink()

    def do_delete_folder(self, path):
        if path.parent != self.path:
            shutil.rmtree(path.parent)

    def do_chmod(self, path):
        path.chmod(self.random.choice([0o644, 0o755]))

    def do_touch(self, path):
        os.utime(path, (self.random.randrange(3),) * 2)

    def do_link(self, path):
        path.unlink(missing_ok=True)
        path.symlink_to(self.random.choice(["x", "d", "../d", "nowhere"]))

    def do_rename(self, path):
        path.rename(self.target())

    def do_link_folder(self, path):
        if path.parent != self.path and not path.parent.is_symlink():
            path.parent.rename(self.path / "moved")
            path.parent.symlink_to(self.path / "moved")

    def do_file_to_folder(self, path):
        path.unlink()
        (path / "x").mkdir(parents=True)

    def do_git(self, path):
        name = str(path.relative_to(self.path))
        self.repo.try_git(*self.random.choice([
            ("add", name), ("add", "-A"), ("add", "-u"), ("add", "-N", name), ("rm", "-q", "--cached", "-f", name),
            ("update-index", "--assume-unchanged", name), ("update-index", "--no-assume-unchanged", name),
            ("update-index", "--skip-worktree", name), ("update-index", "--no-skip-worktree", name),
            ("update-index", "--index-version", self.random.choice("234")), ("status",), ("commit", "-qm", "x"),
            ("reset", "-q", "--hard"), ("checkout", "-q", "--", name), ("read-tree", "HEAD"), ("write-tree",),
            ("update-index", "--chmod=+x", name), ("mv", "-f", name, str(self.target().relative_to(self.path))),
            ("config", "core.fileMode", self.random.choice(["true", "false"])), ("stash", "-q"),
        ]))

    do_git_too = do_git_again = do_git_more = do_git


@pytest.mark.parametrize("seed", range(30))
def test_random_changes(repo, tmp_path, seed):
    walk = Walk(repo, seed)
    for name in ("x", "d/x", "d/y", "d/e/x", "f/z", "d-/y"):
        repo.write(name, name.encode())
    repo.commit()
    steps = []
    for _ in range(12):
        steps.append(walk.step())
        agree(repo, tmp_path)
    check_objects(repo)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 330))
def test_many_random_changes(repo, tmp_path, seed):
    test_random_changes(repo, tmp_path, seed)


def test_a_hook_sees_the_index_of_the_commit(filled, child_env):
    """`git commit -- path` gives its hook an index of its own by GIT_INDEX_FILE, and GIT_DIR among others."""
    script = (
        "import os; from expref.objstore.repository import Repository; from expref.objstore.worktree import snapshot;"
        "print(snapshot(Repository.discover('.', os.environ)), flush=True)"
    )
    hook = filled.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec python3 -c \"{script}\" > tree\n".encode(), mode=0o755)
    filled.write("a", b"changed")
    filled.write("dir/b", b"changed too")
    filled.git("commit", "-qm", "x", "--", "a", env={key: child_env[key] for key in ("PYTHONPATH", "PATH")})
    assert hook.exists()
    tree = (filled.path / "tree").read_text().strip()
    assert filled.git("cat-file", "blob", f"{tree}:dir/b") == "changed too"
    assert subprocess.run(["git", "diff", "--quiet", tree, "--", "."], cwd=filled.path, env=filled.environ).returncode == 0


@pytest.fixture
def cheap(monkeypatch):
    """Every look is worth remembering, a few objects are a pack and a few entries a process."""
    monkeypatch.setattr(worktree, "_COMPARING", 1 << 30)
    monkeypatch.setattr(worktree, "BULK", 2)
    monkeypatch.setattr(scan, "WORTH_A_FORK", 2)


def copied(repo, tmp_path, workers=1):
    """Assert that with the copy of the index the snapshot is what it is without, and git's."""
    place = tmp_path / "copy"
    repository = repo.open()
    tree = str(snapshot(repository, copy=IndexCopy(str(place), repository.object_format, PRIVATE), workers=workers))
    assert tree == agree(repo, tmp_path)
    return tree


@pytest.mark.parametrize("change", CHANGES)
def test_with_a_copy_a_change_is_seen_when_it_comes_and_when_it_goes(filled, tmp_path, cheap, change):
    saved, files = tmp_path / "saved", [path for path in filled.path.iterdir() if path.name != ".git"]
    saved.mkdir()
    first = copied(filled, tmp_path)
    for path in files:  # a rename leaves the times of what is in a folder as they are
        subprocess.run(["cp", "-a", path, saved], check=True)
    CHANGES[change](filled.path)
    for _ in range(2):
        copied(filled, tmp_path)
    for path in filled.path.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in saved.iterdir():
        path.rename(filled.path / path.name)
    for _ in range(2):
        assert copied(filled, tmp_path) == first
    check_objects(filled)


def test_with_a_copy_edits_of_the_same_size_in_the_same_tick_are_seen(repo, tmp_path, cheap):
    for name in "abc":
        repo.write(name, b"0000")
    repo.git("add", "--all")
    repository = repo.open()
    copy = IndexCopy(str(tmp_path / "copy"), repository.object_format, PRIVATE)
    for number in range(120):
        file = repo.path / "abc"[number % 3]
        with open(file, "r+b") as out:
            out.write(b"%04d" % number)
        tree = snapshot(repository, copy=copy)
        assert get_blob(repository.objects, tree, os.fsencode(file.name)) == b"%04d" % number
    assert copy.get(key_of((repo.path / ".git/index").read_bytes(), SHA1), partial(fingerprint, repository))
    copied(repo, tmp_path)


def test_with_a_copy_what_was_racy_when_it_went_away_is_compared_when_it_comes_back(repo, tmp_path, cheap):
    """The folder is moved, so that the file keeps its ctime: only the index tells that it was racy."""
    for number in range(5):
        file = repo.write("dir/f", b"%04d" % number)
        repo.write("other", b"%d" % number)
        repo.git("add", "--all")
        with open(file, "r+b") as out:
            out.write(b"x%03d" % number)
        found = os.stat(file)
        index = repo.path / ".git/index"  # as if it had been added in the tick of the edit
        content = index.read_bytes()[:-20]
        at = content.index(b"dir/f") - 62
        times = struct.pack(">4I", *divmod(found.st_ctime_ns, 10**9), *divmod(found.st_mtime_ns, 10**9))
        content = content[:at] + times + content[at + 16 :]
        index.write_bytes(content + hashlib.sha1(content).digest())
        os.utime(index, ns=(found.st_mtime_ns, found.st_mtime_ns))
        (repo.path / "dir").rename(tmp_path / "away")
        time.sleep(0.1)  # the copy is younger than the edit by more than a tick
        copied(repo, tmp_path)
        (tmp_path / "away").rename(repo.path / "dir")
        assert repo.git("cat-file", "blob", f"{copied(repo, tmp_path)}:dir/f") == f"x{number:03d}"


def test_with_a_copy_a_sparse_file_counts_again_as_the_index_says(filled, tmp_path, cheap):
    filled.git("sparse-checkout", "set", "--no-cone", "/dir/")
    before = copied(filled, tmp_path)
    filled.write("other/f", b"here nevertheless\n")
    assert copied(filled, tmp_path) != before
    (filled.path / "other/f").unlink()
    assert copied(filled, tmp_path) == before


def test_with_a_copy_a_submodule_may_go_and_come_back(with_submodules, tmp_path, cheap):
    before = copied(with_submodules, tmp_path)
    (with_submodules.path / "moved").rename(tmp_path / "away")
    with_submodules.write("moved", b"a file now")
    copied(with_submodules, tmp_path)
    (with_submodules.path / "moved").unlink()
    (with_submodules.path / "moved").mkdir()
    copied(with_submodules, tmp_path)
    (with_submodules.path / "moved").rmdir()
    (tmp_path / "away").rename(with_submodules.path / "moved")
    assert copied(with_submodules, tmp_path) == before
    with_submodules.other("repo/moved").git("checkout", "-q", "HEAD~1")
    copied(with_submodules, tmp_path)
    with_submodules.other("repo/moved").git("checkout", "-q", "-")
    assert copied(with_submodules, tmp_path) == before


@pytest.mark.parametrize("first", ["true", "false"])
@pytest.mark.parametrize("setting", ["core.fileMode", "core.symlinks"])
def test_with_a_copy_settings_of_the_file_system_may_change(filled, tmp_path, cheap, setting, first):
    (filled.path / "a").chmod(0o755)
    (filled.path / "link").unlink()
    filled.write("link", b"dir/b2")
    for value in (first, "false" if first == "true" else "true", first):
        filled.git("config", setting, value)
        copied(filled, tmp_path)
        copied(filled, tmp_path)


def test_with_a_copy_attributes_may_change(filled, tmp_path, cheap):
    filled.write("dir/b", b"one\r\ntwo\r\n")
    copied(filled, tmp_path)
    for content in (b"* text\n", b"* -text\n", b"b text=auto\n"):
        attributes = filled.write("dir/.gitattributes", content)
        for _ in range(2):
            copied(filled, tmp_path)
    filled.git("add", "dir/.gitattributes")
    copied(filled, tmp_path)
    attributes.write_bytes(b"# none\n")
    copied(filled, tmp_path)
    attributes.unlink()  # that of the index counts
    repository = filled.open()
    copy = IndexCopy(str(tmp_path / "copy"), SHA1, PRIVATE)
    assert snapshot(repository, copy=copy) == snapshot(repository)


@pytest.mark.parametrize("seed", range(8))
def test_random_changes_with_a_copy(repo, tmp_path, cheap, seed):
    walk = Walk(repo, 1000 + seed)
    for name in ("x", "d/x", "d/y", "d/e/x", "f/z", "d-/y"):
        repo.write(name, name.encode())
    repo.commit()
    for number in range(15):
        walk.step()
        copied(repo, tmp_path, workers=1 + number % 2)
    check_objects(repo)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8, 200))
def test_many_random_changes_with_a_copy(repo, tmp_path, cheap, seed):
    test_random_changes_with_a_copy(repo, tmp_path, cheap, seed)


COUNTING = """
import os, sys
from expref.objstore.indexcopy import IndexCopy
from expref.objstore.repository import Repository
from expref.objstore.stores.files import PRIVATE
from expref.objstore.worktree import snapshot
read = set()
def hook(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):
        read.add(os.path.abspath(os.fsdecode(arguments[0])))
repository = Repository.discover(".", os.environ)
copy = IndexCopy(".git/copy", repository.object_format, PRIVATE)
repository.index.read()
sys.addaudithook(hook)
tree = snapshot(repository, copy=copy)
print(tree, sum("/f" in path.removeprefix(os.getcwd() + "/d")[:3] for path in read))
"""


def count_reads(repo, child_env):
    """Take a snapshot in a child; return the tree, and how many of the files d?/f* it opened."""
    environ = repo.environ | {name: child_env[name] for name in ("PATH", "PYTHONPATH")}
    done = subprocess.run([sys.executable, "-c", COUNTING], cwd=repo.path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tree, count = done.stdout.split()
    return tree, int(count)


@pytest.mark.parametrize("damage", [None, b"", b"junk", "cut", "foreign"])
def test_what_was_read_once_is_not_read_again(repo, tmp_path, child_env, damage):
    for number in range(150):
        repo.write(f"d{number % 4}/f{number}", b"%d" % number)
    repo.commit()
    there = repo.other("there")
    subprocess.run(["cp", "-r", repo.path, there.path], check=True)
    time.sleep(0.1)  # what is younger than the tick of a clock is always read
    tree, count = count_reads(there, child_env)
    assert (tree, count) == (repo.git("rev-parse", "HEAD^{tree}"), 150)
    assert count_reads(there, child_env) == (tree, 0)
    place = there.path / ".git/copy"
    if damage is None:
        there.write("d1/f1", b"!")
        assert count_reads(there, child_env)[1] == 1
    else:
        content = {"cut": place.read_bytes()[:-100], "foreign": (repo.path / ".git/index").read_bytes()}.get(damage, damage)
        place.write_bytes(content)
        assert count_reads(there, child_env) == (tree, 150)
        assert count_reads(there, child_env) == (tree, 0)


@pytest.mark.parametrize("folder", [False, True])
def test_a_save_stores_again_what_gc_took_from_under_the_copy(repo, monkeypatch, cheap, folder):
    for name in ("a", "dir/b", "dir/c"):
        repo.write(name, b"0")
    repo.commit()
    for name in ("a", "dir/b", "dir/c"):
        repo.write(name, name.encode())
    time.sleep(0.1)
    saved = save(open_project(repo), name="first")
    time.sleep(0.1)
    save(open_project(repo), name="second")
    for name in repo.git("for-each-ref", "--format=%(refname)", "refs/exps").splitlines():
        repo.git("update-ref", "-d", name)
    repo.git("reflog", "expire", "--expire=now", "--all")
    if folder:
        repo.git("gc", "-q", "--prune=now")
    else:  # only a blob, its tree stays
        id_ = repo.git("hash-object", "dir/b")
        for pack in (repo.path / ".git/objects/pack").glob("*.pack"):
            packed = pack.rename(repo.path.parent / pack.name)
            pack.with_suffix(".idx").unlink()
            repo.git("unpack-objects", "-q", stdin=packed.read_bytes())
        (repo.path / ".git/objects" / id_[:2] / id_[2:]).unlink()
    again = save(open_project(repo), name="third")
    assert repo.git("rev-parse", f"{again.id}^{{tree}}") == git_tree_of(repo)
    assert again.id != saved.id
    check_objects(repo)


def git_tree_of(repo):
    repo.git("add", "--update")
    return repo.git("write-tree")
