"""The limits of one file, and the count of what was used of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from secretary_common.errors import ErrorCode, PermanentError


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The limits within which a child reads one file."""

    max_unpacked_bytes: int
    """The most bytes that all parts of a ZIP file may have together, unpacked."""
    max_members: int
    """The most files in a ZIP file."""
    max_cells: int
    """The most cells of all tables together, empty ones included."""
    max_pages: int
    """The most pages, sheets, slides or chapters."""
    max_pixels: int
    """The most pixels of a picture."""
    max_text_chars: int
    """The most characters of all text together."""

    def as_json(self) -> dict[str, Any]:
        """Return the limits for a request to a child."""
        return asdict(self)


def too_large(message: str) -> PermanentError:
    """Return the error of a file that exceeds one of its limits."""
    return PermanentError(message, code=ErrorCode.DOCUMENT_TOO_LARGE)


def damaged(message: str) -> PermanentError:
    """Return the error of a file that cannot be read."""
    return PermanentError(message, code=ErrorCode.DOCUMENT_INVALID)


def encrypted(
    message: str = "the file is encrypted, and only PDFs can be read so",
) -> PermanentError:
    """Return the error of a file that is encrypted."""
    return PermanentError(message, code=ErrorCode.DOCUMENT_ENCRYPTED)


class Budget:
    """Counts cells, pages and characters of one file, and refuses more than its limits."""

    def __init__(self, limits: FileLimits) -> None:
        self.limits = limits
        self._cells = 0
        self._pages = 0
        self._chars = 0

    def add_cells(self, count: int) -> None:
        """Count *count* cells.

        Raises:
            PermanentError: DOCUMENT_TOO_LARGE.
        """
        self._cells += count
        if self._cells > self.limits.max_cells:
            raise too_large(f"the tables have more than {self.limits.max_cells} cells")

    def add_page(self) -> None:
        """Count a page.

        Raises:
            PermanentError: DOCUMENT_TOO_LARGE.
        """
        self._pages += 1
        if self._pages > self.limits.max_pages:
            raise too_large(f"the file has more than {self.limits.max_pages} pages")

    def add_text(self, text: str) -> None:
        """Count the characters of *text*.

        Raises:
            PermanentError: DOCUMENT_TOO_LARGE.
        """
        self._chars += len(text)
        if self._chars > self.limits.max_text_chars:
            raise too_large(f"the file has more than {self.limits.max_text_chars} characters")
