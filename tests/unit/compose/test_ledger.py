"""The ledger of ``make compose-test`` finds each way in which a job can break the promise."""

from __future__ import annotations

import pytest
from compose.ledger import judge

COMPLETED = {"one": {"status": "completed"}}


def test_a_job_with_one_result_and_one_webhook_is_clean() -> None:
    found = judge(["one"], COMPLETED, ["one"], [("one", "msg_1"), ("one", "msg_1")])
    assert found.is_clean
    assert str(found).startswith("accepted 1, completed 1, lost 0, failed 0, twice 0, stuck 0")


@pytest.mark.parametrize(
    ("breach", "jobs", "commits", "webhooks"),
    [
        ("lost", {}, [], []),
        ("failed", {"one": {"status": "failed"}}, [], [("one", "msg_1")]),
        ("twice", COMPLETED, ["one", "one"], [("one", "msg_1")]),
        ("twice", COMPLETED, ["one"], [("one", "msg_1"), ("one", "msg_2")]),
        ("stuck", {"one": {"status": "processing"}}, [], []),
        ("missing", COMPLETED, ["one"], []),
    ],
)
def test_a_broken_promise_is_named(
    breach: str,
    jobs: dict[str, dict[str, str]],
    commits: list[str],
    webhooks: list[tuple[str, str]],
) -> None:
    found = judge(["one"], jobs, commits, webhooks)
    assert not found.is_clean
    broken = {
        name for name in ("lost", "failed", "twice", "stuck", "missing") if getattr(found, name)
    }
    assert broken == {breach}
