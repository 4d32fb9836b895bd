"""The JSON of a page fits the documented schema, whatever the page is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from jsonschema import Draft202012Validator
from support import pdf_samples
from support.pdf_harness import PdfHarness, pages_of

from secretary_documents.pdf.layout.model import Box

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[3] / "docs/pdf-page.schema.json").read_text("utf-8"))
)
COMBINED = {"extraction_method": "combined"}
PAGES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "report": (pdf_samples.report_pdf(), {}),
    "scan and blank": (pdf_samples.mixed_pdf(), COMBINED),
    "picture": (pdf_samples.illustrated_pdf(), {**COMBINED, "pictures": {}}),
    "too large": (pdf_samples.thin_pdf(), COMBINED),
}


@pytest.mark.parametrize("name", PAGES)
async def test_the_json_of_a_page_fits_the_documented_schema(
    harness: PdfHarness, name: str
) -> None:
    content, given = PAGES[name]
    done = await harness.read(content, output=["json"], **given)
    written = json.loads(done.files["document.json"][0])
    assert len(written["pages"]) == len(pages_of(done))
    for page in written["pages"]:
        assert [error.message for error in SCHEMA.iter_errors(page)] == []
        for order, block in enumerate(page["blocks"]):
            assert (block["page"], block["order"]) == (page["page"], order)
    kinds = {block["kind"] for page in written["pages"] for block in page["blocks"]}
    assert kinds >= {"report": {"heading", "table"}, "picture": {"figure"}}.get(name, set())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
async def test_boxes_are_places_on_the_page_as_it_is_shown(
    harness: PdfHarness, rotation: int
) -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([pdf_samples.PROSE])) as document:
        document[0].set_rotation(rotation)
        content = document.tobytes()
        drawn = document[0].get_pixmap(colorspace=pymupdf.csGRAY)
    [page] = pages_of(await harness.read(content, output="json"))
    layout = json.loads(page["text"])
    assert (layout["width"], layout["height"]) == pytest.approx((drawn.width, drawn.height), abs=1)
    ink = [divmod(at, drawn.width) for at, grey in enumerate(drawn.samples) if grey < 100]
    boxes = [Box(*block["box"]).wider(2) for block in layout["blocks"]]
    assert boxes
    assert all(any(box.holds((x, y)) for y, x in ink) for box in boxes), "each box has ink"
    assert all(any(box.holds((x, y)) for box in boxes) for y, x in ink), "all ink is in a box"


def test_the_schema_is_valid_and_refuses_a_block_without_a_box() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
    block = {"kind": "paragraph", "page": 1, "order": 0, "text": "x", "method": "native"}
    assert not SCHEMA.is_valid({"page": 1, "blocks": [block]})
