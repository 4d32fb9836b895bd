"""Converts files with docling's own client, in the environment of this client; writes JSON.

The arguments are a URL, an API key and files. For each file the output has what the client's own
types say of the answer.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from docling.datamodel.service.options import ConvertDocumentsOptions
from docling.datamodel.service.targets import ZipTarget
from docling.service_client import DoclingServiceClient


def converted(client: Any, file: Path) -> dict[str, Any]:
    """Convert *file*, and return what the document has."""
    try:
        result = client.convert(file)
    except Exception as error:  # noqa: BLE001 - the test reads it
        return {"error": f"{type(error).__name__}: {error}"}
    document = result.document
    return {
        "status": result.status.value,
        "markdown": document.export_to_markdown(),
        "pages": sorted(document.pages),
        "tables": [table.data.num_rows for table in document.tables],
        "pictures": len(document.pictures),
        "origin": document.origin and document.origin.filename,
    }


def zipped(client: Any, file: Path) -> list[str]:
    """Convert *file* into an archive, and return the names in it."""
    options = ConvertDocumentsOptions(to_formats=["md", "html", "json", "text"])
    raw = client.submit(file, target=ZipTarget(), options=options).result()
    with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
        return sorted(archive.namelist())


def main(url: str, key: str, *files: str) -> None:
    """Converse with the service at *url*, and write what came of it."""
    paths = [Path(file) for file in files]
    with DoclingServiceClient(url, api_key=key) as client:
        found = {
            "health": client.health().status,
            "files": {path.name: converted(client, path) for path in paths},
            "all": [one.status.value for one in client.convert_all(paths[:2])],
            "zip": zipped(client, paths[0]),
        }
    with DoclingServiceClient(url, api_key="wrong") as stranger:
        found["stranger"] = converted(stranger, paths[0])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
