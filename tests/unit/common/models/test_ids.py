"""Ids sort by the time of their creation."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from secretary_common.models import new_batch_id, new_job_id


def test_ids_sort_by_creation_even_within_a_millisecond() -> None:
    made = [new_job_id() for _ in range(5000)]
    assert made == sorted(made)


def test_ids_are_uuids_of_version_7() -> None:
    for made in (new_job_id().removeprefix("job-"), new_batch_id().removeprefix("batch-")):
        assert UUID(made).version == 7
        assert UUID(made).variant == "specified in RFC 4122"


def test_threads_never_create_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_job_id(), range(20_000)))
    assert len(set(made)) == len(made)
