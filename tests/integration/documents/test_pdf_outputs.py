"""Several outputs of one job, as files: documents, and a searchable PDF that Poppler reads."""

from __future__ import annotations

import json
from pathlib import Path

import pymupdf
import pytest
from support import pdf_samples
from support.handler_harness import Recorder
from support.pdf_harness import PdfHarness, RecordingCache, pages_of
from support.pdf_reader import character_error_rate, poppler_text

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.settings.documents import PdfSection

SENTENCE = "The library opens on Sundays too."
ENGLISH = {"extraction_method": "combined", "language": ["eng", "deu"]}


def small_scan() -> pymupdf.Document:
    """Return a scan with one sentence. OCR takes little time for it."""
    box = pymupdf.Rect(0, 0, 400, 80)
    document = pymupdf.open()
    with pymupdf.open(stream=pdf_samples.text_pdf([SENTENCE], box=box)) as written:
        picture = written[0].get_pixmap(dpi=150, colorspace=pymupdf.csGRAY)
    document.new_page(width=400, height=80).insert_image(box, pixmap=picture)
    return document


def searchable(done: Recorder) -> bytes:
    content, kind = done.files["document.pdf"]
    assert kind == "application/pdf"
    return content


def text_of(done: Recorder) -> str:
    return " ".join(page["text"] for page in pages_of(done))


async def test_each_output_of_a_list_is_a_file(harness: PdfHarness) -> None:
    outputs = ["markdown", "json", "html", "text"]
    done = await harness.read(pdf_samples.report_pdf(), output=outputs)
    assert list(done.files) == ["document.md", "document.json", "document.html", "document.txt"]
    assert done.results is not None
    assert done.results["outputs"]["json"]["file"] == "document.json"
    assert [page["text"] for page in pages_of(done)][1].startswith("| Artikel | Menge | Preis |")
    written = {name: content.decode() for name, (content, _) in done.files.items()}
    assert written["document.md"].startswith("<!-- page 1 -->\n\n# Jahresbericht")
    assert '<section id="page-2">\n<table>' in written["document.html"]
    assert "--- Page 2 ---\nArtikel\tMenge\tPreis" in written["document.txt"]
    read = json.loads(written["document.json"])
    assert read["title"] == pdf_samples.REPORT_TITLE
    assert [page["page"] for page in read["pages"]] == [1, 2, 3]
    assert read["pages"][1]["blocks"][0]["kind"] == "table"


async def test_the_same_outputs_come_from_the_cache(harness: PdfHarness) -> None:
    cache = RecordingCache()
    name = harness.put(pdf_samples.mixed_pdf())
    given = {"output": ["markdown", "json", "pdf"], "cache": cache, **ENGLISH}
    first, second = [await harness.read(name, **given) for _ in range(2)]
    assert any("3 of them from the cache" in line for _, line in second.logs)
    for file in ("document.md", "document.json"):
        assert first.files[file] == second.files[file]
    assert text_of(first) == text_of(second)
    plain = await harness.read(name, output="markdown", cache=cache, **ENGLISH)
    assert any("0 of them from the cache" in line for _, line in plain.logs)


async def test_one_output_that_is_text_makes_no_file(harness: PdfHarness) -> None:
    done = await harness.read(pdf_samples.report_pdf(), output="markdown")
    assert done.files == {}
    assert done.results is not None
    assert "outputs" not in done.results


@pytest.mark.parametrize("method", ["ocr", "combined"])
async def test_an_independent_reader_finds_our_text_in_a_searchable_scan(
    harness: PdfHarness, tmp_path: Path, method: str
) -> None:
    content = pdf_samples.scan_pdf([pdf_samples.PROSE, [*pdf_samples.PROSE][::-1]])
    done = await harness.read(content, **{**ENGLISH, "extraction_method": method}, output="pdf")
    written = searchable(done)
    assert character_error_rate(poppler_text(written, tmp_path), text_of(done)) <= 0.02
    assert done.results is not None
    assert done.results["outputs"]["pdf"]["pages_with_added_text"] == [1, 2]
    with pymupdf.open(stream=content) as before, pymupdf.open(stream=written) as after:
        for old, new in zip(before, after, strict=True):
            assert old.get_pixmap(dpi=50).samples == new.get_pixmap(dpi=50).samples
    assert len(written) <= 1.1 * len(content) + 4096


