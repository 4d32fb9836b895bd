"""API keys in requests and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from secretary_api.schemas.envelope import WHOLE, Request, Timestamp, View
from secretary_api.schemas.submission import ONCE, ShortText, Time
from secretary_common.http.object_address import Place
from secretary_common.models import JsonObject

Scope = Literal["admin", "deliveries", "metrics", "read", "submit"]
"""`submit`, `read` and `deliveries` bound a key to these parts of what it may do with its own jobs;
without any of them it may do all of it. `metrics` reads `/metrics`, `admin` does everything."""


def _check_folder(value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("must not contain ..")
    return value


EXAMPLE_LIMITS: JsonObject = {"max_running": 4, "max_pending": 1000}
Count = Annotated[int, Field(ge=1, le=1_000_000_000, strict=True), WHOLE]
# Absolute, and without a step up, so that its text shows where it is.
Folder = Annotated[
    str, Field(max_length=1000, pattern=r"^/[^\x00]*$", strict=True), AfterValidator(_check_folder)
]


def _check_place(value: str) -> str:
    return str(Place.parse(value))


StorePlace = Annotated[
    str,
    Field(max_length=1200, strict=True, json_schema_extra={"pattern": "^s3://"}),
    AfterValidator(_check_place),
]
Model = Annotated[str, Field(min_length=1, max_length=200, strict=True)]


class LimitsRequest(Request):
    """Limits to set. A limit that is left out stays as it is; null removes it."""

    max_running: Count | None = Field(default=None, description="Running jobs at the same time.")
    max_pending: Count | None = Field(default=None, description="Jobs that wait.")
    max_bytes: Annotated[int, Field(ge=1, le=2**53, strict=True), WHOLE] | None = Field(
        default=None, description="Bytes of all stored uploads."
    )
    requests_per_sec: Annotated[float, Field(ge=0.001, le=1_000_000, strict=True)] | None = Field(
        default=None, description="Requests a second, for each process of the API."
    )
    max_priority: Annotated[int, Field(ge=0, le=9, strict=True), WHOLE] | None = None
    models: Annotated[list[Model], Field(max_length=100)] | None = Field(
        default=None, description="The language models that jobs may name; `[]`: none."
    )
    file_roots: Annotated[list[Folder], Field(max_length=100)] | None = Field(
        default=None,
        description="The folders in `files.roots` whose files jobs may name; `[]`: none.",
    )
    s3_places: Annotated[list[StorePlace], Field(max_length=100)] | None = Field(
        default=None,
        description=(
            "The places of stores (`s3://bucket/prefix/`) that jobs may read from and write to; "
            "`[]`: none."
        ),
    )


class KeyRequest(Request):
    """A key to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "the wiki", "scopes": ["submit", "read"], "limits": EXAMPLE_LIMITS}
        }
    )

    name: ShortText = Field(examples=["the wiki"])
    scopes: Annotated[list[Scope], ONCE] = Field(default_factory=list, max_length=10)
    expires_at: Time | None = None
    limits: LimitsRequest = LimitsRequest()


class KeyCreated(View):
    """A new key; only this answer shows it."""

    key_id: str
    key: str = Field(examples=["sk_0123456789ab_…"])


class KeyChange(Request):
    """A change of a key."""

    model_config = ConfigDict(json_schema_extra={"example": {"limits": EXAMPLE_LIMITS}})

    limits: LimitsRequest


class LimitsView(View):
    """The limits of a key; null: no limit."""

    model_config = ConfigDict(from_attributes=True)

    max_running: int | None
    max_pending: int | None
    max_bytes: int | None
    requests_per_sec: float | None
    max_priority: int | None
    models: list[str] | None
    file_roots: list[str] | None
    s3_places: list[str] | None


class UsageView(View):
    """The figures that the limits bound."""

    model_config = ConfigDict(from_attributes=True)

    running: int
    pending: int
    bytes: int


class KeyView(View):
    """A key without its secret."""

    model_config = ConfigDict(from_attributes=True)

    key_id: str
    name: str
    scopes: list[str]
    created_at: Timestamp | None
    expires_at: Timestamp | None
    last_used_at: Timestamp | None = Field(description="To the minute; null: never used.")
    limits: LimitsView


class ListedKey(KeyView):
    """A key with its figures."""

    used: UsageView


class Keys(View):
    """Every key."""

    keys: list[ListedKey]


class KeyDeleted(View):
    """The deleted key."""

    key_id: str


class AuditView(View):
    """A change that an API key made."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "audit-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60",
                "at": "2026-01-01T00:00:00.000Z",
                "key_id": "0123456789ab",
                "action": "jobs.retry",
                "target": None,
                "details": {"filter": {"status": "failed"}, "done": 12},
            }
        }
    )

    id: str
    at: Timestamp
    key_id: str = Field(description="The key that made the change.")
    action: str
    target: str | None = Field(description="The id of the changed thing, if it is a single one.")
    details: JsonObject | None


class AuditPage(View):
    """Changes, newest first."""

    entries: list[AuditView]
    next: str | None = Field(description="The cursor of the next page; null on the last page.")
