"""Secretary's worker; what handlers import from it has the original documentation's names."""

from secretary_common.resources import ResourceCalculator
from secretary_worker.attempt import AttemptRepository as SecretaryJobRepository
from secretary_worker.manager import SecretaryWorkerManager

__all__ = ["ResourceCalculator", "SecretaryJobRepository", "SecretaryWorkerManager"]
