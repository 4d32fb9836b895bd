"""What the services need from a store and a broker, as protocols: one in-memory, one real each."""

from secretary_common.ports.batch import BatchRepository
from secretary_common.ports.cache import CacheEntry, CacheEviction, CacheRepository
from secretary_common.ports.delivery import (
    DeliveryQueue,
    DeliveryRepository,
    DeliveryStorage,
    NotifierRepository,
)
from secretary_common.ports.doorbell import Doorbell
from secretary_common.ports.file import FileRepository, OpenFile
from secretary_common.ports.job import (
    JobActionWrites,
    JobCandidates,
    JobClaims,
    JobOutbox,
    JobRepository,
    JobStatistics,
    JobStorage,
)
from secretary_common.ports.removal import Expired, LockRepository, RemovalRepository
from secretary_common.ports.store import (
    JobTypeRepository,
    KeyRepository,
    LogRepository,
    TemplateRepository,
)
from secretary_common.ports.worker import WorkerRepository

__all__ = [
    "BatchRepository",
    "CacheEntry",
    "CacheEviction",
    "CacheRepository",
    "DeliveryQueue",
    "DeliveryRepository",
    "DeliveryStorage",
    "Doorbell",
    "Expired",
    "FileRepository",
    "JobActionWrites",
    "JobCandidates",
    "JobClaims",
    "JobOutbox",
    "JobRepository",
    "JobStatistics",
    "JobStorage",
    "JobTypeRepository",
    "KeyRepository",
    "LockRepository",
    "LogRepository",
    "NotifierRepository",
    "OpenFile",
    "RemovalRepository",
    "TemplateRepository",
    "WorkerRepository",
]
