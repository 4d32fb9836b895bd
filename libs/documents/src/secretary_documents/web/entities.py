"""Replaces the references of HTML to characters, such as ``&amp;``."""

from __future__ import annotations

import html
import re

# A reference with so many digits means no character, and ``html.unescape`` fails on it.
_LONG_NUMBER = re.compile(r"&#[0-9]{1000,}+;?")


def unescaped(text: str) -> str:
    """Return *text* with characters in place of references to them."""
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text))
