"""A stand-in for the next version: a copy of the packages that stores more than this version knows.

Each stored document has one more field, also inside its parts. Progress events have a new phase,
some jobs wait in a new state before they are pending, and new deliveries begin in a new state.
"""

from __future__ import annotations

import ast
import shutil
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIELDS: Mapping[str, Mapping[str, str]] = {
    "models/job.py": {
        "Job": 'colour: str = "blue"',
        "JobEndpoints": 'colour: str = "blue"',
        "Idempotency": 'scope: str = "key"',
        "JobProgress": 'unit: str = "pages"',
        "Lease": 'zone: str = "a"',
        "LogEntry": 'host: str = "h"',
        "NotifySlot": 'channel: str = "web"',
        "Settled": 'by: str = "worker"',
        "Webhook": 'retry: str = "quick"',
    },
    "models/attempt.py": {"AttemptRecord": 'colour: str = "blue"'},
    "models/batch.py": {"Batch": 'colour: str = "blue"'},
    "models/delivery.py": {
        "Delivery": 'colour: str = "blue"',
        "DeliveryAttempt": 'via: str = "direct"',
    },
    "models/api_key.py": {"AuditEntry": 'colour: str = "blue"'},
    "models/endpoint.py": {"Endpoint": 'colour: str = "blue"'},
    "models/file.py": {"FileInfo": 'colour: str = "blue"'},
    "models/process.py": {"WorkerReport": 'zone: str = "a"', "RunningJob": 'colour: str = "blue"'},
    "models/announcement.py": {"TemplateInfo": 'colour: str = "blue"'},
    "models/states.py": {
        "JobStatus": 'PARKED = "parked"',
        "DeliveryState": 'QUEUED = "queued"',
        "Phase": 'STARTED = "started"',
    },
}
"""The line that each class gets."""
BEHAVIOUR: Mapping[str, str] = {
    "models/states.py": """
TRANSITIONS[JobStatus.PARKED] = frozenset({JobStatus.PENDING})
""",
    "jobs/payload.py": """
MESSAGES[Phase.STARTED] = "Started"
""",
    "jobs/slot.py": """
_usual_slot = progress_slot


def progress_slot(job, seq, now, notified_at):
    slot = _usual_slot(job, seq, now, notified_at)
    return slot and slot.model_copy(update={"phase": Phase.STARTED})
""",
    "mongo/jobs/repository.py": """
_insert, _ended_leases = MongoJobRepository.insert, MongoJobRepository.ended_leases


async def _insert_parked(self, job):
    status = JobStatus.PARKED if job.job_name == "parked" else job.status
    await _insert(self, job.model_copy(update={"status": status}))


async def _ended_leases_after_parked(self, job_types, now, limit, **options):
    due = {"status": "parked", "created_at": {"$lte": now - timedelta(seconds=4)}}
    await self._jobs.update_many(due, {"$set": {"status": "pending"}})
    return await _ended_leases(self, job_types, now, limit, **options)


MongoJobRepository.insert = _insert_parked
MongoJobRepository.ended_leases = _ended_leases_after_parked
from secretary_common.models import JobStatus
""",
    "mongo/deliveries/repository.py": """
_insert, _lanes = MongoDeliveryRepository.insert_absent, MongoDeliveryRepository.waiting_lanes


async def _insert_queued(self, deliveries):
    queued = [one.model_copy(update={"state": DeliveryState.QUEUED}) for one in deliveries]
    return await _insert(self, queued)


async def _lanes_after_queued(self):
    await self._deliveries.update_many({"state": "queued"}, {"$set": {"state": "pending"}})
    return await _lanes(self)


async def _insert_queued_unclaimed(self, deliveries, leases):
    return [False if done is True else done for done in await _insert_queued(self, deliveries)]


MongoDeliveryRepository.insert_absent = _insert_queued
MongoDeliveryRepository.insert_claimed = _insert_queued_unclaimed
MongoDeliveryRepository.waiting_lanes = _lanes_after_queued
from secretary_common.models.states import DeliveryState
""",
}
"""The code that is added to modules of ``secretary_common``."""


def make_next_version(folder: Path) -> Path:
    """Copy all packages into *folder* and make the copy the next version; return *folder*."""
    for package in ROOT.glob("*/*/src/secretary_*"):
        if package.name != "secretary_devstack":
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(package, folder / package.name, ignore=ignored)
    common = folder / "secretary_common"
    for path, lines in FIELDS.items():
        for name, line in lines.items():
            _add_line(common / path, name, line)
    for path, code in BEHAVIOUR.items():
        with (common / path).open("a") as module:
            module.write(code)
    return folder


def _add_line(path: Path, name: str, line: str) -> None:
    """Add *line* to the class *name*, behind its docstring."""
    text = path.read_text()
    [found] = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    end = found.body[0].end_lineno
    lines = text.splitlines()
    lines.insert(end or 0, f"    {line}")
    path.write_text("\n".join(lines) + "\n")