def scan_of_columns(*, with_table: bool) -> bytes:
    """Return a scan with a title, two columns of prose and perhaps a table with rules."""
    with pymupdf.open() as written, pymupdf.open() as scan:
        page = written.new_page()
        page.insert_text((72, 80), "The Library of the Town", fontsize=18)
        for left in (72, 320):
            box = (left, 110, left + 210, 420)
            page.insert_textbox(box, " ".join(pdf_samples.PROSE) * 2, fontsize=11, lineheight=1.5)
        rows = [["Name of", "Books"], ["library", "lent"], ["North", "812"]] if with_table else []
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                page.insert_text((78 + 150 * column, 520 + 20 * row), cell, fontsize=11)
        for at in (500, 546, 570) if with_table else ():
            page.draw_line((72, at), (372, at))
        for left in (72, 222, 372) if with_table else ():
            page.draw_line((left, 500), (left, 570))
        picture = page.get_pixmap(dpi=150, colorspace=pymupdf.csGRAY)
        scan.new_page().insert_image(page.rect, pixmap=picture)
        return bytes(scan.tobytes(deflate=True))


@pytest.mark.parametrize(("with_table", "in_order_of_file"), [(True, True), (False, False)])
async def test_columns_and_tables_of_a_scan_are_searchable_in_the_order_of_our_text(
    harness: PdfHarness, tmp_path: Path, *, with_table: bool, in_order_of_file: bool
) -> None:
    done = await harness.read(
        scan_of_columns(with_table=with_table),
        output=["text", "pdf"],
        extraction_method="ocr",
        language=["eng"],
    )
    ours = text_of(done)
    assert ("Name of library\tBooks lent\nNorth\t812" in ours) is with_table
    found = poppler_text(searchable(done), tmp_path, in_order_of_file=in_order_of_file)
    assert character_error_rate(found, ours) <= 0.02


async def test_pages_with_good_text_stay_as_they_are(harness: PdfHarness, tmp_path: Path) -> None:
    content = pdf_samples.mixed_pdf()
    done = await harness.read(content, output="pdf", **ENGLISH)
    assert done.results is not None
    assert done.results["outputs"]["pdf"]["pages_with_added_text"] == [2]
    found = poppler_text(searchable(done), tmp_path)
    assert found.count(pdf_samples.PROSE[0]) == 2
    with pymupdf.open(stream=content) as before, pymupdf.open(stream=searchable(done)) as after:
        assert before[0].read_contents() == after[0].read_contents()


async def test_a_document_with_good_text_is_returned_byte_for_byte(harness: PdfHarness) -> None:
    content = pdf_samples.report_pdf()
    assert searchable(await harness.read(content, output="pdf")) == content


async def test_recognised_words_that_a_page_has_as_text_are_not_added(
    harness: PdfHarness, tmp_path: Path
) -> None:
    content = pdf_samples.text_pdf(["Beleg 12"], box=pdf_samples.SLIP)
    done = await harness.read(content, output="pdf", extraction_method="ocr")
    assert poppler_text(searchable(done), tmp_path) == "Beleg 12"


async def test_text_recognised_in_a_picture_is_searchable_at_the_picture(
    harness: PdfHarness,
) -> None:
    done = await harness.read(pdf_samples.illustrated_pdf(), output="pdf", **ENGLISH)
    with pymupdf.open(stream=searchable(done)) as document:
        [place] = document[0].search_for("Revenue")
    assert pymupdf.Rect(100, 250, 400, 350).contains(place)


