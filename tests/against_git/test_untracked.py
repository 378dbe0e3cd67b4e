"""Untracked files: random work trees with everything in them that git treats apart, and what `git status` lists."""
import os
import random
import shutil
import stat

import pytest
from expref.objstore.untracked import untracked, untracked_files

from tests.conftest import needs

pytestmark = needs("git")

NAMES = [b"a", b"b", b"a.b", b"a-b", b"ab", b"a0", b"A", b"c.log", b"d.tmp", b"build", b"out", b" ", b"\xe9\xff", b"q\"\n", b"-x", b".x"]
RULES = [b"*.log", b"*.tmp", b"build/", b"/out", b"!c.log", b"a/b", b"*", b"!*/", b"!a", b"**/a.b", b"out/", b"a*", b"!build/", b"/a/*",
         b"!/a/b", b"A", b".x", b"a/**/c.log", b"!.gitignore"]  # fmt: skip
HEADS = [b"ref: refs/heads/main\n", b"ref:refs/x", b"ref: x\n", b"1" * 40, b"", None]


def status(repo, mode):
    """The paths that git lists, in its order."""
    lines = repo.git_bytes("status", "--porcelain", "--no-renames", "--ignore-submodules=all", "-z", f"-u{mode}").split(b"\0")
    return [line[3:] for line in lines if line.startswith(b"?? ")]


def gone(repo):
    """Tracked paths where there is nothing, or something of another kind."""
    for line in set(repo.git_bytes("ls-files", "-s", "-z").split(b"\0")) - {b""}:
        path, is_submodule = line.partition(b"\t")[2], line.startswith(b"160000")
        above = [path[:at] for at, byte in enumerate(path) if byte == 0x2F]
        if not all(is_folder(repo, each) for each in above) or not is_there(repo, path, is_submodule):
            yield path


def is_folder(repo, path):
    return os.path.isdir(full(repo, path)) and not os.path.islink(full(repo, path))


def is_there(repo, path, is_submodule):
    return os.path.lexists(full(repo, path)) and is_folder(repo, path) == is_submodule


def full(repo, path):
    return os.path.join(os.fsencode(repo.path), path)


def assert_same(repo):
    ours, lacking = repo.open(), list(gone(repo))
    for list_, mode in ((untracked, "normal"), (untracked_files, "all")):
        theirs = status(repo, mode)
        assert list(list_(ours)) == theirs, mode
        assert list(list_(ours, gone=lacking)) == theirs, f"{mode}, going by numbers of names"
    return theirs


class Grower:
    """Makes random things in a work tree."""

    def __init__(self, repo, seed):
        self.repo, self.rng = repo, random.Random(seed)

    def grow(self, folder=b"", depth=0):
        """Fill a folder; return the paths of the files."""
        files = []
        for name in self.rng.sample(NAMES, self.rng.randint(0, 6 - depth)):
            path, kind = folder + name, self.rng.random()
            if os.path.lexists(full(self.repo, path)):
                continue
            if kind < 0.4 and depth < 4:
                os.mkdir(full(self.repo, path))
                files += self.grow(path + b"/", depth + 1)
                if self.rng.random() < 0.15:
                    self.git_folder(path)
            else:
                files += self.leaf(path)
        if self.rng.random() < 0.2:
            self.write(folder + b".gitignore", b"\n".join(self.rng.choices(RULES, k=3)))
            files.append(folder + b".gitignore")
        return files

    def leaf(self, path):
        kind = self.rng.random()
        if kind < 0.1:
            os.symlink(self.rng.choice([b".", b"nowhere", b"a", b"/"]), full(self.repo, path))
        elif kind < 0.13 and not path.endswith(b".gitignore"):  # git would wait for a writer
            os.mkfifo(full(self.repo, path))
            return []
        else:
            self.write(path, self.rng.randbytes(4))
        return [path]

    def write(self, path, content):
        with open(full(self.repo, path), "wb") as file:
            file.write(content)

    def git_folder(self, path):
        """Something called `.git`: a repository, or something that looks like one."""
        kind = self.rng.choice(["repository", "folder", "folder", "file", "empty", "link"])
        if kind == "repository":
            self.repo.git("init", "-q", full(self.repo, path))
        elif kind == "file":
            target = self.rng.choice([b"../.git", full(self.repo, b".git"), b"", b"x"])
            self.write(path + b"/.git", self.rng.choice([b"gitdir: ", b""]) + target)
        elif kind == "link":
            os.symlink(self.rng.choice([full(self.repo, b".git"), b"nowhere"]), full(self.repo, path + b"/.git"))
        else:
            os.mkdir(full(self.repo, path + b"/.git"))
            self.half_a_git_dir(path + b"/.git/", kind)

    def half_a_git_dir(self, path, kind):
        for name in (b"objects", b"refs", b"commondir") if kind == "folder" else ():
            if self.rng.random() < 0.8 and name != b"commondir":
                os.mkdir(full(self.repo, path + name))
            elif self.rng.random() < 0.3:
                self.write(path + name, self.rng.choice([b".\n", b"..", full(self.repo, b".git\n")]))
        head = self.rng.choice(HEADS)
        if head is not None and kind == "folder":
            self.write(path + b"HEAD", head)

    def track(self, files):
        """Put some of `files` into the index, whatever the ignore rules say; sometimes write the trees, too."""
        some = [path for path in files if self.rng.random() < self.rng.choice([0.3, 0.9])]
        self.repo.git("update-index", "--add", "-z", "--stdin", stdin=b"".join(path + b"\0" for path in some))
        if self.rng.random() < 0.6:
            self.repo.git("write-tree")

    def odd_entries(self, files):
        """Entries of the index that are no plain files: submodules, those left out, only intended, or in conflict."""
        for path in self.rng.sample(files, min(len(files), 3)) if self.rng.random() < 0.4 else ():
            kind, folder = self.rng.choice(["submodule", "skip", "intent", "conflict"]), path.rpartition(b"/")[0]
            if kind == "submodule" and folder:
                self.repo.git("update-index", "--add", "--replace", "--cacheinfo", b"160000," + b"1" * 40 + b"," + folder)
            elif kind == "skip" and self.repo.git("ls-files", "--", b":(literal)" + path):
                self.repo.git("update-index", "--skip-worktree", "--", path)
                os.unlink(full(self.repo, path))
            elif kind == "intent":
                self.repo.try_git("add", "-f", "-N", "--", b":(literal)" + path)
            elif kind == "conflict":
                blob = self.repo.git_bytes("hash-object", "-w", "--stdin", stdin=b"*").strip()
                entries = b"".join(b"100644 %b %d\t%b\0" % (blob, stage, path) for stage in (1, 2, 3))
                self.repo.git("update-index", "-z", "--index-info", stdin=entries)

    def change(self, files):
        """Remove files and folders, put one into the place of the other."""
        for path in self.rng.sample(files, min(len(files), self.rng.randint(0, 6))):
            while b"/" in path and self.rng.random() < 0.3:
                path = path.rpartition(b"/")[0]
            if not os.path.lexists(full(self.repo, path)):
                continue
            (shutil.rmtree if is_folder(self.repo, path) else os.unlink)(full(self.repo, path))
            kind = self.rng.random()
            if kind < 0.3:
                os.mkdir(full(self.repo, path))
                self.grow(path + b"/", 3)
            elif kind < 0.5:
                self.leaf(path)


