"""Upgrades a running system from an earlier commit under load, goes back, and upgrades again."""

from __future__ import annotations

import subprocess
import tarfile
import time
from io import BytesIO
from pathlib import Path

from compose.evidence import settle
from compose.load import Load
from compose.project import BUILD_SEC, ROOT, Project
from compose.services import bring_up
from support.scenario_report import expect, say

from secretary_devstack.processes.job_client import JobClient

BEFORE_SEC, AFTER_SEC = 15.0, 15.0
OLD_TAG = "compose-test-earlier"


def unpack(revision: str, folder: Path) -> str:
    """Put the files of *revision* into *folder*; return the commit's short name and subject."""
    archive = subprocess.run(
        ["git", "archive", revision], cwd=ROOT, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    named = subprocess.run(
        ["git", "log", "-1", "--format=%h %s", revision],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return named.stdout.strip()


def upgrade(old: Project, new: Project) -> None:
    """Start the earlier version, replace it by this one while jobs run, go back, and forth again.

    Both projects have the same name, so they share containers, networks and volumes.
    """
    started = time.monotonic()
    old.compose("build", timeout_sec=BUILD_SEC)
    say(f"built the earlier version in {time.monotonic() - started:.0f} s")
    bring_up(old)
    key = old.secrets["SECRETARY_API__BOOTSTRAP_KEY"]
    with JobClient(old.url, key) as client, Load(old.url, key) as load:
        time.sleep(BEFORE_SEC)
        for step, version in (("upgrade", new), ("roll back", old), ("upgrade again", new)):
            say(f"{step} after {len(load.accepted)} accepted jobs")
            bring_up(version)
        time.sleep(AFTER_SEC)
        load.stop()
        ledger = settle(new, client, load.accepted)
    say(f"ledger, upgrade and roll back: {ledger}; {load.refusals} requests were repeated")
    expect(ledger.is_clean, f"upgrade and roll back: {ledger!r}")
