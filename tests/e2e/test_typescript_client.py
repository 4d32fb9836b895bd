"""The TypeScript client against a whole system: as a part of the repository, and as a package."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import pdf_samples

from secretary_devstack.processes.stack import Stack

pytestmark = pytest.mark.typescript

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients/typescript"
DOCUMENT = (ROOT / "docs/typescript.md").read_text(encoding="utf-8")
PYTHON_SCENARIO = Path(__file__).with_name("test_both_clients.py")
MODULES = PACKAGE / "node_modules"
STRICT = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes")
COMPILER = ("--target", "es2022", "--module", "nodenext", "--types", "node", "--noEmitOnError")
CALLED = re.compile(r"^def test_the_scenario.*?\n\n\n", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def stack(start_shared_stack: Callable[..., Stack]) -> Stack:
    polls = {"generic_worker.poll_interval_sec": 0.5, "notifier.poll_interval_sec": 0.5}
    return start_shared_stack(polls)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_samples.report_pdf())
    return path


def output_of(*command: object, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_client_passes_the_scenario_of_the_python_clients(stack: Stack, report: Path) -> None:
    said = output_of(
        "node",
        "scenario/scenario.mjs",
        folder=PACKAGE,
        SECRETARY_URL=stack.url,
        SECRETARY_KEY=stack.keys.bootstrap,
        REPORT_PDF=str(report),
        REPORT_TITLE=pdf_samples.REPORT_TITLE,
    )
    calls = CALLED.search(PYTHON_SCENARIO.read_text(encoding="utf-8"))
    assert calls
    assert said.split() == re.findall(r"^    (\w+)\(", calls[0], re.MULTILINE)
    assert len(said.split()) == 5


def programs(stack: Stack) -> dict[str, str]:
    """Return the programs in the document, by the names of their files."""
    found = re.findall(r"```ts\n(.*?)```", DOCUMENT, re.DOTALL)
    replaced = [
        text.replace("http://localhost:5001", stack.url)
        .replace("sk_…", stack.keys.bootstrap)
        .replace("whsec_…", stack.keys.signing)
        for text in found
    ]
    return {f"{number}.ts": text for number, text in enumerate(replaced, start=1)}


def test_the_package_works_in_an_empty_folder_as_documented(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = start_stack({"generic_worker.poll_interval_sec": 0.5})
    (tmp_path / "sample.pdf").write_bytes(pdf_samples.report_pdf())
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "report.pdf").write_bytes(pdf_samples.report_pdf())
    (folder / "package.json").write_text('{"type": "module"}')
    output_of("npm", "pack", "--silent", PACKAGE, folder=folder)
    [tarball] = folder.glob("*.tgz")
    assert f"./{tarball.name}" in DOCUMENT
    output_of("npm", "install", "--silent", "--offline", f"./{tarball.name}", folder=folder)
    assert [path.name for path in (folder / "node_modules").glob("[!.]*")] == ["secretary-client"]

    written = programs(stack)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    compile_ = (MODULES / ".bin/tsc", *STRICT, *COMPILER, "--typeRoots", MODULES / "@types")
    output_of(*compile_, *written, folder=folder)
    assert len(written) == 4
    assert pdf_samples.REPORT_TITLE in output_of("node", "1.js", folder=folder)
    followed = output_of("node", "2.js", folder=folder)
    assert "completed 100" in followed
    assert "extracted_text" in followed
    assert "extracted_text" in output_of("node", "3.js", folder=folder)
