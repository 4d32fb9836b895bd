"""Files: large results, files that handlers store, uploads of clients, large cache entries."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from secretary_common.models.ids import new_file_id
from secretary_common.models.value import Value

UNNAMED_KEPT = timedelta(hours=24)
"""A file that no document names is kept for this long."""
UPLOAD_KEPT = timedelta(hours=12)
"""An upload stays for at least this long after ``keep_uploads`` returned it."""
UPLOAD_PARAMETER = "file_id"
"""The parameter in which a job names an upload."""
UPLOAD_FORMAT = "upload"
"""The ``format`` of that parameter in the job type's schema.

Without this format the parameter has no special meaning.
"""
ROOT_PATH_FORMAT = "file-root-path"
"""The ``format`` of a parameter that names a file on the server, inside ``files.roots``."""
OBJECT_URL_FORMAT = "object-url"
"""The ``format`` of a parameter with a URL that may be the address of an object (``s3://…``)."""
INLINE_RESULTS_BYTES = 256 * 1024
"""Results whose JSON is larger than this are stored in a file and have their own URL."""
MAX_NAME = 200
"""The most characters in a file's name."""


class FileKind(StrEnum):
    """The kind of a file; it decides which documents may name the file."""

    RESULT = "result"
    """Results of an attempt, as JSON; valid once the settling write names the file."""
    FILE = "file"
    """A file of an attempt; valid once the settling write names it."""
    UPLOAD = "upload"
    """An upload of a client; jobs name it as ``parameters.file_id``."""
    CACHE = "cache"


class FileInfo(Value):
    """The facts about a file that are known before its bytes arrive."""

    file_id: str = Field(default_factory=new_file_id)
    kind: FileKind
    owner: str
    """The id of the API key that the file belongs to."""
    name: str
    created_at: datetime
    job_id: str | None = None
    attempt: int | None = None


class StoredFile(FileInfo):
    """A file whose bytes are completely stored."""

    size: int
    sha256: str
    """The SHA-256 digest of the bytes, in hexadecimal."""


class JobFile(Value):
    """A file as it is listed in a job."""

    name: str
    file_id: str
    size: int
    sha256: str
    content_type: str


class ResultsFile(Value):
    """The file with a job's results, when they are too large for the job's document."""

    file_id: str
    size: int
    """The size of the JSON, in bytes."""


def name_fault(name: str) -> str | None:
    """Return why *name* is not valid as the name of a job's file; None if it is valid.

    A name must be usable as one part of a path: in a URL, in an archive and on a disk.
    """
    if not 0 < len(name) <= MAX_NAME:
        return f"a file's name has 1 to {MAX_NAME} characters"
    if name in (".", "..") or name != name.strip():
        return "a file's name is neither . nor .. and has no space around it"
    if any(character in "/\\" or not character.isprintable() for character in name):
        return "a file's name has no slash, no backslash and only printable characters"
    return None
