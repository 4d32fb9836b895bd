"""Children for the tests of PDFs: one zygote for all, and what it takes to use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pdf_bench import PdfBench

from secretary_worker.handlers.pdf import CHILD
from secretary_worker.nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Children that read PDFs."""
    nursery = Nursery(CHILD)
    nursery.start()
    yield nursery
    nursery.close()


@pytest.fixture
def bench(tmp_path: Path, nursery: Nursery) -> PdfBench:
    """The pdf handler, and a folder for its files."""
    root = tmp_path / "root"
    root.mkdir()
    return PdfBench(root, nursery)
