"""Counts the items of lists in HTML."""

from __future__ import annotations

from dataclasses import dataclass

from secretary_documents.formats.packages.number_form import BULLET, FORMS, in_form


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int
    """The number of the last item."""
    form: str


class HtmlLists:
    """The open lists, the innermost last."""

    def __init__(self) -> None:
        self._open: list[_List] = []

    @property
    def depth(self) -> int:
        """The depth of an item, from 0."""
        return max(len(self._open) - 1, 0)

    def open(self, *, ordered: bool, start: int, kind: str = "") -> None:
        """Open a list inside the lists that are open.

        Args:
            ordered: whether its items have numbers.
            start: the number of its first item.
            kind: the attribute ``type``, such as ``a`` for letters.
        """
        self._open.append(_List(ordered, start - 1, FORMS.get(kind, "decimal")))

    def close(self) -> None:
        """Close the innermost list, if there is one."""
        if self._open:
            self._open.pop()

    @property
    def following(self) -> int:
        """The number of the next item of the innermost list, unless the item names another."""
        return self._open[-1].number + 1 if self._open else 1

    def marker(self, number: int) -> str:
        """Count the next item of the innermost list, which has *number*; return its marker."""
        if not self._open:
            return BULLET
        current = self._open[-1]
        current.number = number
        return f"{in_form(number, current.form)}." if current.ordered else BULLET
