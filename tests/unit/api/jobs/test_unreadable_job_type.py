"""A job type whose announcement cannot be read: a clear answer, and other types are accepted."""

from dataclasses import replace

from support.api_harness import Api, data_of, error_of

from secretary_common.models import JobTypeInfo


async def test_only_submissions_of_the_unreadable_type_are_refused_for_now(api: Api) -> None:
    await api.job_types.announce([JobTypeInfo("odd"), JobTypeInfo("good")])
    api.job_types.types["odd"] = replace(api.job_types.types["odd"], is_readable=False)
    api.clock.advance(5)
    answer = await api.request("POST", "/api/jobs/", json={"job_type": "odd", "parameters": {}})
    assert "odd" in error_of(answer, 503, "STORE_UNAVAILABLE")["message"]
    assert int(answer.headers["Retry-After"]) > 0
    body = {"job_type": "good", "parameters": {}}
    assert data_of(await api.request("POST", "/api/jobs/", json=body))["job_id"]
    listed = data_of(await api.request("GET", "/api/job-types"))["job_types"]
    assert "odd" not in {one["job_type"] for one in listed}
