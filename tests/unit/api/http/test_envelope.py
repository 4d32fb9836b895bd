"""Every answer has the envelope, including the framework's own errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.api_harness import ADMIN_KEY, MAX_BODY_BYTES, Api, data_of, error_of, refused_field

from secretary_common.errors import ErrorCode, SecretaryError, StoreUnavailable

JSON = {"Content-Type": "application/json"}


async def post(api: Api, content: Any, headers: dict[str, str] = JSON) -> Any:
    return await api.request("POST", "/api/jobs/", content=content, headers=headers)


@pytest.mark.parametrize("path", ["/nope", "/api", "/api/nope", "/api/jobs/a/b/c", "/redoc"])
async def test_an_unknown_path_is_404(api: Api, path: str) -> None:
    error_of(await api.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/jobs/", "GET, POST"),
        ("PATCH", "/api/jobs", "GET, POST"),
        ("POST", "/api/jobs/job-1", "DELETE, GET"),
        ("POST", "/health/live", "GET"),
        ("PUT", "/api/keys/x", "DELETE, PATCH"),
        ("PUT", "/api/jobs/cancel", "POST"),
    ],
)
async def test_an_unknown_method_is_405_with_the_allowed_ones(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = await api.request(method, path)
    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a" 1}', b"\xff\xfe{", b"{'a': 1}", b"nope", b'"\xe9"']
)
async def test_malformed_json_is_reported_for_the_field_body(api: Api, content: bytes) -> None:
    assert "JSON" in refused_field(await post(api, content), "body")


@pytest.mark.parametrize("content", [b"[]", b"1", b'"x"', b"null"])
async def test_json_that_is_not_an_object_is_refused(api: Api, content: bytes) -> None:
    assert "object" in refused_field(await post(api, content), "body")


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "json", "/"])
async def test_a_body_without_the_json_content_type_is_415(api: Api, content_type: str) -> None:
    answer = await post(api, b"{}", {"Content-Type": content_type})
    error_of(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
async def test_other_spellings_of_the_json_content_type_are_accepted(
    api: Api, content_type: str
) -> None:
    answer = await post(api, b'{"job_type": "custom"}', {"Content-Type": content_type})
    assert answer.status_code == 202


async def test_an_announced_body_over_the_limit_is_413_before_it_is_read(api: Api) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    answer = await post(api, never(), JSON | {"Content-Length": str(MAX_BODY_BYTES + 1)})
    error_of(answer, 413, "BODY_TOO_LARGE")


async def test_a_chunked_body_is_read_only_up_to_the_limit(api: Api) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 8192
            yield b" " * 8192

    error_of(await post(api, chunks()), 413, "BODY_TOO_LARGE")
    assert sent <= MAX_BODY_BYTES + 8192


async def test_a_body_of_exactly_the_limit_is_accepted(api: Api) -> None:
    body = b'{"job_type": "custom"}'
    assert (await post(api, body + b" " * (MAX_BODY_BYTES - len(body)))).status_code == 202


async def test_an_unexpected_error_is_500_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(api.jobs, "get", fail)
    answer = await api.get("/api/jobs/job-1")
    error_of(answer, 500, "INTERNAL_ERROR")
    assert "hunter2" not in answer.text
    assert "request.failed" in caplog.messages


async def test_an_error_without_a_status_is_500(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise SecretaryError("inside", code=ErrorCode.PARSER_CRASHED)

    monkeypatch.setattr(api.jobs, "get", fail)
    assert "inside" not in error_of(await api.get("/api/jobs/x"), 500, "INTERNAL_ERROR")["message"]


async def test_without_its_store_the_api_answers_503_with_retry_after(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise StoreUnavailable(retry_after=1.2)

    monkeypatch.setattr(api.jobs, "get", fail)
    answer = await api.get("/api/jobs/job-1")
    error_of(answer, 503, "STORE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "2"


async def test_until_the_store_has_answered_once_requests_are_refused_at_once(api: Api) -> None:
    api.store_answers = False
    error_of(await api.get("/api/jobs/"), 503, "STORE_UNAVAILABLE")
    error_of(await api.get("/health/ready"), 503, "STORE_UNAVAILABLE")
    assert data_of(await api.get("/health/live", key=None)) == {"state": "live"}


async def test_health_needs_no_key_and_no_broker(api: Api) -> None:
    api.doorbell.answers = False
    assert data_of(await api.get("/health/ready", key=None)) == {"state": "ready"}


@pytest.mark.parametrize(
    "path", ["/api/jobs", "/api/keys", "/api/job-types", "/health/live", "/metrics", "/docs"]
)
async def test_a_path_works_with_and_without_its_trailing_slash(api: Api, path: str) -> None:
    for spelling in (path, f"{path}/"):
        assert (await api.get(spelling)).status_code == 200


async def test_metrics_are_prometheus_text(api: Api) -> None:
    answer = await api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# HELP process_cpu_seconds_total" in answer.text


async def test_each_request_logs_one_line_with_the_job_and_the_key(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    job_id = data_of(await api.submit())["job_id"]
    await api.get(f"/api/jobs/{job_id}?ignored=1")
    records = [record for record in caplog.records if record.message == "request.answered"]
    fields = [getattr(record, "fields") for record in records]  # noqa: B009 - set by the logger
    assert [line["status"] for line in fields] == [202, 200]
    assert {line["job_id"] for line in fields} == {job_id}
    assert {line["key_id"] for line in fields} == {"bootstrap"}
    assert fields[1]["path"] == f"/api/jobs/{job_id}"


async def test_a_client_that_disconnects_during_its_body_gets_no_answer(
    api: Api,
) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/api/jobs/",
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {ADMIN_KEY}".encode()),
            (b"content-type", b"application/json"),
        ],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await api.app(scope, receive, send)
    assert sent == []
    assert api.jobs.jobs == {}
