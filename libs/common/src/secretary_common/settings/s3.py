"""Connections to S3-compatible stores, their buckets, and the place of direct uploads."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from secretary_common.http.object_address import Place
from secretary_common.settings.section import HttpUrl, Seconds, Section

LONGEST_PRESIGNED_SEC = 7 * 86_400
"""S3 accepts no presigned URL that is valid for longer."""


def _check_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("an endpoint is https://host or http://host:port; keys have settings")
    return value


def _check_place(value: str) -> str:
    return str(Place.parse(value)) if value else value


def _check_bucket(value: str) -> str:
    return str(Place.parse(f"s3://{value.removeprefix('s3://')}"))


Endpoint = Annotated[HttpUrl, AfterValidator(_check_endpoint)]
PlaceText = Annotated[str, AfterValidator(_check_place)]
BucketText = Annotated[str, AfterValidator(_check_bucket)]


class S3Connection(Section):
    """A store, the key to it, and the buckets that jobs may name."""

    endpoint: Endpoint
    """The address of the store, without a bucket and a path."""
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,64}$")
    buckets: list[BucketText] = Field(min_length=1)
    """``bucket`` or ``bucket/prefix/``; a bucket belongs to one connection."""
    access_key_id: SecretStr
    secret_access_key: SecretStr
    session_token: SecretStr = SecretStr("")
    path_style: bool = True
    """``https://host/bucket/key``; False: ``https://bucket.host/key``."""
    allow_private: bool = False
    """Whether the endpoint may have an address that is not public."""
    timeout_sec: Seconds = 60.0
    """For each single connect, read and write."""

    @property
    def places(self) -> list[Place]:
        """The buckets and prefixes that jobs may name."""
        return [Place.parse(bucket) for bucket in self.buckets]


class S3Section(Section):
    """Stores that jobs may read from and write to. A job names a bucket, never a connection."""

    connections: dict[str, S3Connection] = {}
    uploads: PlaceText = ""
    """The place for uploads past the API, ``s3://bucket/prefix/``; empty: there are none."""
    max_upload_mb: float = Field(default=5000, gt=0, le=5000)
    """The largest upload past the API. S3 takes at most 5 GB in one request."""
    presigned_sec: int = Field(default=3600, ge=10, le=LONGEST_PRESIGNED_SEC)
    """How long the URL of such an upload is valid."""
    write_sec: Seconds = 3600.0
    """The deadline for writing the results and files of one job."""

    @model_validator(mode="after")
    def _each_bucket_once(self) -> Self:
        owners = Counter(
            bucket
            for connection in self.connections.values()
            for bucket in {place.bucket for place in connection.places}
        )
        if twice := sorted(bucket for bucket, count in owners.items() if count > 1):
            raise ValueError(f"connections: two of them have the bucket {twice[0]}")
        if self.uploads and not any(
            Place.parse(self.uploads) in place
            for connection in self.connections.values()
            for place in connection.places
        ):
            raise ValueError("uploads: the place is in no bucket of connections")
        return self
