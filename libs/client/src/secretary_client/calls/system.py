"""Calls on the system: job types, workers, figures."""

from __future__ import annotations

from typing import Any

from secretary_client.calls.batches import Batches
from secretary_client.calls.keys import Keys
from secretary_client.core.call import Calls, D, returns, yields
from secretary_client.core.effect import Flow, Items
from secretary_client.core.fields import path
from secretary_client.models import AuditEntry, JobType, Stats, Template, Worker
from secretary_client.paths import TYPES


class SystemCalls(Calls[D]):
    """See what the system can do and does."""

    @property
    def batches(self) -> Batches[D]:
        """The batches: jobs that are submitted together, all or none."""
        return Batches(self._requests, self._driver)

    @property
    def keys(self) -> Keys[D]:
        """The API keys, for admins."""
        return Keys(self._requests, self._driver)

    @returns
    def job_types(self) -> Flow[list[JobType]]:
        """Return the announced job types, with the JSON Schema of their parameters."""
        found: list[JobType] = (yield from self._requests.data("GET", TYPES))["job_types"]
        return found

    @returns
    def pause(self, job_type: str) -> Flow[JobType]:
        """Pause a job type: no further job of it starts. Running jobs continue. For admins."""
        return self._requests.data("POST", path(TYPES, job_type, "pause"))

    @returns
    def resume(self, job_type: str) -> Flow[JobType]:
        """Let jobs of a type start again. For admins."""
        return self._requests.data("POST", path(TYPES, job_type, "resume"))

    @returns
    def templates(self) -> Flow[list[Template]]:
        """Return the announced templates by name."""
        found: list[Template] = (yield from self._requests.data("GET", "/api/templates"))[
            "templates"
        ]
        return found

    @returns
    def stats(self) -> Flow[Stats]:
        """Return exact counts of waiting and running jobs: the key's own, all for an admin."""
        return self._requests.data("GET", "/api/stats")

    @returns
    def overview(self) -> Flow[dict[str, Any]]:
        """Return the state of the system as the dashboard shows it, a few seconds old."""
        return self._requests.data("GET", "/api/overview")

    @returns
    def workers(self) -> Flow[list[Worker]]:
        """Return the workers that are alive."""
        found: list[Worker] = (yield from self._requests.data("GET", "/api/workers"))["workers"]
        return found

    @yields
    def audit(self) -> Items[AuditEntry]:
        """Yield the changes that this key made, an admin's: that any key made, newest first."""
        return self._requests.pages("/api/audit", "entries", "cursor")
