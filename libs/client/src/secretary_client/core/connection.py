"""How both clients reach one Secretary: its URL, the API key, the limits of a request."""

from __future__ import annotations

from typing import TypedDict

import httpx

RETRY_SEC = 60.0
CONNECT_SEC = 5.0
"""The longest wait for a connection: a host that is off answers no attempt to connect."""
TIMEOUT_SEC = 30.0
"""The longest wait for the next bytes of an answer."""


class HttpOptions(TypedDict):
    """The options that ``httpx.Client`` and ``httpx.AsyncClient`` get."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx.Timeout


def http_options(url: str, key: str, timeout: float) -> HttpOptions:
    """Return the options for requests to the API at *url*.

    Args:
        url: the URL of the API, also without a scheme.
        key: an API key; spaces and line ends around it do not count.
        timeout: the longest wait for the next bytes of an answer, in seconds.

    Raises:
        ValueError: no request can carry the key. The message does not show it.
    """
    return {
        "base_url": full_url(url),
        "headers": {"Authorization": f"Bearer {_sent(key)}"},
        "timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_SEC)),
    }


def full_url(url: str) -> str:
    """Return *url* with a scheme: ``localhost:5001`` becomes ``http://localhost:5001``.

    Spaces and line ends around it do not count.
    """
    url = url.strip()
    return url if "://" in url else f"http://{url}"


def root_of(url: str) -> str:
    """Return *url*, the URL of the API, with a scheme and without a slash at its end.

    So two spellings of one URL are equal, and a path can follow.
    """
    return full_url(url).rstrip("/")


def _sent(key: str) -> str:
    sent = key.strip() if key else ""
    if not sent:
        raise ValueError("the API key is empty")
    if not (sent.isascii() and sent.isprintable()):
        raise ValueError("the API key has characters that no key has")
    return sent
