"""Names of objects: whatever `git rev-parse` answers, we answer; what it refuses, we refuse or cannot find."""

import hashlib
import os
import time
from itertools import count, cycle

import pytest
from expref.objstore.errors import Ambiguous, BadName, GitError, NotFound, Unsupported
from expref.objstore.refnames import get_ref
from expref.objstore.revisions import find, find_commit, find_tree

from tests.conftest import needs

pytestmark = needs("git")

NOW = 1_700_000_000 + 86400 * 10


def as_git(repo, text):
    """What git understands by a name; None if nothing."""
    done = repo.try_git("rev-parse", "--verify", "--quiet", text, env={"GIT_TEST_DATE_NOW": str(NOW)})
    return done.stdout.decode().strip() or None if done.returncode == 0 else None


def as_ours(repository, text):
    try:
        return str(find(repository, text, now=NOW))
    except (NotFound, BadName, Ambiguous):
        return None


def assert_all_same(repo, texts):
    """The same for texts that name nothing that is missing: one process of git, which must not end early."""
    repository = repo.open()
    asked = os.fsencode("".join(f"{text}\n" for text in texts))
    lines = repo.git("cat-file", "--batch-check=%(objectname)", stdin=asked).splitlines()
    answers = zip(texts, lines, strict=True)
    expected = {text: None if line.endswith((" missing", " ambiguous")) else line for text, line in answers}
    assert {text: as_ours(repository, text) for text in texts} == expected
    return sum(found is not None for found in expected.values())


def assert_same(repo, *texts):
    """Ask both for each text; return how many were found."""
    repository = repo.open()
    ours = {text: as_ours(repository, text) for text in texts}
    assert ours == {text: as_git(repo, text) for text in texts}
    return sum(found is not None for found in ours.values())


@pytest.fixture
def forked(repo):
    """main with a merge of three, tags of every kind, a file in a folder; made once of loose objects."""
    repo.write("a.txt", b"a\n")
    repo.write("dir/sub/b.txt", b"b\n")
    repo.commit("first")
    for branch in ("one", "two"):
        repo.git("checkout", "-q", "-b", branch, "main")
        repo.write(f"{branch}.txt", branch.encode())
        repo.commit(f"on {branch}")
    repo.git("checkout", "-q", "main")
    repo.commit("second")
    repo.git("merge", "-q", "-m", "merge", "one", "two")
    repo.git("tag", "light")
    repo.git("tag", "-a", "-m", "v", "v1.0", "main~1")
    repo.git("tag", "-a", "-m", "tag of a tag", "nested", "v1.0")
    repo.git("tag", "-a", "-m", "of a tree", "folder", "main:dir")
    repo.git("tag", "-a", "-m", "of a file", "file", "main:a.txt")
    repo.commit("third")
    return repo


BASES = ["HEAD", "@", "main", "one", "light", "v1.0", "nested", "folder", "file", "none", "HEAD:dir", "refs/heads/two"]
SUFFIXES = [
    "", "^", "^0", "^1", "^2", "^3", "^4", "~", "~0", "~1", "~2", "~3", "~00002", "^^", "^^2", "~1^2", "^2~1", "~1^3^1",
    "^{}", "^{commit}", "^{tree}", "^{blob}", "^{tag}", "^{object}", "^{commit}~1", "^{}^{tree}", "^{tree}^{commit}",
    "^{tag}^{commit}^{tree}", "^{none}", "^{", "^}", "~x", "~99999999999999999999", "^99", "^{commit}x", "^!", "^@",
    "^-",
]  # fmt: skip


def test_suffixes(forked):
    assert assert_all_same(forked, [base + suffix for base in BASES for suffix in SUFFIXES]) > 100


PATHS = [
    "", "a.txt", "dir", "dir/", "dir/sub", "dir/sub/b.txt", "/", "/a.txt", "a.txt/", "a.txt/b", "dir//sub", "dir/none",
    ".", "..", "A.txt", "a:b", ":a.txt", "dir/sub/", "dir/sub//", "a.txt^0", "dir~1", "dir^{tree}", "a.txt@{0",
]  # fmt: skip


