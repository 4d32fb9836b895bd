"""The injectors make what they say: few descriptors, documents that are odd in one field alone."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import pytest
from chaos.injection.odd_documents import usual_delivery, usual_job
from chaos.injection.services import few_descriptors, limit_for
from chaos.oddity import DELIVERY_ODDITIES, JOB_ODDITIES, Oddity, odd_delivery, odd_job

from secretary_common.models import Delivery, Job

JOB = {
    "_id": "job-1",
    "job_type": "chaos-quick",
    "owner": "key-1",
    "parameters": {"number": 7},
    "priority": 5,
    "max_attempts": 3,
    "status": "completed",
    "attempt": 2,
    "results": {"n": 1},
}
DELIVERY = {
    "_id": "msg_job-1_4",
    "job_id": "job-1",
    "owner": "key-1",
    "seq": 4,
    "run": 2,
    "phase": "completed",
    "url": "http://127.0.0.1:1/hook",
    "origin": "http://127.0.0.1:1",
    "body": json.dumps({"process": {"id": "job-1"}, "seq": 4, "phase": "completed"}).encode(),
    "state": "delivered",
    "tries": 1,
}


def test_a_usual_job_and_a_usual_delivery_are_readable() -> None:
    job = Job.model_validate({"job_id": "odd-1", **usual_job(JOB)})
    assert (job.status, job.attempt, job.results) == ("pending", 0, None)
    found = usual_delivery(DELIVERY, "msg_odd-1_1")
    delivery = Delivery.model_validate({"delivery_id": "msg_odd-1_1", "job_id": "odd-1", **found})
    assert (delivery.state, delivery.seq, delivery.tries) == ("pending", 1, 0)
    assert json.loads(delivery.body)["process"] == {"id": "odd-1"}


@pytest.mark.parametrize("oddity", JOB_ODDITIES)
def test_an_odd_job_differs_from_a_usual_one_in_its_odd_fields_alone(oddity: Oddity) -> None:
    usual: dict[str, Any] = usual_job(JOB)
    odd = odd_job(usual, "odd-1", oddity)
    assert {name for name in odd if odd[name] != usual.get(name)} == {
        *("_id", "job_name"),
        *oddity.fields,
    }


@pytest.mark.parametrize("oddity", DELIVERY_ODDITIES)
def test_an_odd_delivery_differs_from_a_usual_one_in_its_odd_fields_alone(oddity: Oddity) -> None:
    usual: dict[str, Any] = usual_delivery(DELIVERY, "msg_odd-1_1")
    odd = odd_delivery(usual, "msg_odd-1_1", oddity)
    assert odd["job_id"] == "odd-1"
    assert {name for name in odd if odd[name] != usual.get(name)} == {
        *("_id", "job_id"),
        *oddity.fields,
    }


@pytest.mark.parametrize(
    ("opened", "spare", "limit"),
    [({0, 1, 2}, 0, 3), ({0, 1, 2}, 2, 5), ({0, 1, 2, 4, 9}, 0, 3), ({0, 1, 2, 4, 9}, 2, 6)],
)
def test_a_limit_leaves_exactly_the_spare_descriptors(
    opened: set[int], spare: int, limit: int
) -> None:
    assert limit_for(opened, spare) == limit
    assert len(set(range(limit)) - opened) == spare


def test_a_process_opens_no_more_descriptors_and_gets_its_limit_back() -> None:
    script = (
        "import os\nwhile input():\n try: print(os.dup(0))\n except OSError as e: print(e.strerror)"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin
        assert child.stdout

        def opened() -> str:
            assert child.stdin
            assert child.stdout
            child.stdin.write("again\n")
            child.stdin.flush()
            return child.stdout.readline().strip()

        assert opened() == "3"
        before = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
        with few_descriptors(child.pid, spare=1):
            assert [opened(), opened()] == ["4", "Too many open files"]
        assert resource.prlimit(child.pid, resource.RLIMIT_NOFILE) == before
        assert opened() == "5"
        child.kill()
