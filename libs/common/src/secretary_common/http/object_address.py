"""The addresses of objects and of places in a bucket: ``s3://bucket/key``, ``s3://bucket/prefix/``.

The text after the bucket is the key as it is, without an encoding, as other S3 tools read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SCHEME = "s3://"
LONGEST_KEY_BYTES = 1024
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """The address of one object."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @classmethod
    def parse(cls, text: str) -> ObjectAddress:
        """Read ``s3://bucket/key``.

        Raises:
            ValueError: *text* is no such address; the message says why.
        """
        bucket, key = _parts(text)
        if not key or key.endswith("/"):
            raise ValueError("an address of an object is s3://bucket/key")
        return cls(bucket, key)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, or the objects of a bucket whose keys begin with a prefix."""

    bucket: str
    prefix: str = ""
    """Empty, or ends with a slash."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read ``s3://bucket`` or ``s3://bucket/prefix/``; the slash at the end may be missing.

        Raises:
            ValueError: *text* is no such address; the message says why.
        """
        bucket, prefix = _parts(text)
        return cls(bucket, f"{prefix}/" if prefix and not prefix.endswith("/") else prefix)

    def __contains__(self, other: ObjectAddress | Place) -> bool:
        key = other.key if isinstance(other, ObjectAddress) else other.prefix
        return other.bucket == self.bucket and key.startswith(self.prefix)

    def object(self, *names: str) -> ObjectAddress:
        """Return the address of the object with *names* as the parts of its key below this place.

        Raises:
            ValueError: the key would be too long.
        """
        return ObjectAddress.parse(f"{self}{'/'.join(names)}")


def is_object_url(url: str) -> bool:
    """Return whether *url* is meant as the address of an object."""
    return url[: len(SCHEME)].lower() == SCHEME


def contains(places: Iterable[Place], address: ObjectAddress | Place) -> bool:
    """Return whether *address* lies in one of *places*."""
    return any(address in place for place in places)


def _parts(text: str) -> tuple[str, str]:
    """Return the bucket and the key or prefix in *text*.

    Parts of a key that a path treats specially are refused, so that the text of an address shows
    where the object is.
    """
    if not text.startswith(SCHEME):
        raise ValueError("an address of an object begins with s3://")
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ValueError("the name of a bucket has 3 to 63 letters, digits, dots and dashes")
    if _CONTROL.search(key):
        raise ValueError("the key has a control character")
    if len(key.encode()) > LONGEST_KEY_BYTES:
        raise ValueError(f"the key has more than {LONGEST_KEY_BYTES} bytes")
    if any(part in (".", "..") for part in key.split("/")):
        raise ValueError("the key has a part . or ..")
    return bucket, key