def test_paths(forked):
    forked.write("a:b", b"colon")
    forked.write("dir~1", b"tilde")
    forked.write("dir^{tree}", b"braces")
    forked.commit("odd names")
    bases = ["HEAD", "v1.0", "nested", "folder", "file", "HEAD^{tree}", "HEAD~1", "none", "@"]
    assert assert_all_same(forked, [f"{base}:{path}" for base in bases for path in PATHS]) > 50


def test_index(forked):
    forked.write("a.txt", b"staged\n")
    forked.write("2:x", b"a name like a stage\n")
    forked.git("add", "--all")
    texts = [":a.txt", ":0:a.txt", ":1:a.txt", ":dir/sub/b.txt", ":dir", ":none", ":", ":/", ":2:x", ":0:2:x", ":4:x"]
    assert assert_same(forked, *texts) == 4


def test_index_with_a_conflict(repo):
    for branch, content in ("base", b"0\n"), ("ours", b"1\n"), ("theirs", b"2\n"):
        if branch != "base":
            repo.git("checkout", "-q", "-b", branch, "main")
        repo.write("f", content)
        repo.write(f"{branch}.only", content)
        repo.commit(branch)
    assert repo.try_git("merge", "ours").returncode == 1
    assert assert_same(repo, *(f":{stage}:f" for stage in range(5)), ":f", ":f0", ":base.only", ":ours.only") == 5
    assert assert_same(repo, "MERGE_HEAD", "ORIG_HEAD", "MERGE_HEAD~1", "AUTO_MERGE^{tree}", "MERGE_MSG") >= 3


def test_no_index_and_no_commit(repo):
    assert assert_same(repo, "HEAD", "@", "main", "HEAD~1", ":f", "@{0}", "@{1}", "HEAD@{0}", "@{u}", "@{-1}") == 0


@pytest.mark.parametrize("packed", [False, True])
def test_a_short_name_of_many_refs(packed, repo):
    names = ["x", "tags/x", "heads/x", "remotes/x", "remotes/y/HEAD", "tags/heads/z", "heads/z"]
    for number, name in enumerate(names):
        repo.git("update-ref", f"refs/{name}", repo.commit(f"number {number}"))
    while True:
        if packed:
            repo.git("pack-refs", "--all")
        assert_same(repo, *(folder + name for folder in ("", "heads/", "tags/", "refs/") for name in "xyz"))
        found = repo.try_git("rev-parse", "--symbolic-full-name", "--verify", "-q", "x").stdout.decode().strip()
        if not found:
            break
        ours = get_ref(repo.open(), "x")
        assert ours is not None and ours[0] == found
        repo.git("update-ref", "-d", found)


def test_names_that_refs_may_not_have(repo):
    repo.commit()
    texts = [
        "", " ", "a b", "a..b", "main..main", "main...main", ".main", "main.", "main.lock", "main/", "/main", "a//x",
        "heads/./main", "../refs/heads/main", "ma*n", "ma?n", "ma[n", "ma\\n", "\x7f", "ma\tin", "@@", "HEAD@", "@main",
        "refs", "refs/heads", "heads", "config", "objects", "description", "index", "x" * 5000, "heads/" + "é" * 300,
        "@{", "@}", "@{}", "HEAD@{}", "HEAD@{-1}", "@{-0}", "@{-}", "@{-x}", "main@{u}@{u}", "@{1}@{1}", "@{1}@{u}",
        "main@{", "@/x", "{", "}",
    ]  # fmt: skip
    assert assert_same(repo, *texts) == 0


def test_names_with_odd_letters(repo):
    repo.commit()
    names = ["é", "a{b", "a}b", "a@b", "@x", "-x", "x-", "a,b", "100%", "{0}", "HEAD", "%s", "\udcff", "v1-2-gno"]
    for name in names:
        repo.git("update-ref", "--no-deref", f"refs/heads/{name}", "HEAD")
    assert assert_same(repo, *names[:5], *(f"heads/{name}" for name in names)) == len(names) + 5


