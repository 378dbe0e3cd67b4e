"""Names of experiments: git's rules for refs and no "/", as DVC has them."""
import pytest
from expref.exps.formats.refnames import LONGEST_NAME, check_name, folder_of, parse_ref, ref_of
from expref.objstore.errors import BadName
from expref.objstore.ids import SHA1, SHA256, ObjectId

from tests.conftest import needs

ALLOWED = [
    "puffy-daks", "HEAD", "main", "-x", "--", "é", "a@b", "@", "stash", "0123456789abcdef" * 2, "a.b", "a.locks",
    "lock", "a-", "a{b}", "実験", "a\u200db", "a'b\"c", "$(x)", "%s", "a&b|c", "#1", "!", "<x>", "a\xa0b", "\udce9",
]  # fmt: skip
REFUSED = {
    " ": "it holds ' '", "a b": "it holds ' '", "a..b": r"it holds '\.\.'", ".a": "a part of it starts with '.'",
    "a.lock": "a part of it ends with '.lock'", "~": "it holds '~'", "a^": r"it holds '\^'", "a:b": "it holds ':'",
    "?": r"it holds '\?'", "*": r"it holds '\*'", "[": r"it holds '\['", "a\\b": r"it holds '\\\\'",
    "a@{b": "it holds '@{'", "a.": "it ends with '.'", "a/b": "it holds '/'", "/a": "it holds '/'",
    "": "a part of it is empty", "a\nb": r"it holds '\\n'", "\x1b[31m": r"it holds '\\x1b'",
    "a\x7f": r"it holds '\\x7f'", "a\0b": r"it holds '\\x00'", ".": "a part of it starts with '.'",
    "..": "a part of it starts with '.'",
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_what_git_allows_is_allowed(name):
    check_name(name)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_why(name):
    with pytest.raises(BadName, match=REFUSED[name]) as caught:
        check_name(name)
    assert str(caught.value).startswith("bad experiment name ")
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@needs("git")
@pytest.mark.parametrize("name", [*ALLOWED, *REFUSED])
def test_git_agrees(repo, name):
    if "\0" in name:  # cannot even be an argument
        return
    accepted = repo.try_git("check-ref-format", f"refs/exps/00/{'0' * 38}/{name}").returncode == 0
    assert accepted == (name in ALLOWED or "/" in name.strip("/"))


@pytest.mark.parametrize("name, fits", [
    ("a" * LONGEST_NAME, True), ("a" * (LONGEST_NAME + 1), False), ("é" * 125, True), ("é" * 126, False),
    ("x" * 300, False), ("x" * 100_000, False), ("\udce9" * LONGEST_NAME, True),
])  # fmt: skip
def test_a_name_with_lock_behind_it_fits_into_a_file_name(name, fits):
    if fits:
        check_name(name)
        return
    with pytest.raises(BadName, match=f"it is longer than {LONGEST_NAME} bytes") as caught:
        check_name(name)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("form", [SHA1, SHA256])
def test_a_ref_is_the_baseline_and_the_name(form):
    baseline, id_ = ObjectId(bytes(range(form.width))), ObjectId(b"\1" * form.width)
    ref = ref_of(baseline, "puffy-daks")
    assert ref == f"refs/exps/00/{baseline.hex()[2:]}/puffy-daks" == folder_of(baseline) + "puffy-daks"
    assert parse_ref(ref, id_, form) == (baseline, "puffy-daks", id_)


REST = "1" * 38


@pytest.mark.parametrize("ref", [
    "refs/exps/stash", "refs/exps/apply/stash", "refs/exps/celery/stash", "refs/exps/celery/failed",
    "refs/exps/exec/EXEC_HEAD", "refs/exps/exec/EXEC_BRANCH", "refs/exps/temp/x/y", "refs/exps/ours", "refs/exps/11",
    f"refs/exps/11/{REST}", f"refs/exps/11/{REST}/a/b", f"refs/exps/1g/{REST}/a", f"refs/exps/11/{REST}1/a",
    f"refs/exps/111/{REST}/a", f"refs/exps/celery/{REST}/a", f"refs/exps/exec/{REST[:36]}/a",
])  # fmt: skip
def test_what_is_no_experiment_is_left_alone(ref):
    assert parse_ref(ref, ObjectId(bytes(20)), SHA1) is None
