"""What these tests share: children that read PDFs and pages, one zygote each; a fake provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pdf_bench import PdfBench
from provider_scene import Passing

from secretary_devstack.provider import FakeProvider
from secretary_worker.handlers.page_reader import CHILD as PAGE_CHILD
from secretary_worker.handlers.pdf_extractor import CHILD
from secretary_worker.nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Children that read PDFs."""
    nursery = Nursery(CHILD)
    nursery.start()
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def page_nursery() -> Iterator[Nursery]:
    """Children that read web pages."""
    nursery = Nursery(PAGE_CHILD)
    nursery.start()
    yield nursery
    nursery.close()


@pytest.fixture
def bench(tmp_path: Path, nursery: Nursery) -> PdfBench:
    """The pdf handler, and a folder for its files."""
    root = tmp_path / "root"
    root.mkdir()
    return PdfBench(root, nursery)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """A provider that was only asked what its interface knows."""
    with FakeProvider() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
def passing() -> Passing:
    """Time for who asks a provider."""
    return Passing()
