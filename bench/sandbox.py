"""What the locks of the sandbox cost: the CPU time of children that read PDFs, with and without.

The limits of the children are the same. Each way reads the same documents in turns. The CPU time is
that of whole children, from fork to end, as the kernel reports it to their zygote.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from harness.results import Record
from harness.turns import alone, in_turns, new_folder, say
from pdf import text_pdf

from secretary_documents.handlers.pdf.extractor import CHILD
from secretary_worker import AnswerLimits, ProcessLimits, Sandbox, ZygoteClient

WAYS = {"locked": CHILD, "unlocked": "unlocked_pdf_child"}
LIMITS, BOUNDS = ProcessLimits(memory_bytes=2**31, cpu_sec=120), AnswerLimits(timeout_sec=120)
PAGES = (1, 20, 100)
OPEN = {"op": "open", "password": None, "max_pages": 1000, "max_pixels": 4 * 10**7, "page_sec": 60}
_CHILDREN_USED = slice(13, 15)
"""The place of ``cutime`` and ``cstime`` in ``/proc/<pid>/stat``, after the name."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cpu-sec", type=float, default=2.0, help="about, of a way in a turn")


def measure(options: argparse.Namespace) -> Record:
    """Read each document in both ways, one after the other, so that both meet the same load."""
    sys.path.append(str(Path(__file__).parent))  # for the zygote
    records: list[Record] = []
    with alone(options.lock), new_folder() as folder, ExitStack() as stack:
        zygotes = {
            way: stack.enter_context(closing(ZygoteClient(module))) for way, module in WAYS.items()
        }
        for turn in range(1, options.turns + 1):
            for pages in PAGES:
                path = folder / f"{pages}.pdf"
                path.write_bytes(text_pdf(pages))
                count = max(8, int(options.cpu_sec / (0.015 + 0.002 * pages)))
                for way, ms in asyncio.run(_compare(zygotes, path, pages, count)).items():
                    records.append({"way": way, "pages": pages, "turn": turn, "cpu_ms": ms})
                    say(f"turn {turn}  {way:9} {pages:3} pages  {ms:.2f} ms CPU a document")
    return {"records": records}


async def _compare(
    zygotes: Mapping[str, ZygoteClient], path: Path, pages: int, count: int
) -> dict[str, float]:
    """Return the CPU milliseconds of a child in each way, a mean of *count* children."""
    for zygote in zygotes.values():
        await _read(zygote, path, pages)  # the first child of a zygote warms up
    before = {way: _used_by_children(zygote) for way, zygote in zygotes.items()}
    for _, way in in_turns(list(zygotes), count):
        await _read(zygotes[way], path, pages)
    return {
        way: 1000 * (_used_by_children(zygote) - before[way]) / count
        for way, zygote in zygotes.items()
    }


async def _read(zygote: ZygoteClient, path: Path, pages: int) -> None:
    numbers = list(range(1, pages + 1))
    read = {"op": "read", "pages": numbers, "method": "native", "output": "text"}
    with path.open("rb") as file:
        async with Sandbox(zygote, LIMITS, BOUNDS).child([file.fileno()]) as child:
            await child.ask(OPEN, _ignore)
            await child.ask(read, _ignore)


def _ignore(_: dict[str, Any]) -> None:
    """Take no notice of a message."""


def _used_by_children(zygote: ZygoteClient) -> float:
    """Return the CPU seconds of the children that the zygote has reaped."""
    fields = Path(f"/proc/{zygote.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, fields[_CHILDREN_USED]))
    return ticks / float(os.sysconf("SC_CLK_TCK"))


def tables(found: Record) -> str:
    """Return the table of the results."""
    lines = ["| pages | unlocked, ms CPU | locked, ms CPU | the locks cost |", "|---|---|---|---|"]
    for pages in PAGES:
        locked, unlocked = (_median(found, way, pages) for way in WAYS)
        cost = f"{100 * (locked / unlocked - 1):+.1f} %"
        lines.append(f"| {pages} | {unlocked:.2f} | {locked:.2f} | {cost} |")
    return "\n".join(lines)


def _median(found: Record, way: str, pages: int) -> float:
    records = [one for one in found["records"] if (one["way"], one["pages"]) == (way, pages)]
    return float(statistics.median(one["cpu_ms"] for one in records))


def pictures(_: Record) -> dict[str, str]:
    """Return no picture."""
    return {}