def random_tree(repo, seed):
    for name in set(os.listdir(repo.path)) - {".git"}:
        path = repo.path / name
        (shutil.rmtree if stat.S_ISDIR(path.lstat().st_mode) else os.unlink)(path)
    repo.git("read-tree", "--empty")
    grower = Grower(repo, seed)
    files = grower.grow()
    grower.track(files)
    if grower.rng.random() < 0.5:
        files += grower.grow()
        grower.track(files)
    files = sorted(set(files))
    grower.odd_entries(files)
    grower.change(files)
    return assert_same(repo)


def random_trees(repo, seeds):
    found = []
    for seed in seeds:
        try:
            found += random_tree(repo, seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    assert found


def test_random_trees(repo):
    random_trees(repo, range(60))


def test_random_trees_where_case_does_not_matter(repo):
    repo.git("config", "core.ignoreCase", "true")
    random_trees(repo, range(1000, 1030))


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(10))
def test_many_random_trees(batch, repo):
    repo.git("config", "core.ignoreCase", str(batch % 4 == 3).lower())
    random_trees(repo, range(10_000 + 200 * batch, 10_200 + 200 * batch))


GIT_FOLDERS = {  # what is called `.git`: a function that makes it
    "no HEAD": lambda path: make(path, {"objects/": b"", "refs/": b""}),
    "a branch": lambda path: make(path, {"objects/": b"", "refs/": b"", "HEAD": b"ref: refs/heads/x\n"}),
    "no space": lambda path: make(path, {"objects/": b"", "refs/": b"", "HEAD": b"ref:refs/x"}),
    "no branch": lambda path: make(path, {"objects/": b"", "refs/": b"", "HEAD": b"ref: x\n"}),
    "a commit": lambda path: make(path, {"objects/": b"", "refs/": b"", "HEAD": b"A" * 40}),
    "half a commit": lambda path: make(path, {"objects/": b"", "refs/": b"", "HEAD": b"a" * 39}),
    "HEAD is a folder": lambda path: make(path, {"objects/": b"", "refs/": b"", "HEAD/": b""}),
    "no objects": lambda path: make(path, {"refs/": b"", "HEAD": b"ref: refs/heads/x\n"}),
    "no refs": lambda path: make(path, {"objects/": b"", "HEAD": b"ref: refs/heads/x\n"}),
    "objects is a file": lambda path: make(path, {"objects": b"", "refs/": b"", "HEAD": b"ref: refs/heads/x\n"}),
    "HEAD is a link": lambda path: (make(path, {"objects/": b"", "refs/": b""}), (path / "HEAD").symlink_to("refs/heads/x")),
    "HEAD links elsewhere": lambda path: (make(path, {"objects/": b"", "refs/": b""}), (path / "HEAD").symlink_to("../../refs")),
    "commondir": lambda path: make(path, {"HEAD": b"ref: refs/x", "commondir": b"../c\n", "../c/objects/": b"", "../c/refs/": b""}),
    "no such commondir": lambda path: make(path, {"HEAD": b"ref: refs/x", "objects/": b"", "refs/": b"", "commondir": b"no\n"}),
    "a file": lambda path: make(path.parent, {".git": b"gitdir: ../.git\n"}),
    "a file with an absolute path": lambda path: make(path.parent, {".git": b"gitdir: %b/.git" % os.fsencode(path.parent.parent)}),
    "a file with two line ends": lambda path: make(path.parent, {".git": b"gitdir: ../.git\r\n\n"}),
    "a file that names nothing": lambda path: make(path.parent, {".git": b"gitdir: \n"}),
    "a file that names no repository": lambda path: make(path.parent, {".git": b"gitdir: ..\n"}),
    "a file with something else": lambda path: make(path.parent, {".git": b"../.git"}),
    "a large file": lambda path: make(path.parent, {".git": b"gitdir: ../.git" + b"\n" * (1 << 20)}),
    "a file without any rights": lambda path: (make(path.parent, {".git": b"gitdir: no"}), path.chmod(0)),
    "a link to this repository": lambda path: path.symlink_to("../.git"),
    "a broken link": lambda path: path.symlink_to("nowhere"),
    "a FIFO": os.mkfifo,
}  # fmt: skip


