"""TLS below HTTP: which certificates are accepted and shown, and in words why there is no connection.

A module of its own because ssl takes longer to load than a short command: only a URL of https asks for it.
Authority: git-config(1), `http.ssl*`; Python's `ssl`.
"""

import socket
import ssl
from collections.abc import Callable

from ..errors import GitError, RemoteError
from .httpconfig import DEFAULT_PORTS, HttpSettings
from .streams import connect_failure
from .urls import RemoteUrl


def tls_context(settings: HttpSettings, key_password: Callable[[], str]) -> ssl.SSLContext:
    """What TLS connections accept and show. Raises GitError for files that cannot be used.

    `key_password` is called if the key of a client certificate is encrypted.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca_file, capath=settings.ca_path)
    except (OSError, ssl.SSLError) as error:
        place = settings.ca_file or settings.ca_path
        raise GitError(f"{place}: no certificates can be read from here: {error.strerror or error}") from error
    # Python 3.13 sets it; git does not, and authorities of companies are often made without a key usage.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate:
        try:
            context.load_cert_chain(settings.certificate, settings.key, password=key_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise GitError(f"{settings.certificate}: the certificate cannot be used: {error}") from error
    return context


def secured(sock: socket.socket, url: RemoteUrl, context: ssl.SSLContext, where: str) -> socket.socket:
    """The same connection, to the host of `url`, with TLS on it; raises RemoteError, which begins with `where`."""
    try:
        return context.wrap_socket(sock, server_hostname=url.host)
    except ssl.SSLCertVerificationError as error:
        raise RemoteError(
            f"{where}: the TLS certificate is not accepted: {error.verify_message}"
            " (http.sslCAInfo names a file with other authorities)"
        ) from error
    except ssl.SSLError as error:
        raise RemoteError(f"{where}: no TLS connection: {error.reason or error}") from error
    except (OSError, ValueError) as error:  # ValueError: a name that is none
        port = url.port or DEFAULT_PORTS[url.scheme]
        raise RemoteError(f"{where}: {connect_failure(error, url.host, port)}") from error
