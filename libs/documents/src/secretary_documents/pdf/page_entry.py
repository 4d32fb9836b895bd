"""Makes the parts of the entry of a page in an answer of the child."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymupdf

from secretary_documents.pdf.joining.continuation import edges_of
from secretary_documents.pdf.layout.model import Box, PageLayout, Picture
from secretary_documents.pdf.mupdf.page import rotation_of
from secretary_documents.pdf.ocr.recognition import RecognisedLine
from secretary_documents.pdf.searchable.layer_line import layer_lines, lines_to_json
from secretary_documents.pdf.writers.output import place_in

Entry = dict[str, Any]
Request = dict[str, Any]


def edges_entry(layout: PageLayout, written: dict[str, str]) -> Entry:
    """Return the edges of a page, by which its neighbours may be joined with it."""
    outputs = [output for output in written if output != "text"]
    if not outputs:
        return {}
    edges = edges_of(
        layout, outputs, lambda output, block: place_in(written[output], layout, output, block)
    )
    return {"edges": edges} if edges else {}


def outputs_of(request: Request) -> list[str]:
    """Return the outputs that *request* wants, the main one first."""
    return [request["output"], *request.get("also", ())]


def written_entry(written: dict[str, str], request: Request) -> Entry:
    """Return the text of a page, *written* in all outputs of *request*."""
    others = {output: written[output] for output in request.get("also", ())}
    return {"text": written[request["output"]], **({"outputs": others} if others else {})}


def lines_entry(paragraphs: Sequence[Sequence[RecognisedLine]], request: Request) -> Entry:
    """Return the recognised lines of *paragraphs* with their places, if *request* wants them."""
    if not any(paragraphs) or not request.get("lines"):
        return {}
    return {"lines": lines_to_json(layer_lines(paragraphs))}


def pictures_entry(pictures: Sequence[Picture], page: pymupdf.Page) -> Entry:
    """Return the files of *pictures*, with boxes on the page as it is shown."""
    found = [
        {"name": one.file, "box": list(shown_on(page, one.box))} for one in pictures if one.file
    ]
    return {"pictures": found} if found else {}


def shown_on(page: pymupdf.Page, place: Box) -> Box:
    """Return *place*, which MuPDF gives without the rotation of *page*, as the page is shown."""
    return Box(*(pymupdf.Rect(place) * rotation_of(page)))
