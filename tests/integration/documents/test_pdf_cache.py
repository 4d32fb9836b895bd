"""Pages that were read before are not read again; whatever else differs, is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from support import pdf_bombs, pdf_samples
from support.handler_harness import Recorder
from support.pdf_harness import PdfBench, RememberingCache, ScriptedReader, pages_of

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.models import JsonObject
from secretary_common.settings.work import PdfSection
from secretary_documents.pdf.local_reader import NATIVE_PAGES

FIVE = pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 6)])


def counted(recorder: Recorder) -> str:
    """What the job's log says of the pages."""
    return next(line for _, line in recorder.logs if "from the cache" in line)


async def test_what_was_read_is_taken_from_the_cache_and_is_the_same(bench: PdfBench) -> None:
    cache = RememberingCache()
    mixed = pdf_samples.mixed_pdf()
    first = await bench.read(mixed, extraction_method="combined", cache=cache)
    again = await bench.read(mixed, extraction_method="combined", cache=cache)
    assert counted(first).endswith("0 of them from the cache")
    assert counted(again) == "3 pages read, 3 of them from the cache"
    assert pages_of(again) == pages_of(first)
    assert "page 3 of 3" in [progress.message for progress in again.progress]


async def test_a_wider_range_reads_only_what_is_new(bench: PdfBench) -> None:
    cache, reader = RememberingCache(), ScriptedReader()
    how: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "cache": cache,
        "remote": {"mistral_ocr": reader},
    }
    await bench.read(FIVE, page_start=2, page_end=3, **how)
    await bench.read(FIVE, **how)
    assert reader.asked == [[2, 3], [1, 4, 5]]


async def test_the_same_content_is_the_same_whatever_it_is_called(bench: PdfBench) -> None:
    cache = RememberingCache()
    await bench.read(bench.put(FIVE, "one.pdf"), cache=cache)
    again = await bench.read(bench.put(FIVE, "other.pdf"), cache=cache)
    assert counted(again) == "5 pages read, 5 of them from the cache"


async def test_a_file_that_is_overwritten_while_it_is_read_is_read_and_kept_as_it_was(
    bench: PdfBench,
) -> None:
    class Overwriting(RememberingCache):
        async def put_many(self, entries: Mapping[str, JsonObject]) -> None:
            await super().put_many(entries)
            bench.put(other)  # over it

    # More pages than one child reads: another one opens the file anew.
    ours, other = (pdf_samples.text_pdf([word] * (NATIVE_PAGES + 50)) for word in ("one", "two"))
    name, cache = bench.put(ours), Overwriting()
    assert {page["text"] for page in pages_of(await bench.read(name, cache=cache))} == {"one"}
    again = await bench.read(bench.put(ours, "same.pdf"), cache=cache)
    assert {page["text"] for page in pages_of(again)} == {"one"}


async def test_other_content_under_the_same_name_is_read(bench: PdfBench) -> None:
    cache = RememberingCache()
    await bench.read(bench.put(FIVE), cache=cache)
    other = await bench.read(bench.put(pdf_samples.text_pdf(["anders"])), cache=cache)
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
    ids=["output", "method", "language", "their order", "pixels", "engine"],
)
async def test_whatever_changes_the_text_is_a_part_of_the_key(
    bench: PdfBench, other: dict[str, Any]
) -> None:
    cache = RememberingCache()
    page = pdf_samples.text_pdf(["Guten Morgen"], box=pdf_samples.SLIP)
    for given in ({}, {"extraction_method": "ocr", "language": ["eng"]}, other):
        await bench.read(page, cache=cache, **given)
    assert len(cache.entries) == 3


async def test_without_use_cache_nothing_is_asked_and_nothing_kept(bench: PdfBench) -> None:
    cache = RememberingCache()
    await bench.read(FIVE, use_cache=False, cache=cache)
    assert (cache.asked, cache.entries) == ([], {})


async def test_force_refresh_reads_anew_and_keeps_what_comes(bench: PdfBench) -> None:
    cache = RememberingCache()
    await bench.read(FIVE, cache=cache)
    for key in cache.entries:
        cache.entries[key] = {**cache.entries[key], "text": "old"}
    done = await bench.read(FIVE, force_refresh=True, cache=cache)
    assert counted(done).endswith("0 of them from the cache")
    assert "old" not in str(cache.entries)


