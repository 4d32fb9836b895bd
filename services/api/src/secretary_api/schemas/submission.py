"""Jobs in requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    WithJsonSchema,
    model_validator,
)

from secretary_api.schemas.envelope import WHOLE, PageSize, Request
from secretary_common.models import JOB_TYPE, JsonObject, job_type_fault
from secretary_common.models.states import JobStatus
from secretary_common.settings.service import check_webhook_secret

TEN_YEARS_SEC = 10 * 365 * 86_400
MONTH_SEC = 30 * 86_400
LONGEST_URL = 2048
"""The most characters of a webhook's URL, both with ``{jobId}`` and with its replacement."""
MOST_HEADERS = 20
RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "expect",
        "host",
        "keep-alive",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
RESERVED_BEGINNINGS = ("content-", "proxy-", "webhook-")
TOKEN_HEADERS = frozenset({"authorization", "x-callback-token"})
_HEADER_NAME = re.compile(r"[a-z0-9_-]{1,100}")
_DIGIT = "[A-Za-z0-9+/]"
# Base64 of 24 to 64 bytes.
_SECRET_PATTERN = (
    f"^whsec_(({_DIGIT}{{4}}){{8,21}}({_DIGIT}{{2}}==)?|({_DIGIT}{{4}}){{8,20}}{_DIGIT}{{3}}=)$"
)
_HEADER_TEXT = re.compile(r"[\x20-\x7e\xa0-\xff]+")

EXAMPLE_PARAMETERS: dict[str, Any] = {
    "filename": "/path/to/file.pdf",
    "webhook": {
        "url": "https://example.com/webhook",
        "token": "webhook_auth_token",
        "jobId": "client_job_id",
    },
}


def parse_time(value: Any) -> datetime:
    """Return an ISO 8601 text as an aware UTC time; a text without an offset is UTC.

    Raises:
        ValueError: *value* is not such a text.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            pass  # reported below, with one message for both
    raise ValueError("must be an ISO 8601 time, e.g. 2026-01-01T00:00:00Z")


def _check_header_safe(value: str) -> str:
    # A header carries latin-1 without control characters, and white space at its ends is lost.
    if not _HEADER_TEXT.fullmatch(value) or value.strip() != value:
        raise ValueError("must fit into an HTTP header: printable latin-1 text")
    return value


def _check_secret(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic reports ValueError only
    return check_webhook_secret(value)


def _check_job_type(value: str) -> str:
    if fault := job_type_fault(value):
        raise ValueError(fault)
    return value


def _once(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


ONCE = AfterValidator(_once)
"""A value that a list repeats counts once."""
Time = Annotated[datetime, BeforeValidator(parse_time)]
SigningSecret = Annotated[
    str,
    BeforeValidator(_check_secret),
    WithJsonSchema({"type": "string", "pattern": _SECRET_PATTERN}),
]
ShortText = Annotated[str, Field(min_length=1, max_length=200, strict=True)]
JobType = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": f"^{JOB_TYPE.pattern}$"}),
    AfterValidator(_check_job_type),
]
Tag = Annotated[str, Field(min_length=1, max_length=100, strict=True)]
HeaderText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        strict=True,
        json_schema_extra={
            "pattern": r"^[!-~\u00a1-\u00ff]([ -~\u00a0-\u00ff]*[!-~\u00a1-\u00ff])?$"
        },
    ),
    AfterValidator(_check_header_safe),
]


def _check_header_names(headers: dict[str, str]) -> dict[str, str]:
    names = [name.lower() for name in headers]
    for name in names:
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError("a header's name has letters, digits, - and _, at most 100")
        if name in RESERVED_HEADERS or name.startswith(RESERVED_BEGINNINGS):
            raise ValueError(f"the header {name} is the service's own")
    if len(set(names)) < len(names):
        raise ValueError("a header is given twice")
    return headers


OwnHeaders = Annotated[
    dict[str, HeaderText],
    Field(
        min_length=1,
        max_length=MOST_HEADERS,
        json_schema_extra={"propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,100}$"}},
    ),
    AfterValidator(_check_header_names),
]


class Receiver(Request):
    """The token and the headers that a receiver gets with each event."""

    token: HeaderText | None = None
    """Sent as ``Authorization: Bearer <token>`` and ``X-Callback-Token``; stored encrypted."""
    headers: OwnHeaders | None = None
    """Further headers, e.g. ``X-Api-Key``; the values are stored encrypted."""

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        given = {name.lower() for name in self.headers or {}}
        if self.token is not None and given & TOKEN_HEADERS:
            raise ValueError("headers must not have Authorization or X-Callback-Token with a token")
        return self


class WebhookRequest(Receiver):
    """The receiver of a job's events."""

    url: str = Field(min_length=1, max_length=LONGEST_URL, strict=True)
    """``{jobId}`` in it stands for the field ``jobId``; without this field, for the job's id."""
    client_job_id: ShortText | None = Field(default=None, alias="jobId")
    """The client's own id of this job: ``job.id`` in the webhooks."""
    secret: SigningSecret | None = None
    """Signs the webhooks: ``whsec_`` and base64 of 24 to 64 bytes; stored encrypted."""
    progress: StrictBool = True
    """Whether progress is sent too, or only the end."""


