"""A handler package of a user's own runs in a worker that has no built-in job types.

``own_package`` uses only what docs/handlers.md describes. The test copies it out of the repository
and installs it with pip into a new virtual environment, which lacks ``secretary_documents``: its
entry points and its code are not there, as in an image built without it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.environment import environment_without, output

from secretary_devstack.processes.job_client import JobClient
from secretary_devstack.processes.service import Service
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import free_port

pytestmark = pytest.mark.drill

PACKAGE = Path(__file__).parent / "own_package"
LEFT_OUT = "secretary_documents"
TABLE = "town;river\nUlm;Danube\nPassau;Danube\n"
TOO_LONG = "n;m\n" + "1;2\n" * 6


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the package and lacks the built-in job types."""
    folder = tmp_path_factory.mktemp("outside")
    python = environment_without(folder / "venv", LEFT_OUT)
    shutil.copytree(PACKAGE, folder / "table-report")
    without = ["--no-index", "--no-deps", "--no-build-isolation"]
    pip = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    output(Path(sys.executable), *pip, "install", *without, str(folder / "table-report"))
    return python


def upload(client: JobClient, content: str) -> str:
    files = {"file": ("table.csv", content.encode())}
    file_id: str = client.http.post("/api/files", files=files).json()["data"]["file_id"]
    return file_id


def test_a_package_written_from_the_documentation_uses_every_service(
    start_stack: Callable[..., Stack],
    python: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    stack = start_stack(workers=0)
    monkeypatch.delenv("PYTHONPATH")
    port = free_port()
    settings = {
        **stack.settings,
        "worker.handler_modules": [],
        "worker.http_port": port,
        "generic_worker.poll_interval_sec": 0.2,
        "handlers.table_report.max_rows": 5,
        "handlers.table_report.separators": [";"],
    }
    script = str(python.with_name("secretary-worker"))
    worker = Service(script, settings, stack.folder, port=port, name="own-worker")
    worker.start()
    try:
        with stack.client() as client:
            check(client)
    finally:
        worker.stop()
    assert "settings.section_unread" not in worker.log.read_text()


def check(client: JobClient) -> None:
    def run(**parameters: Any) -> dict[str, Any]:
        return client.wait(client.submit("table_report", parameters), timeout_sec=30)

    (worker,) = client.http.get("/api/workers").json()["data"]["workers"]
    assert worker["job_types"] == ["table_report"]
    templates = client.http.get("/api/templates").json()["data"]["templates"]
    assert {"de", "en"} == {
        language
        for template in templates
        if template["name"] == "TableReport"
        for language in template["languages"]
    }

    first, again = run(filename="table.csv", language="de"), run(filename="table.csv")
    columns = {"town": 2, "river": 1}
    assert first["results"] == {"columns": columns, "cached": False}
    assert again["results"] == {"columns": columns, "cached": True}
    report = client.http.get(f"/api/jobs/{first['job_id']}/files/report.md").text
    assert report == "# Bericht: table.csv\n\n- town: 2\n- river: 1\n"

    # The name is so long that the CPU time of the child does not round to 0.
    long_name = "Vienna" * 20_000
    uploaded = run(file_id=upload(client, f"{TABLE}{long_name};Danube\n"))
    assert uploaded["results"] == {"columns": {"town": 3, "river": 1}, "cached": False}
    assert uploaded["usage"]["compute_seconds"] > 0

    codes = [
        run(file_id=upload(client, "no table"))["error"]["code"],
        run(file_id=upload(client, TOO_LONG))["error"]["code"],
        run(filename="/etc/passwd")["error"]["code"],
        run(filename="table.csv", template="Other")["error"]["code"],
    ]
    assert codes == ["TABLE_INVALID", "TABLE_TOO_LONG", "FILE_OUTSIDE_ROOTS", "TEMPLATE_NOT_FOUND"]


def test_the_environment_has_no_built_in_job_types(python: Path) -> None:
    find = f"import importlib.util; print(importlib.util.find_spec({LEFT_OUT!r}))"
    assert output(python, "-c", find) == "None"
    names = "entry_points(group='secretary.handlers').names"
    script = f"from importlib.metadata import entry_points; print({names})"
    assert output(python, "-c", script) == "{'table_report'}"
