"""Names of objects: what their parts are, what is refused and in which words. What they stand for: against_git."""

import shutil
from collections import defaultdict
from hashlib import sha1
from pathlib import Path

import pytest
from expref.objstore.config import Config
from expref.objstore.errors import Ambiguous, BadName, Corrupt, NotFound, Unsupported
from expref.objstore.formats.config import parse as parse_config
from expref.objstore.formats.objects import FILE, Commit, TreeEntry, encode_commit, encode_tree
from expref.objstore.formats.reflog import LogEntry, decode_entry, decode_log, encode_entry
from expref.objstore.formats.revision import Ancestor, Base, Parent, Peel, Revision, Search, Staged, parse
from expref.objstore.formats.tag import Tag, decode_tag
from expref.objstore.ids import SHA1, SHA256, ObjectId
from expref.objstore.refnames import get_ref
from expref.objstore.repository import Repository
from expref.objstore.revisions import SHOWN, find, find_commit, find_tree
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.tracking import mapped, push_target, upstream

WHO = b"A U Thor <author@example.com> 1700000000 +0100"
NONE = ObjectId(bytes(20))


def named(name="", prior=0, tracking=None, entry=None, date=None):
    return Base(name, prior, tracking, entry, date)


PARTS = {
    "main": Revision(named("main"), (), None),
    "@": Revision(named("HEAD"), (), None),
    "@@{1}": Revision(named("HEAD", entry=1), (), None),
    "@{1}": Revision(named(entry=1), (), None),
    "main^": Revision(named("main"), (Parent(1),), None),
    "main^0^2": Revision(named("main"), (Parent(0), Parent(2)), None),
    "main~~3^": Revision(named("main"), (Ancestor(1), Ancestor(3), Parent(1)), None),
    "v1^{}~2^{tree}": Revision(named("v1"), (Peel(None), Ancestor(2), Peel("tree")), None),
    "x^{object}^{tag}": Revision(named("x"), (Peel("object"), Peel("tag")), None),
    "x@{u}@{2}^:a:b": Revision(named("x", tracking="upstream", entry=2), (Parent(1),), b"a:b"),
    "@{-2}@{PUSH}": Revision(named(prior=2, tracking="push"), (), None),
    "HEAD:": Revision(named("HEAD"), (), b""),
    "HEAD:é\udcff@{1}^": Revision(named("HEAD"), (), b"\xc3\xa9\xff@{1}^"),
    ":a": Staged(0, b"a"),
    ":3:a:b": Staged(3, b"a:b"),
    ":4:a": Staged(0, b"4:a"),
    ":": Staged(0, b""),
    ":/": Staged(0, b"/"),
    ":../a": Staged(0, b"../a"),
    "HEAD:./a": Revision(named("HEAD"), (), b"./a"),
    ":/fix": Search("fix", False),
    ":/!-fix": Search("fix", True),
    ":/!!fix": Search("!fix", False),
    "HEAD^{/fix}~1": Revision(named("HEAD"), (Search("fix", False), Ancestor(1)), None),
    "HEAD^{/!-}": Revision(named("HEAD"), (Search("", True),), None),
    "HEAD^{/}": Revision(named("HEAD"), (Parent(0),), None),
    "@{yesterday}": Revision(named(date="yesterday"), (), None),
    "main@{u}@{2030-01-01 10:00}~1": Revision(
        named("main", 0, "upstream", date="2030-01-01 10:00"), (Ancestor(1),), None
    ),
    "@{1700000000}": Revision(named(date="1700000000"), (), None),
}


@pytest.mark.parametrize("text", PARTS)
def test_parts(text):
    assert parse(text) == PARTS[text]


@pytest.mark.parametrize("text", [
    "", "^", "~1", "^{tree}", "a b", "a..b", "a...b", "main^{", "main^{x}", "main^@", "main^!", "main^-1", "main~x",
    "main~-1", "main@{", "main@{}", "main@{-1}", "@{-0}", "@{-}", "@{u}@{u}", "@{1}@{2}", "@{1}@{u}", "main@{u}x",
    "\udcff\ud800", ":\ud800", "main.lock", ".main", "main/", "@/..", "HEAD^{tree}x:a", "a\nb", "a\0b", "@{-1}@{-1}",
    "é\x7f", ":/!fix", "HEAD^{/!}",
])  # fmt: skip
def test_what_can_name_nothing(text):
    with pytest.raises(BadName) as caught:
        parse(text)
    assert "is not a revision" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_numbers_of_any_length():
    for digits in "0" * 5000 + "7", "9" * 5000:
        count = int(digits[-12:])
        assert parse(f"main~{digits}").suffixes == (Ancestor(count),)
        assert parse(f"main^{digits}").suffixes == (Parent(count),)
    assert parse("@{" + "9" * 5000 + "}").base.date == "9" * 5000


