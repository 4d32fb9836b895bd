"""``make audit``: the licences and the known vulnerabilities of all locked packages.

A licence must be compatible with the AGPL, version 3, of this project. The licence of a package is
what its own metadata says. pip-audit asks public services for advisories. If no service answers,
this is said, and the audit fails only with ``--strict``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIP_AUDIT = ROOT / ".venv-audit/bin/pip-audit"
SERVICES = ("pypi", "osv")
ANSWER_SEC = 120
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
# The licences that code under the AGPL, version 3, may be combined with, as their names begin.
COMPATIBLE = re.compile(
    r"""(?ix) ^\(? ( mit | bsd | 0bsd | [23]-clause\ bsd | apache | isc | psf | python\ software
      | zlib | mpl-2 | mozilla\ public\ license\ 2 | hpnd | unlicense | cc0
      | (gnu\ )?(lesser|library)\ general | lgpl | agpl-3 | gnu\ affero | gnu\ agpl
      | dual\ licensed\ -\ gnu\ affero | gnu\ general\ public\ license\ v3 | gpl-3 | gplv3 )"""
)
# Metadata that is too short to decide: what the package's own licence file says.
STATED: Mapping[str, str] = {
    "extract-msg": "GPL-3.0-only",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
}


@dataclass(frozen=True, slots=True)
class Locked:
    """A package that a lock names."""

    name: str
    version: str


def locks() -> list[Path]:
    """Return all lock files of the repository."""
    folders = ("", "libs/*/", "services/*/", "deploy/docker/")
    return sorted({lock for folder in folders for lock in ROOT.glob(f"{folder}*.lock")})


def locked_in(files: Iterable[Path]) -> list[Locked]:
    """Return the packages of *files*, each version once."""
    found = {Locked(_normal(n), v) for file in files for n, v in LOCKED.findall(file.read_text())}
    return sorted(found, key=lambda one: (one.name, one.version))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence_of(fields: Message, name: str) -> str:
    """Return the licence in the metadata *fields*; "" if they have none."""
    stated = STATED.get(name) or fields.get("License-Expression")
    if stated:
        return str(stated)
    of_classifiers = [
        str(one).rpartition(" :: ")[2]
        for one in fields.get_all("Classifier", [])
        if str(one).startswith("License :: ")
    ]
    named = [one for one in of_classifiers if one != "OSI Approved"]
    return " OR ".join(named) or str(fields.get("License") or "").strip().split("\n")[0]


def is_compatible(licence: str) -> bool:
    """Return whether at least one alternative of *licence*, and each part of it, is compatible."""
    return any(
        all(COMPATIBLE.match(part.strip()) for part in re.split(r"\s+AND\s+", choice))
        for choice in re.split(r"\s+OR\s+", licence)
    )


def installed() -> dict[Locked, Message]:
    """Return the metadata of the packages of this Python environment."""
    return {
        Locked(_normal(one.metadata["Name"]), one.version): message_from_string(
            one.read_text("METADATA") or ""
        )
        for one in metadata.distributions()
    }


def fetched(missing: list[Locked]) -> Iterator[tuple[Locked, Message]]:
    """Yield the metadata of packages that are not installed here, from their wheels."""
    for package in missing:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--only-binary", ":all:", "--disable-pip-version-check", "--dest", folder]
            command.append(f"{package.name}=={package.version}")
            subprocess.run(  # noqa: S603 - names and versions of our lock files, no shell
                command, capture_output=True, check=False
            )
            for wheel in Path(folder).glob("*.whl"):
                yield package, _metadata_of(wheel)


def _metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return message_from_string(archive.read(name).decode())


def check_licences() -> bool:
    """Print the licences; return whether all of them are known and compatible."""
    wanted, known = locked_in(locks()), installed()
    known |= dict(fetched([one for one in wanted if one not in known]))
    found = {one: licence_of(known[one], one.name) for one in wanted if one in known}
    bad = {one: licence for one, licence in found.items() if not is_compatible(licence)}
    unknown = [one for one in wanted if one not in found]
    families: dict[str, int] = {}
    for licence in found.values():
        families[licence] = families.get(licence, 0) + 1
    print(f"licences: {len(wanted)} locked packages in {len(locks())} locks")
    for licence, count in sorted(families.items(), key=lambda one: -one[1]):
        print(f"  {count:4}  {licence[:90]}")
    for package in unknown:
        print(f"  not for this machine: {package.name} {package.version} (its metadata is unknown)")
    for package, licence in bad.items():
        print(f"  NOT COMPATIBLE with the AGPL: {package.name} {package.version}: {licence!r}")
    return not bad


def check_advisories(*, strict: bool) -> bool:
    """Print the known vulnerabilities; return whether there are none."""
    for service in SERVICES:
        report = _ask(service)
        if report is not None:
            bad = [one for one in report if one.get("vulns")]
            print(f"advisories: {service} answered for {len(report)} packages; {len(bad)} affected")
            for one in bad:
                names = ", ".join(each["id"] for each in one["vulns"])
                print(f"  VULNERABLE: {one['name']} {one['version']}: {names}")
            return not bad
        print(f"advisories: the service {service} did not answer")
    print("advisories: NOT CHECKED, because no service answered")
    return not strict


def _ask(service: str) -> list[dict[str, list[dict[str, str]]]] | None:
    """Return pip-audit's report by *service*; None if the service does not answer."""
    requirements = [word for lock in locks() for word in ("--requirement", str(lock))]
    options = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json"]
    try:
        answer = subprocess.run(  # noqa: S603 - a constant command, no shell
            [PIP_AUDIT, *requirements, *options, "--vulnerability-service", service],
            capture_output=True,
            text=True,
            timeout=ANSWER_SEC,
            check=False,
        )
        found: list[dict[str, list[dict[str, str]]]] = json.loads(answer.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return found


def main() -> int:
    """Return 0 if nothing speaks against the locked packages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail if no advisory service answers")
    strict = parser.parse_args().strict
    results = [check_licences(), check_advisories(strict=strict)]
    print("== audit:", "ok" if all(results) else "FAILED")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
