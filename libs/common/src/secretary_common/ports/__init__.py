"""What the services need from a store and a broker, as protocols: one in-memory, one real each."""

from secretary_common.ports.delivery import DeliveryRepository
from secretary_common.ports.doorbell import Doorbell
from secretary_common.ports.job import (
    HeldJobs,
    JobRepository,
    OutboxSlots,
    StoredJobs,
    WaitingJobs,
)
from secretary_common.ports.store import JobTypeRepository, KeyRepository, LogRepository

__all__ = [
    "DeliveryRepository",
    "Doorbell",
    "HeldJobs",
    "JobRepository",
    "JobTypeRepository",
    "KeyRepository",
    "LogRepository",
    "OutboxSlots",
    "StoredJobs",
    "WaitingJobs",
]
