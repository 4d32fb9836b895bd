"""Writes the marks of items: bullets, and numbers as letters or Roman numerals."""

from __future__ import annotations

BULLET = "•"
"""The mark of items without numbers."""
FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
"""The forms by their first numbers, as HTML and OpenDocument name them; others are decimal."""
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_LARGEST_ROMAN = 4999
_LETTERS = 26
_MOST_LETTERS = 5


def in_form(number: int, form: str) -> str:
    """Return *number* in a *form* of Word (``numFmt``); an unknown form is decimal."""
    if form in ("lowerLetter", "upperLetter") and number > 0:
        letter = chr(ord("a") + (number - 1) % _LETTERS)
        written = letter * min((number - 1) // _LETTERS + 1, _MOST_LETTERS)
    elif form in ("lowerRoman", "upperRoman") and 0 < number <= _LARGEST_ROMAN:
        written = _roman(number)
    else:
        return str(number)
    return written.upper() if form.startswith("upper") else written


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        written += letters * times
    return written
