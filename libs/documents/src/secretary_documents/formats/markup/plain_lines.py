"""Tells lines of running text from lines that stay lines: of lists, logs, poems, addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from secretary_documents.formats.builder import Builder, run

_ITEM = re.compile(r"\s{0,40}(?:([*\-\u2022])|(\d{1,3}[.)]))[ \t]+(?=\S)")
_XML = re.compile(r"\s{0,100}<(?:\?xml|svg|rss|feed)[\s>]")
_DATA_STARTS = ("{", "[")
_WRAPPED = 40
"""The least width of text whose lines a program has broken, in characters."""
_FULL = 0.6
"""The share of the width that a broken line has at least."""


def is_data(text: str) -> bool:
    """Return whether *text* is JSON, lines of JSON, or XML."""
    if _XML.match(text):
        return True
    if not text.lstrip().startswith(_DATA_STARTS):
        return False
    return _is_json(text) or all(map(_is_json, text.splitlines()))


def _is_json(text: str) -> bool:
    if not text.strip():
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def add_lines(lines: Sequence[str], builder: Builder) -> None:
    """Add the lines of a paragraph as items, as one paragraph, or each as its own."""
    width = max(map(len, lines))
    kept: list[str] = []
    for line in lines:
        if kept and not _goes_on(kept[-1], line, width):
            _add("\n".join(kept), builder)
            kept = []
        kept.append(line)
    _add("\n".join(kept), builder)


def _goes_on(line: str, following: str, width: int) -> bool:
    """Return whether the sentence in *line* goes on in the *following* line."""
    start = following.lstrip()[:1]
    if _ITEM.match(following) or start.isdecimal():
        return False
    return start.islower() or (width >= _WRAPPED and len(line) >= _FULL * width)


def _add(text: str, builder: Builder) -> None:
    if match := _ITEM.match(text):
        marker = "\u2022" if match[1] else match[2]
        builder.item([run(text[match.end() :])], marker=marker)
    else:
        builder.paragraph([run(text)])
