"""Cached pages are not read again; pages with any other content, method or option are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from support import pdf_bombs, pdf_samples
from support.handler_harness import Recorder
from support.pdf_harness import PdfHarness, RecordingCache, ScriptedReader, pages_of

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.models import JsonObject
from secretary_common.settings.documents import PdfSection
from secretary_documents.pdf.local_reader import NATIVE_PAGES

FIVE = pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 6)])


def cache_line(recorder: Recorder) -> str:
    """The line of the job's log that counts the pages from the cache."""
    return next(line for _, line in recorder.logs if "from the cache" in line)


async def test_pages_from_the_cache_equal_the_pages_that_were_read(harness: PdfHarness) -> None:
    cache = RecordingCache()
    mixed = pdf_samples.mixed_pdf()
    first = await harness.read(mixed, extraction_method="combined", cache=cache)
    again = await harness.read(mixed, extraction_method="combined", cache=cache)
    assert cache_line(first).endswith("0 of them from the cache")
    assert cache_line(again) == "3 pages read, 3 of them from the cache"
    assert pages_of(again) == pages_of(first)
    assert "page 3 of 3" in [progress.message for progress in again.progress]


async def test_a_wider_range_reads_only_the_new_pages(harness: PdfHarness) -> None:
    cache, reader = RecordingCache(), ScriptedReader()
    options: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "cache": cache,
        "remote": {"mistral_ocr": reader},
    }
    await harness.read(FIVE, page_start=2, page_end=3, **options)
    await harness.read(FIVE, **options)
    assert reader.requested == [[2, 3], [1, 4, 5]]


async def test_the_same_content_under_another_name_comes_from_the_cache(
    harness: PdfHarness,
) -> None:
    cache = RecordingCache()
    await harness.read(harness.put(FIVE, "one.pdf"), cache=cache)
    again = await harness.read(harness.put(FIVE, "other.pdf"), cache=cache)
    assert cache_line(again) == "5 pages read, 5 of them from the cache"


async def test_a_file_that_is_overwritten_while_it_is_read_keeps_its_first_content(
    harness: PdfHarness,
) -> None:
    class Overwriting(RecordingCache):
        async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
            await super().put_many(entries)
            harness.put(other)  # overwrites the file

    # More pages than one child reads, so that a second child opens the file again.
    ours, other = (pdf_samples.text_pdf([word] * (NATIVE_PAGES + 50)) for word in ("one", "two"))
    name, cache = harness.put(ours), Overwriting()
    assert {page["text"] for page in pages_of(await harness.read(name, cache=cache))} == {"one"}
    again = await harness.read(harness.put(ours, "same.pdf"), cache=cache)
    assert {page["text"] for page in pages_of(again)} == {"one"}


async def test_other_content_under_the_same_name_is_read(harness: PdfHarness) -> None:
    cache = RecordingCache()
    await harness.read(harness.put(FIVE), cache=cache)
    other = await harness.read(harness.put(pdf_samples.text_pdf(["anders"])), cache=cache)
    assert [page["text"] for page in pages_of(other)] == ["anders"]


@pytest.mark.parametrize(
    "other",
    [
        {"output": "markdown"},
        {"extraction_method": "combined"},
        {"extraction_method": "ocr", "language": ["deu"]},
        {"extraction_method": "ocr", "language": ["deu", "eng"]},
        {
            "extraction_method": "ocr",
            "language": ["eng"],
            "limits": PdfSection(max_page_mpixels=0.5),
        },
        {"extraction_method": "mistral_ocr", "remote": {"mistral_ocr": ScriptedReader()}},
    ],
    ids=["output", "method", "language", "their order", "pixels", "reader"],
)
async def test_every_option_that_changes_the_text_is_part_of_the_key(
    harness: PdfHarness, other: dict[str, Any]
) -> None:
    cache = RecordingCache()
    page = pdf_samples.text_pdf(["Guten Morgen"], box=pdf_samples.SLIP)
    for given in ({}, {"extraction_method": "ocr", "language": ["eng"]}, other):
        await harness.read(page, cache=cache, **given)
    assert len(cache.entries) == 3


async def test_without_use_cache_nothing_is_looked_up_or_stored(harness: PdfHarness) -> None:
    cache = RecordingCache()
    await harness.read(FIVE, use_cache=False, cache=cache)
    assert (cache.requested, cache.entries) == ([], {})


async def test_force_refresh_reads_all_pages_and_replaces_the_cached_ones(
    harness: PdfHarness,
) -> None:
    cache = RecordingCache()
    await harness.read(FIVE, cache=cache)
    for key in cache.entries:
        cache.entries[key] = {**cache.entries[key], "text": "old"}
    done = await harness.read(FIVE, force_refresh=True, cache=cache)
    assert cache_line(done).endswith("0 of them from the cache")
    assert "old" not in str(cache.entries)


