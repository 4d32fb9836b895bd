"""The limits of connections and requests, which hold before any route sees a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The deadlines of what clients send, and the most requests at once."""

    head_sec: float
    """The time for the head of a request: from the connection, or from the head's first byte."""
    body_sec: float
    """The time for the body of a request, from the end of its head."""
    requests_at_once: int
    """The most requests under way, streams included; more get 503."""
    paced_paths: frozenset[bytes] = frozenset()
    """The paths whose routes have a deadline of their own for the body."""
