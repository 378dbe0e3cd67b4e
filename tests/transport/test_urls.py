"""Addresses: their parts, their rewriting by settings, and what is refused."""
import pytest
from expref.objstore.config import Config
from expref.objstore.errors import BadName, GitError, Unsupported
from expref.objstore.formats.config import parse
from expref.objstore.transport.remote import open_remote
from expref.objstore.transport.urls import (
    RemoteUrl,
    check_allowed,
    parse_url,
    pushing_urls,
    reading_url,
    without_password,
)

from tests.conftest import needs


def settings(text):
    return Config(parse(text.encode(), "config"))


@pytest.mark.parametrize(("text", "parts"), {
    "https://example.com/a/b.git": ("https", "/a/b.git", "example.com", None, None, None),
    "HTTP://example.com:8080/a%20b?x=y": ("http", "/a%20b?x=y", "example.com", 8080, None, None),
    "https://ann:s%40c@example.com/a": ("https", "/a", "example.com", None, "ann", "s@c"),
    "https://t0ken@example.com/a": ("https", "/a", "example.com", None, "t0ken", None),
    "https://[::1]:8443/a": ("https", "/a", "::1", 8443, None, None),
    "https://example.com": ("https", "", "example.com", None, None, None),
    "ssh://ann@example.com:22/a%20b": ("ssh", "/a b", "example.com", 22, "ann", None),
    "ssh://example.com/~ann/x": ("ssh", "~ann/x", "example.com", None, None, None),
    "ssh://[fe80::1]:2222/a": ("ssh", "/a", "fe80::1", 2222, None, None),
    "git+ssh://example.com/a": ("ssh", "/a", "example.com", None, None, None),
    "git://example.com/a": ("git", "/a", "example.com", None, None, None),
    "ann@example.com:a/b.git": ("ssh", "a/b.git", "example.com", None, "ann", None),
    "example.com:/a": ("ssh", "/a", "example.com", None, None, None),
    "example.com:~/a": ("ssh", "~/a", "example.com", None, None, None),
    "example.com:/~ann/a": ("ssh", "~ann/a", "example.com", None, None, None),
    "[::1]:a": ("ssh", "a", "::1", None, None, None),
    "[example.com:2222]:a": ("ssh", "a", "example.com", 2222, None, None),
    "[ann@example.com:2222]:a": ("ssh", "a", "example.com", 2222, "ann", None),
    "ann@[::1]:a": ("ssh", "a", "::1", None, "ann", None),
    "file:///a%20b": ("file", "/a b", "", None, None, None),
    "file://localhost/a": ("file", "/a", "", None, None, None),
    "/a:b": ("file", "/a:b", "", None, None, None),
    "./a:b": ("file", "./a:b", "", None, None, None),
    "../a": ("file", "../a", "", None, None, None),
    "a/b@c:d": ("file", "a/b@c:d", "", None, None, None),
}.items())  # fmt: skip
def test_the_parts_of_an_address(text, parts):
    assert tuple(parse_url(text)) == parts


@pytest.mark.parametrize("text", [
    "", "-x", "--upload-pack=x", "https://exa\nmple.com/a", "https://example.com/a%0ahost=evil", "https://a%0d:b@example.com/x",
    "https://ann:p%00w@example.com/a", "ssh://exam%0aple.com/a", "/a\0b", "ssh://-oProxyCommand=x/a", "-oProxyCommand=x:a",
    "ssh://-x@example.com/a", "-x@example.com:a", "example.com:-x", "git://-x/a", "https:///a", "ssh:///a", "git:///a",
    "ssh://example.com", "ssh://example.com/", "git://example.com", "example.com:", "ssh://%2doProxyCommand=x/a", ":a", "@:a",
    "https://example.com:99999/a", "https://example.com:x/a", "https://example.com:1:2/a", "file://example.com/a",
    "https://exa mple.com/a", "https://a%2fb/c", "https://evil.com%5c@example.com:x/a", "ssh://a@b@c d/x",
])  # fmt: skip
def test_an_address_that_could_be_taken_for_something_else_is_refused(text):
    with pytest.raises(BadName):
        parse_url(text)


@pytest.mark.parametrize("text", ["ext::sh -c id", "fd::17", "codecommit::us-east-1://x", "ftp://example.com/a", "s3://a/b", "rsync://a/b"])
def test_other_protocols_and_helpers_are_refused_by_name(text):
    with pytest.raises(Unsupported, match=text.partition(":")[0]):
        parse_url(text)


