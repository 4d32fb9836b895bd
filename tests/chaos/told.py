"""What the clients were told: the side of the ledger the promise is made to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A job that was answered 202."""

    ref: str
    job_id: str
    at: float
    replayed: bool
    """The answer said ``Idempotent-Replayed: true``."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A finished job as its client saw it."""

    job_id: str
    run: int
    attempt: int
    status: str
    nonce: str | None
    """Of its results, if it has any."""


@dataclass(frozen=True, slots=True)
class Order:
    """A cancellation or a retry that was answered 202."""

    job_id: str
    at: float


@dataclass(slots=True)
class Told:
    """Everything all clients were told; they share one."""

    accepted: list[Acceptance] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    cancelled: list[Order] = field(default_factory=list)
    retried: list[Order] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Answers nobody should get: a 4xx, or none at all until the very end."""
    repeats: int = 0
    """Requests made again because there was no answer, or a 5xx."""
