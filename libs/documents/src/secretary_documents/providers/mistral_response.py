"""Reads the pages in a response of Mistral's OCR, and leaves out ambiguous pages. No I/O."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import StrictInt, ValidationError

from secretary_common.models import JsonObject
from secretary_documents.pdf.method_choice import Reason
from secretary_documents.pdf.page import Page
from secretary_documents.providers.response import ResponseModel

METHOD = "mistral_ocr"
# The name of a picture has at most 255 characters. So a page full of brackets is searched quickly.
_PICTURE = re.compile(r"!\[([^\[\]]{1,255}+)\]\(\1\)")


class _Image(ResponseModel):
    id: str | None = None


class _Confidence(ResponseModel):
    average_page_confidence_score: float | None = None


class _Page(ResponseModel):
    index: StrictInt
    markdown: str
    images: tuple[_Image, ...] = ()
    confidence_scores: _Confidence | None = None


class _Usage(ResponseModel):
    pages_processed: StrictInt | None = None


class _Body(ResponseModel):
    pages: list[_Page]
    usage_info: _Usage | None = None


@dataclass(frozen=True, slots=True)
class OcrResponse:
    """The usable part of a response."""

    pages: tuple[Page, ...]
    billed_pages: int
    fault: str | None = None
    """The reason why pages are missing or left out; None if all pages are there."""


def read_ocr_response(body: JsonObject, numbers: Sequence[int]) -> OcrResponse:
    """Return the pages in *body*, the response to a request with the pages *numbers*.

    The response counts pages from 0 in the order of *numbers*. A page that occurs twice is left
    out. If the response names a page that was not sent, all pages are left out, because every page
    number in it may be wrong.
    """
    try:
        parsed = _Body.model_validate(body)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        return OcrResponse((), _billed(body), f"{place} is invalid")
    billed = len(parsed.pages)
    if parsed.usage_info and parsed.usage_info.pages_processed is not None:
        billed = parsed.usage_info.pages_processed
    strange = [page.index for page in parsed.pages if page.index not in range(len(numbers))]
    if strange:
        return OcrResponse((), billed, f"it has page {strange[0]} of 0 to {len(numbers) - 1}")
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
    # Mistral keeps the pictures, so links to them would lead nowhere.
    remote = {image.id for image in page.images if image.id}
    text = _PICTURE.sub(lambda link: "" if link[1] in remote else link[0], page.markdown).strip()
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
