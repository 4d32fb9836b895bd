"""Fixtures of these tests: zygotes for PDFs, other files and web pages, and a fake provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.document_harness import DocumentHarness
from support.pdf_harness import PdfHarness
from support.provider_harness import FakeTime

from secretary_devstack.provider import FakeProvider
from secretary_documents.handlers.document.reader_factory import FILE_CHILD
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


@pytest.fixture(scope="session")
def file_zygote() -> Iterator[ZygoteClient]:
    """Forks children that read other files than PDFs."""
    zygote = ZygoteClient(FILE_CHILD)
    zygote.start()
    yield zygote
    zygote.close()


@pytest.fixture
def documents(tmp_path: Path, zygote: ZygoteClient, file_zygote: ZygoteClient) -> DocumentHarness:
    """The document handler with a folder for its files."""
    root = tmp_path / "documents"
    root.mkdir()
    return DocumentHarness(root, zygote, file_zygote)


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
