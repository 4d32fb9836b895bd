"""The meaning of a failed request: its error class, or the resource that the notifier lacked.

Pure rules on the exceptions of the HTTP client.
"""

from __future__ import annotations

import errno
import os
import socket

import aiohttp

from secretary_common.errors import PermanentError, UrlRefused
from secretary_notifier.verdict import MISSING_KEY, PROTOCOL

# The error classes in the list of attempts, from the particular to the general.
_CLASSES: tuple[tuple[type[Exception], str], ...] = (
    (UrlRefused, "url_refused"),
    (PermanentError, MISSING_KEY),
    (aiohttp.InvalidURL, "url_refused"),
    (aiohttp.ClientConnectorError, "connect"),
    (socket.gaierror, "connect"),
    (aiohttp.ClientHttpProxyError, "proxy"),
    (aiohttp.ClientConnectionError, "connection_lost"),
    (aiohttp.ClientPayloadError, "connection_lost"),
    (aiohttp.ClientError, PROTOCOL),
    (OSError, "connection_lost"),
)
FAILURES: tuple[type[Exception], ...] = (*(kind for kind, _ in _CLASSES), ValueError)
"""What a request may raise. ValueError: the token or the URL does not fit into a header."""
_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def shortage_in(failure: Exception) -> str | None:
    """Return the resource that the notifier lacked; None if *failure* has another reason."""
    cause = getattr(failure, "os_error", failure)
    if isinstance(failure, aiohttp.ClientProxyConnectionError):
        return "the proxy (security.proxy_url) cannot be reached"
    if isinstance(cause, socket.gaierror):
        is_own = cause.errno in {socket.EAI_SYSTEM, socket.EAI_MEMORY}
        return f"no name can be looked up ({cause.strerror})" if is_own else None
    if isinstance(cause, OSError) and cause.errno in _SCARCE:
        return os.strerror(cause.errno)
    return None


def is_unresolved(failure: Exception | None) -> bool:
    """Return whether *failure* says that a name could not be resolved for now."""
    cause = getattr(failure, "os_error", failure)
    return isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN


def described(failure: Exception) -> str:
    """Return ``<class>: <message>``."""
    name = next((name for kind, name in _CLASSES if isinstance(failure, kind)), None)
    if name is None:  # the message may contain the token
        return "request: the token or the URL cannot be sent"
    # The text of aiohttp's own error would repeat the URL.
    message = failure.message if isinstance(failure, aiohttp.ClientResponseError) else failure
    return f"{name}: {message}"