@pytest.fixture
def repository(tmp_path):
    """Branch main with a root commit and a child of it, each with the file "f"."""
    repository = Repository.init(str(tmp_path / "repo"), {})
    above = ()
    for number in range(2):
        blob = repository.objects.write("blob", b"%d" % number)
        tree = repository.objects.write("tree", encode_tree([TreeEntry(FILE, b"f", blob)]))
        above = (repository.objects.write("commit", encode_commit(Commit(tree, above, WHO, WHO, b"%d" % number))),)
    repository.refs.update([RefUpdate("refs/heads/main", above[0], "any")])
    shutil.rmtree(f"{repository.git_dir}/logs", ignore_errors=True)
    return repository


def log(repository, name, *lines):
    path = Path(repository.git_dir, "logs", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))


def line(old, new, message=b""):
    return encode_entry(LogEntry(old, new, WHO, message))


def test_errors_say_what_was_asked_and_what_is_missing(repository):
    head = find(repository, "HEAD")
    for text, kind, words in [
        ("none", NotFound, "there is no revision 'none'"),
        ("none~2:f", NotFound, "'none~2:f': there is no revision 'none'"),
        ("main~2", NotFound, f"'main~2': the first parents of commit {head} end before number 2"),
        ("main^2", NotFound, f"'main^2': commit {head} has 1 parents, no number 2"),
        ("main^{tag}", NotFound, f"'main^{{tag}}': object {head} is a commit, no tag"),
        ("main:none", NotFound, f"'main:none': there is no 'none' in tree {find(repository, 'main^{tree}')}"),
        (":f", NotFound, "':f': the index has no 'f'"),
        (":2:f", NotFound, "':2:f': the index has no 'f' at stage 2"),
        ("main@{u}", NotFound, "'main@{u}': branch 'main' has no upstream"),
        ("main@{1}", NotFound, "'main@{1}': 'main' has no log"),
        ("@{-1}", NotFound, "'@{-1}': branches were switched 0 times only"),
        ("0000^{tree}", NotFound, "'0000^{tree}': there is no revision '0000', no ref and no object"),
        ("main:f^{commit}", NotFound, "there is no 'f^{commit}'"),
        ("a..b", BadName, "it holds '..'"),
        ("1" * 40 + "^{}", NotFound, "1" * 40),
    ]:
        with pytest.raises(kind) as caught:
            find(repository, text)
        assert words in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [
    ("@{yesterday}", "the date 'yesterday', where no time is given to see it from, is not supported"),
    (":/a{2}", "'{' at this place of the regular expression 'a{2}' is not supported"),
    ("HEAD^{/\\d}", "regular expression '\\\\d' is not supported"),
])  # fmt: skip
def test_what_git_has_and_we_have_not_is_called_by_its_name(repository, text, words):
    with pytest.raises(Unsupported) as caught:
        find(repository, text)
    assert words in str(caught.value)


def test_a_relative_path_needs_a_place_in_the_work_tree(repository):
    bare = Repository(repository.git_dir, None, {"GIT_CONFIG_PARAMETERS": "'core.bare'='true'"}, start="/")
    assert bare.prefix is None
    for text, words in ("HEAD:./f", "outside of the work tree"), ("HEAD:../f", "outside"), (":./f", "outside"):
        with pytest.raises(BadName, match=words):
            find(bare, text)
    inside = Repository.discover(repository.work_tree, {})
    assert find(inside, "HEAD:./f") == find(inside, "HEAD:f")
    with pytest.raises(BadName, match="leads out of the work tree"):
        find(inside, "HEAD:../f")


