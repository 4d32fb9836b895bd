"""Decides which objects a job may name, from the settings alone."""

from __future__ import annotations

from collections.abc import Sequence

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.http.object_address import ObjectAddress, Place, contains
from secretary_common.settings.s3 import S3Connection, S3Section


class Buckets:
    """Finds the connection of an address, and checks whether an API key may name it."""

    def __init__(self, section: S3Section) -> None:
        self.uploads = Place.parse(section.uploads) if section.uploads else None
        """The place of uploads past the API; None without one."""
        self._connections = [(one.places, one) for one in section.connections.values()]

    def upload_place(self, owner: str) -> Place | None:
        """Return the place of the direct uploads of the API key *owner*; None without uploads."""
        if self.uploads is None:
            return None
        return Place(self.uploads.bucket, f"{self.uploads.prefix}{owner}/")

    def connection(
        self, address: ObjectAddress | Place, owner: str, allowed: Sequence[str] | None
    ) -> S3Connection:
        """Return the connection of *address*, for a job of the API key *owner*.

        Args:
            address: an object to read, or a place to write to.
            owner: the id of the API key.
            allowed: the only places that the API key may name (``s3_places``); None: all. Its own
                direct uploads are always allowed, and those of other keys never.

        Raises:
            PermanentError: S3_BUCKET_REFUSED.
        """
        found = [store for places, store in self._connections if contains(places, address)]
        own = self.upload_place(owner)
        if found and own is not None and address in own:
            return found[0]
        if not found:
            raise _refused(address, "is in no bucket of s3.connections")
        if self.uploads is not None and address in self.uploads:
            raise _refused(address, "belongs to the uploads of another API key")
        if allowed is not None and not contains(map(Place.parse, allowed), address):
            raise _refused(address, "is in none of the places that this API key may name")
        return found[0]


def parse_object(text: str) -> ObjectAddress:
    """Read ``s3://bucket/key``.

    Raises:
        PermanentError: S3_ADDRESS_INVALID.
    """
    try:
        return ObjectAddress.parse(text)
    except ValueError as error:
        raise PermanentError(str(error), code=ErrorCode.S3_ADDRESS_INVALID) from None


def parse_place(text: str) -> Place:
    """Read ``s3://bucket/prefix/``.

    Raises:
        PermanentError: S3_ADDRESS_INVALID.
    """
    try:
        return Place.parse(text)
    except ValueError as error:
        raise PermanentError(str(error), code=ErrorCode.S3_ADDRESS_INVALID) from None


def _refused(address: ObjectAddress | Place, why: str) -> PermanentError:
    message = f"{str(address)[:200]} {why}"
    return PermanentError(message, code=ErrorCode.S3_BUCKET_REFUSED)