async def test_force_refresh_goes_on_where_the_last_attempt_of_the_run_stopped(
    bench: PdfBench,
) -> None:
    cache = RememberingCache()
    reader = ScriptedReader()
    how: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "cache": cache,
        "remote": {"mistral_ocr": reader},
    }
    await bench.read(FIVE, **how)  # another job, before
    reader.fail_at, reader.error = 4, TransientError("429")
    how |= {"force_refresh": True}
    with pytest.raises(TransientError):
        await bench.read(FIVE, job={"job_id": "job-1", "attempt": 1}, **how)
    reader.fail_at = None
    done = await bench.read(FIVE, job={"job_id": "job-1", "attempt": 2}, **how)
    assert counted(done).endswith("3 of them from the cache")
    assert reader.asked == [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [4, 5]]
    await bench.read(FIVE, job={"job_id": "job-1", "run": 2, "attempt": 3}, **how)
    await bench.read(FIVE, job={"job_id": "job-2", "attempt": 2}, **how)
    assert reader.asked[3:] == [[1, 2, 3, 4, 5]] * 2
    await bench.read(FIVE, **{**how, "force_refresh": False})
    assert len(reader.asked) == 5


async def test_a_store_that_is_away_is_only_a_miss(bench: PdfBench) -> None:
    done = await bench.read(FIVE, cache=RememberingCache(away=True))
    assert len(pages_of(done)) == 5


async def test_an_entry_of_another_form_is_read_anew(bench: PdfBench) -> None:
    cache = RememberingCache()
    await bench.read(FIVE, cache=cache)
    for key in cache.entries:
        cache.entries[key] = {"content": "of another version"}
    done = await bench.read(FIVE, cache=cache)
    assert [page["text"] for page in pages_of(done)] == [f"Seite {n}" for n in range(1, 6)]


async def test_pages_read_before_a_bomb_are_kept(bench: PdfBench) -> None:
    with pymupdf.open(stream=FIVE, filetype="pdf") as document:
        with pymupdf.open(stream=pdf_bombs.nested_forms(), filetype="pdf") as bomb:
            document.insert_pdf(bomb)
        content = document.tobytes()
    cache = RememberingCache()
    with pytest.raises(PermanentError, match=r"^page 6: ") as caught:
        await bench.read(content, cache=cache, limits=PdfSection(page_sec=1))
    assert caught.value.code == ErrorCode.PARSE_TIMEOUT
    assert caught.value.details == {"page": 6}
    assert sorted(entry["text"] for entry in cache.entries.values()) == [
        f"Seite {number}" for number in range(1, 6)
    ]


async def test_what_a_provider_read_before_it_failed_is_not_asked_for_again(
    bench: PdfBench,
) -> None:
    cache = RememberingCache()
    reader = ScriptedReader(fail_at=4, error=TransientError("429", retry_after=3))
    how: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "cache": cache,
        "remote": {"mistral_ocr": reader},
    }
    with pytest.raises(TransientError):
        await bench.read(FIVE, **how)
    reader.fail_at = None
    await bench.read(FIVE, **how)
    assert reader.asked == [[1, 2, 3, 4, 5], [4, 5]]


async def test_pages_are_kept_while_the_others_are_still_read(bench: PdfBench) -> None:
    cache = RememberingCache()
    seen: list[int] = []

    class Waiting(ScriptedReader):
        async def read(self, document: Any, pages: Any, on_page: Any, resources: Any) -> None:
            for number in pages:
                await super().read(document, [number], on_page, resources)
                async with asyncio.timeout(10):
                    while len(cache.entries) < number:  # noqa: ASYNC110 - no event tells of it
                        await asyncio.sleep(0.005)
                seen.append(len(cache.entries))

    remote = {"openai_vision": Waiting("openai_vision")}
    await bench.read(FIVE, extraction_method="openai_vision", cache=cache, remote=remote)
    assert seen == [1, 2, 3, 4, 5]


async def test_what_is_cached_of_an_encrypted_file_needs_its_password_too(
    bench: PdfBench, tmp_path: Path
) -> None:
    cache, locked = RememberingCache(), pdf_samples.encrypted_pdf("geheim")
    await bench.read(locked, password="geheim", cache=cache)
    cache.asked.clear()
    with pytest.raises(PermanentError) as caught:
        await bench.read(locked, cache=cache)
    assert caught.value.code == ErrorCode.PDF_PASSWORD_REQUIRED
    assert cache.asked == []
