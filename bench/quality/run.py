"""Measures the structure of PDFs: reading order, tables, headings, paragraphs, CPU time.

make bench-quality QUALITY=folder

Every PDF with its Markdown (``NAME.pdf``, ``NAME.md``) or with its cells (``NAME-str.xml``) in the
folder and its subfolders is measured, with Secretary and the programs of ``requirements.txt``.
``--keep folder`` keeps what was written, ``--pages`` prints each page, ``--written folder``
measures Markdown that was written before, and ``--draw folder`` draws the ten worst pages of
``combined``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from quality.cells import Found, compare_cells
from quality.drawing import draw_page
from quality.engines import Engine, engine, names, written_before
from quality.measures import MISSED_SHARE, Scores, compare

_WORST = 10
"""The number of pages that are drawn."""


@dataclass(slots=True)
class Tally:
    """The measures of one engine."""

    pages: dict[str, Scores] = field(default_factory=dict)
    cells: dict[str, Found] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
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

    def worst(self) -> list[str]:
        """Return the pages with the lowest overall measure."""
        return sorted(self.pages, key=lambda page: self.pages[page].overall)[:_WORST]

    def _f1(self) -> float:
        found = list(self.cells.values())
        both = sum(one.found + one.wanted for one in found)
        return _share(2 * sum(one.right for one in found), both)


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return fmean(known) if known else 0.0


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def measure(write: Engine, folder: Path, keep: Path | None) -> Tally:
    """Return the measures of *write* on all files of *folder*."""
    tally = Tally()
    for path in sorted(folder.rglob("*.pdf")):
        truth, cells = path.with_suffix(".md"), path.with_name(f"{path.stem}-str.xml")
        if not (truth.exists() or cells.exists()):
            continue
        written = write(path)
        if written.error:
            print(f"{path.name}: {written.error}")
        if keep:
            (keep / f"{path.stem}.md").write_text(written.text, encoding="utf-8")
        if truth.exists():
            tally.pages[path.stem] = compare(truth.read_text(encoding="utf-8"), written.text)
            tally.files[path.stem] = path
            tally.cpu_sec += written.cpu_sec
        if cells.exists():
            tally.cells[path.stem] = compare_cells(cells, written.text)
    return tally


@contextmanager
def _engine(given: argparse.Namespace, name: str) -> Iterator[Engine]:
    if given.written:
        yield written_before(given.written)
        return
    with engine(name, given.peers) as found:
        yield found


def _print_pages(tally: Tally) -> None:
    for page, scores in sorted(tally.pages.items(), key=lambda item: item[1].overall):
        print(page, f"{scores.overall:.3f}", scores)
    for page, found in tally.cells.items():
        print(page, found)


def _draw_worst(tally: Tally, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for page in tally.worst():
        drawing = draw_page(tally.files[page])
        (folder / f"{page}.svg").write_text(drawing, encoding="utf-8")
        print(f"{page}.svg  overall {tally.pages[page].overall:.3f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", action="append", help="only this one")
    parser.add_argument("--peers", type=Path, help="the interpreter of the other programs")
    parser.add_argument("--written", type=Path, help="a folder with Markdown to measure")
    parser.add_argument("--keep", type=Path, help="where the Markdown is kept")
    parser.add_argument("--draw", type=Path, help="where the worst pages of combined are drawn")
    parser.add_argument("--pages", action="store_true", help="print the measures of each page")
    return parser.parse_args()


def main() -> None:
    """Print one line for each engine."""
    given = _arguments()
    chosen = given.engine or names(given.peers)
    for name in [given.written.name] if given.written else chosen:
        keep = given.keep and given.keep / name
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
        with _engine(given, name) as write:
            tally = measure(write, given.folder, keep)
        if given.pages:
            _print_pages(tally)
        if given.draw and name == "combined":
            _draw_worst(tally, given.draw)
        print(f"{name:12} {tally.line()}", flush=True)


if __name__ == "__main__":
    main()
