"""What a pdf job adds to its text: pictures, form fields, annotations, chunks and fields."""

from __future__ import annotations

import io
import json
from typing import Any

import pymupdf
import pytest
from support import pdf_samples
from support.handler_harness import Recorder
from support.pdf_harness import PdfHarness, pages_of
from support.provider_harness import FakeTime, provider_settings

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.settings.provider import LlmSection
from secretary_devstack.provider import FakeProvider
from secretary_documents.providers.chat import ChatClient
from secretary_documents.templates.template_catalog import TemplateCatalog
from secretary_documents.templates.transformer import Transformer

KINDS: Any = pymupdf  # its constants are not declared
INVOICE = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "due": {"type": "string"}},
    "required": ["total"],
}


def results_of(done: Recorder) -> dict[str, Any]:
    assert done.results is not None
    return done.results


def pictures_pdf(count: int, *, rotation: int = 0) -> bytes:
    """Return a PDF of two pages with prose, the second with *count* pictures of 100 x 60 points."""
    with pymupdf.open(stream=pdf_samples.text_pdf([pdf_samples.PROSE] * 2)) as document:
        picture = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 20, 12))
        picture.set_rect(picture.irect, (200, 30, 30))
        for number in range(count):
            place = pymupdf.Rect(0, 0, 100, 60) + (72, 200 + 80 * number) * 2
            document[1].insert_image(place, pixmap=picture, keep_proportion=False)
        document[1].set_rotation(rotation)
        return bytes(document.tobytes())


def form_pdf() -> bytes:
    with pymupdf.open(stream=pdf_samples.text_pdf([pdf_samples.PROSE])) as document:
        page = document[0]
        fields = [
            ("name", KINDS.PDF_WIDGET_TYPE_TEXT, "Käthe Müller"),
            ("member", KINDS.PDF_WIDGET_TYPE_CHECKBOX, True),
            ("colour", KINDS.PDF_WIDGET_TYPE_COMBOBOX, "red"),
        ]
        for number, (name, kind, value) in enumerate(fields):
            widget = pymupdf.Widget()
            widget.field_name, widget.field_type, widget.field_value = name, kind, value
            widget.rect = pymupdf.Rect(72, 300 + 40 * number, 272, 320 + 40 * number)
            if name == "colour":
                widget.choice_values = ["red", "blue"]
            page.add_widget(widget)
        return bytes(document.tobytes())


async def test_pictures_are_files_with_links_at_their_places(harness: PdfHarness) -> None:
    outputs = ["markdown", "html", "json"]
    done = await harness.read(pictures_pdf(2), output=outputs, pictures={})
    names = ["page_2_image_1.png", "page_2_image_2.png"]
    for name in names:
        content, kind = done.files[name]
        picture = pymupdf.Pixmap(io.BytesIO(content))
        assert kind == "image/png"
        assert abs(picture.width - 208) <= 2
        assert picture.pixel(100, 60) == (200, 30, 30)
    page = pages_of(done)[1]["text"]
    assert page.index(pdf_samples.PROSE[3]) < page.index(f"![]({names[0]})")
    assert f'<img src="{names[1]}" alt="">' in done.files["document.html"][0].decode()
    blocks = json.loads(done.files["document.json"][0])["pages"][1]["blocks"]
    assert [block["image"] for block in blocks if block["kind"] == "figure"] == names
    [first, _] = results_of(done)["pictures"]
    assert (first["page"], first["file"]) == (2, names[0])
    assert first["box"] == pytest.approx([72, 200, 172, 260], abs=1)


@pytest.mark.parametrize("rotation", [90, 180, 270])
async def test_a_picture_on_a_turned_page_is_the_picture(
    harness: PdfHarness, rotation: int
) -> None:
    done = await harness.read(pictures_pdf(1, rotation=rotation), pictures={}, page_start=2)
    picture = pymupdf.Pixmap(io.BytesIO(done.files["page_2_image_1.png"][0]))
    sides = {picture.width, picture.height}
    assert {picture.pixel(3, 3), picture.pixel(picture.width - 4, picture.height - 4)} == {
        (200, 30, 30)
    }
    assert abs(max(sides) - 208) <= 2


async def test_a_picture_that_is_too_small_or_one_too_many_has_no_file_and_no_link(
    harness: PdfHarness,
) -> None:
    given = {"output": ["markdown", "json", "html"], "pictures": {"max_count": 1}}
    done = await harness.read(pictures_pdf(3), **given)
    assert [name for name in done.files if name.endswith(".png")] == ["page_2_image_1.png"]
    for name in ("document.md", "document.json", "document.html"):
        written = done.files[name][0].decode()
        assert "page_2_image_1.png" in written
        assert "page_2_image_2.png" not in written
    json.loads(done.files["document.json"][0])
    assert ("warning", "1 of 3 pictures are kept (pictures.max_count)") in done.logs
    small = await harness.read(pictures_pdf(3), output="markdown", pictures={"min_points": 70})
    assert small.files == {}
    assert results_of(small)["pictures"] == []


