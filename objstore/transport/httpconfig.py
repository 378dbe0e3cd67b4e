"""What the settings say about one URL of http or https: `http.*`, `http.<url>.*`, proxies, environment variables.

A setting with a URL holds for what is below that URL; of several the most specific wins: longer host, then longer path,
then one with a user. Nothing here opens a file or a connection.
Authority: git-config(1), `http.<url>.*`, `http.*`, `remote.<name>.proxy`; git's `urlmatch.c`, `http.c`; curl(1) for the
variables of proxies.
"""
import re
from collections.abc import Mapping

from ..config import Config
from ..errors import GitError
from ..formats.config import Setting, as_bool, as_int
from ..lighttyping import NamedTuple
from .urls import RemoteUrl, parse_url

DEFAULT_PORTS = {"http": 80, "https": 443}
POST_BUFFER = 1 << 20  # bytes; larger requests are sent in chunks
MIN_POST_BUFFER = 65520
USER_AGENT = "git/expref"  # some servers tell Git's clients from browsers by "git/"
_PATTERN = re.compile(r"(?:(?P<scheme>[^:/@]+)://)?(?:(?P<user>[^:/@]*)(?::[^/@]*)?@)?(?P<place>[^/]*)(?P<path>/.*)?")
Score = tuple[int, int, bool]


class HttpSettings(NamedTuple):
    """What holds for one URL."""

    headers: tuple[str, ...] = ()  # "Name: value", for this URL's host only
    proxy: RemoteUrl | None = None
    verify: bool = True
    ca_file: str | None = None
    ca_path: str | None = None
    certificate: str | None = None
    key: str | None = None
    user_agent: str = USER_AGENT
    post_buffer: int = POST_BUFFER
    follow_redirects: bool = True  # of the first request; later ones never


def matching(config: Config, section: str, url: RemoteUrl) -> list[Setting]:
    """The settings of `section`, with and without a URL, that hold for `url`, in order.

    A later one counts more than an earlier one of its key; those less specific than one before are left out.
    """
    best: dict[str, Score] = {}
    found = []
    for setting in config.items(section + "."):
        score = (0, 0, False) if setting.subsection is None else _score(setting.subsection, url)
        if setting.section == section and score is not None and score >= best.get(setting.key, (0, 0, False)):
            best[setting.key] = score
            found.append(setting)
    return found


def _score(pattern: str, url: RemoteUrl) -> Score | None:
    """How specific `pattern` is, None if `url` is not below it. Without a scheme (`credential.*`) it matches any."""
    parts = _PATTERN.fullmatch(pattern)
    if parts is None or (parts["scheme"] or url.scheme).lower() != url.scheme:
        return None
    host, port = _place(parts["place"], url.scheme)
    if port != (url.port or DEFAULT_PORTS.get(url.scheme)) or not _host_matches(host, url.host.lower()):
        return None
    if parts["user"] is not None and parts["user"] != url.user:
        return None
    prefix, path = (parts["path"] or "/").removesuffix("/"), url.path or "/"
    if path != prefix and not path.startswith(prefix + "/"):
        return None
    return len(host), len(prefix) + 1, parts["user"] is not None


def _place(place: str, scheme: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"\[?(.*?)\]?(?::([0-9]{1,5}))?", place)
    host, port = (found[1], found[2]) if found else (place, None)
    return host.lower(), int(port) if port else DEFAULT_PORTS.get(scheme)


def _host_matches(pattern: str, host: str) -> bool:
    """Whether the hosts are equal, "*" standing for one part between dots."""
    wanted, parts = pattern.split("."), host.split(".")
    return len(wanted) == len(parts) and all(want in ("*", part) for want, part in zip(wanted, parts, strict=True))


