"""Docling's own client converts files with Secretary; ``make extras`` installs the client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.format_samples import SAMPLES, WORD
from support.pdf_samples import PROSE, report_pdf

from secretary_devstack.processes.stack import Stack

CLIENT = Path(__file__).parents[2] / ".venv-docling/bin/python"
CONVERSATION = Path(__file__).with_name("docling_conversation.py")
QUICK = {"generic_worker.poll_interval_sec": 0.2}


@pytest.mark.extra
def test_doclings_client_reads_every_format(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = start_stack(QUICK)
    files = {"report.pdf": report_pdf()}
    files |= {f"sample.{name}": make() for name, make in SAMPLES.items()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    names = [str(tmp_path / name) for name in files]
    command = [str(CLIENT), str(CONVERSATION), stack.url, stack.keys.bootstrap, *names]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)

    assert (found["health"], found["all"]) == ("ok", ["success", "success"])
    report = found["files"].pop("report.pdf")
    assert (report["status"], report["pages"], report["tables"]) == ("success", [1, 2, 3], [3])
    assert report["origin"] == "report.pdf"
    assert PROSE[0] in report["markdown"]
    archive = found["files"].pop("sample.zip")
    assert archive.get("status", "failure") == "failure"
    for name, one in found["files"].items():
        assert one.get("status") == "success", (name, one)
        assert WORD in one["markdown"], name
    endings = ("html", "json", "md", "txt")
    assert found["zip"] == [f"report.{ending}" for ending in endings]
    assert "401" in found["stranger"]["error"]
