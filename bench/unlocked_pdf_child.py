"""The child that reads PDFs, without the locks of the sandbox: what the locks cost is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secretary_documents.pdf.child import begin
from secretary_worker.sandbox import lockdown

__all__ = ["begin"]


def _lock_nothing(files: Sequence[int], readable: Iterable[str]) -> None:
    """Leave the process as it is."""


lockdown.lock_parser = _lock_nothing
