"""Results as JSON: where they were measured, and one record for each measurement."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Record = dict[str, Any]


def machine() -> Record:
    """Return where and when a bench runs, and of which commit."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    done = subprocess.run(  # noqa: S603 - the callers give constant arguments, no shell
        command, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def write(path: Path, results: Record) -> None:
    """Write *results* as JSON that people can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rounded(results), indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Record:
    """Read what ``write`` has written."""
    found: Record = json.loads(path.read_text())
    return found


def rounded(value: Any) -> Any:
    """Return *value* with four significant digits in every fraction."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which *part* of the values lie."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile."""
    return {
        "p50": quantile(values, 0.5),
        "p95": quantile(values, 0.95),
        "p99": quantile(values, 0.99),
    }


def grouped(records: Iterable[Record], *keys: str) -> dict[tuple[Any, ...], list[Record]]:
    """Return the records by the values of *keys*, in the order of their first appearance."""
    found: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        found.setdefault(tuple(record[key] for key in keys), []).append(record)
    return found


def values_of(records: Iterable[Record], *path: str) -> list[float]:
    """Return the value at *path*, e.g. ``"cpu_ms_per_job", "api"``, of each record that has it."""
    found = []
    for record in records:
        value: Any = record
        for key in path:
            value = value.get(key, {})
        if value != {}:
            found.append(float(value))
    return found


def median(records: Iterable[Record], *path: str) -> float:
    """Return the median of the values at *path*; 0 without a value."""
    return statistics.median(values_of(records, *path) or [0.0])


def spread(records: Iterable[Record], *path: str, digits: int = 0) -> str:
    """Return the median of the values at *path* and, of several, the least and the greatest."""
    values = values_of(records, *path)
    middle = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned, for people and for documents."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    texts = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    ]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([texts[0], rule, *texts[1:]])


def with_tables(text: str, name: str, tables: str) -> str:
    """Return *text* with *tables* between the marks ``<!-- name -->`` and ``<!-- end -->``."""
    mark = f"<!-- {name} -->"
    between = re.compile(rf"{re.escape(mark)}.*?<!-- end -->", re.DOTALL)
    return between.sub(lambda _: f"{mark}\n\n{tables}\n\n<!-- end -->", text)