def hash_of(kind, content):
    return hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(content), content)).hexdigest()


def make_like(repo, digits, kind, avoid=()):
    """Store an object of a kind whose id starts with `digits`; return the id."""
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"")
    commit, tree = repo.git("rev-parse", "HEAD", "HEAD^{tree}").split()
    who = b"A U Thor <author@example.com> 1700000000 +0100"
    forms = {
        "blob": b"%d",
        "tree": b"100644 %d\0" + bytes.fromhex(blob),
        "commit": b"tree %s\nauthor %s\ncommitter %s\n\n%%d" % (tree.encode(), who, who),
        "tag": b"object %s\ntype commit\ntag t\ntagger %s\n\n%%d" % (commit.encode(), who),
        "tag of a blob": b"object %s\ntype blob\ntag t\ntagger %s\n\n%%d" % (blob.encode(), who),
        "tag of a tree": b"object %s\ntype tree\ntag t\ntagger %s\n\n%%d" % (tree.encode(), who),
    }
    stored = kind.split()[0]
    for number in count(1):
        content = forms[kind].replace(b"%d", b"%d" % number)
        id_ = hash_of(stored, content)
        if id_.startswith(digits) and id_ not in avoid:
            assert repo.git("hash-object", "-w", "-t", stored, "--stdin", stdin=content) == id_
            return id_
    raise AssertionError("count() does not end")


CROWDS = [
    ["blob", "blob"], ["commit", "blob"], ["commit", "tree"], ["commit", "tag"], ["tree", "blob"], ["commit", "commit"],
    ["commit", "tag of a blob"], ["tag", "blob"], ["tree", "tag of a tree"], ["tag", "tag of a tree"],
    ["tag of a tree", "blob"],
]  # fmt: skip
PLACES = ["loose", "packed", "both"]


@pytest.mark.parametrize(("crowd", "packed"), list(zip(CROWDS, cycle(PLACES), strict=False)), ids=str)
def test_an_ambiguous_abbreviation(crowd, packed, repo):
    repo.write("f")
    first = make_like(repo, repo.commit()[:0], crowd[0])
    digits = first[:4]
    second = make_like(repo, digits, crowd[1], avoid={first})
    if packed != "loose":
        listed = f"{first}\n{second}\n".encode() if packed == "packed" else f"{first}\n".encode()
        repo.git("pack-objects", "-q", repo.path / ".git/objects/pack/pack", stdin=listed)
        repo.git("prune-packed")
    suffixes = ["", "^0", "~0", "^{commit}", "^{tree}", "^{}", "^{object}", "^{blob}", "^{tag}", "^{}^0", ":f", ":"]
    assert_same(repo, *(digits.upper() + suffix for suffix in suffixes))
    longer = next(n for n in range(5, 41) if first[:n] != second[:n])
    assert assert_same(repo, first[:longer], second[:longer], first[:3], first[:3] + "g", first[: longer - 1]) == 2
    with pytest.raises(Ambiguous) as caught:
        find(repo.open(), digits)
    assert str(caught.value).count(digits) == 3
    assert f"{crowd[0].split()[0]} {first}" in str(caught.value)
    assert f"{crowd[1].split()[0]} {second}" in str(caught.value)


@pytest.mark.parametrize("crowd", CROWDS, ids=map(" and ".join, CROWDS))
def test_an_abbreviation_where_a_commit_or_a_tree_is_meant(crowd, repo):
    repo.commit()
    first = make_like(repo, "", crowd[0])
    make_like(repo, first[:4], crowd[1], avoid={first})
    for ours, option, kind in (find_commit, "committish", "commit"), (find_tree, "treeish", "tree"):
        done = repo.try_git("-c", f"core.disambiguate={option}", "rev-parse", "-q", "--verify", first[:4])
        expected = repo.try_git("rev-parse", "-q", "--verify", f"{done.stdout.decode().strip()}^{{{kind}}}")
        try:
            assert str(ours(repo.open(), first[:4])) == expected.stdout.decode().strip()
        except (Ambiguous, NotFound):
            assert done.returncode or expected.returncode


