"""A work tree with folders deeper than Python recurses: every verb that looks at it or at what was saved of it."""

import pytest

from tests.conftest import needs
from tests.deepfolder import deep_folder, write_in
from tests.gitrepo import GitRepo
from tests.projects import is_clean, refs

pytestmark = needs("git")
DEPTH = 1100


@pytest.mark.slow  # the system takes long to find paths of so many names
@pytest.mark.parametrize("named", ["d", "."])
def test_deep_folders_are_saved_shown_and_shared(repo, exps, named):
    repo.write("params.yaml", b"lr: 1\n")
    repo.commit()
    there = GitRepo(repo.path.parent / "there", repo.environ)
    repo.git("init", "--quiet", "--bare", there.path)
    with deep_folder(repo.path, DEPTH) as last:
        write_in(last, "f", b"deep")
        repo.write("d/.gitignore", b"*.log\n")
        for args in (
            ["save", "-n", "without"], ["save", "-n", "with", "-I", named], ["save", "--dry-run", "-I", named], ["show"],
            ["diff", "with"], ["doctor"], ["push", there.path, "with"], ["remove", "with"], ["pull", there.path, "with"],
        ):  # fmt: skip
            exps(*args, cwd=repo.path, env=repo.environ)
    assert refs(repo).keys() == {"with", "without"} and is_clean(repo)
    assert repo.git("cat-file", "blob", f"{refs(repo)['with']}:{'d/' * DEPTH}f") == "deep"
