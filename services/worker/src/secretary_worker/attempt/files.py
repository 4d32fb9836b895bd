"""What an attempt stores beside its job: its files, and results that are large or awaited.

All of it lies under the attempt and is read by nobody until the settling write names it; what is
never named the sweeper removes.
"""

from __future__ import annotations

import asyncio

from secretary_common.errors import PermanentError
from secretary_common.models import FileInfo, FileKind, Job, JobFile, ResultsFile
from secretary_common.ports import FileRepository
from secretary_common.runtime.clock import Clock
from secretary_worker.attempt.commands import FileContent, Results

MAX_FILES = 1000
"""Files a job may have: they are listed in it."""


class AttemptFiles:
    """Files and results of one attempt."""

    def __init__(
        self, job: Job, files: FileRepository, clock: Clock, *, max_file_bytes: int
    ) -> None:
        self._job = job
        self._files = files
        self._clock = clock
        self._max_file_bytes = max_file_bytes
        self._storing = asyncio.Lock()
        self._stored: tuple[Results, ResultsFile] | None = None
        self._claims: dict[str, FileContent] = {}
        self._done: dict[str, JobFile] = {}
        self.results: Results | None = None
        """The newest ones."""

    @property
    def files(self) -> tuple[JobFile, ...]:
        """The files that are stored, in the order their names came up."""
        return tuple(self._done[name] for name in self._claims if name in self._done)

    async def keep(self, results: Results) -> ResultsFile:
        """Have *results* lie durably under this attempt; stored once, however often asked.

        Raises:
            StoreUnavailable: safe to repeat.
        """
        async with self._storing:
            if self._stored and self._stored[0] is results:
                return self._stored[1]
            info = self._info(FileKind.RESULT, "results.json")
            stored = await self._files.save(results.pieces(), info)
            replaced, kept = self._stored, ResultsFile(file_id=stored.file_id, size=stored.size)
            self._stored = (results, kept)
            if replaced:
                await self._files.delete(replaced[1].file_id)
            return kept

    @property
    def results_file(self) -> ResultsFile | None:
        """Where the newest results are stored, if they are too large to stand in the job."""
        if self.results is None or self.results.value is not None or self._stored is None:
            return None
        return self._stored[1] if self._stored[0] is self.results else None

    def let_go(self) -> None:
        """Hold no results any more: the attempt is over, and they may be large."""
        self.results = self._stored = None

    def claim(self, file: FileContent) -> None:
        """Take the name of *file*: from now on it is the one of that name.

        Raises:
            PermanentError: the job has too many files.
        """
        if file.name not in self._claims and len(self._claims) >= MAX_FILES:
            raise PermanentError(f"a job has {MAX_FILES} files at most")
        self._claims[file.name] = file

    async def store(self, file: FileContent) -> None:
        """Store *file*, whose name was claimed.

        Raises:
            FileTooLarge: it is over the limit.
            StoreUnavailable: safe to repeat.
        """
        info = self._info(FileKind.FILE, file.name)
        stored = await self._files.save(file.pieces(), info, max_bytes=self._max_file_bytes)
        if self._claims[file.name] is file:
            self._done[file.name] = JobFile(
                name=file.name,
                file_id=stored.file_id,
                size=stored.size,
                sha256=stored.sha256,
                content_type=file.content_type,
            )

    def _info(self, kind: FileKind, name: str) -> FileInfo:
        return FileInfo(
            kind=kind,
            owner=self._job.owner,
            name=name,
            created_at=self._clock.now(),
            job_id=self._job.job_id,
            attempt=self._job.attempt,
        )
