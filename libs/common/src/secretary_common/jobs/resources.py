"""What an attempt used: tokens, calls, seconds, bytes, pages, their cost; the job's ``usage``."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any


class ResourceCalculator:
    """Adds up what one attempt uses; may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: defaultdict[str, float] = defaultdict(float)
        self._tokens: defaultdict[str, defaultdict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._costs: defaultdict[str, float] = defaultdict(float)

    def add_tokens(self, model: str, *, prompt: int = 0, completion: int = 0) -> None:
        """Count the tokens of one request to *model*."""
        with self._lock:
            self._tokens[model]["prompt"] += prompt
            self._tokens[model]["completion"] += completion

    def add_api_calls(self, count: int = 1) -> None:
        """Count requests to a remote service."""
        self._add("api_calls", count)

    def add_compute_seconds(self, seconds: float) -> None:
        """Count time spent computing, in seconds."""
        self._add("compute_seconds", seconds)

    def add_bytes(self, count: int) -> None:
        """Count bytes read."""
        self._add("bytes", count)

    def add_pages(self, count: int) -> None:
        """Count pages processed."""
        self._add("pages", count)

    def add_audio_seconds(self, seconds: float) -> None:
        """Count sound that was listened to, in seconds of it."""
        self._add("audio_seconds", seconds)

    def add_cost(self, model: str, amount: float) -> None:
        """Count what *model* took, in the currency the configured prices are in."""
        if amount:  # without a price nothing is said, rather than that it was free
            with self._lock:
                self._costs[model] += amount

    def usage(self) -> dict[str, Any]:
        """The totals so far; empty when nothing was counted.

        ``cost`` is ``{"total": …, "models": {model: …}}`` and only there where prices are set.
        """
        with self._lock:
            usage: dict[str, Any] = {name: round(value, 3) for name, value in self._totals.items()}
            tokens = {model: dict(counts) for model, counts in self._tokens.items()}
            costs = {model: round(cost, 6) for model, cost in self._costs.items()}
        if tokens:
            usage["tokens"] = tokens
        if costs:
            usage["cost"] = {"total": round(sum(costs.values()), 6), "models": costs}
        return usage

    def _add(self, name: str, amount: float) -> None:
        with self._lock:
            self._totals[name] += amount