async def test_form_fields_have_their_names_and_values(harness: PdfHarness) -> None:
    fields = results_of(await harness.read(form_pdf()))["form_fields"]
    assert [(one["name"], one["kind"], one["value"]) for one in fields] == [
        ("name", "text", "Käthe Müller"),
        ("member", "checkbox", True),
        ("colour", "combobox", "red"),
    ]
    assert fields[2]["options"] == ["red", "blue"]
    assert fields[0]["page"] == 1
    assert fields[0]["box"] == pytest.approx([72, 300, 272, 320], abs=1)


async def test_a_document_without_a_form_has_no_form_fields(harness: PdfHarness) -> None:
    results = results_of(await harness.read(pdf_samples.report_pdf()))
    assert "form_fields" not in results
    assert "annotations" not in results


async def test_annotations_are_read_when_they_are_requested(harness: PdfHarness) -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([pdf_samples.PROSE])) as document:
        page = document[0]
        [place] = page.search_for("library")
        mark = page.add_highlight_annot(place)
        mark.set_info(title="Jo", content="Which one?", modDate="D:20240131120000Z")
        mark.update()
        page.add_text_annot((300, 300), "A note")
        content = document.tobytes()
    marked, note = results_of(await harness.read(content, annotations=True))["annotations"]
    assert (marked["kind"], marked["marked_text"]) == ("highlight", "library")
    assert (marked["author"], marked["text"]) == ("Jo", "Which one?")
    assert marked["modified"].startswith("20")
    assert (note["kind"], note["text"], note["page"]) == ("text", "A note", 1)
    assert "annotations" not in results_of(await harness.read(content))


async def test_json_has_the_links_of_a_block(harness: PdfHarness) -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf([pdf_samples.PROSE])) as document:
        [place] = document[0].search_for("library")
        link = {"kind": pymupdf.LINK_URI, "from": place, "uri": "https://example.org/a"}
        document[0].insert_link(link)
        content = document.tobytes()
    [page] = pages_of(await harness.read(content, output="json"))
    links = [
        link for block in json.loads(page["text"])["blocks"] for link in block.get("links", ())
    ]
    assert [link["url"] for link in links] == ["https://example.org/a"]


async def test_chunks_come_with_any_output(harness: PdfHarness) -> None:
    for output in ("text", "json", ["markdown"]):
        results = results_of(
            await harness.read(pdf_samples.report_pdf(), output=output, chunks={"max_tokens": 100})
        )
        table = next(chunk for chunk in results["chunks"] if "Artikel" in chunk["text"])
        assert table["headings"] == [pdf_samples.REPORT_TITLE]
        assert table["pages"][-1] in (2, 3)
        assert table["tokens"] <= 100
        assert results["structured_data"]["chunks"] == results["chunks"]


async def test_a_model_fills_in_the_fields_of_a_schema(
    harness: PdfHarness, fake: FakeProvider, fake_time: FakeTime
) -> None:
    chat = ChatClient(LlmSection(**provider_settings(fake)), timing=fake_time.timing)
    fake.reply_next({"total": "much", "due": None}, {"total": 17.9, "due": None})
    results = results_of(
        await harness.read(
            pdf_samples.report_pdf(),
            fields=INVOICE,
            transformer=Transformer(TemplateCatalog(), chat),
        )
    )
    assert results["fields"] == {"total": 17.9}
    assert results["fields_llm"]["requests"] == 2, "the first answer does not fit"
    assert "template" not in results
    assert results["usage"]["api_calls"] == 2
    assert "Artikel" in fake.requests[0].body["messages"][-1]["content"]


async def test_fields_that_are_no_usable_schema_fail_before_any_page_is_read(
    harness: PdfHarness,
) -> None:
    wrong = {"type": "object", "properties": {"a": {"type": "text"}}}
    with pytest.raises(PermanentError) as caught:
        await harness.read(
            "missing.pdf", fields=wrong, transformer=Transformer(TemplateCatalog(), no_chat())
        )
    assert caught.value.code == ErrorCode.FIELDS_INVALID


def no_chat() -> ChatClient:
    return ChatClient(LlmSection())


async def test_fields_without_a_model_name_the_missing_setting(harness: PdfHarness) -> None:
    with pytest.raises(PermanentError, match=r"llm\.api_key") as caught:
        await harness.read(
            pdf_samples.text_pdf(["x"]),
            fields=INVOICE,
            transformer=Transformer(TemplateCatalog(), no_chat()),
        )
    assert caught.value.code == ErrorCode.LLM_NOT_CONFIGURED
