"""The footnotes and endnotes of a Word document, numbered as they are referred to."""

from __future__ import annotations

from xml.etree.ElementTree import Element

_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")


class Notes:
    """The notes of one document."""

    def __init__(self, roots: dict[str, Element | None]) -> None:
        """*roots*: the parts with the notes, by the kind of note."""
        self._notes = {
            (kind, note.get("id", "")): note
            for kind, root in roots.items()
            for note in (() if root is None else root.iter(kind))
            if note.get("type") not in _SEPARATORS
        }
        self._marks: dict[tuple[str, str], str] = {}
        self._waiting: list[tuple[str, Element]] = []

    def mark(self, kind: str, note_id: str) -> str:
        """Return the mark of a note in the text. The note waits to be added to the page."""
        key = kind, note_id
        note = self._notes.get(key)
        if note is None:
            return ""
        if key not in self._marks:
            self._marks[key] = f"[{len(self._marks) + 1}]"
            self._waiting.append((self._marks[key], note))
        return self._marks[key]

    def referenced(self) -> list[tuple[str, Element]]:
        """Return the notes with their marks that the text has referred to since the last call."""
        waiting, self._waiting = self._waiting, []
        return waiting
