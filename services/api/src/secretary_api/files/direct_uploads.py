"""Uploads past the API: the client sends its file to a store by a presigned URL.

The API stores nothing about such an upload. The key of the object begins with the id of the API
key, and ``Buckets`` lets only jobs of this API key name it. The signature covers size and type, so
the store accepts no other file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from secretary_api.access.principal import Principal
from secretary_api.http.errors import refused_fields
from secretary_common.errors import ErrorCode, InvalidRequest
from secretary_common.models import new_file_id
from secretary_common.runtime.clock import Clock
from secretary_common.s3.buckets import Buckets
from secretary_common.s3.requests import StoreRequests
from secretary_common.settings.s3 import S3Section

METHOD = "PUT"


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """A request that the client may send to the store, once or several times."""

    url: str
    headers: dict[str, str]
    source: str
    """The address of the object, for the parameters of jobs."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DirectUploads:
    """Makes presigned URLs for uploads."""

    section: S3Section
    clock: Clock

    def presign(
        self, filename: str, size: int, content_type: str, caller: Principal
    ) -> PresignedUpload:
        """Return the request by which *caller* sends a file of *size* bytes.

        Raises:
            InvalidRequest: S3_BUCKET_REFUSED, the operator has named no place for uploads; or the
                file is larger than allowed.
        """
        buckets = Buckets(self.section)
        place = buckets.upload_place(caller.key_id)
        if place is None:
            message = "this service has no place for direct uploads (s3.uploads): POST /api/files"
            raise InvalidRequest(message, code=ErrorCode.S3_BUCKET_REFUSED)
        self._check_size(size, caller)
        try:
            address = place.object(new_file_id(), filename)
        except ValueError as error:
            raise refused_fields(("filename", str(error))) from None
        section = buckets.connection(address, caller.key_id, None)
        now, seconds = self.clock.now(), self.section.presigned_sec
        headers = {"Content-Length": str(size), "Content-Type": content_type}
        url = StoreRequests(section).presigned(
            METHOD, address, now=now, expires_sec=seconds, headers=headers
        )
        return PresignedUpload(url, headers, str(address), now + timedelta(seconds=seconds))

    def _check_size(self, size: int, caller: Principal) -> None:
        most = int(self.section.max_upload_mb * 2**20)
        if size > most:
            raise refused_fields(("size", f"must be at most {most} (s3.max_upload_mb)"))
        if caller.limits.max_bytes is not None and size > caller.limits.max_bytes:
            why = f"must be at most {caller.limits.max_bytes} (max_bytes of this API key)"
            raise refused_fields(("size", why))
