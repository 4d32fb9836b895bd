"""Measures the structure of PDFs: reading order, tables, headings, paragraphs, CPU time.

make bench-quality QUALITY=folder

Every PDF with its Markdown (``NAME.pdf``, ``NAME.md``) or with its cells (``NAME-str.xml``) in the
folder and its subfolders is measured. Others of our kind are measured too, if they are installed.
``--keep folder`` keeps what was written, ``--pages`` prints each page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from quality.cells import Found, compare_cells
from quality.engines import Engine, engines
from quality.measures import MISSED_SHARE, Scores, compare


@dataclass(slots=True)
class Tally:
    """The measures of one engine."""

    pages: dict[str, Scores] = field(default_factory=dict)
    cells: dict[str, Found] = field(default_factory=dict)
    cpu_sec: float = 0.0

    def line(self) -> str:
        """Return the measures as one row."""
        pages = list(self.pages.values())
        figures = {
            "overall": _mean([page.overall for page in pages]),
            "NID": _mean([page.nid for page in pages]),
            "TEDS": _mean([page.teds for page in pages]),
            "MHS": _mean([page.mhs for page in pages]),
            "wrong breaks": _share(
                sum(page.wrong_breaks for page in pages), sum(page.breaks for page in pages)
            ),
            "missed words": _mean([float(page.missed > MISSED_SHARE) for page in pages]),
            "cells F1": self._f1(),
            "CPU s/page": _share(self.cpu_sec, len(pages)),
        }
        return "  ".join(f"{name} {value:.3f}" for name, value in figures.items())

    def _f1(self) -> float:
        found = list(self.cells.values())
        both = sum(one.found + one.wanted for one in found)
        return _share(2 * sum(one.right for one in found), both)


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return fmean(known) if known else 0.0


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def measure(engine: Engine, folder: Path, keep: Path | None) -> Tally:
    """Return the measures of *engine* on all files of *folder*."""
    tally = Tally()
    for path in sorted(folder.rglob("*.pdf")):
        truth, cells = path.with_suffix(".md"), path.with_name(f"{path.stem}-str.xml")
        if not (truth.exists() or cells.exists()):
            continue
        started = time.process_time()
        try:
            text = engine(path)
        except Exception as error:  # noqa: BLE001 - another program may raise anything
            print(f"{path.name}: {error!r}")
            text = ""
        took = time.process_time() - started
        if keep:
            (keep / f"{path.stem}.md").write_text(text, encoding="utf-8")
        if truth.exists():
            tally.pages[path.stem] = compare(truth.read_text(encoding="utf-8"), text)
            tally.cpu_sec += took
        if cells.exists():
            tally.cells[path.stem] = compare_cells(cells, text)
    return tally


def main() -> None:
    """Print one line for each engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", action="append", help="only this one")
    parser.add_argument("--keep", type=Path, help="where the Markdown is kept")
    parser.add_argument("--pages", action="store_true", help="print the measures of each page")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    for name, engine in engines().items():
        if given.engine and name not in given.engine:
            continue
        tally = measure(engine, given.folder, given.keep)
        if given.pages:
            for page, scores in sorted(tally.pages.items(), key=lambda item: item[1].overall):
                print(page, f"{scores.overall:.3f}", scores)
            for page, found in tally.cells.items():
                print(page, found)
        print(f"{name:12} {tally.line()}", flush=True)


if __name__ == "__main__":
    main()