@pytest.mark.parametrize("rotation", [90, 180])
async def test_a_turned_scan_is_searchable_at_the_words(
    harness: PdfHarness, tmp_path: Path, rotation: int
) -> None:
    # Tesseract finds out how a page is turned only if the page has several lines.
    with pymupdf.open(stream=pdf_samples.scan_pdf([pdf_samples.PROSE])) as document:
        document[0].set_rotation(rotation)
        content = document.tobytes()
    done = await harness.read(content, output="pdf", **ENGLISH)
    assert character_error_rate(poppler_text(searchable(done), tmp_path), text_of(done)) <= 0.02
    with pymupdf.open(stream=searchable(done)) as document:
        [place] = document[0].search_for("library")
    # On the page without its rotation, the word stands where it was written.
    assert 60 < place.x0 < 400
    assert 90 < place.y0 < 160


@pytest.mark.parametrize("cipher", sorted(pdf_samples.CIPHERS))
async def test_an_encrypted_scan_keeps_its_password(
    harness: PdfHarness, tmp_path: Path, cipher: str
) -> None:
    with small_scan() as document:
        how = {"encryption": pdf_samples.CIPHERS[cipher], "owner_pw": "o", "user_pw": "geheim"}
        content = document.tobytes(**how)
    done = await harness.read(content, output="pdf", password="geheim", **ENGLISH)
    with pymupdf.open(stream=searchable(done)) as document:
        assert document.needs_pass
    found = poppler_text(searchable(done), tmp_path, password="geheim")
    assert character_error_rate(found, text_of(done)) <= 0.02


async def test_a_range_of_pages_makes_a_pdf_of_these_pages(
    harness: PdfHarness, tmp_path: Path
) -> None:
    done = await harness.read(pdf_samples.mixed_pdf(), output="pdf", page_start=2, **ENGLISH)
    with pymupdf.open(stream=searchable(done)) as document:
        assert document.page_count == 2
    assert character_error_rate(poppler_text(searchable(done), tmp_path), text_of(done)) <= 0.02


async def test_a_searchable_pdf_over_the_limit_is_refused(harness: PdfHarness) -> None:
    with small_scan() as document:
        content = document.tobytes()
    with pytest.raises(PermanentError) as caught:
        await harness.read(
            harness.put(content),
            output="pdf",
            limits=PdfSection(max_text_mb=0.0001),
            **ENGLISH,
        )
    assert caught.value.code == ErrorCode.PARSE_MEMORY_LIMIT


async def test_each_table_is_a_csv_file_with_its_page(harness: PdfHarness) -> None:
    done = await harness.read(pdf_samples.report_pdf(), tables={})
    content, kind = done.files["page_2_table_1.csv"]
    assert kind == "text/csv; charset=utf-8"
    rows = content.decode().split("\r\n")
    assert rows[0] == "Artikel,Menge,Preis"
    assert done.results is not None
    [listed] = done.results["tables"]
    assert (listed["page"], listed["file"], listed["columns"]) == (2, "page_2_table_1.csv", 3)
    assert listed["rows"] == len(rows) - 1
    assert [page["text"] for page in pages_of(done)][1].startswith("Artikel\tMenge\tPreis")


async def test_a_table_over_two_pages_is_one_csv_file(harness: PdfHarness) -> None:
    document = pymupdf.open()
    for top, numbers in ((600, range(1, 6)), (60, range(6, 9))):
        page = document.new_page()
        rows = [("Day", "Letters"), *((f"Day {number}", f"{number}00") for number in numbers)]
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                box = pymupdf.Rect(0, 0, 120, 24) + (72 + 120 * column, top + 24 * row) * 2
                page.draw_rect(box)
                page.insert_text((box.x0 + 6, box.y1 - 7), cell, fontsize=11)
    done = await harness.read(document.tobytes(), tables={})
    assert list(done.files) == ["page_1_table_1.csv"]
    lines = done.files["page_1_table_1.csv"][0].decode().splitlines()
    assert lines == ["Day,Letters", *(f"Day {number},{number}00" for number in range(1, 9))]


async def test_only_the_first_tables_are_kept(harness: PdfHarness) -> None:
    with pymupdf.open(stream=pdf_samples.report_pdf()) as report:
        report.select([1, 0, 1])
        content = report.tobytes()
    done = await harness.read(content, tables={"max_count": 1})
    assert list(done.files) == ["page_1_table_1.csv"]
    assert ("warning", "1 of 2 tables are kept (tables.max_count)") in done.logs
