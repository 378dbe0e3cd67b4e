"""Names on the command line: a Git revision first, then an experiment, `exp:NAME` always the experiment."""

import pytest
from expref.exps import naming
from expref.exps.errors import ExpError, Status
from expref.exps.naming import find, find_baselines, find_experiment, find_experiments
from expref.objstore.errors import Ambiguous, BadName, NotFound
from expref.objstore.revisions import find as find_object
from expref.objstore.revisions import find_commit

from tests.conftest import needs
from tests.projects import head

pytestmark = needs("git")


def make(repo, *names, commit="HEAD"):
    """Give experiments of HEAD these names; return the folder of their refs."""
    baseline = repo.git("rev-parse", "HEAD")
    folder = f"refs/exps/{baseline[:2]}/{baseline[2:]}"
    for name in names:
        own = repo.git("commit-tree", f"{commit}^{{tree}}", "-p", "HEAD", "-m", name)
        repo.git("update-ref", f"{folder}/{name}", own)
    return folder


def meaning(repo, text):
    return str(find_object(repo.open(), find(repo.open(), text).revision))


def found(repo, *texts):
    return [each.name for each in find_experiments(repo.open(), texts)]


def test_a_name_is_an_experiment_where_git_knows_nothing_of_that_name(trained):
    folder = make(trained, "fast")
    assert find(trained.open(), "fast") == (f"{folder}/fast", None)
    assert find(trained.open(), "exp:fast") == (f"{folder}/fast", None)
    assert meaning(trained, "fast") == trained.git("rev-parse", f"{folder}/fast")


@pytest.mark.parametrize("prefix", ["", "exp:"])
@pytest.mark.parametrize("behind", ["~1", "^{tree}", ":params.yaml", "^", ":", "^{commit}^{tree}"])
def test_what_stands_behind_a_name_is_kept(trained, prefix, behind):
    folder = make(trained, "fast")
    assert meaning(trained, f"{prefix}fast{behind}") == trained.git("rev-parse", f"{folder}/fast{behind}")


@pytest.mark.parametrize("text", ["HEAD", "main", "main:params.yaml", ":params.yaml", "@", "main@{0}", "v1^{commit}"])
def test_what_git_knows_goes_first(trained, text):
    trained.git("tag", "v1")
    make(trained, "main", "v1")
    assert find(trained.open(), text).revision == text
    assert meaning(trained, text) == trained.git("rev-parse", text)


def test_an_experiment_that_git_hides_is_told_of(trained):
    make(trained, "main", "free")
    assert find(trained.open(), "main").hidden.name == "main"
    assert find(trained.open(), "main~0").hidden.name == "main"
    assert find(trained.open(), "exp:main").hidden is None and find(trained.open(), "free").hidden is None


def test_a_branch_of_the_experiment_itself_hides_nothing(trained):
    folder = make(trained, "fast")
    trained.git("branch", "fast", f"{folder}/fast")
    assert find(trained.open(), "fast") == ("fast", None)


def test_a_branch_called_exp_is_written_in_full(trained):
    trained.git("branch", "exp")
    make(trained, "params.yaml")
    assert meaning(trained, "exp:params.yaml") != trained.git("rev-parse", "exp:params.yaml")
    assert meaning(trained, "refs/heads/exp:params.yaml") == trained.git("rev-parse", "exp:params.yaml")


def test_of_one_name_the_one_on_head_is_meant(trained):
    old = make(trained, "fast")
    trained.commit("second")
    new = make(trained, "fast")
    assert find(trained.open(), "fast").revision == f"{new}/fast"
    assert [str(each.baseline) for each in find_experiments(trained.open(), ["fast"])] == [
        trained.git("rev-parse", "HEAD")
    ]
    trained.commit("third")
    for ask in (find, lambda repository, text: find_experiments(repository, [text])):
        with pytest.raises(ExpError, match="'fast' may be any of") as caught:
            ask(trained.open(), "fast")
        assert f"{old}/fast" in caught.value.message and f"{new}/fast" in caught.value.message
        assert caught.value.status == Status.NOT_FOUND
    assert found(trained, f"{old}/fast") == ["fast"]


@pytest.mark.parametrize("text, said, hint", [
    ("fsat", "no Git revision and no experiment 'fsat'", "do you mean fast?"),
    ("exp:fsat", "no experiment 'fsat'", "do you mean fast?"),
    ("zzz", "no Git revision and no experiment 'zzz'", "exps list -A"),
    ("fsat:params.yaml", "no Git revision and no experiment 'fsat'", "do you mean fast?"), ("exp:", "no experiment ''", ""),
    ("a..b", "'a..b'", ""), ("-x", "'-x'", ""),
])  # fmt: skip
def test_what_nobody_knows_is_said_with_what_is_close(trained, text, said, hint):
    make(trained, "fast", "slow")
    with pytest.raises(ExpError, match=said) as caught:
        find(trained.open(), text)
    assert hint in caught.value.hint and caught.value.status == Status.NOT_FOUND


def test_names_that_can_only_be_experiments_go_before_everything(trained):
    folder = make(trained, "main", "abcd")
    assert found(trained, "main", "abcd", "exp:main", f"{folder}/abcd") == ["main", "abcd"]


