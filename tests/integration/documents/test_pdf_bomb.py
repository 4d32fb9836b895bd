"""Hostile PDFs end at their limits with an error code; other jobs of the worker continue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pymupdf
import pytest
from support import pdf_bombs, pdf_samples
from support.engine_harness import engine
from support.handler_harness import child_pids
from support.pdf_harness import PdfHarness, make_handler, pages_of

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JobStatus
from secretary_common.settings.documents import PdfSection
from secretary_worker.sandbox.zygote_client import ZygoteClient

Make = Callable[[], bytes]
Bomb = tuple[Make, str, ErrorCode]

# Each section is strict about one limit and generous about the other, so that one limit decides.
SHORT = PdfSection(page_sec=1.5)
SMALL = PdfSection(page_sec=60, memory_mb=300)
TIME, MEMORY, INVALID = (
    ErrorCode.PARSE_TIMEOUT,
    ErrorCode.PARSE_MEMORY_LIMIT,
    ErrorCode.PDF_INVALID,
)
BOMBS = {
    "forms nested in forms": (pdf_bombs.nested_forms, "native", TIME),
    "drawn by ocr": (pdf_bombs.nested_forms, "ocr", TIME),
    "packed twice": (pdf_bombs.packed_twice, "combined", TIME),
    "deep states": (pdf_bombs.deep_states, "native", INVALID),
    "a page of 70 m": (pdf_bombs.huge_page, "ocr", ErrorCode.PDF_PAGE_TOO_LARGE),
    "a circular tree": (pdf_bombs.circular_tree, "native", INVALID),
    "html": (lambda: b"<html>%PDF-1.7</html>", "native", INVALID),
    "cut off": (lambda: pdf_samples.report_pdf()[:200], "native", INVALID),
}
LARGE = {"many operators": (lambda: pdf_bombs.many_operators(1_000_000), "native", MEMORY)}
HARMLESS = {
    "a count that lies": (pdf_bombs.lying_count, "native"),
    "a circular form": (pdf_bombs.circular_form, "native"),
    "deep arrays": (lambda: pdf_bombs.deep_arrays(100_000), "native"),
    "a huge page with text": (pdf_bombs.huge_page, "native"),
    "a huge image": (lambda: pdf_bombs.huge_image(20_000), "native"),
}


@pytest.mark.parametrize(("limits", "given"), [(SHORT, BOMBS), (SMALL, LARGE)])
async def test_every_bomb_ends_with_its_code_and_other_jobs_complete(
    tmp_path: Path, zygote: ZygoteClient, limits: PdfSection, given: dict[str, Bomb]
) -> None:
    good = pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 40)])
    (tmp_path / "good.pdf").write_bytes(good)
    async with engine(make_handler(tmp_path, zygote, limits=limits), slots=3) as worker:
        bombs, others = {}, []
        for number, (name, (make, method, _)) in enumerate(given.items()):
            (tmp_path / f"{number}.pdf").write_bytes(make())
            parameters = {"filename": f"{number}.pdf", "extraction_method": method}
            bombs[name] = await worker.submit(parameters=parameters, max_attempts=1)
            if number % 3 == 0:
                others.append(await worker.submit(parameters={"filename": "good.pdf"}))
        found = {name: await worker.ended(job_id) for name, job_id in bombs.items()}
        good_jobs = await asyncio.gather(*map(worker.ended, others))

    codes = {name: job.error and job.error.code for name, job in found.items()}
    assert codes == {name: code for name, (_, _, code) in given.items()}
    assert [job.attempt for job in found.values()] == [1] * len(given)
    assert {job.status for job in good_jobs} == {JobStatus.COMPLETED}
    assert child_pids(zygote.pid) == []


async def test_a_bomb_on_a_page_outside_the_range_does_not_break_markdown(
    harness: PdfHarness,
) -> None:
    with pymupdf.open(stream=pdf_samples.text_pdf(["one", "two", "three"])) as document:
        with pymupdf.open(stream=pdf_bombs.nested_forms(), filetype="pdf") as bomb:
            document.insert_pdf(bomb)
        name = harness.put(document.tobytes())
    options = {"output": "markdown", "limits": PdfSection(page_sec=0.3), "use_cache": False}
    done = await harness.read(name, page_start=2, page_end=3, **options)
    assert [page["text"] for page in pages_of(done)] == ["two", "three"]
    with pytest.raises(PermanentError, match="page 4") as caught:
        await harness.read(name, **options)
    assert caught.value.code == ErrorCode.PARSE_TIMEOUT


@pytest.mark.parametrize("name", HARMLESS)
async def test_a_document_that_only_looks_dangerous_is_read(
    name: str, tmp_path: Path, zygote: ZygoteClient
) -> None:
    make, method = HARMLESS[name]
    (tmp_path / "odd.pdf").write_bytes(make())
    async with engine(make_handler(tmp_path, zygote, limits=PdfSection(memory_mb=500))) as worker:
        parameters = {"filename": "odd.pdf", "extraction_method": method}
        job = await worker.ended(await worker.submit(parameters=parameters))
    assert job.status is JobStatus.COMPLETED
