"""Checks our measures against the figures that a benchmark has published.

PYTHONPATH=bench python -m quality.published folder

The folder is a copy of the benchmark's repository: ``ground-truth/markdown`` has the Markdown that
people have written, ``prediction/NAME`` the Markdown of a program and its published figures
(``evaluation.json``).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from quality.measures import Scores, compare

_MEASURES = ("nid", "teds", "mhs", "overall")
_ROUNDING = 0.0005


def differences(folder: Path, truths: Path) -> Iterator[tuple[str, str, float, float]]:
    """Yield page, measure, published figure and our figure for the program in *folder*."""
    published = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    for one in published["documents"]:
        name = f"{one['document_id']}.md"
        written = folder / "markdown" / name
        found = written.read_text(encoding="utf-8") if written.exists() else ""
        ours = compare((truths / name).read_text(encoding="utf-8"), found)
        yield from _pairs(one["document_id"], one["scores"], ours)


def _pairs(
    page: str, theirs: dict[str, Any], ours: Scores
) -> Iterator[tuple[str, str, float, float]]:
    for measure in _MEASURES:
        published, own = theirs[measure], getattr(ours, measure)
        if published is not None or own is not None:
            yield page, measure, -1 if published is None else published, -1 if own is None else own


def _print(name: str, rows: list[tuple[str, str, float, float]], *, pages: bool) -> None:
    for measure in _MEASURES:
        known = [row for row in rows if row[1] == measure]
        theirs = fmean(row[2] for row in known if row[2] >= 0)
        ours = fmean(row[3] for row in known if row[3] >= 0)
        other = [row for row in known if abs(row[2] - row[3]) > _ROUNDING]
        print(
            f"{name:20} {measure:8} published {theirs:.4f}  ours {ours:.4f}  "
            f"pages {len(known)}, different {len(other)}",
            flush=True,
        )
        for page, _, published, own in other if pages else ():
            print(f"    {page}  published {published:.4f}  ours {own:.4f}")


def main() -> None:
    """Print the means of each measure, published and ours."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", action="store_true", help="print the pages that differ")
    given = parser.parse_args()
    truths = given.folder / "ground-truth" / "markdown"
    for file in sorted(given.folder.glob("prediction/*/evaluation.json")):
        rows = list(differences(file.parent, truths))
        _print(file.parent.name, rows, pages=given.pages)


if __name__ == "__main__":
    main()
