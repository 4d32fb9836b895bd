"""Calls on files."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from secretary_client.calls.streams import StreamCalls
from secretary_client.core.call import D, returns
from secretary_client.core.effect import Flow
from secretary_client.core.fields import path
from secretary_client.core.uploads import (
    OnProgress,
    Uploadable,
    UploadFile,
    name_of,
    seekable,
    sendable,
)
from secretary_client.models import JobFile, PresignedUpload
from secretary_client.paths import FILES, JOBS


class FileCalls(StreamCalls[D]):
    """Upload files for jobs, and download the files of jobs."""

    @returns
    def upload(
        self,
        file: Uploadable,
        *,
        filename: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Flow[str]:
        """Upload a file; return its ``file_id`` for the parameters of jobs.

        Args:
            file: a path (text or ``Path``), the content as bytes, or a file that is open in
                binary mode; an open file is read from its position on and stays open.
            filename: its name; default: the name of the path or of the open file.
            on_progress: called with the bytes that were sent so far, and all bytes. A repeated
                request begins at 0 again.

        Raises:
            OSError: the file cannot be read.
            TypeError: the file is open in text mode.
        """
        name = sendable(filename or name_of(file))
        with ExitStack() as held:
            source = UploadFile((yield from seekable(file, held)), on_progress)
            found = yield from self._requests.data("POST", FILES, files={"file": (name, source)})
        file_id: str = found["file_id"]
        return file_id

    @returns
    def presign(self, filename: str, *, size: int, content_type: str) -> Flow[PresignedUpload]:
        """Return a URL to which a file is sent past the API; jobs name it by its ``source``.

        Args:
            filename: the name of the file.
            size: its bytes.
            content_type: its media type, e.g. ``video/mp4``.
        """
        body = {"filename": filename, "size": size, "content_type": content_type}
        return self._requests.data("POST", f"{FILES}/presign", json=body)

    @returns
    def files(self, job_id: str) -> Flow[list[JobFile]]:
        """Return the files of a job, with their sizes and SHA-256."""
        found: list[JobFile] = (yield from self._shown(job_id))["files"]
        return found

    @returns
    def download(self, job_id: str, name: str, target: str | os.PathLike[str]) -> Flow[None]:
        """Write a file of a job to the path *target*, completely or not at all."""
        yield from self._requests.saved(path(JOBS, job_id, "files", name), Path(target))

    @returns
    def archive(self, job_id: str, target: str | os.PathLike[str]) -> Flow[None]:
        """Wait for the end of a job, and write all its files to the path *target* as a zip.

        If the job is retried meanwhile, this waits for the end of the new run too.
        """
        where, is_saved = path(JOBS, job_id, "download-archive"), False
        while not is_saved:
            yield from self._ended(job_id, None)
            is_saved = yield from self._requests.saved(where, Path(target))
