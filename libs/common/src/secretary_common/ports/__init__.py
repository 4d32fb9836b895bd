"""What the services need from a store and a broker, as protocols: one in-memory, one real each."""

from secretary_common.ports.batch import BatchRepository
from secretary_common.ports.cache import CacheEntry, CacheRepository, CacheUpkeep
from secretary_common.ports.delivery import (
    DeliveryQueue,
    DeliveryRepository,
    NotifierRepository,
    StoredDeliveries,
)
from secretary_common.ports.doorbell import Doorbell
from secretary_common.ports.file import FileRepository, OpenFile
from secretary_common.ports.job import (
    HeldJobs,
    JobRepository,
    JobStatistics,
    OutboxSlots,
    RequestedMoves,
    StoredJobs,
    WaitingJobs,
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
    "CacheRepository",
    "CacheUpkeep",
    "DeliveryQueue",
    "DeliveryRepository",
    "Doorbell",
    "Expired",
    "FileRepository",
    "HeldJobs",
    "JobRepository",
    "JobStatistics",
    "JobTypeRepository",
    "KeyRepository",
    "LockRepository",
    "LogRepository",
    "NotifierRepository",
    "OpenFile",
    "OutboxSlots",
    "RemovalRepository",
    "RequestedMoves",
    "StoredDeliveries",
    "StoredJobs",
    "TemplateRepository",
    "WaitingJobs",
    "WorkerRepository",
]
