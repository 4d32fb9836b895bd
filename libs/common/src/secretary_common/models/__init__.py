"""The nouns: jobs, leases, settlements, deliveries. Values only, no I/O."""

from secretary_common.models.attempt import Candidate, Outcome, ProgressChange, Renewal, Settlement
from secretary_common.models.batch import Batch, StatusCounts, TypeStatistic
from secretary_common.models.delivery import (
    Delivery,
    DeliveryAttempt,
    DueDelivery,
    delivery_id_of,
    parse_delivery_id,
)
from secretary_common.models.file import (
    FileInfo,
    FileKind,
    JobFile,
    ResultsFile,
    StoredFile,
    name_fault,
)
from secretary_common.models.job import (
    Idempotency,
    Job,
    JobError,
    JobProgress,
    Lease,
    LogEntry,
    NotifySlot,
    Settled,
    Webhook,
)
from secretary_common.models.request import ApiKey, JobQuery, JobTypeInfo
from secretary_common.models.value import (
    LOG_LEVELS,
    JsonObject,
    LogLevel,
    SealedSecret,
    new_batch_id,
    new_file_id,
    new_job_id,
    new_token,
)
from secretary_common.models.worker import RunningJob, WorkerReport
from secretary_common.states import DeliveryState, JobStatus, Phase

__all__ = [
    "LOG_LEVELS",
    "ApiKey",
    "Batch",
    "Candidate",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "DueDelivery",
    "FileInfo",
    "FileKind",
    "Idempotency",
    "Job",
    "JobError",
    "JobFile",
    "JobProgress",
    "JobQuery",
    "JobStatus",
    "JobTypeInfo",
    "JsonObject",
    "Lease",
    "LogEntry",
    "LogLevel",
    "NotifySlot",
    "Outcome",
    "Phase",
    "ProgressChange",
    "Renewal",
    "ResultsFile",
    "RunningJob",
    "SealedSecret",
    "Settled",
    "Settlement",
    "StatusCounts",
    "StoredFile",
    "TypeStatistic",
    "Webhook",
    "WorkerReport",
    "delivery_id_of",
    "name_fault",
    "new_batch_id",
    "new_file_id",
    "new_job_id",
    "new_token",
    "parse_delivery_id",
]
