"""Helpers for tests of handlers: a job, and a double of the repository that records all calls."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secretary_common.models import Job, JobProgress, JobStatus, LogLevel, new_job_id


class Done:
    """An awaitable; awaiting it is optional."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


@dataclass
class Recorder:
    """A double of an attempt's repository."""

    progress: list[JobProgress] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    results: dict[str, Any] | None = None
    status: JobStatus | None = None
    files: dict[str, tuple[bytes, str | None]] = field(default_factory=dict)
    """Content and type, by name."""

    def update_job_progress(self, job_id: str, progress: JobProgress) -> Done:
        self.progress.append(progress)
        return Done()

    def update_job_results(self, job_id: str, results: dict[str, Any]) -> Done:
        self.results = results
        return Done()

    def update_job_status(self, job_id: str, status: JobStatus) -> Done:
        self.status = status
        return Done()

    def add_file(
        self, job_id: str, name: str, content: bytes, content_type: str | None = None
    ) -> Done:
        self.files[name] = (content, content_type)
        return Done()

    def add_log_entry(self, job_id: str, level: LogLevel, message: str) -> Done:
        self.logs.append((level, message))
        return Done()


def make_job(job_type: str, **parameters: Any) -> Job:
    """Return a job as a handler gets it."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Job(
        job_id=new_job_id(),
        job_type=job_type,
        parameters=parameters,
        owner="key",
        run_at=now,
        created_at=now,
        updated_at=now,
    )


def child_pids(parent: int | None) -> list[int]:
    """Return the living children of *parent*, such as a zygote.

    The first process of a namespace is left out, because it lives as long as the zygote.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat[1]) == parent and stat[0] != "Z" and not _is_first(entry):
            found.append(int(entry.name))
    return found


def descendants(ancestor: int) -> list[int]:
    """Return the living processes that *ancestor*, or a process that it started, has started.

    The first processes of namespaces are left out, as in ``child_pids``.
    """
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents[int(entry.name)] = int(parent)
    found: list[int] = []
    row = {ancestor}
    while row := {pid for pid, parent in parents.items() if parent in row}:
        found += sorted(pid for pid in row if not _is_first(Path(f"/proc/{pid}")))
    return found


async def all_gone(group: int) -> None:
    """Return when no process of *group* runs; the kernel needs a moment to kill them.

    Raises:
        TimeoutError: some still run after 5 s.
    """
    async with asyncio.timeout(5):
        while _living(group):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)


def _living(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdecimal() and int(stat[2]) == group and stat[0] != "Z":
            found.append(int(entry.name))
    return found


def _is_first(process: Path) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return line.split()[2:][-1:] == ["1"]
    return False
