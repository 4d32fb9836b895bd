"""The one file of a multipart/form-data body, as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from secretary_api.http.errors import refused_fields
from secretary_api.http.form_parts import BODY, FormParts, PartHead

FILE = "file"
"""The name of the only part."""


class FileBody:
    """A body that holds one file. Callers first read its name, then its content to the end.

    Both calls raise ``InvalidRequest`` as soon as the body breaks a rule.
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """*content_type*: the request's header.

        Raises:
            UnsupportedMediaType: the type is not multipart/form-data.
            InvalidRequest: the header names no boundary.
        """
        self._parts = FormParts(content_type, body)
        self._name: str | None = None

    async def name(self) -> str:
        """Return the file's name as the client sent it, after a check."""
        if self._name is None:
            head = await self._parts.head()
            if head is None:
                raise refused_fields((FILE, "is required"))
            self._name = _name_in(head)
        return self._name

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file in order; an invalid body raises at last."""
        await self.name()
        given = 0
        async for piece in self._parts.content():
            given += len(piece)
            yield piece
        if (another := await self._parts.head()) is not None:
            _name_in(another)
            raise refused_fields((FILE, "is given more than once"))
        if not given:
            raise refused_fields((FILE, "is empty"))


def _name_in(head: PartHead) -> str:
    if head.name != FILE:
        raise refused_fields((head.name or BODY, f"there is no such field, only {FILE}"))
    if head.filename is None:
        raise refused_fields((FILE, "must be a file, with a filename"))
    return head.checked_filename()
