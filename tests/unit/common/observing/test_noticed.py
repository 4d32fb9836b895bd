"""The faults that a process notices: few of one kind at a time."""

from __future__ import annotations

import pytest

from secretary_common.observing import noticed
from secretary_common.observing.noticed import MOST_SUBJECTS, forget, notice, noticed_now


@pytest.fixture(autouse=True)
def _nothing_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticed, "_noticed", {})


def subjects(event: str) -> set[str]:
    return {one.subject for one in noticed_now() if one.event == event}


def test_many_faults_of_one_event_are_few_reports_and_hide_no_other_event() -> None:
    for number in range(10 * MOST_SUBJECTS):
        notice("receiver.failing", f"https://{number}.example", keep_sec=60)
    notice("broker.unreachable", keep_sec=60)
    assert len(subjects("receiver.failing")) == MOST_SUBJECTS
    assert subjects("broker.unreachable") == {""}


def test_a_fault_that_is_over_makes_room_for_another() -> None:
    for number in range(MOST_SUBJECTS):
        notice("receiver.failing", str(number), keep_sec=60)
    forget("receiver.failing", "0")
    notice("receiver.failing", "later", keep_sec=60)
    assert "later" in subjects("receiver.failing")
