"""Batches in requests and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from secretary_api.schemas.envelope import PLAIN_NUMBER, Request, Timestamp, View
from secretary_api.schemas.submission import EXAMPLE_PARAMETERS, JobSubmission, ShortText
from secretary_common.models.states import JobStatus

LARGEST_BATCH = 1000
EXAMPLE_BATCH_ID = "batch-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60"


class BatchSubmission(Request):
    """Jobs that are accepted all together or not at all."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "batch_name": "the archive of 1999",
                "jobs": [{"job_type": "pdf", "parameters": EXAMPLE_PARAMETERS}],
            }
        }
    )

    batch_name: ShortText | None = None
    jobs: list[JobSubmission] = Field(min_length=1, max_length=LARGEST_BATCH)


class BatchSubmitted(View):
    """An accepted batch."""

    batch_id: str = Field(examples=[EXAMPLE_BATCH_ID])
    job_ids: list[str] = Field(description="In the order of the submitted jobs.")


class BatchCounts(View):
    """The number of a batch's jobs in each state; deleted jobs do not count."""

    model_config = ConfigDict(from_attributes=True)

    pending: int
    processing: int
    completed: int
    failed: int
    cancelled: int
    total: int


class BatchView(View):
    """A batch and its state."""

    batch_id: str = Field(examples=[EXAMPLE_BATCH_ID])
    batch_name: str | None
    created_at: Timestamp
    status: JobStatus = Field(
        description=(
            "`pending` until the first job starts, `processing` until the last one has ended; then "
            "`failed` if any failed, else `cancelled` if any was cancelled, else `completed`."
        )
    )
    counts: BatchCounts


class BatchPageQuery(Request):
    """The page of the listing of batches to return."""

    limit: Annotated[int, Field(ge=1, le=50), PLAIN_NUMBER] = 20
    cursor: str | None = Field(default=None, description="`next` of the page before.")


class BatchPage(View):
    """Batches, newest first."""

    batches: list[BatchView]
    next: str | None
    """The cursor of the next page; null on the last page."""
