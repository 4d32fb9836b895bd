"""The resources of an attempt: tokens, calls, seconds, bytes, pages, cost; the job's ``usage``."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any


class ResourceCalculator:
    """Adds up the resources that one attempt uses. Thread-safe."""

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
        """Count transcribed audio, in seconds of sound."""
        self._add("audio_seconds", seconds)

    def add_cost(self, model: str, amount: float) -> None:
        """Count a cost of *model*, in the currency of the configured prices."""
        if amount:  # without a price, ``usage`` has no cost, instead of a cost of 0
            with self._lock:
                self._costs[model] += amount

    def usage(self) -> dict[str, Any]:
        """Return the totals so far; empty if nothing was counted.

        ``cost`` is ``{"total": …, "models": {model: …}}``; it is left out if no cost was counted.
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
