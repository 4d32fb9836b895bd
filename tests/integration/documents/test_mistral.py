"""Mistral's OCR: each page is reported once under its number, and no upload is left."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.provider_harness import (
    FakeTime,
    document,
    expected_texts,
    provider_settings,
    read_texts,
    texts_by_number,
    until,
)

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_common.runtime.metrics import PROVIDER_UPLOADS_LEFT
from secretary_common.settings.provider import MistralSection
from secretary_devstack.provider import FakeProvider, Misbehaviour
from secretary_documents.pdf.method_choice import Reason
from secretary_documents.pdf.page import Page
from secretary_documents.providers import mistral
from secretary_documents.providers.mistral import MistralReader


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider(read_pdf=read_texts) as fake:
        yield fake
    assert fake.violations == []
    assert fake.files == {}, "an upload was left"


def reader(fake: FakeProvider, fake_time: FakeTime, **settings: Any) -> MistralReader:
    return MistralReader(
        MistralSection(**provider_settings(fake, **settings)), timing=fake_time.timing
    )


def edited(edit: Callable[[list[JsonObject]], object]) -> Misbehaviour:
    """Return the correct response, with its pages changed in place by *edit*."""

    def change(body: JsonObject) -> JsonObject:
        edit(body["pages"])
        return body

    return Misbehaviour.edited(change)


async def test_pages_are_requested_in_pieces_and_keep_their_numbers(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    pages: list[Page] = []
    resources = ResourceCalculator()
    numbers = [2, 3, 5, 8, 9]
    one = reader(fake, fake_time, pages_per_request=2, price_per_page=0.002)
    await one.read(document(9), numbers, pages.append, resources)
    assert texts_by_number(pages) == expected_texts(numbers)
    assert {page.method for page in pages} == {"mistral_ocr"}
    assert {page.confidence for page in pages} == {0.93}
    assert resources.usage() == {
        "api_calls": 9,
        "cost": {"total": 0.01, "models": {"model-1": 0.01}},
    }
    assert [len(fake.requests_for(what)) for what in ("upload", "ocr", "delete")] == [3, 3, 3]


async def test_a_piece_that_is_too_large_is_cut_in_half(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    pages: list[Page] = []
    large = document(5)
    large.padding = 300_000
    one = reader(fake, fake_time, max_request_mb=1)
    await one.read(large, range(1, 6), pages.append, ResourceCalculator())
    assert texts_by_number(pages) == expected_texts(range(1, 6))
    assert sorted(len(read_texts(one.file)) for one in fake.requests_for("upload")) == [2, 3]


async def test_the_error_for_a_page_that_is_too_large_names_its_number(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    large = document(3)
    large.padding = 3_000_000
    one = reader(fake, fake_time, max_request_mb=1)
    with pytest.raises(PermanentError, match="page 2 alone") as caught:
        await one.read(large, [2], list[Page]().append, ResourceCalculator())
    assert caught.value.code == ErrorCode.PDF_TOO_LARGE


@pytest.mark.parametrize(
    ("edit", "asked_again"),
    [
        (lambda pages: pages.pop(1), ["This is page 2."]),
        (lambda pages: pages.append({**pages[0], "markdown": "another"}), ["This is page 1."]),
        (lambda pages: pages[2].update(index=1), ["This is page 2.", "This is page 3."]),
        (lambda pages: [page.update(index=page["index"] + 1) for page in pages], None),
        (lambda pages: pages[0].update(index=-1), None),
        (lambda pages: pages[0].update(index="0"), None),
        (lambda pages: pages[0].update(markdown=None), None),
        (lambda pages: pages.clear(), None),
    ],
    ids=["missing", "twice", "one_for_another", "from_1", "negative", "text", "null", "none"],
)
async def test_missing_pages_are_requested_once_more(
    fake: FakeProvider,
    fake_time: FakeTime,
    edit: Callable[[list[JsonObject]], object],
    asked_again: list[str] | None,
) -> None:
    fake.misbehave("ocr", edited(edit))
    pages: list[Page] = []
    await reader(fake, fake_time).read(document(3), [1, 2, 3], pages.append, ResourceCalculator())
    assert texts_by_number(pages) == expected_texts([1, 2, 3])
    again = read_texts(fake.requests_for("upload")[1].file)
    assert again == (asked_again or [f"This is page {number}." for number in (1, 2, 3)])


async def test_a_page_that_stays_missing_fails_and_the_others_are_reported(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("ocr", edited(lambda pages: pages.pop(1)), edited(lambda pages: pages.clear()))
    pages: list[Page] = []
    with pytest.raises(PermanentError) as caught:
        await reader(fake, fake_time).read(
            document(3), [1, 2, 3], pages.append, ResourceCalculator()
        )
    assert caught.value.code == ErrorCode.PROVIDER_INVALID_ANSWER
    assert caught.value.details == {"provider": "mistral", "pages": [2]}
    assert texts_by_number(pages) == expected_texts([1, 3])


async def test_a_page_without_text_says_why(fake: FakeProvider, fake_time: FakeTime) -> None:
    picture = {"id": "img-0.jpeg", "top_left_x": 1}
    link = "![img-0.jpeg](img-0.jpeg)"
    fake.misbehave("ocr", edited(lambda pages: pages[0].update(markdown=link, images=[picture])))
    pages: list[Page] = []
    await reader(fake, fake_time).read(document(1), [1], pages.append, ResourceCalculator())
    assert [(page.text, page.reason) for page in pages] == [("", Reason.NOTHING_RECOGNISED)]


@pytest.mark.parametrize("confidence", [None, {"average_page_confidence_score": None}])
async def test_without_a_confidence_the_page_has_none(
    fake: FakeProvider, fake_time: FakeTime, confidence: JsonObject | None
) -> None:
    fake.misbehave("ocr", edited(lambda pages: pages[0].update(confidence_scores=confidence)))
    pages: list[Page] = []
    await reader(fake, fake_time).read(document(1), [1], pages.append, ResourceCalculator())
    assert pages[0].confidence is None


@pytest.mark.parametrize("operation", ["upload", "ocr", "delete"])
@pytest.mark.parametrize(
    "wrong",
    [
        Misbehaviour.rate_limited("2"),
        Misbehaviour.failing(500),
        Misbehaviour.truncated(),
        Misbehaviour.cut_off(),
        Misbehaviour.resetting(),
        Misbehaviour.resetting(executed=True),
    ],
    ids=["429", "500", "truncated", "cut", "reset", "answer_lost"],
)
async def test_a_temporary_failure_loses_no_page_and_leaves_no_upload(
    fake: FakeProvider, fake_time: FakeTime, operation: str, wrong: Misbehaviour
) -> None:
    fake.misbehave(operation, wrong)
    pages: list[Page] = []
    await reader(fake, fake_time).read(document(2), [1, 2], pages.append, ResourceCalculator())
    assert texts_by_number(pages) == expected_texts([1, 2])


@pytest.mark.parametrize("operation", ["upload", "ocr"])
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (Misbehaviour.failing(400), PermanentError),
        (Misbehaviour.failing(503), TransientError),
        (Misbehaviour.resetting(executed=True), TransientError),
        (Misbehaviour.truncated(), TransientError),
        (Misbehaviour.html(), PermanentError),
        (Misbehaviour.edited(lambda body: {}), PermanentError),
    ],
    ids=["400", "503", "answer_lost", "truncated", "html", "empty"],
)
async def test_a_lasting_failure_fails_the_job_and_leaves_no_upload(
    fake: FakeProvider,
    fake_time: FakeTime,
    operation: str,
    wrong: Misbehaviour,
    kind: type[SecretaryError],
) -> None:
    fake.misbehave(operation, *[wrong] * 9)
    pages: list[Page] = []
    with pytest.raises(kind):
        await reader(fake, fake_time).read(document(2), [1, 2], pages.append, ResourceCalculator())
    assert pages == []


async def test_a_failed_piece_does_not_stop_running_pieces(
    fake: FakeProvider, fake_time: FakeTime
) -> None:
    fake.misbehave("ocr", Misbehaviour(executed=True, delay_sec=0.2), Misbehaviour.failing(400))
    pages: list[Page] = []
    one = reader(fake, fake_time, pages_per_request=1, parallel=2)
    with pytest.raises(PermanentError):
        await one.read(document(9), range(1, 10), pages.append, ResourceCalculator())
    assert len(pages) == 1
    assert len(fake.requests_for("upload")) <= 3


@pytest.mark.parametrize("operation", ["upload", "ocr"])
async def test_a_cancelled_job_leaves_no_upload(
    fake: FakeProvider, fake_time: FakeTime, operation: str
) -> None:
    fake.misbehave(operation, Misbehaviour.hanging(executed=True))
    fake.misbehave("list", Misbehaviour(executed=True, delay_sec=0.2))
    reading = reader(fake, fake_time).read(
        document(1), [1], list[Page]().append, ResourceCalculator()
    )
    task = asyncio.create_task(reading)
    await until(lambda: fake.requests_for(operation) and fake.files, "an upload")
    task.cancel()
    await until(lambda: fake.requests_for("list") or fake.requests_for("delete"), "tidying up")
    task.cancel()  # the engine may cancel twice
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_an_upload_that_cannot_be_deleted_is_counted_and_fails_nothing(
    fake: FakeProvider, fake_time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistral, "REMOVE_SEC", 0.2)
    left = PROVIDER_UPLOADS_LEFT.labels("mistral")
    before = left._value.get()
    fake.misbehave("delete", Misbehaviour.hanging(), Misbehaviour.failing(400))
    pages: list[Page] = []
    one = reader(fake, fake_time, pages_per_request=1)
    await one.read(document(2), [1, 2], pages.append, ResourceCalculator())
    assert texts_by_number(pages) == expected_texts([1, 2])
    assert left._value.get() - before == 2
    fake.files.clear()


async def test_without_a_key_nothing_is_sent_and_the_setting_is_named() -> None:
    pages: list[Page] = []
    with pytest.raises(PermanentError, match=r"mistral\.api_key") as caught:
        await MistralReader(MistralSection()).read(
            document(1), [1], pages.append, ResourceCalculator()
        )
    assert caught.value.code == ErrorCode.MISTRAL_NOT_CONFIGURED


def test_the_fingerprint_differs_between_models() -> None:
    fingerprints = {MistralReader(MistralSection(model=model)).fingerprint for model in ("a", "b")}
    assert len(fingerprints) == 2
