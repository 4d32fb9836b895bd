"""Builds the requests to the store of one connection, and URLs that allow others one request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from secretary_common.http.object_address import ObjectAddress
from secretary_common.s3.signing import EMPTY_SHA256, Credentials, Request, Signer, encoded_path
from secretary_common.settings.s3 import S3Connection


class StoreRequests:
    """Builds and signs the requests to one store. It sends none."""

    def __init__(self, section: S3Connection) -> None:
        self._path_style = section.path_style
        self._endpoint = urlsplit(section.endpoint)
        self._signer = Signer(
            Credentials(
                section.access_key_id.get_secret_value(),
                section.secret_access_key.get_secret_value(),
                section.session_token.get_secret_value(),
            ),
            section.region,
        )

    def request(
        self,
        method: str,
        address: ObjectAddress,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        payload_sha256: str = EMPTY_SHA256,
    ) -> Request:
        """Return a request, not signed yet."""
        host = self._endpoint.netloc
        if self._path_style:
            path = encoded_path(address.bucket, address.key)
        else:
            host, path = f"{address.bucket}.{host}", encoded_path(address.key)
        return Request(
            *(method, self._endpoint.scheme, host, path),
            query=query or {},
            headers=headers or {},
            payload_sha256=payload_sha256,
        )

    def signed_headers(self, request: Request, now: datetime) -> dict[str, str]:
        """Return the headers of *request* with its signature."""
        return self._signer.headers(request, now)

    def presigned(
        self,
        method: str,
        address: ObjectAddress,
        *,
        now: datetime,
        expires_sec: int,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a URL for *method*; the client must send *headers* as they are."""
        request = self.request(method, address, headers=headers)
        return self._signer.presigned(request, now, expires_sec)
