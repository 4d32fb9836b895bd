"""Which reader answers which ``extraction_method``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import JsonObject
from secretary_common.settings.work import PdfSection
from secretary_documents.concurrency import ConcurrencyLimit
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.pdf.local_reader import LocalReader
from secretary_documents.pdf.opened import OpenedPdf
from secretary_documents.pdf.page import PageReader, RemoteReader
from secretary_documents.pdf.recipe import make_recipe
from secretary_documents.providers.vision import Hint, VisionReader

MakeReader = Callable[[OpenedPdf], PageReader]
"""The reader of a document, once that is open."""

_NOT_CONFIGURED = {
    "mistral_ocr": (ErrorCode.MISTRAL_NOT_CONFIGURED, "mistral.api_key"),
    "openai_vision": (ErrorCode.VISION_NOT_CONFIGURED, "vision.api_key"),
}


class Readers:
    """All there are."""

    def __init__(self, limits: PdfSection, remote: Mapping[str, RemoteReader]) -> None:
        """*remote* are those of methods that ask a provider, as far as they are configured."""
        self._limits = limits
        self._remote = dict(remote)
        self._ocr_cap = ConcurrencyLimit(limits.ocr_parallel or len(os.sched_getaffinity(0)))

    @property
    def max_pixels(self) -> int:
        """Of the picture of a page."""
        return int(self._limits.max_page_mpixels * 1_000_000)

    def choose(self, parameters: PdfParameters) -> MakeReader:
        """What will read the pages; what is missing for it is said before anything is read.

        Raises:
            PermanentError: OCR_LANGUAGE_MISSING, MISTRAL_NOT_CONFIGURED, VISION_NOT_CONFIGURED.
        """
        method = parameters.extraction_method
        if method == "mistral_ocr" or method == "openai_vision":  # noqa: PLR1714 - told so by mypy
            return self._remotely(method, parameters)
        recipe = make_recipe(
            method,
            parameters.output,
            max_pixels=self.max_pixels,
            languages=parameters.language,
            tessdata=self._limits.tessdata,
        )
        timeout_sec = self._limits.timeout_sec
        return lambda document: LocalReader(
            document, recipe, self._ocr_cap, timeout_sec=timeout_sec
        )

    def _remotely(self, method: str, parameters: PdfParameters) -> MakeReader:
        reader = self._remote.get(method)
        if reader is None:
            code, setting = _NOT_CONFIGURED[method]
            raise PermanentError(f"{method} is not configured: set {setting}", code=code)
        reader.check_configured()
        if isinstance(reader, VisionReader):
            reader = reader.with_hint(_hint(parameters.context))
        found = reader
        return lambda _: found


def _hint(context: JsonObject) -> Hint:
    """What the context says of the document, by the names the original documentation has."""
    given = (context.get("document_type"), context.get("language"))
    kind, language = (value if isinstance(value, str) else None for value in given)
    return Hint(document_type=kind, language=language)