def make(folder, content):
    for name, text in content.items():
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(text)


@pytest.mark.parametrize("name", GIT_FOLDERS)
def test_what_counts_as_a_repository(name, repo):
    for folder in ("empty", "full", "ignored", "tracked"):
        (repo.path / folder).mkdir()
        if folder != "empty":
            repo.write(f"{folder}/file")
        GIT_FOLDERS[name](repo.path / folder / ".git")
    repo.write("ignored/.gitignore", b"*\n")
    repo.git("update-index", "--add", "tracked/file")
    repo.write("tracked/other")
    assert_same(repo)


def test_submodules_are_tracked_as_long_as_there_is_a_folder(repo):
    for path in ("sub/module", "sub/gone"):
        other = repo.other(repo.path / path).init()
        other.write("file")
        other.commit()
    repo.commit()
    repo.write("sub/module/new")
    shutil.rmtree(repo.path / "sub/gone")
    assert_same(repo)
    repo.write("sub/gone")
    assert assert_same(repo) == []


def test_rules_that_are_left_out_of_the_work_tree_hold(repo):
    repo.write("sub/.gitignore", b"x\n")
    repo.write("sub/y")
    repo.commit()
    repo.git("update-index", "--skip-worktree", "sub/.gitignore")
    (repo.path / "sub/.gitignore").unlink()
    repo.write("sub/x")
    assert assert_same(repo) == []
    repo.git("update-index", "--no-skip-worktree", "sub/.gitignore")
    repo.git("add", "--intent-to-add", repo.write("intended"))  # as before, an index with extended flags
    assert assert_same(repo) == [b"sub/x"]


def test_a_sparse_work_tree(repo):
    for name in ("a/b/c", "a/d", "e/f", "g"):
        repo.write(name)
    repo.commit()
    repo.git("sparse-checkout", "set", "--no-cone", "/a/d")
    repo.write("a/new")
    repo.write("e/f")
    repo.write("h/i")
    assert b"a/new" in assert_same(repo)


def test_a_git_folder_elsewhere(repo):
    tree = repo.other("tree")
    repo.write("../tree/nested/file")
    repo.write("../tree/file")
    os.rename(repo.path / ".git", tree.path / "nested/.git")
    tree.environ |= {"GIT_DIR": str(tree.path / "nested/.git"), "GIT_WORK_TREE": str(tree.path)}
    assert assert_same(tree) == [b"file", b"nested/file"]


def test_tracked_files_in_an_ignored_folder(repo):
    repo.write("build/kept")
    repo.write("build/sub/kept")
    repo.commit()
    repo.write(".gitignore", b"build\n!build/sub\n")
    repo.write("build/new")
    repo.write("build/sub/new")
    assert assert_same(repo) == [b".gitignore"]


@pytest.fixture
def deep(repo):
    """1,100 folders in each other. They have to be removed one by one: pytest's own way would be too deep for Python."""
    paths = ["d/" * depth for depth in range(1, 1101)]
    for path in paths:
        (repo.path / path).mkdir()
    yield paths[-1]
    shutil.rmtree(repo.path / paths[-1])
    for path in reversed(paths[:-1]):
        (repo.path / path).rmdir()


@pytest.mark.parametrize("leaf", ["file", "file.log", ".git/x", ""])
def test_very_deep_folders(leaf, deep, repo):
    repo.write(".gitignore", b"*.log\n")
    if leaf:
        repo.write(deep + leaf)
    assert_same(repo)


def test_tracked_files_in_very_deep_folders(deep, repo):
    repo.write(deep + "file")
    repo.commit()
    repo.write(deep + "other")
    assert assert_same(repo) == [os.fsencode(deep) + b"other"]
