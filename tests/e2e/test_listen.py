"""``secretary listen`` as a process: webhooks reach a local server that is down for a while."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from secretary_client import ApiError, Client, Unreachable
from secretary_client.models import NewJob
from secretary_devstack.deadline import wait_until
from secretary_devstack.processes.service import console_script
from secretary_devstack.processes.stack import Stack
from secretary_devstack.servers.proxy import Network
from secretary_devstack.servers.receiver import Receiver

JOBS, RUNS = 50, 4
END_SEC = 60.0


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as running:
        yield running


class Listener:
    """The command, with its files in *folder*."""

    def __init__(self, stack: Stack, folder: Path, target: str) -> None:
        self._folder = folder
        self._arguments = [console_script("secretary"), "listen", "--forward", target]
        self._environment = {
            **os.environ,
            "SECRETARY_URL": stack.url,
            "SECRETARY_KEY": stack.keys.bootstrap,
            "XDG_CONFIG_HOME": str(folder),
        }
        self.start()

    def start(self) -> None:
        self._log = (self._folder / "said.txt").open("a")
        self._process = subprocess.Popen(
            [str(one) for one in self._arguments],
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        wait_until(lambda: "whsec_" in self.text, timeout_sec=END_SEC, what="the secret")

    @property
    def text(self) -> str:
        return (self._folder / "said.txt").read_text()

    @property
    def secret(self) -> str:
        return next(line.strip() for line in self.text.splitlines() if "whsec_" in line)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._log.close()


def ends(receiver: Receiver) -> set[tuple[str, int]]:
    """Return the runs of the jobs under test whose end has reached the receiver."""
    bodies = [got.json for got in receiver.requests]
    return {(body["process"]["id"], body["run"]) for body in bodies if body["phase"] == "completed"}


class Watcher:
    """Reads the stream of all jobs, and keeps the ends of their runs."""

    def __init__(self, stack: Stack) -> None:
        self.ends: set[tuple[str, int]] = set()
        threading.Thread(target=self._read, args=(stack,), daemon=True).start()

    def _read(self, stack: Stack) -> None:
        client = Client(stack.url, stack.keys.bootstrap, retry_sec=0)
        with client, contextlib.suppress(ApiError, Unreachable):  # the system was stopped
            for event in client.stream(tag="heard"):
                if event.name == "completed":
                    self.ends.add((event.data["job_id"], event.data["run"]))

    def wait_for(self, run: int) -> None:
        """Wait for the end of *run* of all jobs. The listener has it too: one feed serves both."""
        wait_until(
            lambda: len([one for one in self.ends.copy() if one[1] == run]) == JOBS,
            timeout_sec=END_SEC,
            what=f"run {run} of all jobs",
        )


@pytest.mark.drill
def test_each_webhook_reaches_a_local_server_that_is_down_for_a_while(
    start_stack: Callable[..., Stack], receiver: Receiver, network: Network, tmp_path: Path
) -> None:
    stack = start_stack({"generic_worker.poll_interval_sec": 0.5})
    proxy = network.proxy(receiver.port)
    listener = Listener(stack, tmp_path, f"http://127.0.0.1:{proxy.port}/hook")
    with Client(stack.url, stack.keys.bootstrap) as client:
        watcher = Watcher(stack)
        others = both_follow(client, receiver, watcher)
        client.batches.submit([nap() for _ in range(JOBS)])
        for run in range(1, RUNS + 1):
            if run == 2:
                proxy.refuse()
            watcher.wait_for(run)
            if run == 3:
                proxy.resume()
            if run < RUNS:
                assert client.retry_all(tag="heard", status="completed")["done"] == JOBS
        wait_for_ends(receiver, JOBS * RUNS, others)
        verified_and_in_order(receiver, listener.secret)

        listener.stop()
        client.batches.submit([nap() for _ in range(JOBS)])
        wait_until(
            lambda: len([*client.jobs(tag="heard", status="completed")]) == 2 * JOBS,
            timeout_sec=END_SEC,
            what="the jobs that end without a listener",
        )
        listener.start()
        wait_for_ends(receiver, JOBS * (RUNS + 1), others)
        listener.stop()
        verified_and_in_order(receiver, listener.secret)


def nap() -> NewJob:
    return {"job_type": "nap", "parameters": {"seconds": 0}, "tags": ["heard"]}


def both_follow(client: Client, receiver: Receiver, watcher: Watcher) -> set[str]:
    """Return when the listener and the watcher follow the stream; return the jobs for that."""
    made = set()

    def follow() -> bool:
        made.add(client.submit("nap", {"seconds": 0}, tags=["heard"])["job_id"])
        return bool(receiver.requests) and bool(watcher.ends)

    wait_until(follow, timeout_sec=END_SEC, what="the first events")
    for job_id in made:
        client.wait(job_id)
    client.delete_all(tag="heard")
    watcher.ends.clear()
    return made


def wait_for_ends(receiver: Receiver, number: int, others: set[str]) -> None:
    wait_until(
        lambda: len([end for end in ends(receiver) if end[0] not in others]) == number,
        timeout_sec=END_SEC,
        what=f"{number} webhooks",
    )


def verified_and_in_order(receiver: Receiver, secret: str) -> None:
    seqs = defaultdict(list)
    for got in receiver.requests:
        payload = Webhook(secret).verify(got.body, dict(got.headers))
        seqs[payload["process"]["id"]].append(payload["seq"])
    # A repeat after a broken connection is allowed.
    assert all(list(dict.fromkeys(found)) == sorted(set(found)) for found in seqs.values())
