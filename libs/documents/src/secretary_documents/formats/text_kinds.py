"""Finds the format of text by its content: mail, web page, table, Markdown or plain text."""

from __future__ import annotations

import csv
import io
import re

_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,40}):[ \t]")
_MAIL_HEADERS = frozenset(
    {
        *("from", "to", "subject", "date", "received", "message-id", "mime-version"),
        *("return-path", "delivered-to", "reply-to", "content-type", "x-mailer", "cc"),
    }
)
_LEAST_HEADERS = 3
_HTML = re.compile(
    r"<!doctype html|<html[\s>]|<head[\s>]|<body[\s>]|<(?:div|table|h1|p)(?:\s[^<>]{0,300})?>",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(
    r"^(?:```|~~~|\|? ?:?-{3,}:? ?\|)|^[^\n]{0,500}\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)",
    re.MULTILINE,
)
# A line that begins with "#" may be a comment: a heading stands apart, or begins the text and has
# others below it.
_HEADING = re.compile(
    r"(?:\A|\n[ \t]*\n|\n---\n)#{1,6} \S[^\n]{0,1000}(?=\n[ \t]*(?:\n|\Z)|\Z)"
    r"|\A# \S[^\n]*\n(?s:.*)\n#{2,6} \S"
)
SEPARATOR_LINE = re.compile(r"\ufeff?sep=([,;\t|])\r?\n", re.IGNORECASE)
"""A first line that Excel writes and reads. It is no row of the table."""
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 50
_LEAST_ROWS = 2
_LONGEST_CELL = 200


def text_format(sample: str) -> str:
    """Return the name of the format of a text that begins with *sample*."""
    start = sample.lstrip("\ufeff \t\r\n")
    if _is_mail(sample.lstrip("\ufeff")):
        return "eml"
    if start.startswith("<") and _HTML.search(start[:2000]):
        return "html"
    if _MARKDOWN.search(sample) or _HEADING.search(start):
        return "md"
    if delimiter_of(sample):
        return "csv"
    return "txt"


def _is_mail(sample: str) -> bool:
    """Return whether *sample* begins with several headers of a mail."""
    found: set[str] = set()
    for line in sample.splitlines()[:60]:
        if not line.strip():
            break
        if line[0] in " \t" and found:
            continue  # a header over several lines
        match = _HEADER.match(f"{line} ")
        if match is None and not (line.startswith("From ") and not found):
            return False
        if match:
            found.add(match[1].lower())
    return len(found & _MAIL_HEADERS) >= min(_LEAST_HEADERS, len(found)) and len(found) > 1


def delimiter_of(sample: str) -> str | None:
    """Return the delimiter of the table in *sample*; None if it is no table."""
    # Rows end at line ends only, and not at separators of Unicode such as U+2028.
    if match := SEPARATOR_LINE.match(sample):
        return match[1]
    lines = list(io.StringIO(sample, newline=None))
    # The last line may be cut off.
    text = "".join(lines[: _SAMPLE_ROWS + 1] if len(lines) < _SAMPLE_ROWS else lines[:_SAMPLE_ROWS])
    best: tuple[int, str] | None = None
    for delimiter in _DELIMITERS:
        columns = _columns(text, delimiter)
        if columns > 1 and (best is None or columns > best[0]):
            best = (columns, delimiter)
    return best[1] if best else None


def _columns(text: str, delimiter: str) -> int:
    """Return how many columns all rows have; 0 if rows differ or look like sentences."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error:
        return 0
    counts = {len(row) for row in rows[:-1] or rows}
    if len(rows) < _LEAST_ROWS or len(counts) != 1:
        return 0
    columns = counts.pop()
    if any(len(cell) > _LONGEST_CELL for row in rows for cell in row):
        return 0
    # Sentences have a blank after the comma, and letters often end with a comma.
    if all(cell.startswith(" ") or not cell for row in rows for cell in row[1:]):
        return 0
    return columns
