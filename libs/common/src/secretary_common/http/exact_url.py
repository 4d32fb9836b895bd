"""URLs that reach the server byte for byte.

A client may have signed its URL, so a different spelling of the same place (``%2F`` for ``/``) is
a different URL. HTTP libraries normalise URLs; these functions do not.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import idna
from yarl import URL

from secretary_common.errors import UrlRefused

_PARTS = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9.]+")
_ASCII = "".join(map(chr, range(128)))
LONGEST_NAME = 254
"""RFC 1035 §2.3.4, plus a final dot. Normalising a longer name would take too long."""


def ascii_url(url: str) -> str:
    """Return *url* with each character beyond ASCII encoded, and nothing else changed.

    The path and the query get percent-encoded UTF-8, the name of the host gets IDNA. Encoding the
    result again changes nothing.

    Raises:
        UrlRefused: the name of the host cannot be encoded.
    """
    if url.isascii():
        return url
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return _percent_encoded(url)
    authority = parts["authority"]
    if not authority.isascii():
        name, colon, port = authority.partition(":")
        authority = f"{_ascii_name(name)}{colon}{port}"
    return f"{parts['scheme']}://{authority}{_percent_encoded(parts['rest'])}"


def parsed_url(url: str, *, address: str | None = None) -> URL:
    """Return *url* for aiohttp, which sends its path and query unchanged.

    Args:
        url: an absolute http or https URL in ASCII.
        address: replaces the host, for a request whose name is resolved already.

    Raises:
        UrlRefused: *url* is not such a URL.
    """
    parts = _PARTS.fullmatch(url)
    if parts is None or not url.isascii():
        raise UrlRefused("the URL does not parse")
    authority = parts["authority"]
    if address is not None:
        port = authority.rpartition("]")[2].partition(":")[2]
        host = f"[{address}]" if ":" in address else address
        authority = f"{host}:{port}" if port else host
    target = parts["rest"].partition("#")[0]
    if not target.startswith("/"):
        target = f"/{target}"
    # The query stays a part of the path: yarl drops the question mark before an empty query.
    return URL.build(scheme=parts["scheme"].lower(), authority=authority, path=target, encoded=True)


def joined_url(base: str, reference: str) -> str:
    """Return the URL of *reference*, a ``Location`` or a link, relative to *base* (RFC 3986 §5.2).

    An absolute URL and an absolute path keep their spelling, dot segments included.
    """
    reference = reference.strip()
    parts = _PARTS.fullmatch(base)
    if parts is None or _SCHEME.match(reference):
        return reference
    scheme, authority = parts["scheme"], parts["authority"]
    if reference.startswith("//"):
        return f"{scheme}:{reference}"
    if reference.startswith("/"):
        return f"{scheme}://{authority}{reference}"
    here = parts["rest"].partition("#")[0]
    if not reference or reference.startswith("#"):
        return f"{scheme}://{authority}{here}{reference}"
    path = here.partition("?")[0]
    if reference.startswith("?"):
        return f"{scheme}://{authority}{path}{reference}"
    end = min((at for at in map(reference.find, "?#") if at >= 0), default=len(reference))
    merged = f"{path[: path.rfind('/') + 1] or '/'}{reference[:end]}"
    return f"{scheme}://{authority}{_without_dot_segments(merged)}{reference[end:]}"


def _without_dot_segments(path: str) -> str:
    """Return *path*, which begins with a slash, without ``.`` and ``..`` (RFC 3986 §5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _percent_encoded(text: str) -> str:
    try:
        return quote(text, safe=_ASCII)
    except UnicodeError:  # half of a surrogate pair
        raise UrlRefused("the URL is not valid Unicode") from None


def _ascii_name(name: str) -> str:
    try:
        if len(name) > LONGEST_NAME:
            raise UrlRefused("the host of the URL is not a valid name")
        try:
            encoded = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError:  # the older standard allows more, e.g. an underscore
            encoded = name.encode("idna").decode("ascii")
    except UnicodeError:
        raise UrlRefused("the host of the URL is not a valid name") from None
    if _ADDRESS.fullmatch(encoded):
        raise UrlRefused(f"write the address in its usual form, {encoded}")
    if not _NAME.fullmatch(encoded):
        raise UrlRefused("the host of the URL is not a valid name")
    return encoded
