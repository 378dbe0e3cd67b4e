"""Regular expressions as git takes them in `:/text` and `^{/text}`: POSIX extended ones, over bytes.

What POSIX and Python read alike is translated, the rest is refused by name: back-references and other letters behind
"\\", "{" and "}", a quantifier behind a quantifier, what is no plain ASCII in brackets. "." takes a line end too, "^"
and "$" are the ends of the whole text. Authority: gitrevisions(7), regex(7).
"""


from ..errors import Unsupported
from ..patterns import re

_TOKEN = (  # compiled when it is used: few commands search
    r"(?P<escaped>\\[^\w\s])|(?P<set>\[\^?\]?(?:(?!--)[ -Z^-~])*\])|(?P<anchor>[$^])"
    r"|(?P<repeat>(?<![(|])(?<!^)[*+?](?![*+?]))|(?P<group>[(](?![)*+?|])|[|](?![)*+?|]|$)(?<!^\|)|(?<!\|)[)])"
    r"|(?P<plain>[^][\\$^*+?(){}|])"
)
_ANCHORS = {"^": r"\A", "$": r"\Z"}


def compile_search(pattern: str) -> "re.Pattern[bytes]":
    """A pattern to search in bytes with. Raises Unsupported."""
    parts, at, tokens = [], 0, re.compile(_TOKEN)
    while at < len(pattern):
        token = tokens.match(pattern, at)
        if token is None:
            raise Unsupported(f"{pattern[at]!r} at this place of the regular expression {pattern!r}")
        parts.append(_python(token))
        at = token.end()
    try:
        return re.compile("".join(parts).encode("utf-8", "surrogateescape"), re.DOTALL)
    except re.error as error:
        raise Unsupported(f"the regular expression {pattern!r} ({error})") from None


def _python(token: "re.Match[str]") -> str:
    text = token[0]
    if token.lastgroup == "anchor":
        return _ANCHORS[text]
    if token.lastgroup == "set":
        return re.sub(r"[&~|]", r"\\\g<0>", text)  # doubled ones mean something to Python
    if token.lastgroup == "plain" and text != ".":
        return re.escape(text) if text.isascii() else f"(?:{text})"
    return text
