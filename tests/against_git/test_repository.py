"""Repositories: found where git finds them, and refused by name where git refuses them or we have to."""

import os
import shutil
import subprocess
from functools import cache

import pytest
from expref.objstore.errors import GitError, NotFound, Unsupported
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.worktree import snapshot

from tests.conftest import needs
from tests.gitrepo import GitRepo, everything_in

pytestmark = needs("git")


@cache
def git_version():
    told = subprocess.run(["git", "version"], capture_output=True, text=True).stdout
    return tuple(map(int, told.split()[2].split(".")[:2]))


@pytest.fixture
def one(repo):
    """A repository with one commit and some folders."""
    repo.write("a/b/c", b"1")
    repo.write("f", b"2")
    repo.commit()
    return repo


def seen_by_git(repo, **environ):
    """(Git folder, common Git folder, top of the work tree or None), or None if git refuses."""
    asked = [["--absolute-git-dir"], ["--git-common-dir"], ["--show-toplevel"]]
    answers = []
    for options in asked:
        done = repo.try_git("rev-parse", *options, env=environ)
        if done.returncode and options != ["--show-toplevel"]:
            return None
        answer = os.fsdecode(done.stdout).removesuffix("\n")
        answers.append(os.path.realpath(repo.path / answer) if answer and not done.returncode else None)
    return tuple(answers)


def seen_by_us(repo, **environ):
    try:
        found = repo.open(**environ)
    except NotFound:
        return None
    return found.git_dir, found.common_dir, found.work_tree


def same_place(repo, **environ):
    """Assert that both find the same folders, the same HEAD and the same index; return the folders."""
    ours = seen_by_us(repo, **environ)
    assert ours == seen_by_git(repo, **environ)
    if ours:
        found = repo.open(**environ)
        theirs = repo.try_git("rev-parse", "-q", "--verify", "HEAD", env=environ).stdout.decode().strip()
        assert str(found.head().id or "") == theirs
        if found.work_tree:
            listed = repo.git_bytes("ls-files", "-z", ":/", "--full-name", env=environ).split(b"\0")[:-1]
            index = found.index.read()
            assert [index.path(number) for number in range(len(index))] == listed
    return ours


@pytest.mark.parametrize("below", [".", "a", "a/b", ".git", ".git/refs/heads", ".git/objects"])
def test_a_plain_repository_from_everywhere_inside(one, below):
    assert same_place(one.other(f"repo/{below}"))


def test_outside_of_a_repository(one):
    assert same_place(one.other(".")) is None


@pytest.mark.parametrize("inside", ["bare.git", "bare.git/refs"])
def test_a_bare_repository(one, inside):
    one.git("clone", "-q", "--bare", ".", "../bare.git")
    assert same_place(one.other(inside))[2] is None


def test_a_bare_repository_by_its_setting_only(one):
    one.git("config", "core.bare", "true")
    assert same_place(one)[2] is None
    one.git("config", "core.bare", "0")
    assert same_place(one)[2]


def test_settings_of_a_repository_that_says_no_version_do_not_count(one):
    one.git("config", "core.bare", "true")
    one.git("config", "--unset", "core.repositoryFormatVersion")
    one.git("config", "extensions.objectFormat", "sha256")
    assert same_place(one)[2]


def test_settings_of_the_user_about_bare_and_work_tree_do_not_count(one):
    one.git("config", "--unset", "core.bare")
    one.git("config", "--global", "core.bare", "true")
    one.git("config", "--global", "core.worktree", "/tmp")
    assert same_place(one)[2]


def test_a_git_folder_elsewhere(one, tmp_path):
    other = one.other("other")
    one.git("clone", "-q", "--separate-git-dir", str(tmp_path / "elsewhere"), ".", str(other.path))
    assert same_place(other)[0] == str(tmp_path / "elsewhere")
    (other.path / ".git").write_text("gitdir: ../elsewhere\r\n\n")
    assert same_place(other)


