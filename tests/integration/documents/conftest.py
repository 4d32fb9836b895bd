"""Fixtures of these tests: a zygote for PDFs and one for web pages, and a fake provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pdf_harness import PdfHarness
from support.provider_harness import FakeTime

from secretary_devstack.provider import FakeProvider
from secretary_documents.handlers.pdf.extractor import CHILD
from secretary_documents.web.page_reader import CHILD as PAGE_CHILD
from secretary_worker.sandbox.zygote_client import ZygoteClient


@pytest.fixture(scope="session")
def zygote() -> Iterator[ZygoteClient]:
    """Forks children that read PDFs."""
    zygote = ZygoteClient(CHILD)
    zygote.start()
    yield zygote
    zygote.close()


@pytest.fixture(scope="session")
def page_zygote() -> Iterator[ZygoteClient]:
    """Forks children that read web pages."""
    zygote = ZygoteClient(PAGE_CHILD)
    zygote.start()
    yield zygote
    zygote.close()


@pytest.fixture
def harness(tmp_path: Path, zygote: ZygoteClient) -> PdfHarness:
    """The pdf handler with a folder for its files."""
    root = tmp_path / "root"
    root.mkdir()
    return PdfHarness(root, zygote)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """A fake provider; the test fails if a request does not fit its interface."""
    with FakeProvider() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
def fake_time() -> FakeTime:
    """The time of requests to a provider, which passes without waiting."""
    return FakeTime()
