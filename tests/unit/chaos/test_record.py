"""What handlers note is read back, and what a kill cut off stays open."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import record
from chaos.record import ENDED, STARTED, SUICIDE


def test_starts_and_ends_are_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record"
    monkeypatch.setenv(record.VARIABLE, str(path))
    assert record.read(path) == ([], [])
    for nonce in ("first", "second"):
        record.note(STARTED, nonce, job_id="job-1", run=1, attempt=1)
    record.note(ENDED, "second", ending="completed")
    record.note(SUICIDE, "")
    (first, second), (suicide,) = record.read(path)
    assert (first.nonce, first.ended_at, first.ending) == ("first", None, None)
    assert (second.nonce, second.ending) == ("second", "completed")
    assert second.started_at <= (second.ended_at or 0.0)
    assert suicide.pid == first.pid
