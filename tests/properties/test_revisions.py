"""Names of objects, reflogs and tags: whatever the text, an answer or one of our errors."""

from contextlib import suppress

import pytest
from expref.objstore.errors import BadName, Corrupt, GitError, Unsupported
from expref.objstore.formats.objects import Commit, encode_commit
from expref.objstore.formats.reflog import LogEntry, decode_entry, decode_log, encode_entry
from expref.objstore.formats.revision import Ancestor, Base, Parent, Peel, Revision, Search, Staged, parse
from expref.objstore.formats.tag import Tag, decode_tag
from expref.objstore.ids import KINDS, SHA1, SHA256, ObjectId
from expref.objstore.repository import Repository
from expref.objstore.revisions import find
from expref.objstore.stores.refstore import RefUpdate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PIECES = [
    "@", "{", "}", "^", "~", ":", "/", "-", ".", "..", "@{", "^{", "0", "1", "9" * 30, "HEAD", "main", "refs/", "tags/",
    "@{u}", "@{push}", "@{-1}", "@{1}", "^{}", "^{tree}", "commit", "-g", "abcd", "0" * 40, "a.lock", " ", "\0", "\n",
    "main-worktree/", "worktrees/", "u}", "é", "\udcff", "\ud800", "./",
    "../", "^{/", ":/", "!", "!-", "a+", "[a-", "(a|", "$", "yesterday", "2.days.ago", "2023-01-01", "@{2023-02-31 10:00}",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text() | st.text("@{}^~:-u1", max_size=12)


@given(texts)
def test_any_text_has_parts_or_is_refused(text):
    try:
        found = parse(text)
    except (BadName, Unsupported) as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(found, Revision | Staged | Search)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Branch main with a commit and the one above it, both without files."""
    repository = Repository.init(str(tmp_path_factory.mktemp("small") / "repo"), {})
    above = ()
    for _ in range(2):
        content = encode_commit(Commit(repository.objects.write("tree", b""), above, b"", b"", b""))
        above = (repository.objects.write("commit", content),)
    repository.refs.update([RefUpdate("refs/heads/main", above[0], "any")])
    return repository


@given(texts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_names_something_or_is_refused(repository, text):
    try:
        found = find(repository, text, now=1_700_000_000)
    except GitError as error:
        assert "\n" not in str(error)
    else:
        assert len(found) == 20


names = st.sampled_from(["main", "HEAD", "refs/tags/v1", "é", "a@b", "v1-2-gabcd", "{}", "-"])
numbers = st.integers(0, 999_999)
tracking = st.sampled_from([None, "upstream", "push"])
starts = st.tuples(names, st.just(0)) | st.tuples(st.just(""), st.integers(1, 99))
before = st.tuples(st.none() | numbers, st.none()) | st.tuples(st.none(), st.sampled_from(["now", "1.day.ago", "1 "]))
bases = st.builds(lambda start, followed, entry: Base(*start, followed, *entry), starts, tracking, before)
kinds = st.sampled_from([None, "object", *KINDS])
searches = st.builds(Search, st.sampled_from(["a", "fix .*", "[ab]+", "é"]), st.booleans())
suffixes = searches | st.builds(Parent, numbers) | st.builds(Ancestor, numbers) | st.builds(Peel, kinds)
paths = st.text(st.characters(codec="utf-8")).filter(lambda path: not path.startswith(("./", "../")))
revisions = st.builds(Revision, bases, st.lists(suffixes, max_size=5).map(tuple), st.none() | paths.map(str.encode))


def spelt(revision):
    base, parts = revision.base, []
    parts += [base.name] if base.name else [f"@{{-{base.prior}}}"]
    parts += [f"@{{{base.tracking}}}"] if base.tracking else []
    parts += [f"@{{{base.entry}}}"] if base.entry is not None else []
    parts += [f"@{{{base.date}}}"] if base.date is not None else []
    for suffix in revision.suffixes:
        if isinstance(suffix, Peel):
            parts.append(f"^{{{suffix.kind or ''}}}")
        elif isinstance(suffix, Search):
            parts.append(f"^{{/{'!-' if suffix.negated else ''}{suffix.pattern}}}")
        else:
            parts.append(f"{'^' if isinstance(suffix, Parent) else '~'}{suffix[0]}")
    parts += [":", revision.path.decode()] if revision.path is not None else []
    return "".join(parts)


@given(revisions)
def test_parts_that_are_spelt_are_found_again(revision):
    assert parse(spelt(revision)) == revision


ids = st.binary(min_size=20, max_size=20).map(ObjectId)
committers = st.from_regex(rb"[^>\n\0]* <[^>\n\0]*> [1-9][0-9]{0,9} [+-][0-9]{4}", fullmatch=True)
messages = st.lists(st.binary(min_size=1).filter(lambda word: word.split() == [word] and b"\0" not in word)).map(
    b" ".join
)
entries = st.builds(LogEntry, ids, ids, committers, messages)


@given(st.lists(entries, max_size=4))
def test_a_log_that_is_written_is_read_again(written):
    assert list(decode_log(b"".join(map(encode_entry, written)), SHA1)) == written


@given(entries, st.data())
def test_a_cut_or_damaged_line_of_a_log_is_read_or_left_out(entry, data):
    line = encode_entry(entry)
    for end in range(len(line)):
        found = decode_entry(line[:end], SHA1)
        assert found is None or entry.message.startswith(found.message)
    at = data.draw(st.integers(0, len(line) - 1))
    damaged = line[:at] + bytes([line[at] ^ 1 << data.draw(st.integers(0, 7))]) + line[at + 1 :]
    assert len(list(decode_log(damaged, SHA1))) <= 2


@given(st.binary())
def test_any_bytes_are_a_log(content):
    list(decode_log(content, SHA256))


SAMPLE = b"object %s\ntype commit\ntag v1\ntagger A <a@b> 1 +0000\n\nmessage\n" % (b"1" * 40)


@given(st.binary() | st.integers(0, len(SAMPLE)).map(lambda end: SAMPLE[:end]))
def test_any_bytes_are_a_tag_or_corrupt(content):
    with suppress(Corrupt):
        assert isinstance(decode_tag(content, SHA1), Tag)
