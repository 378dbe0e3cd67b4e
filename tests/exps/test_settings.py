"""Our own settings, in Git's configuration."""
import pytest
from expref.exps.configure import set_setting
from expref.exps.errors import ExpError
from expref.objstore.errors import GitError

from tests.conftest import needs
from tests.projects import open_project

pytestmark = needs("git")


def test_without_any_setting_the_largest_new_file_has_50_mebibytes(trained):
    assert open_project(trained).settings.max_file_size == 50 * 1024 * 1024


@pytest.mark.parametrize("text, size", [("1g", 1 << 30), ("10k", 10240), ("0", 0), ("123", 123)])
def test_a_size_is_written_as_git_writes_it(trained, text, size):
    trained.git("config", "exps.maxFileSize", text)
    assert open_project(trained).settings.max_file_size == size
    assert trained.git("config", "--int", "exps.maxFileSize") == str(size)


def test_a_setting_may_come_from_the_command_line_of_git(trained):
    trained.git("config", "exps.maxfilesize", "1")
    environ = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "exps.maxFileSize", "GIT_CONFIG_VALUE_0": "2"}
    assert open_project(trained, **environ).settings.max_file_size == 2


@pytest.mark.parametrize("text", ["much", "1 MB", ""])
def test_a_bad_value_is_an_error_that_names_file_and_key(trained, text):
    trained.git("config", "exps.maxFileSize", text)
    with pytest.raises(GitError, match=r"\.git/config:\d+: bad numeric config value .*exps\.maxfilesize"):
        open_project(trained)


@pytest.mark.parametrize(
    ("name", "text"), [("exps.maxFileSize", "much"), ("EXPS.undodays", ""), ("exps.autoPush", "sometimes")]
)
def test_a_value_that_no_command_could_read_is_not_written(trained, name, text):
    before = (trained.path / ".git/config").read_bytes()
    with pytest.raises(ExpError, match=f"bad .* config value .*{name.lower()}"):
        set_setting(trained.open(), name, text)
    assert (trained.path / ".git/config").read_bytes() == before


def test_a_bad_value_that_somebody_else_wrote_can_be_seen_and_taken_away(trained, exps):
    trained.git("config", "exps.maxFileSize", "much")
    assert exps("save", cwd=trained.path, env=trained.environ, check=False).returncode == 1
    assert exps("config", "exps.maxFileSize", cwd=trained.path, env=trained.environ).stdout == "much\n"
    exps("config", "--unset", "exps.maxFileSize", cwd=trained.path, env=trained.environ)
    assert open_project(trained).settings.max_file_size == 50 << 20
