"""Which parts of the API the clients use: each is one line here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """What the API under test is held to."""

    idempotency: bool
    """``Idempotency-Key``: a repeat gives the same job. Off, the header is sent all the same, and
    the jobs a repeat makes besides are only counted."""
    cancel: bool
    """``POST /api/jobs/{id}/cancel``."""
    retry: bool
    """``POST /api/jobs/{id}/retry``."""
    batch: bool
    """``POST /api/jobs/batch``."""


FEATURES = Features(
    idempotency=True,
    cancel=True,
    retry=True,
    batch=True,
)
