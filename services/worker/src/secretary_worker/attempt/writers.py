"""Builds the writer of each attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.ports import FileRepository, JobRepository, LogRepository
from secretary_common.runtime.clock import Clock
from secretary_common.runtime.mailbox import Mailbox
from secretary_worker.attempt.files import AttemptFiles, WriteToTarget
from secretary_worker.attempt.held_job import HeldJob
from secretary_worker.attempt.log_writer import LogWriter
from secretary_worker.attempt.progress import AttemptProgress, OnEvent
from secretary_worker.attempt.writer import AttemptWriter


@dataclass(frozen=True, slots=True)
class AttemptWriters:
    """What the writers of all attempts of a worker have in common."""

    jobs: JobRepository
    logs: LogRepository
    files: FileRepository
    clock: Clock
    retention: timedelta
    """How long an ended job is kept."""
    max_file_bytes: int
    """The largest file that a handler may store, in bytes."""
    mailbox: Mailbox
    """The mailbox of the engine's loop."""
    write_to_target: WriteToTarget | None = None
    """Writes the results of jobs with a target; None: no job has one."""

    def open(
        self, hold: HeldJob, calculator: ResourceCalculator, on_event: OnEvent
    ) -> AttemptWriter:
        """Return the writer for the attempt of *hold*. The caller closes the writer."""
        job = hold.job
        return AttemptWriter(
            hold,
            AttemptProgress(job, hold.token, self.jobs, self.clock, on_event),
            LogWriter(job, self.logs, self.clock),
            AttemptFiles(job, self.files, self.clock, max_file_bytes=self.max_file_bytes),
            self.clock,
            mailbox=self.mailbox,
            calculator=calculator,
            retention=self.retention,
            write_to_target=self.write_to_target,
        )
