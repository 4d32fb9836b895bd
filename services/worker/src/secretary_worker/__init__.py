"""Claims jobs, runs their handlers, commits one result. Handler packages import from here.

``__all__`` is the worker's whole public API; docs/handlers.md describes each name. The modules
behind the names are private to the worker. This package imports a module at the first use of one of
its names. The children of the sandbox import this package too, and the import of the rest of the
worker would take each child 0.3 s.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secretary_common.jobs.resource_calculator import ResourceCalculator
    from secretary_common.runtime.temporary_file import (
        no_room,
        reserve,
        temporary_file,
        temporary_folder,
    )
    from secretary_worker.access.cache import Cache
    from secretary_worker.access.context import HandlerContext
    from secretary_worker.access.objects import Objects
    from secretary_worker.access.source import OpenFile, digest, open_under_roots, private_copy
    from secretary_worker.access.upload import Uploads
    from secretary_worker.attempt.repository import OpenUpload, SecretaryJobRepository
    from secretary_worker.registry import Handler, register
    from secretary_worker.sandbox.child import (
        LINE_BYTES,
        OUTPUT_BYTES,
        AnswerLimits,
        Child,
        parsing_answer,
    )
    from secretary_worker.sandbox.limits import (
        Begin,
        Emit,
        ProcessLimits,
        Work,
        allow_cpu,
        confine,
        die_first,
        die_with_parent,
    )
    from secretary_worker.sandbox.namespaces import leave_network
    from secretary_worker.sandbox.program import ProgramAccess, replace_process
    from secretary_worker.sandbox.sandbox import Sandbox
    from secretary_worker.sandbox.zygote_client import ZygoteClient

__all__ = [
    "LINE_BYTES",
    "OUTPUT_BYTES",
    "AnswerLimits",
    "Begin",
    "Cache",
    "Child",
    "Emit",
    "Handler",
    "HandlerContext",
    "Objects",
    "OpenFile",
    "OpenUpload",
    "ProcessLimits",
    "ProgramAccess",
    "ResourceCalculator",
    "Sandbox",
    "SecretaryJobRepository",
    "Uploads",
    "Work",
    "ZygoteClient",
    "allow_cpu",
    "confine",
    "die_first",
    "die_with_parent",
    "digest",
    "leave_network",
    "no_room",
    "open_under_roots",
    "parsing_answer",
    "private_copy",
    "register",
    "replace_process",
    "reserve",
    "temporary_file",
    "temporary_folder",
]

_NAMES_OF_MODULES = {
    "secretary_common.jobs.resource_calculator": ["ResourceCalculator"],
    "secretary_common.runtime.temporary_file": [
        *("no_room", "reserve", "temporary_file", "temporary_folder")
    ],
    "secretary_worker.access.cache": ["Cache"],
    "secretary_worker.access.context": ["HandlerContext"],
    "secretary_worker.access.objects": ["Objects"],
    "secretary_worker.access.source": ["OpenFile", "digest", "open_under_roots", "private_copy"],
    "secretary_worker.access.upload": ["Uploads"],
    "secretary_worker.attempt.repository": ["OpenUpload", "SecretaryJobRepository"],
    "secretary_worker.registry": ["Handler", "register"],
    "secretary_worker.sandbox.child": [
        "LINE_BYTES",
        "OUTPUT_BYTES",
        "AnswerLimits",
        "Child",
        "parsing_answer",
    ],
    "secretary_worker.sandbox.limits": [
        *("Begin", "Emit", "ProcessLimits", "Work", "allow_cpu", "confine", "die_first"),
        "die_with_parent",
    ],
    "secretary_worker.sandbox.namespaces": ["leave_network"],
    "secretary_worker.sandbox.program": ["ProgramAccess", "replace_process"],
    "secretary_worker.sandbox.sandbox": ["Sandbox"],
    "secretary_worker.sandbox.zygote_client": ["ZygoteClient"],
}
_MODULES = {name: module for module, names in _NAMES_OF_MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
