"""Reads documents: as the built-in job types, and alone by ``secretary_documents.extract``.

The job types are ``document``, ``media``, ``pdf``, ``session`` and ``transformer``. The code that
reads documents belongs here: ``pdf``, ``formats``, ``office``, ``web``, ``media``, ``templates``,
and the clients of remote ``providers``. ``handlers`` has one package for each job type, ``wiring``
builds and registers the handlers, and ``embedded`` reads files without a server. Like a user's
handler package, this package uses only the worker's public API. Claims, leases, the store and the
broker do not belong here.

The names of ``__all__`` are imported at their first use, because the children of the sandbox import
this package too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secretary_documents.embedded.document import Document, DocumentFailure, ExtractedPage
    from secretary_documents.embedded.extractor import (
        ExtractOptions,
        Extractor,
        extract,
        extract_async,
    )

__all__ = [
    "Document",
    "DocumentFailure",
    "ExtractOptions",
    "ExtractedPage",
    "Extractor",
    "extract",
    "extract_async",
]

_DOCUMENT = "secretary_documents.embedded.document"
_EXTRACTOR = "secretary_documents.embedded.extractor"
_MODULES = {
    **dict.fromkeys(("Document", "DocumentFailure", "ExtractedPage"), _DOCUMENT),
    **dict.fromkeys(("ExtractOptions", "Extractor", "extract", "extract_async"), _EXTRACTOR),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
