"""The programs whose Markdown is measured: Secretary, and others in an environment of their own."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quality.peer import PEERS
from secretary_documents.pdf.child import begin
from secretary_documents.pdf.ocr_engine import OcrEngine
from secretary_documents.pdf.ocr_options import make_ocr_options

SECOND_BELOW = 0.7
"""The default of ``pdf.second_ocr_below``."""
_OPEN = {
    "op": "open",
    "password": None,
    "max_pages": 5000,
    "max_pixels": 40_000_000,
    "page_sec": 600.0,
}
_PEER = Path(__file__).with_name("peer.py")
_PEER_SEC = 300.0
"""The longest time that another program may take for a file."""


@dataclass(frozen=True, slots=True)
class Written:
    """The Markdown of one PDF."""

    text: str
    cpu_sec: float = 0.0
    error: str = ""


Engine = Callable[[Path], Written]
"""Returns the Markdown of a PDF. It raises no error."""


def secretary(
    path: Path,
    *,
    output: str = "markdown",
    method: str = "native",
    ocr_engine: OcrEngine = "tesseract",
    pages: Sequence[int] = (),
) -> str:
    """Return the text of *path*, or of its *pages*, made by the code that a child runs."""
    work = begin([str(path)])

    def ask(**request: Any) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        work(request, messages.append)
        return messages

    [opened] = ask(**_OPEN)
    [style] = ask(op="style", output=output)
    ocr = make_ocr_options(["eng"], None, engine=ocr_engine, second_below=SECOND_BELOW).request()
    wanted = list(pages) or list(range(1, opened["document"]["page_count"] + 1))
    read = ask(op="read", pages=wanted, method=method, output=output, ocr=ocr, **style)
    return "\n\n".join(message["page"]["text"] for message in read)


def _measured(**options: Any) -> Engine:
    def write(path: Path) -> Written:
        started = time.process_time()
        try:
            text = secretary(path, **options)
        except Exception as error:  # noqa: BLE001 - a file that cannot be read counts as empty
            return Written("", time.process_time() - started, repr(error))
        return Written(text, time.process_time() - started)

    return write


def written_before(folder: Path) -> Engine:
    """Return an engine whose Markdown was written before, as ``NAME.md`` in *folder*."""

    def write(path: Path) -> Written:
        file = folder / f"{path.stem}.md"
        if not file.exists():
            return Written("", error=f"no {file.name}")
        return Written(file.read_text(encoding="utf-8"))

    return write


@contextmanager
def peer(python: Path, name: str) -> Iterator[Engine]:
    """Yield the engine that runs the program *name* with the interpreter *python*."""
    command = [str(python), "-P", str(_PEER), name]
    with subprocess.Popen(  # noqa: S603 - our module; the person at the bench names the interpreter
        command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield lambda path: _ask(process, path)
        finally:
            process.kill()


def _ask(process: subprocess.Popen[bytes], path: Path) -> Written:
    if process.stdin is None or process.stdout is None or process.poll() is not None:
        return Written("", error="the program has ended")
    process.stdin.write(os.fsencode(path) + b"\n")
    process.stdin.flush()
    if not select.select([process.stdout], [], [], _PEER_SEC)[0]:
        process.kill()
        return Written("", error=f"no answer in {_PEER_SEC:g} s")
    line = process.stdout.readline()
    if not line:
        return Written("", error="the program has ended")
    answer = json.loads(line)
    return Written(answer.get("text", ""), answer["cpu_sec"], answer.get("error", ""))


OURS: dict[str, Engine] = {
    "secretary": _measured(),
    "combined": _measured(method="combined"),
}


@contextmanager
def engine(name: str, peers: Path | None) -> Iterator[Engine]:
    """Yield the engine *name*. *peers*: the interpreter of the other programs."""
    if name in OURS:
        yield OURS[name]
    elif peers is not None:
        with peer(peers, name) as found:
            yield found


def names(peers: Path | None) -> list[str]:
    """Return the names of all engines."""
    return [*OURS, *(PEERS if peers else ())]
