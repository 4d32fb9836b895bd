"""The readers of pages that ask a provider."""

from __future__ import annotations

from collections.abc import Mapping

from secretary_common.settings.provider import MistralSection, VisionSection
from secretary_documents.pdf.page import RemoteReader
from secretary_documents.providers import mistral_response, vision
from secretary_documents.providers.mistral import MistralReader


def page_readers(mistral: MistralSection, openai: VisionSection) -> Mapping[str, RemoteReader]:
    """A reader for each remote ``extraction_method``.

    One whose provider is not configured is there too, and says so when it is asked to read.
    """
    return {
        mistral_response.METHOD: MistralReader(mistral),
        vision.METHOD: vision.VisionReader.of(openai),
    }