@pytest.mark.parametrize("bare", [False, True])
def test_linked_work_trees(one, bare):
    main = one
    if bare:
        one.git("clone", "-q", "--bare", ".", "../bare.git")
        main = one.other("bare.git")
    main.git("worktree", "add", "-q", "-b", "topic", "../linked")
    assert same_place(one.other("linked/a"))[2] == str(one.path.parent / "linked")
    assert same_place(main)
    main.git("config", "extensions.worktreeConfig", "true")
    if bare:
        main.git("config", "--unset", "core.bare")
        main.git("config", "--worktree", "core.bare", "true")
    assert same_place(main)
    assert same_place(one.other("linked"))[2]
    shutil.rmtree(one.path.parent / "linked" / "a")
    (one.path.parent / "linked").rename(one.path.parent / "moved")
    assert same_place(one.other("moved"))


def test_submodules_and_their_git_folders(one):
    library = one.other("library").init()
    library.write("lib", b"1")
    library.commit()
    one.git("submodule", "--quiet", "add", str(library.path), "sub")
    assert same_place(one.other("repo/sub"))[0] == str(one.path / ".git/modules/sub")
    assert same_place(one.other("repo/.git/modules/sub"))[2] == str(one.path / "sub")
    one.git("-C", "sub", "worktree", "add", "-q", "../../sub-linked")
    assert same_place(one.other("sub-linked"))[2] == str(one.path.parent / "sub-linked")


@pytest.mark.parametrize("work_tree", ["../a", "/absolute", "../../other"])
def test_core_worktree(one, work_tree):
    (one.path.parent / "other").mkdir()
    one.git("config", "core.worktree", work_tree.replace("/absolute", str(one.path / "a")))
    found = seen_by_us(one)
    assert found[2] == str(one.path.parent / "other" if "other" in work_tree else one.path / "a")
    assert found == seen_by_git(one) or seen_by_git(one)[2] is None  # git names no top when called from outside of it
    assert same_place(one, GIT_WORK_TREE=str(one.path))[2] == str(one.path)


