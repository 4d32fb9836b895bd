"""The readers of pages that ask a provider, for ``main`` to plug into the ``pdf`` handler."""

from __future__ import annotations

from collections.abc import Mapping

from secretary_common.settings import Settings
from secretary_worker.extract.page import PageReader
from secretary_worker.remote import mistral_answer, vision
from secretary_worker.remote.mistral import MistralReader


def page_readers(settings: Settings) -> Mapping[str, PageReader]:
    """A reader for each remote ``extraction_method``.

    One whose provider is not configured is there too, and says so when it is asked to read.
    """
    return {
        mistral_answer.METHOD: MistralReader(settings.mistral),
        vision.METHOD: vision.VisionReader.of(settings.vision),
    }
