"""The document handler with real files and real child processes."""

import io
import json
from email.message import EmailMessage
from typing import Any

import pymupdf
import pytest
from support import pdf_samples
from support.document_harness import DocumentHarness, documents_of
from support.office_samples import png, word, workbook, zipped
from support.pdf_harness import RecordingCache

from secretary_common.errors import PermanentError
from secretary_common.models import JobStatus
from secretary_common.settings.documents import DocumentsSection, PdfSection


def report(document: Any) -> None:
    document.add_heading("Report", 1)
    document.add_paragraph("They rose.")
    table = document.add_table(2, 2)
    for place, text in enumerate(("Year", "Sales", "2026", "3")):
        table.cell(place // 2, place % 2).text = text


def sales(book: Any) -> None:
    book.active.append(["Year", "Sales"])


def mail(*attachments: tuple[str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@a.example", "b@b.example", "Offer"
    message.set_content("See the files.")
    for name, content in attachments:
        message.add_attachment(content, maintype="application", subtype="x", filename=name)
    return message.as_bytes()


async def test_a_word_document_has_the_result_of_a_pdf(documents: DocumentHarness) -> None:
    content = word(report)
    done = await documents.read(content, name="report.docx")

    assert done.status is JobStatus.COMPLETED
    assert done.results is not None
    metadata = done.results["metadata"]
    assert (metadata["format"], metadata["document_count"]) == ("docx", 1)
    assert (metadata["file_name"], metadata["file_size"]) == ("report.docx", len(content))
    expected = "# Report\n\nThey rose.\n\n| Year | Sales |\n| --- | --- |\n| 2026 | 3 |"
    assert done.results["extracted_text"] == expected
    assert metadata["text_contents"] == [{"page": 1, "text": expected, "method": "native"}]
    assert done.results["usage"]["compute_seconds"] > 0
    again = done.results.pop("structured_data")
    assert again == done.results


async def test_outputs_tables_and_chunks_are_those_of_a_pdf(documents: DocumentHarness) -> None:
    wanted = {"output": ["markdown", "json", "html", "text"], "tables": {}, "chunks": {}}
    done = await documents.read(word(report), **wanted)

    assert done.results is not None
    names = ["document.md", "document.json", "document.html", "document.txt", "page_1_table_1.csv"]
    assert list(done.files) == names
    assert done.files["page_1_table_1.csv"][0] == b"Year,Sales\r\n2026,3\r\n"
    [page] = json.loads(done.files["document.json"][0])["pages"]
    assert [block["kind"] for block in page["blocks"]] == ["heading", "paragraph", "table"]
    assert "box" not in page["blocks"][0]
    assert done.results["tables"][0] == {
        "page": 1,
        "file": "page_1_table_1.csv",
        "rows": 2,
        "columns": 2,
    }
    assert done.results["chunks"][0]["places"] == [{"page": 1}]


async def test_a_mail_with_three_attachments_gives_four_documents(
    documents: DocumentHarness,
) -> None:
    pdf = pdf_samples.report_pdf()
    attached = (("r.docx", word(report)), ("s.xlsx", workbook(sales)), ("b.pdf", pdf))
    done = await documents.read(mail(*attached), output=["markdown", "json"])

    first, *others = documents_of(done)
    assert [one["format"] for one in others] == ["docx", "xlsx", "pdf"]
    assert [one["parent"] for one in (first, *others)] == [None, 0, 0, 0]
    assert first["extracted_text"].endswith("See the files.")
    assert "| Year | Sales |" in others[1]["extracted_text"]
    assert others[2]["page_count"] == 3
    assert others[0]["outputs"]["json"]["file"] == "document_1_document.json"
    assert {"document.md", "document_1_document.md", "document_3_document.md"} <= set(done.files)
    assert done.results is not None
    assert "=== s.xlsx ===" in done.results["extracted_text"]


async def test_pictures_in_attachments_have_the_names_that_the_text_links(
    documents: DocumentHarness,
) -> None:
    def fill(document: Any) -> None:
        document.add_picture(io.BytesIO(png()))

    done = await documents.read(mail(("a.docx", word(fill))), pictures={"min_points": 20})

    name = "document_1_page_1_image_1.png"
    assert f"![]({name})" in documents_of(done)[1]["extracted_text"]
    assert documents_of(done)[1]["pictures"] == [{"page": 1, "file": name}]
    assert done.files[name][0].startswith(b"\x89PNG")


async def test_an_archive_shows_its_progress_by_file(documents: DocumentHarness) -> None:
    content = zipped({f"{number:02}.txt": f"text {number}" for number in range(1, 21)})
    done = await documents.read(content)

    assert len(documents_of(done)) == 21
    messages = [one.message for one in done.progress if one.step == "extracting_text"]
    assert messages == [f"file {number} of 20: {number:02}.txt" for number in range(1, 21)]
    percents = [one.percent for one in done.progress]
    assert percents == sorted(percents)


async def test_a_file_in_an_archive_that_cannot_be_read_has_an_error(
    documents: DocumentHarness,
) -> None:
    content = zipped(
        {"a.txt": "fine", "b.bin": b"\x7fELF" + bytes(99), "c.docx": word(report)[:99]}
    )
    done = await documents.read(content)

    _, first, second, third = documents_of(done)
    assert first["extracted_text"] == "fine"
    assert second["error"]["code"] == "UNSUPPORTED_MEDIA"
    assert third["error"]["code"] == "DOCUMENT_INVALID"
    assert ("warning", f"b.bin is not read: {second['error']['message']}") in done.logs


async def code_of(documents: DocumentHarness, content: bytes, **given: Any) -> str:
    with pytest.raises(PermanentError) as raised:
        await documents.read(content, **given)
    return raised.value.code


async def test_an_archive_of_nothing_readable_fails(documents: DocumentHarness) -> None:
    content = zipped({"a": b"\x7fELF" + bytes(99), "b": b"Rar!\x1a\x07\x01\0"})
    assert await code_of(documents, content) == "UNSUPPORTED_MEDIA"


async def test_attachments_are_only_listed_if_they_are_not_wanted(
    documents: DocumentHarness,
) -> None:
    done = await documents.read(mail(("a.docx", word(report))), attachments=False)
    [only] = documents_of(done)
    assert [one["name"] for one in only["members"]] == ["a.docx"]


async def test_archives_too_deep_in_each_other_are_not_read(documents: DocumentHarness) -> None:
    content = zipped({"a.txt": "deep"})
    for _ in range(4):
        content = zipped({"a.zip": content})
    done = await documents.read(content, limits=DocumentsSection(max_depth=3))
    assert documents_of(done)[-1]["error"]["code"] == "DOCUMENT_TOO_LARGE"
    assert [one.get("error") for one in documents_of(done)[:-1]] == [None, None, None]


LIMITS: dict[str, DocumentsSection] = {
    "documents": DocumentsSection(max_documents=2),
    "bytes": DocumentsSection(max_unpacked_mb=0.001),
    "members": DocumentsSection(max_members=2),
}


@pytest.mark.parametrize("limit", LIMITS)
async def test_archives_beyond_a_limit_are_refused(documents: DocumentHarness, limit: str) -> None:
    content = zipped({f"{number}.txt": "text" * 200 for number in range(3)})
    assert await code_of(documents, content, limits=LIMITS[limit]) == "DOCUMENT_TOO_LARGE"


async def test_more_text_than_allowed_is_refused(documents: DocumentHarness) -> None:
    content = zipped({f"{number}.txt": "text" * 2000 for number in range(9)})
    code = await code_of(documents, content, pdf=PdfSection(max_text_mb=0.05))
    assert code == "PARSE_MEMORY_LIMIT"


async def test_a_searchable_pdf_can_only_be_made_of_pages(documents: DocumentHarness) -> None:
    assert await code_of(documents, word(report), output="pdf") == "VALIDATION_ERROR"


async def test_pages_of_a_book_of_sheets_can_be_chosen(documents: DocumentHarness) -> None:
    def fill(book: Any) -> None:
        for name in ("One", "Two"):
            book.create_sheet(name).append([name])

    done = await documents.read(workbook(fill), page_start=2, page_end=2)
    assert done.results is not None
    [page] = done.results["metadata"]["text_contents"]
    assert (page["page"], page["name"]) == (2, "One")


async def test_a_picture_is_recognised_and_its_pages_are_cached(
    documents: DocumentHarness,
) -> None:
    with pymupdf.open("pdf", pdf_samples.scan_pdf([["Invoice 4711 of the year"]])) as document:
        picture = document[0].get_pixmap(dpi=150).tobytes("png")
    cache = RecordingCache()
    done = await documents.read(picture, cache=cache)

    assert done.results is not None
    [page] = done.results["metadata"]["text_contents"]
    assert (page["method"], done.results["metadata"]["format"]) == ("ocr", "png")
    assert "4711" in page["text"]
    again = await documents.read(picture, cache=cache)
    assert cache.writes == [1]
    assert again.results is not None
    assert again.results["extracted_text"] == done.results["extracted_text"]


async def test_a_blank_picture_has_no_text(documents: DocumentHarness) -> None:
    done = await documents.read(png(400, 300))
    assert done.results is not None
    assert done.results["extracted_text"] == ""


async def test_a_child_that_needs_too_much_time_ends_with_a_code(
    documents: DocumentHarness,
) -> None:
    content = b"<html><body><table>" + b"<tr><td>a<td>b" * 500_000
    limits = DocumentsSection(cpu_sec=1, timeout_sec=20)
    assert await code_of(documents, content, limits=limits) == "PARSE_TIMEOUT"


@pytest.mark.parametrize(("name", "kind"), [("notes.MD", "md"), ("notes.txt", "txt")])
async def test_text_without_a_mark_of_markdown_is_markdown_only_by_its_name(
    documents: DocumentHarness, name: str, kind: str
) -> None:
    recorder = await documents.read(b"# of *two*\nmore words", name=name)
    assert documents_of(recorder)[0]["format"] == kind
