"""The ``secretary`` command against a whole system."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import pdf_samples
from support.cutting_proxy import CuttingProxy

from secretary_client.main import main
from secretary_devstack.processes.service import console_script
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.port import HOST, free_port
from secretary_devstack.servers.receiver import Receiver


@dataclass(frozen=True)
class Done:
    """The outcome of a command."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def stack(start_stack: Callable[..., Stack]) -> Stack:
    return start_stack({"generic_worker.poll_interval_sec": 0.5, "notifier.poll_interval_sec": 0.5})


@pytest.fixture
def run(
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return a function that runs the command as a shell would."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SECRETARY_URL", stack.url)
    monkeypatch.setenv("SECRETARY_KEY", stack.keys.bootstrap)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        code = main(arguments)
        return Done(code, *capsys.readouterr())

    return run


def output(done: Done) -> str:
    assert done.code == 0, done.err
    return done.out.rstrip("\n")


def test_the_command_manages_jobs_and_webhooks(
    run: Run, stack: Stack, receiver: Receiver, tmp_path: Path
) -> None:
    jobs_are_submitted_followed_fetched_and_moved(run, tmp_path)
    a_broken_network_makes_one_job_with_the_right_results(run, stack, tmp_path)
    an_operator_sees_what_is_stuck_and_sends_again_what_was_lost(run, receiver)
    asked = subprocess.run(
        [console_script("secretary"), "--url", stack.url, "--key", "sk_wrong", "list"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("secretary: UNAUTHORIZED: ")


def jobs_are_submitted_followed_fetched_and_moved(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Bericht.pdf").write_bytes(pdf_samples.report_pdf())
    done = run("submit", "pdf", "--upload", "Bericht.pdf", "include_images=true", "--wait")
    assert pdf_samples.REPORT_TITLE in json.loads(output(done))["extracted_text"]
    job_id, *progress = done.err.splitlines()
    assert progress[-1] == f"[{'#' * 24}] 100 %  completed  Processing completed"

    assert json.loads(output(run("show", job_id)))["status"] == "completed"
    assert "3 pages read" in output(run("logs", job_id))
    assert output(run("download", job_id, "page_0001.jpg")) == "page_0001.jpg"
    assert (tmp_path / "page_0001.jpg").read_bytes().startswith(b"\xff\xd8")
    assert output(run("download", job_id, "--output", "all.zip")) == "all.zip"
    assert (tmp_path / "all.zip").read_bytes().startswith(b"PK")

    napping = output(run("submit", "nap", "seconds=60", "--tag", "night"))
    short = run("watch", napping, "--wait-sec", "1")
    assert (short.code, short.out) == (3, "")
    assert short.err.splitlines()[-1].endswith("did not end within 1 s; it goes on")
    early = run("results", napping)
    assert (early.code, early.out) == (3, "")
    assert early.err.startswith(f"secretary: {napping}: the job is p")
    output(run("cancel", napping))
    watched = run("watch", napping)
    assert (watched.code, watched.out) == (1, "")
    assert watched.err.splitlines()[-1] == f"secretary: {napping}: cancelled"
    none = run("results", napping)
    assert (none.code, none.out, none.err) == (1, "", f"secretary: {napping}: cancelled\n")
    table = output(run("list", "--tag", "night")).splitlines()
    assert [line.split()[:3] for line in table[1:]] == [[napping, "nap", "cancelled"]]
    output(run("delete", napping))
    gone = run("show", napping)
    assert (gone.code, gone.out) == (1, "")
    assert gone.err.startswith("secretary: NOT_FOUND: ")
    refused = run("submit", "pdf", "filename=/etc/passwd")
    assert (refused.code, "FILE_OUTSIDE_ROOTS" in refused.err) == (1, True)


def a_broken_network_makes_one_job_with_the_right_results(
    run: Run, stack: Stack, tmp_path: Path
) -> None:
    big = os.urandom(3_000_000)
    (tmp_path / "big.bin").write_bytes(big)
    with CuttingProxy(int(stack.url.rpartition(":")[2])) as proxy:
        arguments = ("submit", "measure", "big.bin", "--wait", "--tag", "cut")
        done = run("--url", proxy.url, *arguments)
        assert proxy.left == []
    digest = hashlib.sha256(big).hexdigest()
    found = json.loads(output(done))
    assert found == {"name": "big.bin", "size": len(big), "sha256": digest}
    assert done.err.count("does not answer") >= 2
    assert len(json.loads(output(run("list", "--tag", "cut", "--json")))) == 1


def an_operator_sees_what_is_stuck_and_sends_again_what_was_lost(
    run: Run, receiver: Receiver
) -> None:
    output(run("pause", "nap"))
    rows = {row.split()[0]: row.split()[1] for row in output(run("types")).splitlines()[1:]}
    assert rows["nap"] == "paused"
    output(run("resume", "nap"))
    assert len(output(run("workers")).splitlines()) == 2
    hook: dict[str, Any] = {"url": receiver.url(), "progress": False}
    job_id = output(run("submit", "nap", "seconds=0", f"webhook={json.dumps(hook)}"))
    receiver.wait_for(lambda got: len(got) == 1, timeout_sec=30, what="the webhook")
    delivery = f"msg_{job_id}_"
    sent = next(row for row in output(run("deliveries")).splitlines() if delivery in row)
    output(run("resend", sent.split()[0]))
    receiver.wait_for(lambda got: len(got) == 2, timeout_sec=30, what="the webhook again")
    first, again = receiver.requests
    assert first.body == again.body
    assert output(run("recover", "--since", "2026-01-01T00:00:00Z")) == "0"
    away = run("--url", f"http://{HOST}:{free_port()}", "--retry-sec", "0", "list")
    assert away.code == 1
    assert away.err.startswith(f"secretary: http://{HOST}:")
    assert "ConnectError" in away.err