async def test_force_refresh_continues_where_the_last_attempt_of_the_run_stopped(
    harness: PdfHarness,
) -> None:
    cache = RecordingCache()
    reader = ScriptedReader()
    options: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "cache": cache,
        "remote": {"mistral_ocr": reader},
    }
    await harness.read(FIVE, **options)  # an earlier job
    reader.fail_at, reader.error = 4, TransientError("429")
    options |= {"force_refresh": True}
    with pytest.raises(TransientError):
        await harness.read(FIVE, job={"job_id": "job-1", "attempt": 1}, **options)
    reader.fail_at = None
    done = await harness.read(FIVE, job={"job_id": "job-1", "attempt": 2}, **options)
    assert cache_line(done).endswith("3 of them from the cache")
    assert reader.requested == [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [4, 5]]
    await harness.read(FIVE, job={"job_id": "job-1", "run": 2, "attempt": 3}, **options)
    await harness.read(FIVE, job={"job_id": "job-2", "attempt": 2}, **options)
    assert reader.requested[3:] == [[1, 2, 3, 4, 5]] * 2
    await harness.read(FIVE, **{**options, "force_refresh": False})
    assert len(reader.requested) == 5


async def test_a_store_that_is_down_is_only_a_miss(harness: PdfHarness) -> None:
    done = await harness.read(FIVE, cache=RecordingCache(down=True))
    assert len(pages_of(done)) == 5


async def test_an_entry_of_another_version_is_read_again(harness: PdfHarness) -> None:
    cache = RecordingCache()
    await harness.read(FIVE, cache=cache)
    for key in cache.entries:
        cache.entries[key] = {"content": "of another version"}
    done = await harness.read(FIVE, cache=cache)
    assert [page["text"] for page in pages_of(done)] == [f"Seite {n}" for n in range(1, 6)]


async def test_pages_read_before_a_bomb_are_cached(harness: PdfHarness) -> None:
    with pymupdf.open(stream=FIVE, filetype="pdf") as document:
        with pymupdf.open(stream=pdf_bombs.nested_forms(), filetype="pdf") as bomb:
            document.insert_pdf(bomb)
        content = document.tobytes()
    cache = RecordingCache()
    with pytest.raises(PermanentError, match=r"^page 6: ") as caught:
        await harness.read(content, cache=cache, limits=PdfSection(page_sec=1))
    assert caught.value.code == ErrorCode.PARSE_TIMEOUT
    assert caught.value.details == {"page": 6}
    assert sorted(entry["text"] for entry in cache.entries.values()) == [
        f"Seite {number}" for number in range(1, 6)
    ]


async def test_pages_that_a_provider_read_before_it_failed_are_not_requested_again(
    harness: PdfHarness,
) -> None:
    cache = RecordingCache()
    reader = ScriptedReader(fail_at=4, error=TransientError("429", retry_after=3))
    options: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "cache": cache,
        "remote": {"mistral_ocr": reader},
    }
    with pytest.raises(TransientError):
        await harness.read(FIVE, **options)
    reader.fail_at = None
    await harness.read(FIVE, **options)
    assert reader.requested == [[1, 2, 3, 4, 5], [4, 5]]


async def test_pages_are_stored_while_other_pages_are_still_being_read(harness: PdfHarness) -> None:
    cache = RecordingCache()
    stored: list[int] = []

    class Waiting(ScriptedReader):
        async def read(self, document: Any, pages: Any, on_page: Any, resources: Any) -> None:
            for number in pages:
                await super().read(document, [number], on_page, resources)
                async with asyncio.timeout(10):
                    while len(cache.entries) < number:  # noqa: ASYNC110 - there is no event
                        await asyncio.sleep(0.005)
                stored.append(len(cache.entries))

    remote = {"openai_vision": Waiting("openai_vision")}
    await harness.read(FIVE, extraction_method="openai_vision", cache=cache, remote=remote)
    assert stored == [1, 2, 3, 4, 5]


async def test_cached_pages_of_an_encrypted_file_need_its_password_too(
    harness: PdfHarness, tmp_path: Path
) -> None:
    cache, locked = RecordingCache(), pdf_samples.encrypted_pdf("geheim")
    await harness.read(locked, password="geheim", cache=cache)
    cache.requested.clear()
    with pytest.raises(PermanentError) as caught:
        await harness.read(locked, cache=cache)
    assert caught.value.code == ErrorCode.PDF_PASSWORD_REQUIRED
    assert cache.requested == []
