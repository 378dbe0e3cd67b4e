"""The public names: all there, all explained, and enough for what README.md shows."""
import inspect
import signal

import pytest
from expref.exps import api

from tests.conftest import needs
from tests.projects import open_project, refs

PUBLIC = {name: getattr(api, name) for name in api.__all__}


def test_the_list_is_complete_and_in_order():
    imported = {name for name, value in vars(api).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert set(api.__all__) == imported
    assert sorted(api.__all__) == list(api.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_says_what_it_is(name):
    assert inspect.getdoc(PUBLIC[name])
    for method, value in vars(PUBLIC[name]).items() if inspect.isclass(PUBLIC[name]) else ():
        if not method.startswith("_") and callable(value):
            assert inspect.getdoc(value), f"{name}.{method}"


@needs("git")
def test_a_program_can_save_list_and_show(trained):
    project = open_project(trained)
    saved = api.save(project, name="first", message="from a program")
    assert [ref.name for ref in api.listing(project.repository).found] == ["first"] == list(refs(trained))
    (row,) = api.show(project).groups[0].experiments
    assert (row.name, row.id, row.created) == ("first", saved.id, saved.created)
    with pytest.raises(api.ExpError) as caught:
        api.save(project, name="first")
    assert caught.value.status is api.Status.CONFLICT


@needs("git")
def test_a_program_chooses_what_is_shown(trained):
    project = open_project(trained)
    first = api.save(project, name="first")
    trained.commit("second")
    api.save(project, name="second")
    assert [row.name for row in api.show(project).rows] == [None, "main", "second"]
    chosen = api.select(project, api.Selection(["HEAD"], num=2))
    table = api.show(project, baselines=chosen, workspace=False)
    assert [group.baseline.id for group in table.groups] == chosen and chosen[1] == first.baseline
    assert [record["name"] for record in table.to_records()] == ["main", "second", None, "first"]
    only = api.show(project, only=api.find_experiments(project.repository, ["first"]), workspace=False)
    assert [row.name for row in only.rows] == [None, "first"]


@needs("git")
def test_the_library_prints_nothing_and_installs_nothing(trained, capfd):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    project = open_project(trained)
    api.save(project)
    api.show(project)
    assert capfd.readouterr() == ("", "")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
