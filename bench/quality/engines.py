"""The programs whose Markdown is measured: Secretary, and others that are installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from secretary_documents.pdf.child import begin
from secretary_documents.pdf.ocr_engine import OcrEngine
from secretary_documents.pdf.ocr_options import make_ocr_options

Engine = Callable[[Path], str]
"""Returns the Markdown of a PDF."""

SECOND_BELOW = 0.7
"""The default of ``pdf.second_ocr_below``."""
_OPEN = {
    "op": "open",
    "password": None,
    "max_pages": 5000,
    "max_pixels": 40_000_000,
    "page_sec": 600.0,
}


def secretary(
    path: Path,
    *,
    output: str = "markdown",
    method: str = "native",
    ocr_engine: OcrEngine = "tesseract",
) -> str:
    """Return the text of *path*, made by the code that a child runs."""
    work = begin([str(path)])

    def ask(**request: Any) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        work(request, messages.append)
        return messages

    [opened] = ask(**_OPEN)
    [style] = ask(op="style", output=output)
    ocr = make_ocr_options(["eng"], None, engine=ocr_engine, second_below=SECOND_BELOW).request()
    pages = list(range(1, opened["document"]["page_count"] + 1))
    read = ask(op="read", pages=pages, method=method, output=output, ocr=ocr, **style)
    return "\n\n".join(message["page"]["text"] for message in read)


def _combined(path: Path) -> str:
    return secretary(path, method="combined")


def _pymupdf4llm(path: Path) -> str:
    return str(importlib.import_module("pymupdf4llm").to_markdown(str(path)))


def _edgeparse(path: Path) -> str:
    return str(importlib.import_module("edgeparse").convert(str(path), format="markdown"))


def _markitdown(path: Path) -> str:
    converter = importlib.import_module("markitdown").MarkItDown()
    return str(converter.convert(str(path)).text_content)


def _kreuzberg(path: Path) -> str:
    module = importlib.import_module("kreuzberg")
    config = module.ExtractionConfig(output_format="markdown")
    return str(module.extract_file_sync(str(path), config=config).content)


def _pypdfium2(path: Path) -> str:
    document = importlib.import_module("pypdfium2").PdfDocument(str(path))
    return "\n\n".join(page.get_textpage().get_text_bounded() for page in document)


_OTHERS: dict[str, Engine] = {
    "pymupdf4llm": _pymupdf4llm,
    "edgeparse": _edgeparse,
    "markitdown": _markitdown,
    "kreuzberg": _kreuzberg,
    "pypdfium2": _pypdfium2,
}


def engines() -> dict[str, Engine]:
    """Return Secretary and the other programs that are installed."""
    return {
        "secretary": secretary,
        "combined": _combined,
        **{name: one for name, one in _OTHERS.items() if find_spec(name)},
    }
