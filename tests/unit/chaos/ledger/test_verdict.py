"""The promise is kept only without any violation and without a late recovery."""

from __future__ import annotations

from chaos.ledger.evidence import Acceptance, Breach
from chaos.ledger.recovery import Recovery
from chaos.ledger.starts import Flood, Start
from chaos.ledger.verdict import judge
from support.chaos_samples import START, Case

IN_TIME = Recovery("job-1", 1, killed_at=100, claimed_at=120, counted_sec=9.4)
LATE = Recovery("job-2", 1, killed_at=100, claimed_at=120, counted_sec=9.6)


def test_evidence_without_faults_keeps_the_promise() -> None:
    verdict = judge(Case().evidence(), [IN_TIME], 9.5)
    assert verdict.kept
    line = verdict.summary()
    assert "lost 0, committed twice 0, stuck 0, webhooks missing 0" in line
    assert "accepted 1 (" in line
    assert "1 recovered after p50 9.4 s, max 9.4 s" in line


def test_any_violation_breaks_the_promise() -> None:
    case = Case(webhooks=[])
    case.answers.accepted.append(Acceptance("chaos-1-8", "job-2", START, replayed=False))
    verdict = judge(case.evidence(), [], 9.5)
    assert not verdict.kept
    assert (verdict.count(Breach.LOST), verdict.count(Breach.UNDELIVERED)) == (1, 1)
    assert "lost 1, committed twice 0, stuck 0, webhooks missing 1" in verdict.summary()


def test_a_late_recovery_breaks_the_promise() -> None:
    verdict = judge(Case().evidence(), [IN_TIME, LATE], 9.5)
    assert not verdict.kept
    assert verdict.slow == [LATE]


def test_an_experiment_without_accepted_jobs_does_not_keep_the_promise() -> None:
    case = Case(executions=[], webhooks=[], states=[])
    case.answers.accepted.clear()
    case.jobs.clear()
    assert not judge(case.evidence(), [], 9.5).kept


def test_a_late_start_beside_a_flood_breaks_the_promise() -> None:
    soon, late = (
        Start(f"job-{seconds}", due_at=0, started_at=9, counted_sec=seconds)
        for seconds in (1.9, 2.1)
    )
    flood = Flood([soon, late], most=8, allowed=8)
    verdict = judge(Case().evidence(), [IN_TIME], 9.5, flood=flood)
    assert (verdict.kept, flood.late) == (False, [late])
    assert "2 starts beside it after p50 2.0 s, max 2.1 s" in verdict.summary()
    assert judge(Case().evidence(), [IN_TIME], 9.5, flood=Flood([soon], 8, 8)).kept


def test_a_flood_that_exceeds_its_limit_breaks_the_promise() -> None:
    assert not judge(Case().evidence(), [IN_TIME], 9.5, flood=Flood([], most=9, allowed=8)).kept
