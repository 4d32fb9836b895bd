"""Known defects of earlier PDF services, (a) to (l), each with a test that excludes it.

The tests of the remote readers cover (j): a provider's copy of a file is deleted after any error.
``test_pdf_url.py`` also covers (a) and (i): URLs work, once and guarded.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web
from support import pdf_samples
from support.handler_harness import Recorder, make_job
from support.pdf_harness import PdfHarness, RecordingCache, ScriptedReader, make_handler, pages_of

from secretary_common.errors import ErrorCode, PermanentError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_documents.templates.transformer import TransformRequest, TransformResult

FIVE = pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 6)])


async def test_a_and_i_a_url_is_fetched_once_and_read(harness: PdfHarness) -> None:
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=FIVE)

    app = web.Application()
    app.router.add_get("/{name}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/five.pdf"
    recorder = Recorder()
    handler = make_handler(harness.root, harness.zygote)
    await handler(make_job("pdf", url=url), recorder, ResourceCalculator())
    await runner.cleanup()
    assert asked == ["/five.pdf"]
    assert len(pages_of(recorder)) == 5


async def test_b_cached_pages_of_another_range_are_not_returned(
    harness: PdfHarness,
) -> None:
    cache = RecordingCache()
    await harness.read(FIVE, page_start=1, page_end=2, cache=cache)
    done = await harness.read(FIVE, page_start=2, page_end=3, cache=cache)
    assert [page["text"] for page in pages_of(done)] == ["Seite 2", "Seite 3"]


async def test_c_without_page_end_all_pages_to_the_last_are_read(harness: PdfHarness) -> None:
    reader = ScriptedReader()
    remote = {"mistral_ocr": reader}
    await harness.read(FIVE, extraction_method="mistral_ocr", page_start=3, remote=remote)
    assert reader.requested == [[3, 4, 5]]


async def test_d_native_text_respects_the_range(harness: PdfHarness) -> None:
    done = await harness.read(FIVE, page_start=5)
    assert [page["page"] for page in pages_of(done)] == [5]


async def test_e_the_filled_template_is_in_the_result(harness: PdfHarness) -> None:
    requests: list[TransformRequest] = []

    class NotesTransformer:
        async def transform(
            self, request: TransformRequest, resources: ResourceCalculator
        ) -> TransformResult:
            requests.append(request)
            resources.add_tokens("m", prompt=7)
            fields = {"title": "Notes"}
            template = {"name": "Notes", "sha256": "ab"}
            return TransformResult("# Notes", fields, fields, template, {"model": "m"}, ("short",))

    done = await harness.read(
        FIVE,
        template="Notes",
        context={"a": 1},
        target_language="de",
        transformer=NotesTransformer(),
    )
    [request] = requests
    assert "--- Page 5 ---\nSeite 5" in request.text
    assert (request.template, request.context, request.target_language) == ("Notes", {"a": 1}, "de")
    assert done.results is not None
    assert done.results["template"] == {
        "name": "Notes",
        "sha256": "ab",
        "llm": {"model": "m"},
        "warnings": ["short"],
        "text": "# Notes",
    }
    assert done.results["template_fields"] == {"title": "Notes"}
    assert done.results["usage"]["tokens"] == {"m": {"prompt": 7, "completion": 0}}
    assert ("applying_template", 80) in [(one.step, one.percent) for one in done.progress]


async def test_e_a_template_without_a_template_engine_fails_before_a_page_is_read(
    harness: PdfHarness,
) -> None:
    with pytest.raises(PermanentError) as caught:
        await harness.read(FIVE, template_content="{{a|b}}")
    assert caught.value.code == ErrorCode.TEMPLATES_NOT_CONFIGURED


@pytest.mark.parametrize("kind", [PermanentError, TransientError])
async def test_f_a_providers_error_is_an_error_and_never_text(
    harness: PdfHarness, kind: type[PermanentError | TransientError]
) -> None:
    reader = ScriptedReader(fail_at=3, error=kind("the provider is broken"))
    recorder = Recorder()
    handler = make_handler(harness.root, harness.zygote, remote={"openai_vision": reader})
    job = make_job("pdf", filename=harness.put(FIVE), extraction_method="openai_vision")
    with pytest.raises(kind, match="is broken"):
        await handler(job, recorder, ResourceCalculator())
    assert recorder.results is None


@pytest.mark.parametrize(
    ("method", "code", "setting"),
    [
        ("mistral_ocr", ErrorCode.MISTRAL_NOT_CONFIGURED, "mistral.api_key"),
        ("openai_vision", ErrorCode.VISION_NOT_CONFIGURED, "vision.api_key"),
    ],
)
async def test_f_a_method_without_a_provider_names_the_setting(
    harness: PdfHarness, method: str, code: ErrorCode, setting: str
) -> None:
    with pytest.raises(PermanentError, match=setting) as caught:
        await harness.read(FIVE, extraction_method=method)
    assert caught.value.code == code


async def test_g_native_text_draws_no_images(harness: PdfHarness) -> None:
    done = await harness.read(FIVE)
    assert done.files == {}
    assert "processing_images" not in [progress.step for progress in done.progress]


async def test_h_the_event_loop_is_not_blocked_while_pages_are_recognised(
    harness: PdfHarness,
) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    started = time.monotonic()
    scan = pdf_samples.scan_pdf([pdf_samples.PROSE])
    await harness.read(scan, extraction_method="ocr", language=["deu"])
    took = time.monotonic() - started
    watching.cancel()
    assert longest < took / 2, "the loop was blocked for most of the time"


@pytest.mark.parametrize(("given", "code"), [({}, "REQUIRED"), ({"password": "x"}, "WRONG")])
async def test_k_a_missing_or_wrong_password_has_its_own_code(
    harness: PdfHarness, given: dict[str, Any], code: str
) -> None:
    with pytest.raises(PermanentError) as caught:
        await harness.read(pdf_samples.encrypted_pdf("geheim"), **given)
    assert code in caught.value.code


async def test_l_two_files_of_the_same_name_at_once_do_not_mix(harness: PdfHarness) -> None:
    (harness.root / "one").mkdir()
    (harness.root / "other").mkdir()
    names = [
        harness.put(pdf_samples.text_pdf([text] * 3), f"{text}/same.pdf")
        for text in ("one", "other")
    ]
    cache = RecordingCache()
    done = await asyncio.gather(*(harness.read(name, cache=cache) for name in names))
    assert [[page["text"] for page in pages_of(one)] for one in done] == [
        ["one"] * 3,
        ["other"] * 3,
    ]
