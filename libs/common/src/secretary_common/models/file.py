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
REFUSED_CONTENT = "x-refused-content"
"""The keyword of the schema of an upload for the contents that the job type never reads.

Its value is a list of ``ContentMark`` objects. The API refuses a job whose upload has one of them.
"""
HEAD_BYTES = 64 * 1024
"""This many first bytes of a file show which kind of file it is."""
INLINE_RESULTS_BYTES = 256 * 1024
"""Results whose JSON is larger than this are stored in a file and have their own URL."""
MAX_NAME = 200
"""The most characters in a file's name."""
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Text has tabs, line ends and form feeds, but nearly no other control characters.
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27})
_MOST_CONTROLS = 0.01


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


class ContentMark(Value):
    """Bytes at a fixed place of a file, which show what the file is."""

    title: str
    """What the file is, with an article, such as ``a RAR archive``."""
    mark: str = Field(pattern=r"^([0-9a-f]{2})+$")
    """The bytes, in hexadecimal."""
    at: int = Field(default=0, ge=0)
    """The place of the first byte, from the start of the file."""

    def matches(self, head: bytes) -> bool:
        """Return whether a file that begins with *head*, ``HEAD_BYTES`` or all, has the mark.

        A text may begin with the same letters as a mark, so letters count only in a binary file.
        """
        mark = bytes.fromhex(self.mark)
        found = head[self.at : self.at + len(mark)] == mark
        return found and not (_is_printable(mark) and looks_like_text(head))

    @property
    def message(self) -> str:
        """The refusal of a file with the mark, in words."""
        return refusal(self.title)


def refusal(title: str) -> str:
    """Return the message for a file that is *title*: a noun, and advice after a semicolon."""
    kind, _, advice = title.partition("; ")
    return f"the file is {kind}, which cannot be read" + (f": {advice}" if advice else "")


def looks_like_text(head: bytes) -> bool:
    """Return whether a file that begins with *head* is a text in any encoding."""
    if head.startswith(_WIDE_MARKS):
        return True
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return b"\0" not in head and controls <= _MOST_CONTROLS * len(head)


def _is_printable(mark: bytes) -> bool:
    return mark.isascii() and mark.decode().isprintable()


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