@pytest.mark.parametrize(
    "environ",
    [
        {"GIT_DIR": ".git"},
        {"GIT_DIR": "../repo/.git"},
        {"GIT_DIR": "../separate"},
        {"GIT_DIR": "ABS/.git"},
        {"GIT_DIR": ".git", "GIT_WORK_TREE": "a"},
        {"GIT_DIR": "ABS/.git", "GIT_WORK_TREE": "."},
        {"GIT_WORK_TREE": "."},
        {"GIT_WORK_TREE": "a"},
        {"GIT_DIR": "none"},
        {"GIT_DIR": "../bare.git"},
        {"GIT_DIR": "../bare.git", "GIT_WORK_TREE": "."},
        {"GIT_OBJECT_DIRECTORY": "ABS/.git/objects"},
        {"GIT_OBJECT_DIRECTORY": "none"},
        {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/other-index"},
        {"GIT_INDEX_FILE": ".git/other-index"},
        {"GIT_INDEX_FILE": "ABS/.git/other-index"},
        {"GIT_INDEX_FILE": "none"},
        {"GIT_DIR": ""},
        {"GIT_WORK_TREE": ""},
        {"GIT_DIR": "file"},
        {"GIT_DIR": "ABS/.git", "GIT_COMMON_DIR": "ABS/.git"},
        {"GIT_CEILING_DIRECTORIES": "ABS"},
    ],
    ids=str,
)
@pytest.mark.parametrize("below", [".", "a"])
def test_what_the_environment_says(one, environ, below):
    one.git("clone", "-q", "--bare", ".", "../bare.git")
    one.git("clone", "-q", "--separate-git-dir", "../separate", ".", "../other")
    shutil.copy(one.path.parent / "other/.git", one.path / "file")
    shutil.copy(one.path / ".git/index", one.path / ".git/other-index")
    one.git(
        "update-index",
        "--add",
        "--cacheinfo",
        f"100644,{one.git('rev-parse', 'HEAD:f')},x",
        env={"GIT_INDEX_FILE": ".git/other-index"},
    )
    if environ == {"GIT_WORK_TREE": ""}:
        assert seen_by_us(one)  # git stops at an empty one
        return
    environ = {name: value.replace("ABS", str(one.path)) for name, value in environ.items() if value}
    same_place(one.other(f"repo/{below}"), **environ)


def test_a_folder_that_looks_like_a_repository_is_none(one):
    nested = one.path / "a/.git"
    nested.mkdir()
    assert same_place(one.other("repo/a/b"))
    for name in ("objects", "refs"):
        (nested / name).mkdir()
    assert same_place(one.other("repo/a/b"))
    (nested / "HEAD").write_text("ref: refs/heads/main\n")
    assert same_place(one.other("repo/a/b"))[2] == str(one.path / "a")


FORMATS = {
    "version 0": ({}, True),
    "version 1": ({"version": "1"}, True),
    "version 2": ({"version": "2"}, False),
    "version 99": ({"version": "99"}, False),
    "version word": ({"version": "one"}, False),
    "noop": ({"noop": "true"}, True),
    "noop in 1": ({"version": "1", "noop": "true"}, True),
    "noop-v1": ({"noop-v1": "true"}, False),
    "noop-v1 in 1": ({"version": "1", "noop-v1": "true"}, True),
    "precious": ({"preciousObjects": "true"}, True),
    "partial": ({"partialClone": "origin"}, True),
    "worktreeConfig": ({"worktreeConfig": "true"}, True),
    "worktreeConfig in 1": ({"version": "1", "worktreeConfig": "true"}, True),
    "unknown": ({"someThing": "true"}, True),
    "unknown in 1": ({"version": "1", "someThing": "true"}, False),
    "unknown in 1, false": ({"version": "1", "someThing": "false"}, False),
    "sha1": ({"objectFormat": "sha1"}, False),
    "sha1 in 1": ({"version": "1", "objectFormat": "sha1"}, True),
    "sha256": ({"objectFormat": "sha256"}, False),
    "sha256 in 1": ({"version": "1", "objectFormat": "sha256"}, False),
    "hash in 1": ({"version": "1", "objectFormat": "md5"}, False),
    "compat": ({"version": "1", "compatObjectFormat": "sha256"}, False),
    "reftable in 1": ({"version": "1", "refStorage": "reftable"}, False),
    "reftable by address": ({"version": "1", "refStorage": "files:///x"}, False),
}
NOT_OURS = {"sha256 in 1", "compat", "reftable in 1"}  # git, or a newer one, opens them, we do not


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_taken_and_refused_as_by_git(one, kind):
    settings, taken = FORMATS[kind]
    settings = dict(settings)
    one.git("config", "core.repositoryFormatVersion", settings.pop("version", "0"))
    for name, value in settings.items():
        (one.path / ".git/config").open("a").write(f"[extensions]\n\t{name} = {value}\n")
    before = everything_in(one.path)
    if taken:
        assert snapshot(one.open())
    else:
        with pytest.raises(Unsupported, match="version|extensions") as told:
            one.open()
        assert all(f"{name.lower()} = {value}" in str(told.value) for name, value in settings.items())
        assert everything_in(one.path) == before
    if kind not in NOT_OURS:
        assert (one.try_git("rev-parse", "HEAD").returncode == 0) == taken


VERSIONS = [None, "", "0", "1", "2", "-1", "01", "0x1", "1k", "+1", " 1", "one", "1.0", "4294967297"]
TRUTHS = ["true", "False", "", "maybe", None]
EXTENSIONS = {
    "noop": ["x", None], "preciousObjects": TRUTHS, "partialClone": ["origin", "", None], "worktreeConfig": TRUTHS, "noop-v1": ["x", None],
    "objectFormat": ["sha1", "SHA1", "sha256", "md5", "", None], "compatObjectFormat": ["sha1", "sha256", None],
    "refStorage": ["files", "reftable", "files:///x", "FILES", None], "relativeWorktrees": TRUTHS,
    "submodulePathConfig": ["true"], "someThing": ["x", None], "SOMETHING.x": ["true"],
}  # fmt: skip
SETTINGS = [(name, value) for name, values in EXTENSIONS.items() for value in values]
SINCE = {
    "refStorage": (2, 45),
    "compatObjectFormat": (2, 45),
    "relativeWorktrees": (2, 48),
    "submodulePathConfig": (2, 54),
}


def is_ours(name, value):
    """Whether we must open what git opens, or refuse what only a newer one knows."""
    if name in SINCE and git_version() < SINCE[name]:
        return False
    return value not in ("sha256", "reftable") and name != "compatObjectFormat"


def opened(repo):
    try:
        repo.open()
    except GitError:
        return False
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_with_every_extension(one, version):
    config = one.path / ".git/config"
    start, both = config.read_bytes(), 0
    plain = version in (None, "0", "1")
    for name, value in [("none", None), *SETTINGS[:: 1 if plain else 7]]:
        lines = [] if version is None else [f"repositoryFormatVersion = {version}"]
        config.write_bytes(b"[core]\n\tbare = false\n" + "".join(f"\t{line}\n" for line in lines).encode())
        if name != "none":
            config.open("a").write(key_line(name, value))
        theirs = one.try_git("rev-parse", "HEAD").returncode == 0
        if is_ours(name, value):
            assert opened(one) == theirs, (version, name, value)
            both += theirs
        elif not theirs and value in ("sha256", "reftable", "files:///x", "FILES"):
            assert not opened(one), (version, name, value)
    config.write_bytes(start)
    assert bool(both) == (version in (None, "0", "-1", "1", "01", "0x1", "+1", " 1"))


def key_line(name, value):
    section, _, key = f"extensions.{name}".rpartition(".")
    section = section.replace("extensions.", 'extensions "').strip() + ('"' if "." in section else "")
    return f"[{section}]\n\t{key}" + (f" = {value}\n" if value is not None else "\n")


@pytest.mark.parametrize("lines", [
    ["objectFormat = md5", "objectFormat = sha1"], ["objectFormat = sha1", "objectFormat = md5"],
    ["someThing = 1", "someThing = 2"], ["worktreeConfig = maybe", "worktreeConfig = true"],
])  # fmt: skip
@pytest.mark.parametrize("version", ["0", "1"])
def test_an_extension_that_is_set_twice_counts_each_time(one, version, lines):
    one.git("config", "core.repositoryFormatVersion", version)
    (one.path / ".git/config").open("a").write("[extensions]\n" + "".join(f"\t{line}\n" for line in lines))
    assert opened(one) == (one.try_git("rev-parse", "HEAD").returncode == 0)


@pytest.mark.parametrize("value", ["reftable", "reftable:///x", "files:///x"])
def test_another_place_for_refs_in_the_environment_is_refused_by_name(one, value):
    with pytest.raises(Unsupported, match=f"GIT_REFERENCE_BACKEND={value} is not supported"):
        one.open(GIT_REFERENCE_BACKEND=value)
    assert one.open(GIT_REFERENCE_BACKEND="files")


def test_files_as_ref_storage_and_relative_work_trees_are_taken(one):
    """Git before 2.45 and 2.48 refuses these by name; they are what we read anyway."""
    one.git("config", "core.repositoryFormatVersion", "1")
    one.git("config", "extensions.refStorage", "files")
    (one.path / ".git/config").open("a").write("[extensions]\n\trelativeWorktrees\n")
    assert one.open().head().id


def test_a_format_in_an_included_file_or_of_the_user_does_not_count(one):
    one.git("config", "core.repositoryFormatVersion", "1")
    one.git("config", "include.path", "more")
    one.git("config", "--global", "extensions.refStorage", "reftable")
    (one.path / ".git/more").write_text("[extensions]\n\tsomeThing = true\n[core]\n\trepositoryFormatVersion = 9\n")
    assert same_place(one)


def test_repositories_made_by_git_with_another_hash(tmp_path, git_env):
    repo = GitRepo(tmp_path / "sha256", git_env).init("--object-format=sha256")
    repo.commit()
    before = everything_in(repo.path)
    with pytest.raises(Unsupported, match=r"config:\d+: extensions.objectformat = sha256 .* is not supported"):
        repo.open()
    assert everything_in(repo.path) == before


def test_what_we_make_git_takes_for_its_own(tmp_path, git_env):
    ours = Repository.init(str(tmp_path / "ours"), git_env)
    repo = GitRepo(tmp_path / "ours", git_env)
    assert same_place(repo)
    repo.write("f", b"1")
    ours.index.make([])
    repo.commit()
    repo.git("fsck", "--strict")
    assert ours.head().id
    theirs = GitRepo(tmp_path / "theirs", git_env).init("--template=")
    mine, its = (set(os.listdir(each.path / ".git")) for each in (repo, theirs))
    assert mine - its <= {"logs", "index", "COMMIT_EDITMSG", "info"}
    assert its - mine == set()


def test_a_shallow_clone_is_read_and_written(one):
    one.commit("second")
    one.commit("third")
    one.git("clone", "-q", "--depth", "1", f"file://{one.path}", "../shallow")
    shallow = one.other("shallow")
    shallow.write("f", b"changed")
    repository = shallow.open()
    tree = snapshot(repository)
    assert repository.objects.find_commit(repository.head().id).parents, "they are named, but not here"
    commit = shallow.git("commit-tree", "-p", "HEAD", "-m", "x", str(tree))
    repository.refs.update([RefUpdate("refs/exps/x", repository.object_format.parse_id(commit), "absent")])
    shallow.git("fsck", "--strict")


def test_a_partial_clone_is_saved_without_the_objects_that_it_does_not_have(one):
    one.git("config", "uploadpack.allowFilter", "true")
    one.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{one.path}", "../partial")
    partial = one.other("partial")
    partial.git("read-tree", "HEAD")
    partial.git("update-index", "--skip-worktree", "a/b/c")
    partial.write("f", b"new")
    packs = sorted(os.listdir(partial.path / ".git/objects/pack"))
    tree = snapshot(partial.open())
    assert sorted(os.listdir(partial.path / ".git/objects/pack")) == packs, "nothing was fetched"
    assert partial.git("rev-parse", f"{tree}:a/b/c") == one.git("rev-parse", "HEAD:a/b/c")
    assert partial.git("cat-file", "blob", f"{tree}:f") == "new"


def test_settings_that_git_finds_bad_are_errors(one):
    one.git("config", "core.sharedRepository", "0400")
    assert one.try_git("status").returncode != 0
    with pytest.raises(GitError, match=r"core\.sharedRepository"):
        one.open()


# --- objects in other places


def blob(repo, content, **environ):
    return repo.git("hash-object", "-w", "--stdin", stdin=content, env=environ)


def assert_same_objects(repo, ids, environ, below="."):
    """Assert that both find the same of these objects; return how many."""
    there = repo.other(f"repo/{below}")
    lines = there.git("cat-file", "--batch-check", stdin="\n".join([*ids, ""]).encode(), env=environ).splitlines()
    objects = there.open(**environ).objects
    ours = [objects.has(objects.form.parse_id(id_)) for id_ in ids]
    assert ours == [not line.endswith("missing") for line in lines], environ
    return sum(ours)


@pytest.fixture
def apart(one):
    """Objects in six places beside the repository's own, which hold one each; returns the ids."""
    ids = [one.git("rev-parse", "HEAD")]
    odd = ["plain", "with:colon", 'with"quote', "tab\tand \\", "#hash", "é\n"]
    for number, name in enumerate(odd):
        place = one.path.parent / "stores" / name
        (place / "info").mkdir(parents=True)
        ids.append(blob(one, b"apart %d" % number, GIT_OBJECT_DIRECTORY=str(place)))
    return ids


ALTERNATES = [
    "", "ABS/plain", "ABS/none:ABS/plain", '"ABS/with:colon"', "ABS/with:colon", '"ABS/with\\"quote":ABS/plain', "ABS/with\"quote",
    '"ABS/tab\\tand \\\\"', '"ABS/\\303\\251\\n":"ABS/plain"', "#ABS/plain:ABS/with\"quote", "ABS/#hash", "::ABS/plain::", '"ABS/plain',
    '"ABS/plain"x:ABS/#hash', '"ABS/plain\\q":ABS/#hash', '"\\101BS"', "../stores/plain", '"../stores/plain"', '""', '"ABS/pl\\141in"',
    "ABS/plain/", "ABS/plain/../#hash",
]  # fmt: skip


@pytest.mark.parametrize("listed", ALTERNATES)
def test_alternates_in_the_environment(one, apart, listed):
    listed = listed.replace("ABS", str(one.path.parent / "stores"))
    found = assert_same_objects(one, apart, {"GIT_ALTERNATE_OBJECT_DIRECTORIES": listed})
    assert found == assert_same_objects(one, apart, {"GIT_ALTERNATE_OBJECT_DIRECTORIES": listed, "GIT_DIR": ".git"})
    if "\n" not in listed:
        (one.path / ".git/objects/info/alternates").write_text(listed.replace(":", "\n") + "\n")
        assert_same_objects(one, apart, {})


def test_alternates_of_alternates(one, apart):
    stores = one.path.parent / "stores"
    (stores / "plain/info/alternates").write_text("../#hash\n# comment\n" + f'"{stores}/with\\"quote"\n')
    assert assert_same_objects(one, apart, {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{stores}/plain"}) == 4
    assert assert_same_objects(one, apart, {"GIT_OBJECT_DIRECTORY": f"{stores}/plain"}) == 3
    environ = {
        "GIT_OBJECT_DIRECTORY": f"{stores}/plain",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{one.path}/.git/objects",
    }
    assert assert_same_objects(one, apart, environ) == 4
    assert one.open(**environ).head().id


@pytest.mark.parametrize(("below", "named"), [
    (".", "../stores/plain"), ("a/b", "ABS/plain"),  # from below, git looks for a relative one in two places
])  # fmt: skip
def test_new_objects_go_where_the_environment_says(one, apart, named, below):
    stores = one.path.parent / "stores"
    environ = {
        "GIT_OBJECT_DIRECTORY": named.replace("ABS", str(stores)),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": f"{one.path}/.git/objects",
    }
    there = one.other(f"repo/{below}")
    before = everything_in(one.path)
    there.git("hash-object", "-w", "--stdin", stdin=b"new", env=environ)
    ours = there.open(**environ).objects.write("blob", b"new one")
    assert there.git("cat-file", "-p", str(ours), env=environ) == "new one"
    assert everything_in(one.path) == before


def test_in_a_quarantine_objects_can_be_written_and_refs_cannot(one):
    head = one.git("rev-parse", "HEAD")
    environ = {"GIT_QUARANTINE_PATH": str(one.path.parent)}
    assert one.try_git("update-ref", "refs/exps/x", head, env=environ).returncode != 0
    quarantined = one.open(**environ)
    assert quarantined.objects.write("blob", b"new")
    before = everything_in(one.path)
    with pytest.raises(GitError, match="refs/exps/x: refs do not change inside of a quarantine"):
        quarantined.refs.update([RefUpdate("refs/exps/x", quarantined.head().id, "absent")])
    assert everything_in(one.path) == before


# --- what may stand in the place of HEAD and of the Git folder


HEADS = {
    "empty": b"", "junk": b"junk\n", "blank": b"\n", "almost an id": b"1" * 39 + b"\n", "an id": b"1" * 40, "more than an id": b"1" * 50,
    "an id and more": b"1" * 40 + b" x\n", "a name": b"refs/heads/main\n", "ref:": b"ref:\n", "no blank": b"ref:refs/heads/main",
    "many blanks": b"ref: \t\n refs/heads/main\n", "not a ref": b"ref: heads/main\n", "bad ref": b"ref: refs/heads/../../x\n", "only refs/": b"ref: refs/",
    "above": b"ref: ../refs/heads/main\n", "capital": b"REF: refs/heads/main\n", "far": b"ref: " + b" " * 300 + b"refs/heads/main\n",
    "capital id": b"ABCDEF" * 6 + b"1234\n", "NUL": b"ref: refs/heads/main\0x\n", "long": b"ref: refs/heads/" + b"x" * 300 + b"\n",
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_what_is_a_head_to_git_is_one_to_us(one, head):
    (one.path / ".git/HEAD").write_bytes(HEADS[head])
    theirs = one.try_git("rev-parse", "--git-dir").returncode == 0
    assert opened(one) == theirs


def test_a_head_that_is_a_link_a_folder_a_pipe_or_huge(one):
    head, cases = one.path / ".git/HEAD", 0
    for target in (
        "refs/heads/main",
        "refs/heads/none",
        "refs",
        "../x",
        "/etc/passwd",
        str(one.path / ".git/refs/heads/main"),
    ):
        head.unlink()
        head.symlink_to(target)
        assert opened(one) == (one.try_git("rev-parse", "--git-dir").returncode == 0), target
        cases += opened(one)
    assert cases == 2
    head.unlink()
    head.mkdir()
    assert not opened(one)
    head.rmdir()
    os.mkfifo(head)
    assert not opened(one), "git waits here for ever"
    head.unlink()
    with head.open("wb") as file:
        file.write(b"ref: refs/heads/main\n")
        file.truncate(1 << 33)
    assert opened(one)


GITFILES = [
    b"", b"gitdir:", b"gitdir: ", b"gitdir: \n", b"gitdir: .git", b"gitdir: ./.git", b"gitdir: ../.git", b"gitdir: ABS", b"gitdir: ABS\n\r\n", b"gitdir:  ABS",
    b"gitdir: ABS\nmore\n", b"gitdir: ABS\0more", b"\xef\xbb\xbfgitdir: ABS", b"GITDIR: ABS", b"gitdir: ABS/refs", b"gitdir: ABS/HEAD", b"gitdir: " + b"x" * 5000,
    b"gitdir: ../../.git/", b"gitdir: " + b"../" * 400_000 + b"x", b"gitdir: other",
]  # fmt: skip


@pytest.mark.parametrize("content", GITFILES, ids=lambda content: content[:30])
def test_what_a_file_in_the_place_of_the_git_folder_names(one, content):
    below = one.path / "a/b"
    (below / ".git").write_bytes(content.replace(b"ABS", os.fsencode(one.path / ".git")))
    (below / "other").write_bytes(b"gitdir: .git\n")
    there = one.other("repo/a/b")
    assert opened(there) == (there.try_git("rev-parse", "--git-dir").returncode == 0)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"..", b"../..\n", b"../../\r\n", b"ABS", b"none", b"../..\0x", b"x" * 5000, b"."]
)
def test_what_commondir_names(one, content):
    one.git("worktree", "add", "-q", "../linked")
    (one.path / ".git/worktrees/linked/commondir").write_bytes(content.replace(b"ABS", os.fsencode(one.path / ".git")))
    linked = one.other("linked")
    assert opened(linked) == (linked.try_git("rev-parse", "HEAD").returncode == 0)