def test_a_ref_goes_before_an_abbreviation_and_a_full_id_before_a_ref(repo):
    first, second = repo.commit("first"), repo.commit("second")
    for name in first[:4], first[:12], first, first + "0":
        repo.git("update-ref", f"refs/heads/{name}", second)
    texts = [first[:4], first[:12], first[:20], first, first[:12].upper(), first.upper(), first + "0", "0" * 40]
    assert assert_same(repo, *texts) == len(texts)
    assert find(repo.open(), first[:12]).hex() == second


def test_what_describe_prints(repo):
    first, second = repo.commit("first"), repo.commit("second")
    repo.git("tag", "-a", "-m", "v", "v1", first)
    short = second[:7]
    texts = [f"none-1-g{short}~1", f"x/y-z-12-g{second}^0", f"v1-1-g{second[:3]}", f"v1-1-g{short}:", f"v1-1-{short}"]
    assert repo.git("describe").startswith("v1-1-g")
    assert assert_same(repo, repo.git("describe"), *texts, "v1-1-gnothex", "v1-0-g" + "0" * 12) == 4


def test_reflogs(repo):
    for number in range(4):
        repo.commit(f"number {number}")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("on side")
    repo.git("checkout", "-q", "--detach", "main~1")
    repo.git("checkout", "-q", "main")
    repo.git("reset", "-q", "--hard", "HEAD~2")
    repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    repo.git("update-ref", "refs/tags/unlogged", "HEAD")
    bases = ["HEAD", "", "refs/heads/main", "side", "alias", "unlogged", "none"]
    entries = [f"{base}@{{{number}}}" for base in bases for number in range(10)]
    assert assert_same(repo, *entries, "@{00}", "@{007}~1", "HEAD@{99999999}", "@@{2}^0", "main@{1}:") > 20
    repo.git("checkout", "-q", "side")
    repo.commit("again")
    assert assert_same(repo, *entries[:20]) > 10
    repo.git("checkout", "-q", "--detach")
    assert assert_same(repo, *entries[:20]) > 10


def test_a_reflog_that_was_shortened(repo):
    for number in range(5):
        repo.commit(f"number {number}")
    repo.git("reflog", "delete", "main@{4}", "main@{3}")
    repo.git("reflog", "delete", "--rewrite", "HEAD@{2}")
    path = repo.path / ".git/logs/refs/heads/main"
    path.write_bytes(b"garbage\n\n" + path.read_bytes() + b"0" * 40 + b" cut off")
    assert assert_same(repo, *(f"{base}@{{{number}}}" for base in ("main", "HEAD") for number in range(6))) > 6


def test_branches_that_were_checked_out_before(repo):
    repo.commit("first")
    second = repo.commit("second")
    repo.git("branch", "merges-to-main")
    for words in "-b one", "-b x/two", "--detach main~1", "merges-to-main", second, "main", "-b gone":
        repo.git("checkout", "-q", *words.split())
    repo.git("checkout", "-q", "one")
    repo.git("branch", "-q", "-D", "gone")
    repo.git("tag", "main", "main~1")  # a branch is looked up as any other name
    ends = ("", "~1", "@{0}", "@{1}", "@{u}", "^{tree}", ":f")
    texts = [f"@{{-{number}}}{end}" for number in range(11) for end in ends]
    assert assert_same(repo, *texts, "@{-01}", "x@{-1}", "@{-1}@{-1}", "@@{-1}", "@{-99999999999999999999}") > 20


