"""An accepted submission becomes a stored job; a refused one names the field and the reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.api_harness import (
    FILE,
    ROOT,
    SIGNING_SECRET,
    Api,
    data_of,
    error_of,
    refused_field,
)

from secretary_api.schemas.submission import JobSubmission
from secretary_common.errors import StoreUnavailable
from secretary_common.models import Job, JobTypeInfo


async def test_an_accepted_job_is_stored_and_rung_for(api: Api) -> None:
    answer = await api.submit({"input": "data"}, priority=7, tags=["a"], user_id="u")

    assert answer.status_code == 202
    data = data_of(answer)
    job = api.jobs.jobs[data["job_id"]]
    assert (job.parameters, job.priority, job.tags) == ({"input": "data"}, 7, ["a"])
    assert (job.owner, job.user_id) == ("bootstrap", "u")
    assert answer.headers["location"] == f"/api/jobs/{job.job_id}"
    assert data["job"]["status"] == "pending"
    assert api.doorbell.jobs == [("custom", job.job_id)]


async def test_no_field_of_a_submission_is_forgotten(api: Api) -> None:
    as_given: dict[str, Any] = {
        "job_name": "mine",
        "max_attempts": 7,
        "timeout_sec": 60.0,
        "tags": ["a"],
        "user_id": "u",
    }
    decided = {"job_type", "parameters", "priority", "run_at", "delay_sec", "target"}
    assert as_given.keys() | decided == JobSubmission.model_fields.keys()
    job = api.jobs.jobs[data_of(await api.submit({"input": "data"}, **as_given))["job_id"]]
    assert {name: getattr(job, name) for name in as_given} == as_given


async def test_a_pdf_job_is_accepted_and_shown(api: Api) -> None:
    answer = await api.submit_pdf(filename=FILE, extraction_method="ocr")
    assert answer.status_code == 202
    shown = data_of(await api.get(answer.headers["location"]))
    assert shown["parameters"] == {"filename": FILE, "extraction_method": "ocr"}


async def test_a_job_stays_when_its_ring_fails(api: Api) -> None:
    api.doorbell.answers = False
    answer = await api.submit()
    assert answer.status_code == 202
    assert data_of(answer)["job_id"] in api.jobs.jobs


async def test_a_job_that_was_not_stored_is_not_rung_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(job: Job) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(api.jobs, "insert", fail)
    error_of(await api.submit(), 503, "STORE_UNAVAILABLE")
    assert api.doorbell.jobs == []


async def test_a_scheduled_job_waits_and_is_rung_for(api: Api) -> None:
    data = data_of(await api.submit(delay_sec=90))
    job = api.jobs.jobs[data["job_id"]]
    assert job.run_at == api.clock.now() + timedelta(seconds=90)
    assert len(api.doorbell.jobs) == 1


async def test_an_integer_may_be_written_with_a_fraction_of_zero(api: Api) -> None:
    answer = await api.submit(priority=7.0, max_attempts=2.0)
    job = data_of(answer)["job"]
    assert (job["priority"], job["max_attempts"]) == (7, 2)
    refused_field(await api.submit(priority=7.5), "priority")


@pytest.mark.parametrize(
    ("run_at", "shown"),
    [
        ("2027-05-01T12:00:00Z", "2027-05-01T12:00:00.000Z"),
        ("2027-05-01T14:00:00+02:00", "2027-05-01T12:00:00.000Z"),
        ("2027-05-01T12:00:00", "2027-05-01T12:00:00.000Z"),
        ("1999-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z"),
    ],
)
async def test_run_at_without_an_offset_is_utc_and_never_past(
    api: Api, run_at: str, shown: str
) -> None:
    assert data_of(await api.submit(run_at=run_at))["job"]["run_at"] == shown


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", 10),
        ("priority", -1),
        ("priority", "5"),
        ("priority", True),
        ("delay_sec", -1),
        ("delay_sec", 1e12),
        ("run_at", "tomorrow"),
        ("run_at", "0001-01-01T00:00:00+14:00"),
        ("run_at", 1700000000),
        ("max_attempts", 0),
        ("max_attempts", 101),
        ("timeout_sec", 0),
        ("tags", ["x"] * 21),
        ("tags", "x"),
        ("job_name", ""),
        ("user_id", 7),
        ("parameters", []),
        ("parameters", None),
        ("no_such_field", 1),
    ],
)
async def test_a_bad_field_is_named(api: Api, field: str, value: Any) -> None:
    body = {"job_type": "custom", field: value}
    refused_field(await api.request("POST", "/api/jobs", json=body), field)
    assert api.jobs.jobs == {}


async def test_run_at_and_delay_sec_exclude_each_other(api: Api) -> None:
    answer = await api.submit(run_at="2027-01-01T00:00:00Z", delay_sec=1)
    assert "run_at" in error_of(answer, 422, "VALIDATION_ERROR")["message"]


async def test_an_unknown_job_type_is_refused_with_the_known_ones(api: Api) -> None:
    message = refused_field(await api.submit(job_type="nope"), "job_type", "UNKNOWN_JOB_TYPE")
    assert "custom, pdf" in message


async def test_before_any_type_is_announced_clients_get_retry_after(api: Api) -> None:
    api.job_types.types.clear()
    answer = await api.submit()
    assert "announced" in error_of(answer, 503, "STORE_UNAVAILABLE")["message"]
    assert int(answer.headers["retry-after"]) > 0


async def test_a_type_announced_later_is_known_within_two_seconds(api: Api) -> None:
    custom = api.job_types.types.pop("custom")
    error_of(await api.submit(), 422, "UNKNOWN_JOB_TYPE")
    await api.job_types.announce([custom])
    api.clock.advance(2.001)
    assert (await api.submit()).status_code == 202


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({}, "parameters", "exactly one of filename, url, file_id is needed"),
        ({"filename": FILE, "url": "https://x.org/"}, "parameters", "exactly one of filename, url"),
        ({"filename": FILE, "page_start": 0}, "parameters.page_start", "must be at least 1"),
        ({"filename": FILE, "page_start": "1"}, "parameters.page_start", "must be a whole number"),
        ({"filename": FILE, "extraction_method": "x"}, "parameters.extraction_method", "native"),
        ({"filename": FILE, "colour": 1}, "parameters.colour", "there is no such parameter"),
        ({"filename": FILE, "logins": [{}]}, "parameters.logins[0].user", "is required"),
    ],
)
async def test_bad_parameters_are_named(
    api: Api, parameters: Any, field: str, message: str
) -> None:
    assert message in refused_field(await api.submit_pdf(**parameters), field)


async def test_null_means_not_given(api: Api) -> None:
    answer = await api.submit_pdf(filename=None, url="https://example.com/a.pdf")
    assert answer.status_code == 202


@pytest.mark.parametrize(
    "parameters",
    [
        {"password": "hunter2-" * 9},
        {"logins": [{"user": "u", "secret": ["hunter2-"]}]},
        {"password": {"hunter2-": 1}},
    ],
)
async def test_a_refused_secret_is_not_echoed(api: Api, parameters: Any) -> None:
    answer = await api.submit_pdf(filename=FILE, **parameters)
    assert answer.status_code == 422
    assert "hunter2-" not in answer.text


async def test_secrets_are_sealed_in_the_store_and_redacted_in_answers(api: Api) -> None:
    secret = {"user": "u", "secret": "s3cret"}
    answer = await api.submit_pdf(filename=FILE, password="hunter2", logins=[secret])

    data = data_of(answer)
    stored = api.jobs.jobs[data["job_id"]].parameters
    assert api.cipher.open(stored["password"]) == "hunter2"
    assert api.cipher.open(stored["logins"][0]["secret"]) == "s3cret"
    assert stored["logins"][0]["user"] == "u"
    shown = await api.get(f"/api/jobs/{data['job_id']}")
    for text in (answer.text, shown.text):
        assert "hunter2" not in text
        assert stored["password"] not in text
    assert data_of(shown)["parameters"]["password"] == "[redacted]"
    assert data_of(shown)["parameters"]["logins"] == [{"user": "u", "secret": "[redacted]"}]


async def test_a_webhook_is_taken_out_sealed_and_shown_redacted(api: Api) -> None:
    hook = {
        "url": "https://example.com/hook/{jobId}",
        "token": "a token",
        "jobId": "mine",
        "secret": SIGNING_SECRET,
        "progress": False,
    }
    answer = await api.submit({"input": 1, "webhook": hook})

    job = api.jobs.jobs[data_of(answer)["job_id"]]
    assert job.parameters == {"input": 1}
    assert job.webhook
    assert api.cipher.open(job.webhook.token or "") == "a token"
    assert api.cipher.open(job.webhook.secret or "") == SIGNING_SECRET
    assert (job.webhook.client_job_id, job.webhook.progress) == ("mine", False)
    redacted = {"token": "[redacted]", "secret": "[redacted]"}
    assert data_of(answer)["job"]["parameters"] == {"input": 1, "webhook": hook | redacted}


async def test_headers_of_a_webhook_are_sealed_and_shown_redacted(api: Api) -> None:
    headers = {"X-Api-Key": "a key", "Authorization": "Basic eDp5"}
    answer = await api.submit(
        {"input": 1, "webhook": {"url": "https://x.org/", "headers": headers}}
    )
    [job] = api.jobs.jobs.values()
    assert job.webhook
    assert job.webhook.headers
    sealed = job.webhook.headers
    assert {name: api.cipher.open(value) for name, value in sealed.items()} == headers
    shown = data_of(answer)["job"]["parameters"]["webhook"]["headers"]
    assert shown == dict.fromkeys(headers, "[redacted]")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://x.org/a%2Fb/?sig=%7e%3D&x=+;", "https://x.org/a%2Fb/?sig=%7e%3D&x=+;"),
        ("https://bücher.example/ü?ü=%C3", "https://xn--bcher-kva.example/%C3%BC?%C3%BC=%C3"),
        ("https://x.org/{jobId}?ü", "https://x.org/{jobId}?%C3%BC"),
    ],
)
async def test_a_job_shows_its_urls_as_they_are_sent(api: Api, given: str, sent: str) -> None:
    answer = await api.submit_pdf(url=given, webhook={"url": given})
    shown = data_of(answer)["job"]["parameters"]
    assert (shown["url"], shown["webhook"]["url"]) == (sent, sent)


async def test_a_webhook_is_vetted_with_the_job_id_in_its_url(api: Api) -> None:
    hook = {"url": "https://{jobId}/", "jobId": "169.254.169.254"}
    refused_field(await api.submit({"webhook": hook}), "parameters.webhook.url", "URL_REFUSED")


async def test_a_webhook_works_for_a_type_that_refuses_unknown_parameters(api: Api) -> None:
    answer = await api.submit_pdf(filename=FILE, webhook={"url": "https://example.com"})
    shown = data_of(answer)["job"]["parameters"]["webhook"]
    assert shown == {"url": "https://example.com", "jobId": None, "progress": True}


@pytest.mark.parametrize(
    ("hook", "field"),
    [
        ({}, "parameters.webhook.url"),
        ({"url": "https://x.org", "token": "a\r\nX-Evil: 1"}, "parameters.webhook.token"),
        ({"url": "https://x.org", "token": "snow\u2603"}, "parameters.webhook.token"),
        ({"url": "https://x.org", "token": " a"}, "parameters.webhook.token"),
        ({"url": "https://x.org", "token": ""}, "parameters.webhook.token"),
        ({"url": "https://x.org", "secret": "topsecret"}, "parameters.webhook.secret"),
        ({"url": "https://x.org", "secret": 7}, "parameters.webhook.secret"),
        ({"url": "https://x.org", "headers": {}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"Host": "x"}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"content-type": "x"}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"Webhook-Id": "x"}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"Connection": "x"}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"X A": "x"}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"X": "a", "x": "b"}}, "parameters.webhook.headers"),
        ({"url": "https://x.org", "headers": {"X": "a\nb"}}, "parameters.webhook.headers.X"),
        (
            {"url": "https://x.org", "token": "t", "headers": {"authorization": "x"}},
            "parameters.webhook",
        ),
        ({"url": "https://x.org", "jobId": 7}, "parameters.webhook.jobId"),
        ({"url": "https://x.org", "client_job_id": "x"}, "parameters.webhook.client_job_id"),
        ({"url": "https://x.org", "retries": 7}, "parameters.webhook.retries"),
        ("https://x.org", "parameters.webhook"),
    ],
)
async def test_a_bad_field_of_a_webhook_is_named(api: Api, hook: Any, field: str) -> None:
    answer = await api.submit({"webhook": hook})
    refused_field(answer, field)
    assert "topsecret" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://0x7f.1/",
        "ftp://x.org",
        "http://u:p@x.org/",
        "https://x.org:22/",
    ],
)
async def test_a_url_to_a_private_address_is_refused_at_submit(api: Api, url: str) -> None:
    hook = await api.submit({"webhook": {"url": url}})
    refused_field(hook, "parameters.webhook.url", "URL_REFUSED")
    refused_field(await api.submit_pdf(url=url), "parameters.url", "URL_REFUSED")


async def test_an_unusual_spelling_of_an_address_is_refused_with_the_plain_one(
    api: Api,
) -> None:
    hook = await api.submit({"webhook": {"url": "http://134744072/"}})
    refused_field(hook, "parameters.webhook.url", "URL_REFUSED")
    assert "8.8.8.8" in hook.text


@pytest.mark.parametrize(
    ("url", "job_id"),
    [
        ("https://x.org/{jobId}" + "x" * 2010, None),
        ("https://x.org/" + "{jobId}" * 60, None),
        ("https://x.org/{jobId}", "\U0001f600" * 200),
    ],
)
async def test_a_url_that_is_too_long_with_the_job_id_in_it_is_refused(
    api: Api, url: str, job_id: str | None
) -> None:
    refused = await api.submit({"webhook": {"url": url, "jobId": job_id}})
    refused_field(refused, "parameters.webhook.url")
    fits = url.replace("{jobId}", "x", 50)[:2048]
    assert (await api.submit({"webhook": {"url": fits, "jobId": job_id}})).status_code == 202


async def test_a_type_without_a_url_parameter_may_use_the_name_for_anything(api: Api) -> None:
    assert (await api.submit({"url": "urn:x", "filename": "../../x"})).status_code == 202


@pytest.mark.parametrize("filename", [FILE, "a.pdf", "sub/../a.pdf", f"{ROOT}/x/../b.pdf"])
async def test_a_file_inside_the_roots_is_accepted(api: Api, filename: str) -> None:
    assert (await api.submit_pdf(filename=filename)).status_code == 202


@pytest.mark.parametrize(
    "filename",
    ["/etc/passwd", "../etc/passwd", f"{ROOT}/../etc/passwd", f"{ROOT}x/a.pdf", "a/../../b.pdf"],
)
async def test_a_file_that_leaves_every_root_is_refused(api: Api, filename: str) -> None:
    answer = await api.submit_pdf(filename=filename)
    refused_field(answer, "parameters.filename", "FILE_OUTSIDE_ROOTS")
    assert api.jobs.jobs == {}


ROOT_PATH = {"type": "string", "format": "file-root-path"}


async def test_a_path_parameter_of_any_job_type_must_lie_inside_the_roots(api: Api) -> None:
    schema = {"properties": {"source": ROOT_PATH, "title": {"type": "string"}}}
    await api.job_types.announce([JobTypeInfo("report", schema)])
    outside = {"source": "/etc/passwd", "title": "/etc/passwd"}
    answer = await api.submit(outside, job_type="report")
    refused_field(answer, "parameters.source", "FILE_OUTSIDE_ROOTS")
    assert (await api.submit({**outside, "source": FILE}, job_type="report")).status_code == 202


async def test_without_the_format_only_the_worker_checks_a_path(api: Api) -> None:
    """During an upgrade the store may still have the announcement of an older worker."""
    without_format = {"properties": {"filename": {"type": "string"}}}
    await api.job_types.announce([JobTypeInfo("pdf", without_format)])
    assert (await api.submit_pdf(filename="/etc/passwd")).status_code == 202


async def test_a_file_name_with_nul_is_refused(api: Api) -> None:
    refused_field(await api.submit_pdf(filename=f"{FILE}\0"), "parameters.filename")


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ('{"a": [0, NaN]}', "parameters.a[1]"),
        ('{"a": {"b": -Infinity}}', "parameters.a.b"),
        ('{"a": 1e999}', "parameters.a"),
        ('{"a": 9223372036854775808}', "parameters.a"),
        (f'{{"a": {"9" * 5000}}}', "parameters.a"),
        ('{"a": "\\ud800"}', "parameters.a"),
        ('{"a": {"x\\u0000y": 1}}', "parameters.a.x\ufffdy"),
        ('{"\\udfff": 1}', "parameters.\ufffd"),
        (f'{{"a": {"[" * 101}{"]" * 101}}}', "body"),
        (f'{{"a": {"[" * 9000}{"]" * 9000}}}', "body"),
        ('{"a": {"$ref": "x", "$id": 1}}', "parameters.a"),
    ],
)
async def test_a_value_that_cannot_be_stored_is_named(
    api: Api, parameters: str, field: str
) -> None:
    answer = await api.request(
        "POST",
        "/api/jobs/",
        content=f'{{"job_type": "custom", "parameters": {parameters}}}',
        headers={"Content-Type": "application/json"},
    )
    refused_field(answer, field, "NOT_STORABLE")
    assert api.jobs.jobs == {}
