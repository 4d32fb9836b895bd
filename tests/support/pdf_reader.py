"""Reads PDFs with Poppler, which shares no code with the library that writes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from rapidfuzz.distance import Levenshtein


def poppler_text(
    content: bytes, folder: Path, password: str = "", *, in_order_of_file: bool = False
) -> str:
    """Return the text that ``pdftotext`` finds in a PDF, with single spaces."""
    path = folder / "read-by-poppler.pdf"
    path.write_bytes(content)
    command = ["pdftotext", "-enc", "UTF-8", "-upw", password, str(path), "-"]
    if in_order_of_file:
        command.insert(1, "-raw")
    done = subprocess.run(command, capture_output=True, check=True)
    return plain(done.stdout.decode())


def plain(text: str) -> str:
    """Return *text* with single spaces between its words."""
    return " ".join(text.split())


def character_error_rate(text: str, expected: str) -> float:
    """Return the share of the characters of *expected* that are wrong in *text*."""
    return Levenshtein.distance(plain(text), plain(expected)) / max(len(plain(expected)), 1)
