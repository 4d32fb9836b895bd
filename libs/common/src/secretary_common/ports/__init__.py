"""The interfaces of the store and the broker, as protocols.

Each method is described here, once. ``mongo``, ``broker`` and ``testing`` implement these protocols
and describe only what differs. This package contains protocols and the small values in their
signatures. It contains no implementations.
"""

from secretary_common.ports.announcement import JobTypeRepository, TemplateRepository
from secretary_common.ports.api_key import AuditRepository, KeyRepository
from secretary_common.ports.batch import BatchRepository
from secretary_common.ports.cache import CacheEntry, CacheEviction, CacheRepository
from secretary_common.ports.candidate import JobCandidates
from secretary_common.ports.delivery import DeliveryQueue, DeliveryRepository, DeliveryStorage
from secretary_common.ports.doorbell import Doorbell
from secretary_common.ports.endpoint import EndpointRepository
from secretary_common.ports.file import FileContent, FileRepository
from secretary_common.ports.job import (
    JobActionWrites,
    JobClaims,
    JobOutbox,
    JobRepository,
    JobStatistics,
    JobStorage,
)
from secretary_common.ports.job_feed import ChangedJobs, FeedPlace, JobFeed
from secretary_common.ports.log import LogRepository
from secretary_common.ports.process import NotifierRepository, WorkerRepository
from secretary_common.ports.removal import Expired, LockRepository, RemovalRepository

__all__ = [
    "AuditRepository",
    "BatchRepository",
    "CacheEntry",
    "CacheEviction",
    "CacheRepository",
    "ChangedJobs",
    "DeliveryQueue",
    "DeliveryRepository",
    "DeliveryStorage",
    "Doorbell",
    "EndpointRepository",
    "Expired",
    "FeedPlace",
    "FileContent",
    "FileRepository",
    "JobActionWrites",
    "JobCandidates",
    "JobClaims",
    "JobFeed",
    "JobOutbox",
    "JobRepository",
    "JobStatistics",
    "JobStorage",
    "JobTypeRepository",
    "KeyRepository",
    "LockRepository",
    "LogRepository",
    "NotifierRepository",
    "RemovalRepository",
    "TemplateRepository",
    "WorkerRepository",
]
