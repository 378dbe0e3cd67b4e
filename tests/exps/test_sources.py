"""Where the pipeline files of a project are: the same in the work tree and in a commit."""

import pytest
from expref.exps.formats.badfile import MAX_BYTES, BadFile
from expref.exps.sources import MOST_FILES, TreeFiles, Trees, WorkFiles

from tests.conftest import needs
from tests.projects import head, open_project

pytestmark = needs("git")


def in_work_tree(repo, below=""):
    return WorkFiles(open_project(repo, below)).pipelines()


def files_of_head(repo, below=""):
    project = open_project(repo, below)
    objects = project.repository.objects
    return TreeFiles(project, objects.find_commit(head(repo)).tree, Trees(objects))


def in_head(repo, below=""):
    return files_of_head(repo, below).pipelines()


def both(repo, below=""):
    found = in_work_tree(repo, below)
    assert found == in_head(repo, below)
    return found


def make(repo, *names):
    for name in names:
        repo.write(name)
    repo.git("add", "--force", "--all")
    repo.git("commit", "--quiet", "--message", "files")


def test_files_come_before_folders_in_the_order_of_a_tree(repo):
    make(repo, "z.dvc", "dvc.yaml", "a/dvc.yaml", "a-b/dvc.yaml", "a/b/c.dvc", "Z.dvc", "x.yaml", "a/other")
    assert both(repo) == ["Z.dvc", "dvc.yaml", "z.dvc", "a-b/dvc.yaml", "a/dvc.yaml", "a/b/c.dvc"]


def test_only_files_of_these_names_count(repo):
    make(
        repo,
        "xdvc.yaml",
        "dvc.yml",
        "Dvc.yaml",
        "d.dvc/dvc.yaml",
        "e/dvc.yaml/x",
        "f/x.dvcc",
        ".hidden/dvc.yaml",
        "mydvc.yaml",
    )
    assert both(repo) == [".hidden/dvc.yaml", "d.dvc/dvc.yaml"]


def test_projects_inside_are_left_out_and_have_their_own(repo):
    make(
        repo,
        ".dvc/config",
        ".dvc/x.dvc",
        "dvc.yaml",
        "sub/.dvc/config",
        "sub/dvc.yaml",
        "sub/deep/a.dvc",
        "other/dvc.yaml",
    )
    assert both(repo) == ["dvc.yaml", "other/dvc.yaml"]
    assert both(repo, "sub/deep") == ["dvc.yaml", "deep/a.dvc"]


def test_dvcignore_is_followed_in_every_folder(repo):
    repo.write(".dvcignore", b"# why\nskipped/\n*.dvc\n!kept.dvc\n")
    repo.write("a/.dvcignore", b"/b\n")
    make(repo, "skipped/dvc.yaml", "dvc.yaml", "x.dvc", "kept.dvc", "a/b/dvc.yaml", "a/c/b/dvc.yaml")
    assert both(repo) == ["dvc.yaml", "kept.dvc", "a/c/b/dvc.yaml"]


def test_a_dvcignore_that_is_a_folder_says_nothing(repo):
    make(repo, "dvc.yaml", ".dvcignore/x")
    assert both(repo) == ["dvc.yaml"]


def test_a_link_as_large_as_no_path_is_not_followed(repo):
    id_ = repo.git("hash-object", "-w", "--stdin", stdin=b"x" * (MAX_BYTES + 1))
    repo.git("update-index", "--add", "--cacheinfo", f"120000,{id_},link.yaml")
    repo.git("commit", "--quiet", "--message", "a link")
    with pytest.raises(BadFile, match="link.yaml: 10000001 bytes"):
        files_of_head(repo).get("link.yaml")


@pytest.mark.parametrize("path", ["\ud800.yaml", "a/\udfff", "a\0b"])
def test_a_path_that_no_file_can_have_is_not_there(repo, path):
    make(repo, "dvc.yaml", "a/x")
    for source in (files_of_head(repo), WorkFiles(open_project(repo))):
        assert source.get(path) is None and source.below(path) == []


def test_new_files_of_the_work_tree_count_unless_they_are_ignored(repo):
    repo.write(".gitignore", b"ignored/\n/no.dvc\n")
    make(repo, "dvc.yaml", "a/x", "ignored/dvc.yaml")
    for name in ("new.dvc", "no.dvc", "a/dvc.yaml", "fresh/deep/dvc.yaml", "fresh/.dvc/config", "other/y.dvc"):
        repo.write(name)
    (repo.path / "fresh/.dvc/config").unlink()
    (repo.path / "fresh/.dvc").rmdir()
    found = in_work_tree(repo)
    assert found == ["dvc.yaml", "new.dvc", "a/dvc.yaml", "fresh/deep/dvc.yaml", "ignored/dvc.yaml", "other/y.dvc"]


def test_deleted_files_do_not_count(repo):
    make(repo, "dvc.yaml", "a.dvc")
    (repo.path / "a.dvc").unlink()
    assert (in_work_tree(repo), in_head(repo)) == (["dvc.yaml"], ["a.dvc", "dvc.yaml"])


def test_what_is_no_file_is_no_pipeline(repo):
    make(repo, "x")
    (repo.path / "dvc.yaml").mkdir()
    (repo.path / "a.dvc").symlink_to("nowhere")
    assert in_work_tree(repo) == []


def test_a_folder_that_a_commit_does_not_have_is_an_error(repo):
    make(repo, "x")
    repo.write("sub/.dvc/config")
    with pytest.raises(ValueError, match="no 'sub' in this commit"):
        in_head(repo, "sub")


def test_a_tree_that_holds_itself_many_times_is_no_bomb(repo):
    """Thirty folders deep, ten names for the same folder in each."""
    repo.write("dvc.yaml")
    repo.git("add", "dvc.yaml")
    tree = repo.git("write-tree")
    for _ in range(30):
        tree = repo.git("mktree", stdin="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)).encode())
    repo.git("update-ref", "HEAD", repo.git("commit-tree", tree, "-m", "x"))
    assert len(in_head(repo)) == MOST_FILES


def test_folders_without_pipelines_are_noted(repo):
    make(repo, "a/b/c", "d/dvc.yaml", "d/e/f")
    project = open_project(repo)
    trees = Trees(project.repository.objects)
    TreeFiles(project, project.repository.objects.find_commit(head(repo)).tree, trees).pipelines()
    assert {str(each) for each in trees.barren} == {
        repo.git("rev-parse", f"HEAD:{path}") for path in ("a", "a/b", "d/e")
    }
