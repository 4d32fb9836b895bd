"""Write the types of the TypeScript client from the API's OpenAPI description, with npm's tools.

``make reference`` runs it. With ``--check`` it writes nothing, and ends with 1 if the file is not
what the tools write. The file's first line has the digest of the description, so that a test can
see without npm whether the description has changed since.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "clients/typescript"
TYPES = PACKAGE / "src/openapi.ts"
TOOL = PACKAGE / "node_modules/.bin/openapi-typescript"
WRITE_SEC = 120


def description() -> dict[str, Any]:
    """Return the OpenAPI description of every route."""
    found: dict[str, Any] = runpy.run_path(str(Path(__file__).parent / "reference.py"))["openapi"]()
    return found


def first_line(document: Mapping[str, Any]) -> str:
    """Return the first line of the types of *document*: a comment with its digest."""
    text = json.dumps(document, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"// `make reference` writes this file. The SHA-256 of OpenAPI is {digest}.\n"


def types_of(document: Mapping[str, Any]) -> str:
    """Return the types of *document*.

    Raises:
        CalledProcessError: the tool failed.
    """
    done = subprocess.run(  # noqa: S603 - a constant command, no shell
        [TOOL, "--alphabetize"],
        input=json.dumps(document),
        cwd=PACKAGE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=WRITE_SEC,
    )
    return first_line(document) + done.stdout


def main() -> int:
    """Write or check the types; return the exit code."""
    text = types_of(description())
    if "--check" not in sys.argv[1:]:
        TYPES.write_text(text, encoding="utf-8")
        return 0
    if text == TYPES.read_text(encoding="utf-8"):
        return 0
    sys.stdout.write(f"{TYPES.relative_to(ROOT)} is not up to date: make reference\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
