"""The handlers' lines are read back; an execution that was killed has no end."""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos import execution_log
from chaos.execution_log import ENDED, STARTED, WORKER_KILLED


def test_starts_and_ends_are_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "execution_log"
    monkeypatch.setenv(execution_log.VARIABLE, str(path))
    assert execution_log.read(path) == ([], [])
    for nonce in ("first", "second"):
        execution_log.note(STARTED, nonce, job_id="job-1", run=1, attempt=1)
    execution_log.note(ENDED, "second", ending="completed")
    execution_log.note(WORKER_KILLED, "")
    (first, second), (kill,) = execution_log.read(path)
    assert (first.nonce, first.ended_at, first.ending) == ("first", None, None)
    assert (second.nonce, second.ending) == ("second", "completed")
    assert second.started_at <= (second.ended_at or 0.0)
    assert kill.pid == first.pid
