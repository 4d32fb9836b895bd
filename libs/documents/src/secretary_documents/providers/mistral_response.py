"""The pages in an answer of Mistral's OCR, as far as they can be trusted. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, StrictInt, ValidationError

from secretary_common.models import JsonObject
from secretary_documents.pdf.choice import Reason
from secretary_documents.pdf.page import Page

METHOD = "mistral_ocr"
# The name is no longer than file names are, so that a page of brackets is searched once.
_PICTURE = re.compile(r"!\[([^\[\]]{1,255}+)\]\(\1\)")


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Image(_Lenient):
    id: str | None = None


class _Confidence(_Lenient):
    average_page_confidence_score: float | None = None


class _Page(_Lenient):
    index: StrictInt
    markdown: str
    images: list[_Image] = []
    confidence_scores: _Confidence | None = None


class _Usage(_Lenient):
    pages_processed: StrictInt | None = None


class _Body(_Lenient):
    pages: list[_Page]
    usage_info: _Usage | None = None


@dataclass(frozen=True, slots=True)
class OcrResponse:
    """What can be used of an answer."""

    pages: tuple[Page, ...]
    billed_pages: int
    fault: str | None = None
    """Why not all of it."""


def read_ocr_response(body: JsonObject, numbers: Sequence[int]) -> OcrResponse:
    """The pages of *body*, the answer for an upload of the pages *numbers*, in this order.

    Only what can be nothing else is used: of a page told twice, neither; of an answer that names a
    page which was not sent, nothing at all, for its count may be off by one throughout.
    """
    try:
        parsed = _Body.model_validate(body)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        return OcrResponse((), _billed(body), f"{place} is not what it should be")
    billed = len(parsed.pages)
    if parsed.usage_info and parsed.usage_info.pages_processed is not None:
        billed = parsed.usage_info.pages_processed
    strange = [page.index for page in parsed.pages if page.index not in range(len(numbers))]
    if strange:
        return OcrResponse((), billed, f"it has page {strange[0]} of {len(numbers)}, from 0")
    times = Counter(page.index for page in parsed.pages)
    pages = tuple(_read(page, numbers) for page in parsed.pages if times[page.index] == 1)
    twice = [index for index, count in times.items() if count > 1]
    missing = [index for index in range(len(numbers)) if index not in times]
    fault = None
    if twice:
        fault = f"it has page {twice[0]} twice"
    elif missing:
        fault = f"page {missing[0]} is missing"
    return OcrResponse(pages, billed, fault)


def _read(page: _Page, numbers: Sequence[int]) -> Page:
    # A picture stays with the provider: the link leads nowhere.
    kept = {image.id for image in page.images if image.id}
    text = _PICTURE.sub(lambda link: "" if link[1] in kept else link[0], page.markdown).strip()
    return Page(
        number=numbers[page.index],
        text=text,
        method=METHOD,
        reason=None if text else Reason.NOTHING_RECOGNISED,
        confidence=_confidence(page.confidence_scores),
    )


def _confidence(scores: _Confidence | None) -> float | None:
    average = None if scores is None else scores.average_page_confidence_score
    if average is None or not math.isfinite(average):
        return None
    return min(max(average, 0.0), 1.0)


def _billed(body: JsonObject) -> int:
    usage = body.get("usage_info")
    billed = usage.get("pages_processed") if isinstance(usage, dict) else None
    return billed if type(billed) is int else 0
