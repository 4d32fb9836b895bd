"""The objects and uploads of a store, and the rules of S3 for them. No network."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from secretary_devstack.object_store.refusal import (
    Refusal,
    no_such_key,
    no_such_upload,
    precondition_failed,
)

LEAST_PART_BYTES = 5 * 2**20
"""The least size of each part of an upload except the last one."""
MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Condition:
    """The state that a write expects of the object."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str | None) -> None:
        """Raise the refusal that S3 publishes for an object with *etag*; None: there is none."""
        if self.if_none_match is not None:
            if self.if_none_match != "*":
                message = "If-None-Match of a write takes only *."
                raise Refusal(501, "NotImplemented", message)
            if etag is not None:
                raise precondition_failed()
        if self.if_match is not None:
            if etag is None:
                raise no_such_key()
            if self.if_match not in ("*", etag, etag.strip('"')):
                raise precondition_failed()


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object."""

    content: bytes
    etag: str
    headers: Mapping[str, str]
    """Its type and its own metadata."""


@dataclass(slots=True)
class _Upload:
    key: str
    headers: Mapping[str, str]
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


class ObjectStore:
    """Objects by their path ``bucket/key``. All buckets exist."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self._uploads: dict[str, _Upload] = {}
        self._numbers = itertools.count(1)

    @property
    def open_uploads(self) -> int:
        """How many uploads were begun, and neither completed nor aborted."""
        return len(self._uploads)

    def get(self, key: str, condition: Condition) -> StoredObject:
        """Return an object. *condition*: only ``If-Match`` counts."""
        found = self.objects.get(key)
        if found is None:
            raise no_such_key()
        Condition(if_match=condition.if_match).check(found.etag)
        return found

    def put(self, key: str, content: bytes, headers: Mapping[str, str], when: Condition) -> str:
        """Write an object in one request, if *when* holds; return its tag."""
        when.check(self._etag(key))
        return self._store(key, content, _tag(content), headers)

    def begin(self, key: str, headers: Mapping[str, str]) -> str:
        """Begin an upload in parts; return its id."""
        upload_id = f"upload-{next(self._numbers)}"
        self._uploads[upload_id] = _Upload(key, headers)
        return upload_id

    def put_part(self, key: str, upload_id: str, number: int, content: bytes) -> str:
        """Keep a part, instead of an earlier one of the same *number*; return its tag."""
        if not 1 <= number <= MOST_PARTS:
            message = f"Part number must be an integer between 1 and {MOST_PARTS}."
            raise Refusal(400, "InvalidArgument", message)
        tag = _tag(content)
        self._upload(key, upload_id).parts[number] = (tag, content)
        return tag

    def complete(
        self, key: str, upload_id: str, listed: Sequence[tuple[int, str]], when: Condition
    ) -> str:
        """Make the object of the *listed* parts (number, tag), if *when* holds now.

        A refused upload stays, until it is aborted.
        """
        upload = self._upload(key, upload_id)
        contents = _chosen(upload.parts, listed)
        when.check(self._etag(key))
        del self._uploads[upload_id]
        digests = b"".join(bytes.fromhex(tag.strip('"')) for _, tag in listed)
        tag = f'"{_md5(digests)}-{len(listed)}"'
        return self._store(key, b"".join(contents), tag, upload.headers)

    def abort(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts."""
        self._upload(key, upload_id)
        del self._uploads[upload_id]

    def _etag(self, key: str) -> str | None:
        found = self.objects.get(key)
        return found.etag if found else None

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise no_such_upload()
        return upload

    def _store(self, key: str, content: bytes, tag: str, headers: Mapping[str, str]) -> str:
        self.objects[key] = StoredObject(content, tag, headers)
        return tag


def _chosen(
    parts: Mapping[int, tuple[str, bytes]], listed: Sequence[tuple[int, str]]
) -> list[bytes]:
    """Return the contents of the *listed* parts, if S3 makes an object of them."""
    numbers = [number for number, _ in listed]
    if not numbers:
        raise Refusal(400, "MalformedXML", "The list of parts is empty.")
    if numbers != sorted(set(numbers)):
        raise Refusal(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
    for number, tag in listed:
        if parts.get(number, ("", b""))[0].strip('"') != tag.strip('"'):
            raise Refusal(400, "InvalidPart", f"Part {number} could not be found.")
    contents = [parts[number][1] for number in numbers]
    if any(len(content) < LEAST_PART_BYTES for content in contents[:-1]):
        message = "Your proposed upload is smaller than the minimum allowed size."
        raise Refusal(400, "EntityTooSmall", message)
    return contents


def _tag(content: bytes) -> str:
    return f'"{_md5(content)}"'


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