def test_a_commit_or_a_tree_that_is_something_else(repository):
    assert find_commit(repository, "main") == find(repository, "main")
    assert find_tree(repository, "main") == find(repository, "main:")
    assert get_ref(repository, "main") == ("refs/heads/main", find(repository, "main"))
    assert get_ref(repository, "none") is get_ref(repository, "a b") is None
    for text in "main^{tree}", "main:f":
        with pytest.raises(NotFound, match="no commit") as caught:
            find_commit(repository, text)
        assert str(caught.value).startswith(f"'{text}': object ")
    with pytest.raises(NotFound, match=r"'main:f': object [0-9a-f]{40} is a blob, no tree"):
        find_tree(repository, "main:f")


def test_a_detached_head_has_no_upstream_and_an_unborn_one_no_commit(repository, tmp_path):
    (tmp_path / "repo/.git/HEAD").write_text(f"{find(repository, 'main')}\n")
    with pytest.raises(NotFound, match="HEAD is detached"):
        find(repository, "@{u}")
    (tmp_path / "repo/.git/HEAD").write_text("ref: refs/heads/new\n")
    for text in "HEAD", "@", "HEAD~1", "@{0}", "HEAD@{0}":
        with pytest.raises(NotFound):
            find(repository, text)


def test_only_a_few_of_many_candidates_are_listed(repository):
    alike = defaultdict(list)
    for number in range(300_000):
        alike[sha1(b"blob %d\0%d" % (len(str(number)), number)).digest()[:2]].append(number)
    start, numbers = max(alike.items(), key=lambda each: len(each[1]))
    assert len(numbers) > SHOWN
    for number in numbers:
        repository.objects.write("blob", b"%d" % number)
    with pytest.raises(Ambiguous, match=f"and {len(numbers) - SHOWN} more") as caught:
        find(repository, start.hex())
    assert str(caught.value).count("blob ") == SHOWN


def test_a_name_like_what_describe_prints_must_start_with_a_name(repository):
    short = str(find(repository, "main"))[:9]
    assert find(repository, f"v1.0-12-g{short}") == find(repository, "main")
    for text in f"v1.0-g{short}", f"-g{short}", f"v1-x-g{short}":
        with pytest.raises(NotFound):
            find(repository, text)
    with pytest.raises(BadName):
        find(repository, f"a..b-1-g{short}")


def test_a_log_in_which_a_branch_was_born_twice_is_read_as_it_is_shown(repository):
    main, root = find(repository, "main"), find(repository, "main~1")
    log(repository, "HEAD", line(NONE, main), line(main, root), line(NONE, main))
    assert [find(repository, f"HEAD@{{{number}}}") for number in range(3)] == [main, root, main]
    with pytest.raises(NotFound, match="the log of HEAD has 3 entries only"):
        find(repository, "HEAD@{3}")


def test_a_log_that_was_not_kept_up_does_not_change_what_is_now(repository):
    main, root = find(repository, "main"), find(repository, "main~1")
    log(repository, "refs/heads/main", line(root, root))
    assert [find(repository, f"main@{{{number}}}") for number in range(2)] == [main, root]
    log(repository, "refs/heads/main")
    assert find(repository, "main@{0}") == find(repository, "@{0}") == main
    with pytest.raises(NotFound, match="has 0 entries only"):
        find(repository, "main@{1}")


def test_a_broken_ref_is_not_passed_over(repository, tmp_path):
    (tmp_path / "repo/.git/refs/tags/main").write_text("garbage")
    with pytest.raises(Corrupt, match="tags/main"):
        find(repository, "main")


ENTRY = LogEntry(ObjectId(b"\x11" * 20), ObjectId(b"\x22" * 20), WHO, b"commit: first")


def test_a_line_of_a_log_is_what_git_writes():
    text = b"1" * 40 + b" " + b"2" * 40 + b" " + WHO + b"\tcommit: first\n"
    assert encode_entry(ENTRY) == text
    assert decode_entry(text[:-1], SHA1) == ENTRY
    assert encode_entry(ENTRY._replace(message=b" two\n\nlines \t and\v\r\0more\n")).endswith(
        b"\ttwo lines and\v more\n"
    )
    assert encode_entry(ENTRY._replace(message=b"\n")) == text[:-15] + b"\n"
    wide = LogEntry(ObjectId(b"\x11" * 32), ObjectId(b"\x22" * 32), WHO, b"")
    assert decode_entry(encode_entry(wide)[:-1], SHA256) == wide
    assert decode_entry(encode_entry(wide)[:-1], SHA1) is None