def test_an_id_is_as_good_as_a_name_where_there_is_none(trained):
    folder = make(trained, "fast")
    id_ = trained.git("rev-parse", f"{folder}/fast")
    assert found(trained, id_) == found(trained, id_[:4]) == ["fast"]
    make(trained, id_[:7], commit="HEAD")
    assert found(trained, id_[:7]) == [id_[:7]]


def test_all_unknown_names_are_told_at_once(trained):
    make(trained, "fast")
    with pytest.raises(ExpError, match="there is no experiment 'a', 'fasd', 'refs/exps/x'") as caught:
        find_experiments(trained.open(), ["a", "fast", "fasd", "refs/exps/x"])
    assert "fast" in caught.value.hint


def test_an_experiment_is_found_by_what_leads_to_its_commit(trained):
    folder = make(trained, "fast", "main")
    id_ = trained.git("rev-parse", f"{folder}/fast")
    trained.git("branch", "other", id_)
    for text in ("fast", "exp:fast", id_, id_[:7], "other", f"{folder}/fast", "fast~0"):
        assert find_experiment(trained.open(), text)[0].name == "fast"
    with pytest.raises(ExpError, match="'main' is commit .*, and no experiment") as caught:
        find_experiment(trained.open(), "main")
    assert "exp:main" in caught.value.hint
    assert find_experiment(trained.open(), "exp:main")[0].name == "main"


def test_of_two_experiments_at_one_commit_the_one_that_was_named_is_meant(trained):
    folder = make(trained, "b")
    trained.git("update-ref", f"{folder}/a", f"{folder}/b")
    assert [find_experiment(trained.open(), text)[0].name for text in ("a", "b")] == ["a", "b"]
    trained.git("branch", "a", f"{folder}/b")
    assert find_experiment(trained.open(), "a") == (find_experiments(trained.open(), ["a"])[0], None)


def test_an_abbreviation_of_several_ids_stays_ambiguous(trained, monkeypatch):
    ids = {}
    for number in range(2000):
        id_ = trained.open().objects.write("blob", b"%d" % number)
        if str(id_)[:4] in ids:
            break
        ids[str(id_)[:4]] = id_
    with pytest.raises(Ambiguous):
        find(trained.open(), str(id_)[:4])


@pytest.mark.parametrize("text", [
    "HEAD", "main", "v1", "v1-0-gabc1234", "fast", "abcd", "ABCD", "fast-2", "a.b", "head", "-main", "@", "tree", "__",
    "exp-00001", "deadbee-f", "zäh", "main/", "origin",
])  # fmt: skip
def test_a_short_way_to_a_name_leads_to_what_git_means(trained, text):
    trained.git("tag", "-a", "-m", "x", "v1")
    trained.git("branch", "abcd")
    trained.git("tag", "fast-2", "HEAD^{tree}")
    trained.git("update-ref", "refs/remotes/origin/HEAD", "HEAD")
    try:
        expected = find_object(trained.open(), text)
    except (NotFound, BadName):
        expected = None
    assert naming._get(trained.open(), text) == expected
    if expected:
        answers = []
        for ask in (naming.commit_of, find_commit):
            try:
                answers.append(ask(trained.open(), text))
            except NotFound as error:
                answers.append(str(error))
        assert answers[0] == answers[1]


def test_dates_are_seen_from_the_time_that_is_given(trained):
    first, when = head(trained), 1_800_000_000
    trained.git("commit", "--quiet", "--allow-empty", "-m", "later", env={"GIT_COMMITTER_DATE": f"{when} +0000"})
    second, ago = head(trained), "HEAD@{2.hours.ago}"
    assert find_baselines(trained.open(), [ago], now=when) == [first]
    assert find_baselines(trained.open(), [ago], now=when + 8000) == [second]
    make(trained, "fast")
    with pytest.raises(ExpError, match="no experiment"):
        find_experiment(trained.open(), ago, now=when)


DATED = ("list --rev DATE", "show --rev DATE", "diff DATE HEAD", "remove --rev DATE", "cat DATE", "log DATE")


@pytest.mark.parametrize("command", DATED)
def test_every_command_that_takes_a_revision_knows_dates(trained, exps, command):
    trained.git("commit", "--quiet", "--allow-empty", "-m", "a line in the log")
    make(trained, "fast")
    done = exps(*command.replace("DATE", "HEAD@{1.hour.ago}").split(), cwd=trained.path, env=trained.environ)
    assert done.stdout


def test_baselines_are_commits_and_their_first_parents(trained):
    first = head(trained)
    trained.git("checkout", "--quiet", "-b", "side")
    trained.commit("aside")
    trained.git("checkout", "--quiet", "main")
    trained.commit("second")
    trained.git("merge", "--quiet", "--no-ff", "--message", "merged", "side")
    line = trained.git("rev-list", "--first-parent", "HEAD").split()
    trained.git("tag", "-a", "-m", "x", "v1")

    def ask(*args):
        return [str(each) for each in find_baselines(trained.open(), *args)]

    assert ask(["HEAD"]) == ask(["v1"]) == line[:1]
    assert (ask(["HEAD"], 2), ask(["HEAD"], 0), ask(["HEAD"], -1), ask(["HEAD"], 99)) == (line[:2], [], line, line)
    assert ask(["HEAD", "HEAD~1"], 2) == line and ask(["HEAD~1", "HEAD"]) == line[1::-1]
    assert ask([str(first)], -1) == [str(first)]
    make(trained, "fast")
    assert ask(["fast~1"]) == line[:1]
