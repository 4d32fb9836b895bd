"""Files: results too large for their job, what handlers leave, what clients upload, caches."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from secretary_common.models.value import Value, new_file_id

UNNAMED_KEPT = timedelta(hours=24)
"""How long a file is kept that no document names."""
UPLOAD_HELD = timedelta(hours=12)
"""How long an upload certainly stays after somebody was told that it is there."""
UPLOAD_PARAMETER = "file_id"
"""The parameter by which a job names an upload."""
UPLOAD_FORMAT = "upload"
"""The ``format`` of that parameter in its type's schema: without it, it means what it will."""
INLINE_RESULTS_BYTES = 256 * 1024
"""Results over this size, as JSON, have a file and an address of their own."""
MAX_NAME = 200
"""Characters of a file's name."""


class FileKind(StrEnum):
    """What a file is, and so who may name it."""

    RESULT = "result"
    """Results of an attempt, as JSON; counts once the settling write names it."""
    FILE = "file"
    """A file of an attempt; likewise."""
    UPLOAD = "upload"
    """Uploaded by a client; jobs name it as ``parameters.file_id``."""
    CACHE = "cache"


class FileInfo(Value):
    """What is known of a file before its bytes."""

    file_id: str = Field(default_factory=new_file_id)
    kind: FileKind
    owner: str
    """The id of the API key it belongs to."""
    name: str
    created_at: datetime
    job_id: str | None = None
    attempt: int | None = None


class StoredFile(FileInfo):
    """A file whose bytes are stored, all of them."""

    size: int
    sha256: str
    """Of the bytes, in hexadecimal."""


class JobFile(Value):
    """A file as a job names it."""

    name: str
    file_id: str
    size: int
    sha256: str
    content_type: str


class ResultsFile(Value):
    """Where a job's results are when they are too large to stand in it."""

    file_id: str
    size: int
    """Of their JSON, in bytes."""


def name_fault(name: str) -> str | None:
    """What keeps *name* from being the name of a job's file; None: nothing does.

    A name is one part of a path, wherever it is used: in an address, an archive, on a disk.
    """
    if not 0 < len(name) <= MAX_NAME:
        return f"a file's name has 1 to {MAX_NAME} characters"
    if name in (".", "..") or name != name.strip():
        return "a file's name is neither . nor .. and has no space around it"
    if any(character in "/\\" or not character.isprintable() for character in name):
        return "a file's name has no slash, no backslash and only printable characters"
    return None
