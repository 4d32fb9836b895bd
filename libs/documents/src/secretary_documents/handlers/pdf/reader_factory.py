"""Chooses the page reader for an ``extraction_method``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_common.settings.documents import PdfSection
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.pdf.local_reader import LocalReader
from secretary_documents.pdf.ocr_options import OcrOptions, make_ocr_options
from secretary_documents.pdf.page import PageReader, RemoteReader
from secretary_documents.pdf.read_options import Output, PictureOptions, ReadOptions
from secretary_documents.pdf.sandboxed_document import SandboxedDocument
from secretary_documents.providers.vision import DocumentHint, VisionReader

MakeReader = Callable[[SandboxedDocument], PageReader]
"""Makes the reader for an open document."""

_NOT_CONFIGURED = {
    "mistral_ocr": (ErrorCode.MISTRAL_NOT_CONFIGURED, "mistral.api_key"),
    "openai_vision": (ErrorCode.VISION_NOT_CONFIGURED, "vision.api_key"),
}


class ReaderFactory:
    """Makes page readers for all jobs. The local readers share one limit for OCR."""

    def __init__(self, limits: PdfSection, remote: Mapping[str, RemoteReader]) -> None:
        """*remote*: the readers that call a provider, by method."""
        self._limits = limits
        self._remote = dict(remote)
        self._ocr_limit = ConcurrencyLimit(limits.ocr_parallel or len(os.sched_getaffinity(0)))

    @property
    def max_pixels(self) -> int:
        """The most pixels of the image of a page."""
        return int(self._limits.max_page_mpixels * 1_000_000)

    def choose(self, parameters: PdfParameters) -> MakeReader:
        """Return a function that makes the reader. Call this before any page is read.

        Raises:
            PermanentError: OCR_LANGUAGE_MISSING, OCR_ENGINE_MISSING, MISTRAL_NOT_CONFIGURED,
                VISION_NOT_CONFIGURED.
        """
        method = parameters.extraction_method
        if method == "mistral_ocr" or method == "openai_vision":  # noqa: PLR1714 - mypy needs it
            return self._choose_remote(method, parameters)
        options = ReadOptions(
            method,
            parameters.text_output,
            max_pixels=self.max_pixels,
            keep_headers=parameters.keep_headers,
            also=other_outputs(parameters),
            lines=parameters.is_searchable,
            pictures=_pictures(parameters),
            ocr=None if method == "native" else self._ocr_options(parameters),
        )
        timeout_sec = self._limits.timeout_sec
        return lambda document: LocalReader(
            document, options, self._ocr_limit, timeout_sec=timeout_sec
        )

    def _ocr_options(self, parameters: PdfParameters) -> OcrOptions:
        return make_ocr_options(
            parameters.language,
            self._limits.tessdata,
            engine=parameters.ocr_engine,
            second_below=self._limits.second_ocr_below,
        )

    def _choose_remote(self, method: str, parameters: PdfParameters) -> MakeReader:
        configured = self._remote.get(method)
        if configured is None:
            code, setting = _NOT_CONFIGURED[method]
            raise PermanentError(f"{method} is not configured: set {setting}", code=code)
        configured.check_configured()
        reader: PageReader = configured
        if isinstance(configured, VisionReader):
            reader = configured.with_hint(_hint(parameters.context))
        return lambda _: reader


def other_outputs(parameters: PdfParameters) -> tuple[Output, ...]:
    """Return the outputs of the pages besides the text of the result.

    Chunks and tables need the blocks.
    """
    outputs: list[Output] = [output for output in parameters.outputs if output != "pdf"]
    if parameters.chunks is not None or parameters.tables is not None:
        outputs.append("json")
    return tuple(one for one in dict.fromkeys(outputs) if one != parameters.text_output)


def _pictures(parameters: PdfParameters) -> PictureOptions | None:
    wanted = parameters.pictures
    return None if wanted is None else PictureOptions(wanted.min_points)


def _hint(context: JsonObject) -> DocumentHint:
    """Return the hint about the document from *context*, the values for the template."""
    values = (context.get("document_type"), context.get("language"))
    kind, language = (value if isinstance(value, str) else None for value in values)
    return DocumentHint(document_type=kind, language=language)
