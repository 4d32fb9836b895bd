"""Fetch the released files of other projects that the dashboard and its tests use, or check them.

``make vendor`` fetches each package with ``npm pack``, from the registry that npm is configured
for, compares the package with the hash in ``vendor.json``, and writes the files that are listed
there. ``--check`` fetches nothing: it only compares the files with their hashes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = (
    ROOT / "services/api/src/secretary_api/dashboard/static/vendor/vendor.json",
    ROOT / "tests/support/axe/vendor.json",
)
MOST_SHIPPED_BYTES = 300_000
FETCH_SEC = 120

Package = Mapping[str, Any]


def packages(manifest: Path) -> list[Package]:
    """Return the packages that *manifest* lists."""
    found: list[Package] = json.loads(manifest.read_text(encoding="utf-8"))["packages"]
    return found


def faults(manifest: Path) -> Iterator[str]:
    """Yield what is wrong with the files beside *manifest*."""
    listed = {"vendor.json"}
    for package in packages(manifest):
        for file in package["files"]:
            listed.add(file["to"])
            path = manifest.parent / file["to"]
            if not path.is_file():
                yield f"{file['to']} is missing"
            elif sha256_of(path.read_bytes()) != file["sha256"]:
                yield f"{file['to']} is not the file of {package['name']} {package['version']}"
    for path in sorted(manifest.parent.rglob("*")):
        if path.is_file() and (name := path.relative_to(manifest.parent).as_posix()) not in listed:
            yield f"{name} is not listed in vendor.json"


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of *content* in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def fetch(package: Package, folder: Path) -> None:
    """Write the listed files of *package* into *folder*.

    Raises:
        ValueError: the package or a file has another hash than the manifest says.
        CalledProcessError: npm could not fetch the package.
    """
    with tempfile.TemporaryDirectory() as place:
        name = f"{package['name']}@{package['version']}"
        subprocess.run(  # noqa: S603 - a constant command, no shell
            ["npm", "pack", "--silent", name],  # noqa: S607 - npm is found on the PATH
            cwd=place,
            check=True,
            timeout=FETCH_SEC,
            stdout=subprocess.DEVNULL,
        )
        [archive] = Path(place).glob("*.tgz")
        _check_integrity(archive.read_bytes(), package)
        with tarfile.open(archive) as members:
            for file in package["files"]:
                member = members.extractfile(f"package/{file['from']}")
                content = member.read() if member else b""
                if sha256_of(content) != file["sha256"]:
                    raise ValueError(f"{file['from']} of {name} has another hash")
                path = folder / file["to"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def _check_integrity(archive: bytes, package: Package) -> None:
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if f"sha512-{digest}" != package["integrity"]:
        raise ValueError(f"the package {package['name']} {package['version']} has another hash")


def main() -> int:
    """Fetch or check; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fetch nothing")
    only_check = parser.parse_args().check
    for manifest in MANIFESTS:
        for package in [] if only_check else packages(manifest):
            print(f"{package['name']} {package['version']} ({package['licence']})")
            fetch(package, manifest.parent)
    found = [fault for manifest in MANIFESTS for fault in faults(manifest)]
    print("\n".join(found) or "every file has the hash in vendor.json")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