@pytest.mark.parametrize("text", ["https://ann:secret@example.com/a", "https://secret@example.com/a", "git://ann:secret@e/a"])
def test_what_may_be_a_secret_is_never_shown(text):
    url = parse_url(text)
    assert "secret" not in f"{url} {url!r} {url!s}"
    assert "secret" not in without_password(f"cannot read {text} now")
    for bad in (text + "\n", text.replace("/a", "/%00"), text.replace("://", "://-:")):
        with pytest.raises(BadName) as error:
            parse_url(bad)
        assert "secret" not in str(error.value)


def test_names_and_urls_are_rewritten_by_the_longest_prefix():
    config = settings("""
        [remote "origin"]\n url = work:a/b\n url = other:c
        [url "https://example.com/"]\n insteadOf = work:\n insteadOf = w:
        [url "https://special.example.com/"]\n insteadOf = work:a/
    """)
    assert reading_url(config, "origin") == "https://special.example.com/b"
    assert reading_url(config, "work:x") == "https://example.com/x"
    assert reading_url(config, "/plain") == "/plain"
    assert pushing_urls(config, "origin") == ["https://special.example.com/b", "other:c"]


def test_a_push_goes_where_pushurl_or_push_instead_of_say():
    config = settings("""
        [remote "one"]\n url = https://example.com/a
        [remote "two"]\n url = https://example.com/a\n pushurl = https://example.com/b\n pushurl = w:c
        [remote "three"]\n pushurl = x:1\n pushurl =\n pushurl = x:2
        [url "ssh://git@example.com/"]\n pushInsteadOf = https://example.com/
        [url "https://w.example.com/"]\n insteadOf = w:
    """)
    assert pushing_urls(config, "one") == ["ssh://git@example.com/a"]
    assert pushing_urls(config, "two") == ["https://example.com/b", "https://w.example.com/c"]
    assert pushing_urls(config, "three") == ["x:2"]
    assert reading_url(config, "one") == "https://example.com/a"


@needs("git")
@pytest.mark.parametrize("text", ["https://example.com/a", "work:a", "work:a/b", "w:x", "origin", "two"])
def test_the_rewriting_is_git_s(repo, text):
    for name, value in [
        ("url.https://example.com/.insteadOf", "work:"), ("url.https://a.example.com/.insteadOf", "work:a/"),
        ("url.ssh://x/.pushInsteadOf", "w:"), ("url.https://x/.insteadOf", "w:"), ("remote.origin.url", "work:a/c"),
        ("remote.two.url", "w:1"), ("remote.two.pushurl", "w:2"),
    ]:  # fmt: skip
        repo.git("config", "--add", name, value)
    if text not in ("origin", "two"):
        repo.git("remote", "add", "asked", text)
    name = text if text in ("origin", "two") else "asked"
    config = repo.open().config
    assert reading_url(config, name) == repo.git("remote", "get-url", name)
    assert pushing_urls(config, name) == [repo.git("remote", "get-url", "--push", name)]


@pytest.mark.parametrize(("text", "environ", "scheme", "allowed"), [
    ("", {}, "https", True), ("", {}, "file", True), ("", {"GIT_PROTOCOL_FROM_USER": "0"}, "file", False),
    ("", {"GIT_PROTOCOL_FROM_USER": "0"}, "https", True), ("", {"GIT_ALLOW_PROTOCOL": "https:ssh"}, "git", False),
    ("", {"GIT_ALLOW_PROTOCOL": "https:ssh"}, "ssh", True), ("", {"GIT_ALLOW_PROTOCOL": ""}, "https", False),
    ("[protocol]\nallow=never", {}, "https", False), ("[protocol]\nallow=never\n[protocol \"ssh\"]\nallow=always", {}, "ssh", True),
    ("[protocol \"git\"]\nallow=user", {"GIT_PROTOCOL_FROM_USER": "0"}, "git", False),
    ("[protocol \"git\"]\nallow=perhaps", {}, "git", False),
])  # fmt: skip
def test_settings_decide_which_protocols_are_used(text, environ, scheme, allowed):
    try:
        check_allowed(scheme, settings(text), environ)
    except GitError as error:
        assert not allowed and scheme in str(error)
    else:
        assert allowed


def test_nothing_is_connected_before_the_first_question():
    with open_remote("https://192.0.2.1/a", config=Config(), environ={}) as remote:
        assert remote.url == "https://192.0.2.1/a"


def test_a_password_for_ssh_is_refused():
    with pytest.raises(BadName, match="ssh takes none"):
        open_remote("ssh://ann:pw@example.com/a", config=Config(), environ={})


def test_url_parts_come_together_again():
    for text in ("https://example.com:8443/a", "ssh://ann@[::1]:22/a", "ssh://example.com/~x"):
        assert str(parse_url(text)) == text
    assert str(RemoteUrl("file", "/a")) == "/a"