@pytest.mark.parametrize("committer", [
    b"", b"A", b"A <a>", b"A <a> x +0000", b"A <a> 0 +0000", b"A <a> 1 0000", b"A\n <a> 1 +0000", WHO + b"\n",
])  # fmt: skip
def test_a_committer_that_no_line_can_hold(committer):
    with pytest.raises(BadName, match="a reflog cannot hold"):
        encode_entry(ENTRY._replace(committer=committer))


def test_lines_that_are_none_are_left_out():
    good = encode_entry(ENTRY)
    content = b"\n" + good + b"x\n" + good[1:] + good[:40] + b"\n" + good + good[:-1]
    assert list(decode_log(content, SHA1)) == [ENTRY, ENTRY]
    assert list(decode_log(b"", SHA1)) == []


def test_tags():
    head = b"object " + b"1" * 40 + b"\ntype tree\ntag v1\n"
    target = ObjectId(b"\x11" * 20)
    assert decode_tag(head + b"tagger " + WHO + b"\n\na\n\nb\n", SHA1) == Tag(target, "tree", b"v1", WHO, b"a\n\nb\n")
    assert decode_tag(head, SHA1) == Tag(target, "tree", b"v1", None, b"")
    assert decode_tag(head + b"\nold", SHA1) == Tag(target, "tree", b"v1", None, b"old")


@pytest.mark.parametrize("content", [
    b"", b"object 11\ntype tree\ntag x\n", b"object " + b"1" * 40 + b"\ntype folder\ntag x\n", b"type tree\n", b"\n\n",
    b"object " + b"1" * 40 + b"\ntag x\ntype tree\n", b"object " + b"1" * 40 + b"\n\ntype tree\ntag x\n",
])  # fmt: skip
def test_what_is_no_tag(content):
    with pytest.raises(Corrupt):
        decode_tag(content, SHA1)


CONFIG = b"""\
[remote "origin"]
\tfetch = +refs/heads/*:refs/remotes/origin/*
[branch "main"]
\tremote = origin
\tmerge = refs/heads/trunk
[branch "near"]
\tremote = .
\tmerge = refs/heads/main
"""


def test_what_a_branch_follows():
    config = Config(parse_config(CONFIG, "config"))
    assert upstream(config, "main") == "refs/remotes/origin/trunk"
    assert upstream(config, "near") == "refs/heads/main"
    with pytest.raises(NotFound, match="branch 'main' merges from refs/remotes/origin/trunk but would be pushed to"):
        push_target(config, "main")
    config = Config(parse_config(CONFIG + b"[push]\ndefault=current\n", "config"))
    assert push_target(config, "main") == "refs/remotes/origin/main"


@pytest.mark.parametrize(("refspecs", "found"), [
    ([], None), ([""], None), ([":"], None), (["refs/heads/a"], None), (["refs/heads/a:"], None),
    (["+refs/heads/a:x"], "x"), (["refs/heads/*:x/*"], "x/a"), (["refs/*/a:x/*/y"], "x/heads/y"),
    (["refs/heads/a*a:x/*"], None), (["refs/heads/b:x", "*:y/*"], "y/refs/heads/a"), (["refs/heads/a*:x*y"], "xy"),
    (["^refs/heads/a", "refs/heads/*:x/*"], "x/a"),
])  # fmt: skip
def test_what_refspecs_make_of_a_name(refspecs, found):
    assert mapped(refspecs, "refs/heads/a") == found


def test_logs_and_refs_of_other_work_trees_are_read_and_no_other_files(repository):
    refs = repository.refs
    assert refs.get_log("HEAD") is None
    log(repository, "HEAD", line(NONE, NONE, b"one"), line(NONE, NONE, b"two"))
    assert [entry.message for entry in refs.get_log("HEAD")] == [b"two", b"one"]
    assert refs.get_log("main-worktree/HEAD") == refs.get_log("HEAD")
    assert refs.get("main-worktree/HEAD") == refs.get("HEAD")
    for name in "config", "MERGE_MSG", "logs/HEAD", "main-worktree/config", "worktrees/../HEAD", "worktrees/x/refs/x/y":
        with pytest.raises(BadName):
            refs.read(name)
        with pytest.raises(BadName):
            refs.get_log(name)
