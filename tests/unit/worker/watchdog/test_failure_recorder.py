"""The failure recorder ends, even if MongoDB does not return."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from secretary_devstack.servers.port import free_port
from secretary_worker.watchdog import failure_recorder


def test_a_recorder_gives_up_without_mongodb(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mark = {"job_id": "job-1", "run": 1, "attempt": 1, "token": "t"}
    failure = json.dumps({"how": "died", "worker": "w", "mark": mark}).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(failure)))
    monkeypatch.setattr(failure_recorder, "configure_logging", lambda *_, **__: None)
    monkeypatch.setattr(failure_recorder, "GIVE_UP_SEC", 0.2)
    monkeypatch.setenv("SECRETARY_MONGO__URL", f"mongodb://127.0.0.1:{free_port()}/?replicaSet=rs0")
    failure_recorder.main()
    assert [line.msg for line in caplog.records][-1] == "job.silence_not_recorded"
