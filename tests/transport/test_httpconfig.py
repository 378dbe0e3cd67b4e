"""Settings that hold for one URL. git's own matching (`git config --get-urlmatch`) is the judge."""
import pytest
from expref.objstore.config import Config
from expref.objstore.errors import GitError
from expref.objstore.formats.config import parse
from expref.objstore.transport.httpconfig import choose_proxy, http_settings, matching
from expref.objstore.transport.urls import parse_url

from tests.conftest import needs

PATTERNS = [
    "https://example.com", "https://example.com/", "https://example.com/a", "https://example.com/a/", "https://example.com/a/b",
    "https://*.example.com", "https://x.example.com", "https://ann@example.com", "https://bob@example.com/a", "http://example.com",
    "https://example.com:443", "https://example.com:8443/a", "https://EXAMPLE.com/ab", "HTTPS://example.com/a", "https://*.com/",
    "https://x.*.com/a",
]  # fmt: skip
URLS = [
    "https://example.com/a/b/c", "https://example.com/ab", "https://example.com", "https://ann@example.com/a", "https://x.example.com/a",
    "https://y.example.com/", "http://example.com/a", "https://example.com:8443/a/x", "https://example.com:443/a", "https://other.org/a",
    "https://x.y.example.com/a",
]  # fmt: skip


def settings(text):
    return Config(parse(text.encode(), "config"))


@needs("git")
@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("turned", [False, True])
def test_the_most_specific_setting_wins_as_in_git(repo, url, turned):
    patterns = PATTERNS[::-1] if turned else PATTERNS
    for pattern in patterns:
        repo.git("config", f"http.{pattern}.userAgent", pattern)
    repo.git("config", "http.userAgent", "plain")
    ours = matching(repo.open().config, "http", parse_url(url))[-1].value
    assert ours == repo.git("config", "--get-urlmatch", "http.userAgent", url)


def test_all_headers_that_hold_are_sent_and_an_empty_one_drops_those_before():
    config = settings("""
        [http]\n extraHeader = A: 1
        [http "https://example.com/"]\n extraHeader = B: 2\n extraHeader = C: 3
        [http "https://example.com/deep"]\n extraHeader =\n extraHeader = D: 4
        [http "https://other.org"]\n extraHeader = E: 5
    """)

    def headers(url):
        return http_settings(config, {}, parse_url(url)).headers

    assert headers("https://example.com/x") == ("A: 1", "B: 2", "C: 3")
    assert headers("https://example.com/deep/x") == ("D: 4",)
    assert headers("https://third.net/") == ("A: 1",)


@pytest.mark.parametrize(("text", "environ", "url", "proxy"), [
    ("", {}, "http://a/", None),
    ("", {"http_proxy": "p:1"}, "http://a/", ("p", 1)),
    ("", {"HTTP_PROXY": "p:1"}, "http://a/", None),
    ("", {"HTTPS_PROXY": "http://p:1"}, "https://a/", ("p", 1)),
    ("", {"http_proxy": "p:1"}, "https://a/", None),
    ("", {"ALL_PROXY": "p"}, "https://a/", ("p", 1080)),
    ("[http]\nproxy = q:2", {"http_proxy": "p:1"}, "http://a/", ("q", 2)),
    ("[http]\nproxy =", {"http_proxy": "p:1"}, "http://a/", None),
    ("[http]\nproxy = q:2\n[http \"http://a\"]\nproxy = r:3", {}, "http://a/", ("r", 3)),
    ("[remote \"o\"]\nproxy = s:4\n[http]\nproxy = q:2", {}, "http://a/", ("s", 4)),
    ("[remote \"o\"]\nproxy =\n[http]\nproxy = q:2", {}, "http://a/", None),
    ("[http]\nproxy = q:2", {"no_proxy": "b,a"}, "http://a/", None),
    ("[http]\nproxy = q:2", {"NO_PROXY": "example.com"}, "http://x.example.com/", None),
    ("[http]\nproxy = q:2", {"no_proxy": ".example.com"}, "http://example.com/", None),
    ("[http]\nproxy = q:2", {"no_proxy": "ample.com"}, "http://example.com/", ("q", 2)),
    ("[http]\nproxy = q:2", {"no_proxy": "*"}, "http://a/", None),
    ("[http]\nproxy = q:2", {"no_proxy": "10.0.0.0/8"}, "http://10.1.2.3/", None),
    ("[http]\nproxy = q:2", {"no_proxy": "10.0.0.0/8"}, "http://11.1.2.3/", ("q", 2)),
    ("[http]\nproxy = q:2", {"no_proxy": "a:81"}, "http://a/", ("q", 2)),
    ("[http]\nproxy = q:2", {"no_proxy": "[::1]"}, "http://[::1]/", None),
])  # fmt: skip
def test_which_proxy_is_used(text, environ, url, proxy):
    found = choose_proxy(settings(text), environ, parse_url(url), remote="o")
    assert (found and (found.host, found.port)) == proxy


@pytest.mark.parametrize("text", ["sslVerify = perhaps", "postBuffer = much", "followRedirects = maybe", "extraHeader = no header"])
def test_a_bad_value_is_named_with_its_place(text):
    with pytest.raises(GitError, match="^config:2: "):
        http_settings(settings(f"[http]\n{text}"), {}, parse_url("http://a/"))


def test_variables_come_before_settings():
    config = settings("[http]\n sslVerify = true\n sslCAInfo = /a\n sslCert = /c\n userAgent = x\n postBuffer = 5m")
    found = http_settings(config, {}, parse_url("https://a/"))
    assert (found.verify, found.ca_file, found.certificate, found.key, found.user_agent) == (True, "/a", "/c", "/c", "x")
    assert found.post_buffer == 5 << 20
    environ = {"GIT_SSL_NO_VERIFY": "", "GIT_SSL_CAINFO": "/b", "GIT_SSL_CERT": "/d", "GIT_SSL_KEY": "/k", "GIT_HTTP_USER_AGENT": "y"}
    found = http_settings(config, environ, parse_url("https://a/"))
    assert (found.verify, found.ca_file, found.certificate, found.key, found.user_agent) == (False, "/b", "/d", "/k", "y")
