"""The public names for talking to other repositories: import from here. `objstore.api` does not load this."""
from .remote import open_remote
from .urls import RemoteUrl, parse_url, pushing_urls, reading_url, without_password
from .values import (
    Advertisement,
    Ask,
    PushCommand,
    PushResult,
    Remote,
    RemoteRef,
    ShallowUpdate,
    Sink,
)

__all__ = [
    "Advertisement",
    "Ask",
    "PushCommand",
    "PushResult",
    "Remote",
    "RemoteRef",
    "RemoteUrl",
    "ShallowUpdate",
    "Sink",
    "open_remote",
    "parse_url",
    "pushing_urls",
    "reading_url",
    "without_password",
]
