from secretary_common.models.states import TERMINAL, TRANSITIONS, JobStatus


def sources_of(target: JobStatus) -> set[JobStatus]:
    """The states that have a transition to *target*."""
    return {source for source, targets in TRANSITIONS.items() if target in targets}


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(JobStatus)


def test_a_terminal_state_is_left_only_for_a_new_run() -> None:
    for status in TERMINAL:
        assert TRANSITIONS[status] == {JobStatus.PENDING}


def test_only_a_running_job_completes_or_fails() -> None:
    assert sources_of(JobStatus.COMPLETED) == {JobStatus.PROCESSING}
    assert sources_of(JobStatus.FAILED) == {JobStatus.PROCESSING}
    assert sources_of(JobStatus.CANCELLED) == {JobStatus.PENDING, JobStatus.PROCESSING}
