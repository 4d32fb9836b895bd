"""Signs requests to S3 with AWS Signature Version 4, in the header or in the URL.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_SERVICE = "s3"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The access key of a connection."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it is signed."""

    method: str
    scheme: str
    host: str
    """The host, with the port unless it is the default port of the scheme."""
    path: str
    """The encoded path."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """All of these headers are signed."""
    payload_sha256: str = EMPTY_SHA256

    @property
    def url(self) -> str:
        """The URL with the query."""
        query = canonical_query(self.query)
        return f"{self.scheme}://{self.host}{self.path}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs the requests of one connection."""

    credentials: Credentials
    region: str

    def headers(self, request: Request, now: datetime) -> dict[str, str]:
        """Return the headers of *request* with the signature."""
        headers = {**request.headers, "x-amz-content-sha256": request.payload_sha256}
        headers["x-amz-date"] = _stamp(now)
        if self.credentials.session_token:
            headers["x-amz-security-token"] = self.credentials.session_token
        signed = _signed(request.host, headers)
        signature = self._signature(request, request.query, signed, now)
        scope = f"{self.credentials.access_key_id}/{self._scope(now)}"
        names = ";".join(signed)
        headers["Authorization"] = (
            f"{ALGORITHM} Credential={scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def presigned(self, request: Request, now: datetime, expires_sec: int) -> str:
        """Return a URL that allows *request* until it expires.

        The client must send the headers of *request* unchanged. The body is not signed.
        """
        signed = _signed(request.host, request.headers)
        query = {
            **request.query,
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key_id}/{self._scope(now)}",
            "X-Amz-Date": _stamp(now),
            "X-Amz-Expires": str(expires_sec),
            "X-Amz-SignedHeaders": ";".join(signed),
        }
        if self.credentials.session_token:
            query["X-Amz-Security-Token"] = self.credentials.session_token
        unsigned = Request(
            request.method, request.scheme, request.host, request.path, payload_sha256=UNSIGNED
        )
        signature = self._signature(unsigned, query, signed, now)
        base = f"{request.scheme}://{request.host}{request.path}"
        return f"{base}?{canonical_query(query)}&X-Amz-Signature={signature}"

    def _signature(
        self, request: Request, query: Mapping[str, str], signed: Mapping[str, str], now: datetime
    ) -> str:
        lines = [f"{name}:{value}\n" for name, value in signed.items()]
        canonical = "\n".join(
            (
                request.method,
                request.path,
                canonical_query(query),
                "".join(lines),
                ";".join(signed),
                request.payload_sha256,
            )
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join((ALGORITHM, _stamp(now), self._scope(now), digest))
        key = f"AWS4{self.credentials.secret_access_key}".encode()
        for part in (_stamp(now)[:8], self.region, _SERVICE, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()

    def _scope(self, now: datetime) -> str:
        return f"{_stamp(now)[:8]}/{self.region}/{_SERVICE}/aws4_request"


def encoded_path(*parts: str) -> str:
    """Return a path of *parts*, in which only unreserved characters and slashes stay."""
    return "/" + "/".join(quote(part, safe="/-_.~") for part in parts)


def canonical_query(query: Mapping[str, str]) -> str:
    """Return *query* encoded and sorted, as S3 signs it."""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _signed(host: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to sign, with their names in lower case and in order."""
    lower = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    return dict(sorted({**lower, "host": host}.items()))


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