class JobSubmission(Request):
    """A job to submit."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"job_type": "pdf", "parameters": EXAMPLE_PARAMETERS}}
    )

    job_type: JobType = Field(description="One of the types at GET /api/job-types.")
    parameters: JsonObject = Field(
        default_factory=dict,
        description=(
            "The parameters of the job type (schema: GET /api/job-types), and for every type "
            "`webhook`: {url, token?, jobId?, secret?, headers?, progress?}."
        ),
    )
    job_name: ShortText | None = None
    priority: Annotated[int, Field(ge=0, le=9, strict=True), WHOLE] = Field(
        default=5, description="Higher first."
    )
    run_at: Time | None = Field(
        default=None, description="The earliest start; without an offset it is UTC."
    )
    delay_sec: float | None = Field(
        default=None, ge=0, le=TEN_YEARS_SEC, strict=True, description="Instead of run_at."
    )
    max_attempts: Annotated[int, Field(ge=1, le=100, strict=True), WHOLE] = 3
    timeout_sec: float | None = Field(
        default=None, gt=0, le=MONTH_SEC, strict=True, description="For one attempt."
    )
    tags: Annotated[list[Tag], ONCE] = Field(default_factory=list, max_length=20)
    user_id: ShortText | None = Field(
        default=None, description="A user of the client, for listings; it grants no rights."
    )

    target: str | None = Field(
        default=None,
        min_length=1,
        max_length=1100,
        strict=True,
        description=(
            "A place of a store, `s3://bucket/prefix/`, to which the results and the files of the "
            "job are written too, before it is completed."
        ),
    )

    @model_validator(mode="after")
    def _one_start(self) -> JobSubmission:
        if self.run_at is not None and self.delay_sec is not None:
            raise ValueError("only one of run_at, delay_sec can be given")
        return self


class JobSelection(Request):
    """Filters that select jobs; an unknown filter is refused."""

    status: JobStatus | None = None
    job_type: str | None = None
    batch_id: str | None = None
    tag: str | None = None
    user_id: str | None = None
    id_contains: str | None = Field(
        default=None,
        min_length=4,
        max_length=60,
        pattern="^[A-Za-z0-9_.-]+$",
        description="A part of the job's id, for example its last 10 characters.",
    )
    created_after: Time | None = None
    created_before: Time | None = None


class JobFilter(JobSelection):
    """The filters of a listing of jobs, and the page to return."""

    limit: PageSize = 50
    cursor: str | None = Field(default=None, description="`next` of the page before.")


def _check_selects(selection: JobSelection) -> JobSelection:
    if not selection.model_dump(exclude_none=True):
        raise ValueError("must name at least one condition, e.g. job_type or created_before")
    return selection


class FilteredAction(Request):
    """An action on all jobs that a filter selects."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"filter": {"status": "failed", "job_type": "pdf"}, "limit": 1000}
        }
    )

    filter: Annotated[JobSelection, AfterValidator(_check_selects)]
    limit: Annotated[int, Field(ge=1, le=1000, strict=True), WHOLE] = 1000
    cursor: str | None = Field(
        default=None, description="`next` of the call before: jobs after those of that call."
    )
