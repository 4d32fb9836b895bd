"""``pip install ./libs/documents`` alone is enough to read documents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.format_samples import SAMPLES, WORD

pytestmark = pytest.mark.drill

PACKAGE = Path(__file__).parents[2] / "libs/documents"
SCRIPT = """
import sys
from secretary_documents import extract
for path in sys.argv[1:]:
    print(extract(path).text)
"""
INSTALL_SEC, READ_SEC = 600, 120


def test_five_lines_read_a_pdf_a_word_document_and_a_picture(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / "bin/python")
    install = [python, "-m", "pip", "install", "--quiet", str(PACKAGE)]
    subprocess.run(install, check=True, timeout=INSTALL_SEC)
    files = []
    for name in ("pdf", "docx", "png"):
        files.append(tmp_path / f"sample.{name}")
        files[-1].write_bytes(SAMPLES[name]())
    read = subprocess.run(
        [python, "-c", SCRIPT, *map(str, files)],
        check=True,
        capture_output=True,
        text=True,
        timeout=READ_SEC,
        cwd=tmp_path,
    )
    assert read.stdout.count(WORD) == 3
    assert f"# {WORD} report" in read.stdout
