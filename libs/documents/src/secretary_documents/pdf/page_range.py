"""Which pages of a document are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_common.errors import ErrorCode, PermanentError


@dataclass(frozen=True, slots=True)
class PageRange:
    """The pages asked for: 1-based, inclusive; None means to the end of the document."""

    start: int
    end: int | None

    def within(self, page_count: int) -> range:
        """The page numbers, 1-based, that a document of *page_count* pages has of these.

        Raises:
            PermanentError: VALIDATION_ERROR, it has none.
        """
        if self.start > page_count:
            message = f"page_start is {self.start}, but the document has {page_count} pages"
            raise PermanentError(message, code=ErrorCode.VALIDATION_ERROR)
        return range(self.start, min(self.end or page_count, page_count) + 1)