@pytest.fixture
def clone(repo):
    """A clone with branches that follow others in every way there is."""
    repo.commit("first")
    repo.git("branch", "side")
    repo.commit("second")
    clone = repo.other("clone")
    repo.git("clone", "-q", repo.path, clone.path)
    clone.git("branch", "-q", "one", "origin/main")
    clone.git("branch", "-q", "two", "origin/side")
    clone.git("branch", "-q", "--track", "local", "main")
    clone.git("branch", "-q", "--no-track", "alone")
    clone.git("branch", "-q", "missing", "origin/main")
    clone.git("config", "branch.missing.merge", "refs/heads/none")
    clone.git("branch", "-q", "elsewhere", "origin/main")
    clone.git("config", "branch.elsewhere.remote", "none")
    clone.git("branch", "-q", "half", "origin/main")
    clone.git("config", "--unset", "branch.half.merge")
    clone.git("config", "branch.ghost.remote", "origin")
    clone.git("config", "branch.ghost.merge", "refs/heads/side")
    return clone


BRANCHES = [
    "", "HEAD", "@", "main", "one", "two", "local", "alone", "missing", "elsewhere", "half", "ghost", "none",
    "refs/heads/main",
]  # fmt: skip
MARKS = ["@{u}", "@{upstream}", "@{U}", "@{UpStream}", "@{push}", "@{PUSH}", "@{u}~1", "@{u}@{0}", "@{u}@{1}", "@{u}:"]
SETTINGS = [
    {}, {"push.default": "current"}, {"push.default": "upstream"}, {"push.default": "tracking"},
    {"push.default": "nothing"}, {"push.default": "matching"}, {"push.default": "simple"},
    {"remote.origin.push": "refs/heads/*:refs/heads/*"},
    {"remote.origin.push": "+refs/heads/main:refs/heads/side"}, {"remote.origin.push": "refs/heads/other"},
    {"remote.origin.push": "HEAD"}, {"remote.origin.mirror": "true"},
    {"remote.pushDefault": "none", "push.default": "current"},
    {"remote.o2.url": "x", "remote.o2.fetch": "refs/heads/*:refs/remotes/o2/x-*-y"},
    {"branch.main.pushRemote": "o2", "remote.o2.fetch": "refs/heads/main:refs/heads/two", "push.default": "current"},
    {"remote.origin.fetch": "refs/heads/main:refs/heads/two"}, {"remote.origin.fetch": "^refs/heads/main"},
    {"remote.origin.fetch": "+refs/heads/m*:refs/heads/t*o"},
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_upstream_and_push(settings, clone):
    for name, value in settings.items():
        clone.git("config", "--add", name, value)
    marks = ["@{u}", "@{push}"] if settings else MARKS
    assert assert_same(clone, *(f"{branch}{mark}" for branch in BRANCHES for mark in marks))


@pytest.mark.parametrize("detached", [False, True])
def test_upstream_of_what_is_checked_out(detached, clone):
    clone.git("checkout", "-q", "two")
    clone.git("checkout", "-q", *(["--detach"] if detached else ["one"]))
    assert assert_same(clone, *(f"{name}{mark}" for name in ("", "HEAD", "@", "@{-1}", "@{-2}") for mark in MARKS)) > 8


def test_remote_heads_and_fetched_ones(clone):
    clone.git("fetch", "-q", "origin", "main", "side")
    texts = ["origin", "origin/HEAD", "origin/main", "remotes/origin", "FETCH_HEAD", "FETCH_HEAD~1", "origin@{0}"]
    assert assert_same(clone, *texts) >= 6


def test_work_trees(repo):
    repo.commit("first")
    repo.commit("second")
    repo.git("worktree", "add", "-q", "-b", "side", repo.path.parent / "linked", "HEAD~1")
    repo.git("update-ref", "refs/worktree/mine", "HEAD")
    linked = repo.other("linked")
    linked.git("update-ref", "refs/worktree/mine", "HEAD")
    linked.git("update-ref", "refs/worktree/theirs", "HEAD")
    linked.commit("third")
    texts = [
        "HEAD", "main", "side", "refs/worktree/mine", "worktree/mine", "worktree/theirs", "main-worktree/HEAD",
        "main-worktree/HEAD~1", "worktrees/linked/HEAD", "main-worktree/refs/worktree/mine", "worktrees/none/HEAD",
        "main-worktree/refs/heads/main", "worktrees/linked/refs/worktree/theirs", "worktrees/linked/refs/heads/side",
        "main-worktree/HEAD@{0}", "main-worktree/HEAD@{1}", "worktrees/linked/HEAD@{0}", "worktrees/linked/HEAD@{1}",
        "worktrees/linked", "HEAD@{0}", "HEAD@{1}", "HEAD@{2}", "main-worktree/none", "worktrees/linked/none",
        "worktrees/../HEAD", "main-worktree/", "@{-1}",
    ]  # fmt: skip
    assert assert_same(repo, *texts) > 12
    assert assert_same(linked, *texts) > 12


def test_a_shallow_clone(repo):
    for number in range(4):
        repo.commit(f"number {number}")
    shallow = repo.other("shallow")
    repo.git("clone", "-q", "--depth", "2", f"file://{repo.path}", shallow.path)
    texts = ["HEAD", "HEAD~1", "HEAD~2", "HEAD~1^", "HEAD~1^0", "HEAD^{tree}", repo.git("rev-parse", "HEAD~3")]
    assert assert_same(shallow, *texts) == 5


def test_refs_that_lead_nowhere(repo):
    id_ = repo.commit()
    repo.git("symbolic-ref", "refs/tags/dangling", "refs/heads/none")
    repo.git("symbolic-ref", "refs/heads/dangling", "refs/heads/main")
    (repo.path / ".git/refs/heads/empty").mkdir()
    (repo.path / ".git/refs/heads/absent").write_text("1" * 40 + "\n")
    texts = ["dangling", "tags/dangling", "empty", "absent", "absent^0", "absent^{}", "absent^{object}"]
    assert assert_same(repo, *texts) == 2
    assert find(repo.open(), "dangling").hex() == id_


MESSAGES = ["first", "second [x]", "fix: a bug\n\nlong story, fix", "!odd", "-dash", "on one\n\nlines\n", "é and (ü)"]
SEARCHES = [
    "first", "fix", "^fix", "fix$", "story, fix.$", "lines.$", "o", "o+n", "a.b", "a.*b", "(fix|odd)", "[x]", "[^a-z]", "[]x]",
    "\\[x\\]", "\\.", "none", "é", "(é|ü) and", "d*", "sec?ond", "!!odd", "!-o", "!-fix", "!-", "!!", "!x", "!", "-dash", "^$", "$",
    "x&&y", "[&&x]", "~", ":", "[a-]+dash", "first|none", "((a|é) )+",
]  # fmt: skip


def test_searches_in_messages(repo):
    for number, message in enumerate([*MESSAGES, *MESSAGES[2::-1]]):
        if number == 4:
            repo.git("checkout", "-q", "-b", "side")
        repo.commit(message)
    repo.git("checkout", "-q", "main")
    repo.git("tag", "-a", "-m", "first", "v1", "side~2")
    repo.git("tag", "blob", repo.git("hash-object", "-w", "--stdin", stdin=b"first"))
    bases = ["HEAD^{/%s}", "side^{/%s}~1", ":/%s", "v1^{/%s}", "blob^{/%s}"]
    assert assert_same(repo, *(base.replace("%s", text) for text in SEARCHES for base in bases if "}" not in text)) > 80
    assert assert_same(repo, "side^{/fix}^{/first}", "@^{/fix}:", ":/fix:") == 3
    repo.git("checkout", "-q", "--orphan", "new")
    repo.git("update-ref", "-d", "refs/tags/v1")
    assert assert_same(repo, ":/first", "HEAD^{/first}") == 1


@pytest.mark.parametrize(
    "text", ["a{2}", "\\d", "(a)\\1", "a++", "a*?", "[[:alpha:]]", "[é]", "(?i)a", "*a", "a|", "(", ")", "["]
)
def test_searches_that_are_refused_by_name(repo, text):
    repo.commit("first")
    with pytest.raises(Unsupported, match="regular expression"):
        find(repo.open(), f":/{text}")


DATES = [
    "now", "yesterday", "1.hour.ago", "90 minutes ago", "2.days", "3 days ago", "1.day.12.hours.ago", "1 week ago", "2_days_ago",
    "1.month.ago", "1.year.ago", "2.years.3.months.ago", "1 second ago", "5 seconds ago", "30 minutes", "Yesterday", " now ",
    f"{NOW}", f"{NOW - 86400 * 3}", f"{NOW - 86400 * 3 - 1}", "2023-11-22 10:00", "2023-11-22T10:00:30", "2023-11-21 10:00:00 +0200",
    "2023-11-20T12:00:00Z", "2023-11-20 12:00 -0130", "2023-11-20", "2023-11-19", "1999-01-01 00:00",
    "2023-11-20 12:00:00.123 +01:00", "2023-1-2 3:04",
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_dates(repo, zone, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    repo.environ["TZ"] = zone
    for day in range(9, 0, -1):
        when = NOW - 86400 * day + 7200 * (day % 3)
        repo.environ |= {"GIT_COMMITTER_DATE": f"{when} +0530"}
        repo.commit(f"{day} days ago")
        repo.environ |= {"GIT_COMMITTER_DATE": f"{when + 60} +0530"}
        repo.git("checkout", "-q", *(["-b", "side"] if day == 5 else ["main"] if day == 4 else ["HEAD"]))
    texts = [f"{base}@{{{date}}}" for base in ("", "HEAD", "main", "side") for date in DATES]
    assert assert_same(repo, *texts, "main@{yesterday}~1:", "none@{now}") > 100


def test_dates_of_a_log_with_gaps(repo):
    for day in range(6, 0, -1):
        repo.environ |= {"GIT_COMMITTER_DATE": f"{NOW - 86400 * day} +0000"}
        repo.commit(f"{day} days ago")
    texts = [f"main@{{{NOW - 43200 * half}}}" for half in range(15)]
    assert assert_same(repo, *texts) == len(texts)
    repo.git("reflog", "delete", "main@{3}")
    repo.git("reflog", "delete", "main@{0}")
    assert assert_same(repo, *texts) == len(texts)
    path = repo.path / ".git/logs/refs/heads/main"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert assert_same(repo, *texts) == len(texts)
    path.write_bytes(b"")
    assert assert_same(repo, *texts) == 0


@pytest.mark.parametrize(
    "text",
    ["tea time", "last friday", "3rd of May", "05/06/2023", "12:00", "-5 days", "@{x}", "5", "noon", "5 sec ago"],
)
def test_dates_that_are_refused_by_name(repo, text):
    repo.commit("first")
    with pytest.raises(GitError, match="is not supported|is not a revision|entries only"):
        find(repo.open(), f"main@{{{text}}}", now=NOW)


RELATIVE = [
    "./c", "../f", "./", "../", "./none", "../../f", "./../b/c", ".//c", "../b/./c", "../b", "../b/", "./.", "../.", "./c/",
    "../b//c", "c", ".", "..", ".c",
]  # fmt: skip


def test_paths_relative_to_where_one_is(repo):
    repo.write("a/b/c", b"1")
    repo.write("f", b"2")
    repo.write("a/f", b"3")
    repo.commit()
    for folder in "a/b", "a", ".":
        there = repo.other(f"repo/{folder}")
        texts = [f"{base}:{path}" for base in ("HEAD", "", ":0", "HEAD^{tree}") for path in RELATIVE]
        assert assert_same(there, *texts) > 3
    for texts, environ in (["HEAD:./f", ":./f"], {"GIT_WORK_TREE": str(repo.path / "a")}), (["HEAD:./f"], {}):
        there = repo.other("repo/.git" if not environ else "repo")
        there.environ = there.environ | environ
        assert assert_same(there, *texts) == 0
