"""Children for the tests of PDFs and pages: one zygote each, and what it takes to use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pdf_bench import PdfBench

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
