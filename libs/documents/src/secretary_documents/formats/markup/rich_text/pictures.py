"""Collects the pictures in rich text (RTF)."""

from __future__ import annotations

from functools import partial

from secretary_documents.formats.builder import Builder

# Other kinds are drawings of Windows (WMF, EMF), which no reader here shows.
_SHOWN = ("pngblip", "jpegblip")


class RichTextPictures:
    """The open picture, and those that wait for the end of their paragraph or table."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._is_shown = False
        self._digits = bytearray()
        self._binary = b""
        self._waiting: list[bytes] = []
        self._of_table: list[bytes] = []

    def word(self, word: str) -> None:
        """Take a control word, which may say what the open picture is."""
        self._is_shown |= word in _SHOWN

    def add_digits(self, text: bytes) -> None:
        """Add hexadecimal digits to the open picture."""
        self._digits += text

    def add_binary(self, content: bytes) -> None:
        """Add bytes to the open picture that stand in the file as they are."""
        self._binary += content

    def end(self) -> None:
        """End the open picture. Forget it if it is no PNG and no JPEG, or damaged."""
        is_shown, digits, binary = self._is_shown, self._digits, self._binary
        self._is_shown, self._digits, self._binary = False, bytearray(), b""
        try:
            content = binary or bytes.fromhex(digits.decode("ascii"))
        except ValueError:
            return
        if is_shown and content:
            self._waiting.append(content)

    def end_row(self) -> None:
        """Let the pictures of a row wait for the end of the table."""
        self._of_table += self._waiting
        self._waiting = []

    def add_those_of_table(self) -> None:
        """Add the pictures of the table that has ended."""
        self._add(self._of_table)

    def add_those_of_paragraph(self) -> None:
        """Add the pictures of the paragraph that has ended."""
        self._add(self._waiting)

    def _add(self, pictures: list[bytes]) -> None:
        for picture in pictures:
            self._builder.picture(partial(bytes, picture))
        pictures.clear()
