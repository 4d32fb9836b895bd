"""Values of the domain: jobs, leases, settlements, deliveries, files, their states and ids.

Here belong immutable values and pure functions on them. Code that reads, writes or waits does not;
how a transition changes a job is in ``jobs``. Other packages import the names from this package.
"""

from secretary_common.models.announcement import (
    JobTypeInfo,
    TemplateField,
    TemplateInfo,
    job_type_fault,
)
from secretary_common.models.api_key import ADMIN, BOOTSTRAP_ID, ApiKey
from secretary_common.models.batch import Batch, StatusCounts, TypeStatistic
from secretary_common.models.delivery import (
    NOTIFIER_ALIVE_SEC,
    NOTIFIER_REPORT_SEC,
    RESENDABLE,
    Delivery,
    DeliveryAttempt,
    DeliveryQuery,
    DeliveryRecord,
    DueDelivery,
    Lane,
    Obstacles,
    delivery_id_of,
    parse_delivery_id,
)
from secretary_common.models.execution import (
    Candidate,
    Outcome,
    ProgressChange,
    Renewal,
    Settlement,
)
from secretary_common.models.file import (
    FileInfo,
    FileKind,
    JobFile,
    ResultsFile,
    StoredFile,
    name_fault,
)
from secretary_common.models.ids import (
    new_batch_id,
    new_file_id,
    new_job_id,
    new_test_id,
    new_token,
)
from secretary_common.models.job import (
    POISON_AFTER,
    Idempotency,
    Job,
    JobError,
    JobProgress,
    JobQuery,
    Lease,
    LogEntry,
    NotifySlot,
    Settled,
    Unreadable,
    Webhook,
    WorkerFailure,
)
from secretary_common.models.states import DeliveryState, JobStatus, NewerWord, Phase
from secretary_common.models.value import LOG_LEVELS, JsonObject, LogLevel, SealedSecret
from secretary_common.models.worker import RunningJob, WorkerReport

__all__ = [
    "ADMIN",
    "BOOTSTRAP_ID",
    "LOG_LEVELS",
    "NOTIFIER_ALIVE_SEC",
    "NOTIFIER_REPORT_SEC",
    "POISON_AFTER",
    "RESENDABLE",
    "ApiKey",
    "Batch",
    "Candidate",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryQuery",
    "DeliveryRecord",
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
    "Lane",
    "Lease",
    "LogEntry",
    "LogLevel",
    "NewerWord",
    "NotifySlot",
    "Obstacles",
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
    "TemplateField",
    "TemplateInfo",
    "TypeStatistic",
    "Unreadable",
    "Webhook",
    "WorkerFailure",
    "WorkerReport",
    "delivery_id_of",
    "job_type_fault",
    "name_fault",
    "new_batch_id",
    "new_file_id",
    "new_job_id",
    "new_test_id",
    "new_token",
    "parse_delivery_id",
]
