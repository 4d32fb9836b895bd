"""Providers that read pages of real PDFs: what they receive, and how their answers are used."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pymupdf
import pytest
from support import pdf_samples
from support.pdf_harness import PdfHarness, RecordingCache, pages_of
from support.provider_harness import provider_settings

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.settings.provider import MistralSection, VisionSection
from secretary_devstack.provider import ChatReply, FakeProvider
from secretary_documents.providers.mistral import MistralReader
from secretary_documents.providers.vision import VisionReader

FOUR = pdf_samples.text_pdf([f"Seite {number}" for number in range(1, 5)])


def text_of(pdf: bytes) -> list[str]:
    """The text that the fake Mistral "recognises" in an uploaded PDF."""
    with pymupdf.open(stream=pdf, filetype="pdf") as document:
        assert not document.needs_pass
        return [str(page.get_text()).strip() for page in document]


def image_size(request: dict[str, Any]) -> ChatReply:
    """The answer of the fake model: the size of the image."""
    url = request["messages"][-1]["content"][0]["image_url"]["url"]
    picture = pymupdf.Pixmap(base64.b64decode(url.partition(",")[2]))
    return ChatReply(f"{picture.width} x {picture.height}")


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(read_pdf=text_of, reply=image_size) as fake:
        yield fake
    assert fake.violations == []
    assert fake.files == {}, "an upload was left"


def remote(fake: FakeProvider) -> dict[str, Any]:
    mistral = MistralSection(**provider_settings(fake, pages_per_request=2))
    return {
        "mistral_ocr": MistralReader(mistral),
        "openai_vision": VisionReader.of(VisionSection(**provider_settings(fake, max_side=500))),
    }


async def test_mistral_gets_a_few_pages_at_a_time_and_only_new_ones(
    harness: PdfHarness, fake: FakeProvider
) -> None:
    cache = RecordingCache()
    options: dict[str, Any] = {
        "extraction_method": "mistral_ocr",
        "remote": remote(fake),
        "cache": cache,
    }
    await harness.read(FOUR, page_start=2, page_end=2, **options)
    done = await harness.read(FOUR, **options)
    assert [page["text"] for page in pages_of(done)] == [f"Seite {n}" for n in range(1, 5)]
    sent = [text for one in fake.requests_for("upload") for text in text_of(one.file)]
    assert sorted(sent) == ["Seite 1", "Seite 2", "Seite 3", "Seite 4"]


async def test_a_provider_gets_pages_without_encryption(
    harness: PdfHarness, fake: FakeProvider
) -> None:
    locked = pdf_samples.encrypted_pdf("geheim")
    done = await harness.read(
        locked, password="geheim", extraction_method="mistral_ocr", remote=remote(fake)
    )
    assert pages_of(done)[0]["text"] == "Vertraulich"


async def test_a_model_gets_one_image_for_each_page(
    harness: PdfHarness, fake: FakeProvider
) -> None:
    done = await harness.read(
        FOUR, page_start=3, extraction_method="openai_vision", remote=remote(fake)
    )
    assert [(page["page"], page["method"]) for page in pages_of(done)] == [
        (3, "openai_vision"),
        (4, "openai_vision"),
    ]
    for page in pages_of(done):
        width, height = map(int, page["text"].split(" x "))
        assert (width < height, 490 <= height <= 500) == (True, True)


async def test_the_document_type_in_the_context_reaches_the_model_and_the_cache_key(
    harness: PdfHarness, fake: FakeProvider
) -> None:
    cache = RecordingCache()
    for context in ({}, {"document_type": "presentation"}, {"document_type": "presentation"}):
        await harness.read(
            FOUR,
            page_end=1,
            extraction_method="openai_vision",
            context=context,
            remote=remote(fake),
            cache=cache,
        )
    prompts = [str(one.body["messages"][0]) for one in fake.requests_for("chat")]
    assert ["slide of a talk" in prompt for prompt in prompts] == [False, True]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("mistral_ocr", ErrorCode.MISTRAL_NOT_CONFIGURED),
        ("openai_vision", ErrorCode.VISION_NOT_CONFIGURED),
    ],
)
async def test_a_provider_without_a_key_is_reported_before_the_file_is_opened(
    harness: PdfHarness, method: str, code: ErrorCode
) -> None:
    readers: dict[str, Any] = {
        "mistral_ocr": MistralReader(MistralSection()),
        "openai_vision": VisionReader.of(VisionSection()),
    }
    with pytest.raises(PermanentError) as caught:
        await harness.read("missing.pdf", extraction_method=method, remote=readers)
    assert caught.value.code == code
