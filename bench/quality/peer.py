"""Writes PDFs as Markdown with another program, in the environment of these programs.

``python peer.py NAME`` reads the path of a PDF from each line of standard input, and answers each
with a line of JSON: the Markdown and its CPU time in seconds, or the error. Nothing of Secretary is
imported here.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

Convert = Callable[[str], str]


def _pymupdf4llm() -> Convert:
    module = importlib.import_module("pymupdf4llm")
    return lambda path: str(module.to_markdown(path))


def _edgeparse() -> Convert:
    module = importlib.import_module("edgeparse")
    return lambda path: str(module.convert(path, format="markdown"))


def _markitdown() -> Convert:
    converter = importlib.import_module("markitdown").MarkItDown()
    return lambda path: str(converter.convert(path).text_content)


def _kreuzberg() -> Convert:
    module = importlib.import_module("kreuzberg")
    config = module.ExtractionConfig(output_format="markdown")
    return lambda path: str(module.extract_file_sync(path, config=config).content)


def _pypdfium2() -> Convert:
    module = importlib.import_module("pypdfium2")

    def convert(path: str) -> str:
        pages = module.PdfDocument(path)
        return "\n\n".join(page.get_textpage().get_text_bounded() for page in pages)

    return convert


PEERS: dict[str, Callable[[], Convert]] = {
    "pymupdf4llm": _pymupdf4llm,
    "edgeparse": _edgeparse,
    "markitdown": _markitdown,
    "kreuzberg": _kreuzberg,
    "pypdfium2": _pypdfium2,
}


def _cpu_sec() -> float:
    return sum(os.times()[:4])


def _answer(convert: Convert, path: str) -> dict[str, Any]:
    started = _cpu_sec()
    try:
        text = convert(path)
    except Exception as error:  # noqa: BLE001 - another program may raise anything
        return {"error": repr(error), "cpu_sec": _cpu_sec() - started}
    return {"text": text, "cpu_sec": _cpu_sec() - started}


def main() -> None:
    """Answer until standard input ends."""
    # Some programs print to standard output.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        convert = PEERS[sys.argv[1]]()
        for line in sys.stdin:
            answers.write(json.dumps(_answer(convert, line.rstrip("\n"))) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
