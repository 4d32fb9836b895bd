"""The errors that ``secretary`` reports in one line, and those that only a command raises."""

from __future__ import annotations

import httpx

from secretary_client.error import ApiError, JobFailed, JobNotEnded, Unreachable


class JobsFailed(Exception):
    """Some jobs of a command did not complete."""

    def __init__(self, failures: int, jobs: int) -> None:
        super().__init__(f"{failures} of {jobs} jobs failed")


class NotExtracted(Exception):
    """Some files were not read."""

    def __init__(self, failures: int, files: int) -> None:
        super().__init__(f"{failures} of {files} files were not read")


FAILURES = (
    ApiError,
    JobFailed,
    JobNotEnded,
    JobsFailed,
    NotExtracted,
    Unreachable,
    OSError,
    ValueError,
    httpx.InvalidURL,
)
"""A command that raises one of them has failed; any other error is a fault of the program."""
