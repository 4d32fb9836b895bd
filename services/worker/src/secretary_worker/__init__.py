"""Secretary's worker; what handlers import from it has the original documentation's names.

The names are looked up when they are asked for: the sandbox's children import this package too, and
the engine behind these names would cost each of them 0.3 s.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secretary_common.jobs.resources import ResourceCalculator
    from secretary_worker.access.context import HandlerContext
    from secretary_worker.attempt.repository import OpenUpload, SecretaryJobRepository
    from secretary_worker.engine.manager import SecretaryWorkerManager

__all__ = [
    "HandlerContext",
    "OpenUpload",
    "ResourceCalculator",
    "SecretaryJobRepository",
    "SecretaryWorkerManager",
]

_PLACES = {
    "HandlerContext": ("secretary_worker.access.context", "HandlerContext"),
    "OpenUpload": ("secretary_worker.attempt.repository", "OpenUpload"),
    "ResourceCalculator": ("secretary_common.jobs.resources", "ResourceCalculator"),
    "SecretaryJobRepository": ("secretary_worker.attempt.repository", "SecretaryJobRepository"),
    "SecretaryWorkerManager": ("secretary_worker.engine.manager", "SecretaryWorkerManager"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)