def http_settings(
    config: Config, environ: Mapping[str, str], url: RemoteUrl, *, remote: str | None = None
) -> HttpSettings:
    """All that holds for `url`; `remote` is the name of the remote, if it has one. Raises GitError for bad values."""
    found = matching(config, "http", url)
    last = {setting.key: setting for setting in found}

    def text(key: str, variable: str = "") -> str | None:
        return environ.get(variable) or (last[key].value if key in last else None)

    def path(key: str, variable: str) -> str | None:
        return environ.get(variable) or (config.get_path(last[key].name) if key in last else None) or None

    certificate = path("sslcert", "GIT_SSL_CERT")
    return HttpSettings(
        headers=_headers(found),
        proxy=choose_proxy(config, environ, url, remote=remote),
        verify="GIT_SSL_NO_VERIFY" not in environ and _truth(last.get("sslverify"), default=True),
        ca_file=path("sslcainfo", "GIT_SSL_CAINFO"),
        ca_path=path("sslcapath", "GIT_SSL_CAPATH"),
        certificate=certificate,
        key=path("sslkey", "GIT_SSL_KEY") or certificate,
        user_agent=text("useragent", "GIT_HTTP_USER_AGENT") or USER_AGENT,
        post_buffer=max(MIN_POST_BUFFER, _number(last.get("postbuffer"), POST_BUFFER)),
        follow_redirects=text("followredirects") == "initial" or _truth(last.get("followredirects"), default=True),
    )


def _headers(settings: list[Setting]) -> tuple[str, ...]:
    """The extra headers; an empty one drops those before it. Raises GitError for one that is no header."""
    headers: list[str] = []
    for setting in settings:
        if setting.key == "extraheader":
            value = setting.value or ""
            if value and (not re.match(r"[!#$%&'*+.^_`|~\w-]+[:;]", value, re.ASCII) or re.search("[\r\n\0]", value)):
                raise GitError(f"{setting.place}: {setting.name} is not 'Name: value'")  # not shown: it may be a token
            headers = [*headers, value] if value else []
    return tuple(headers)


def _truth(setting: Setting | None, *, default: bool) -> bool:
    if setting is None or setting.value == "initial":
        return default
    truth = as_bool(setting.value)
    if truth is None:
        raise GitError(f"{setting.place}: bad boolean config value {setting.value!r} for {setting.name!r}")
    return truth


def _number(setting: Setting | None, default: int) -> int:
    number = default if setting is None else as_int(setting.value or "")
    if number is None:
        raise GitError(f"{setting and setting.place}: bad number in {setting and setting.name!r}")
    return number


def choose_proxy(
    config: Config, environ: Mapping[str, str], url: RemoteUrl, *, remote: str | None = None
) -> RemoteUrl | None:
    """The proxy for `url`, None for none: `remote.<name>.proxy`, `http.proxy`, then the variables that curl reads."""
    configured = [each.value for each in matching(config, "http", url) if each.key == "proxy"][-1:]
    if remote and "\n" not in remote and config.settings(f"remote.{remote}.proxy"):
        configured = [config.get(f"remote.{remote}.proxy")]
    # HTTP_PROXY in capitals is not read: a web server sets it from the header "Proxy" of a request.
    names = [f"{url.scheme}_proxy", *(["HTTPS_PROXY"] if url.scheme == "https" else []), "all_proxy", "ALL_PROXY"]
    text = configured[0] if configured else next(filter(None, map(environ.get, names)), None)
    if not text or _is_direct(url, environ.get("no_proxy", environ.get("NO_PROXY", ""))):
        return None
    proxy = parse_url(text if "://" in text else f"http://{text}")
    return proxy._replace(port=proxy.port or 1080)  # curl's default


def _is_direct(url: RemoteUrl, listed: str) -> bool:
    """Whether `no_proxy` names the host: itself, a domain above it, a network in CIDR notation, or "*"."""
    host = url.host.lower().rstrip(".")
    for entry in listed.replace(",", " ").lower().split():
        name, _, port = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
        if port and port != str(url.port or DEFAULT_PORTS[url.scheme]):
            continue
        name = name.strip("[]").removeprefix("*.").strip(".")
        if entry == "*" or host == name or (name and host.endswith("." + name)) or _in_network(host, name):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    if "/" not in network or not re.fullmatch(r"[0-9a-f.:]+", host):
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
