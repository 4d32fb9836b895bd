"""Rules that no JSON Schema can state: for them the API may refuse a body that fits its schema."""

from __future__ import annotations

import re
from typing import Any

import schemathesis

from secretary_common.models import JOB_TYPE

KNOWN_TYPE = "custom"
LONGEST_WAIT_SEC = 60
UPLOADS = "/api/files"

INVALID = "VALIDATION_ERROR"
"""Refusals with other codes depend on what is stored or configured."""
RULES = tuple(
    map(
        re.compile,
        (
            r"cursor: is not a cursor",
            r"receiver: ",  # what a URL is
            r"(jobs\.\d+\.)?parameters\b",  # each job type has a schema of its own
            r"body: since must be before until",
            r"(body|events): an endpoint of the kind \w+ has other events",
            r"(body|job_types|tags): job_types and tags are for endpoints of the kind jobs",
            r"file: is empty",
            r"expires_at: must be later than now",
            r"(jobs\.\d+|body): only one of run_at, delay_sec",
            r"filter: must name at least one condition",
            r"headers: the header \S+ is the service's own",
            r"headers: a header is given twice",
            r"body: headers must not have Authorization",
            r"filename: a file's name has no",  # characters that Unicode counts as unprintable
            r"limits\.(file_roots|s3_places)\.\d+: ",  # folders and stores of the configuration
        ),
    )
)
UNPROCESSABLE = 422


@schemathesis.check
def refused_by_a_rule_only(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Fail if the API refuses a field that fits its schema, and no rule explains the refusal."""
    del ctx
    meta = case.meta
    if (
        response.status_code != UNPROCESSABLE
        or meta is None
        or not meta.generation.mode.is_positive
    ):
        return
    error = response.json()["error"]
    if error["code"] != INVALID:
        return
    fields = (error["details"] or {}).get("fields", ())
    refused = [f"{one['field']}: {one['message']}" for one in fields] or [error["message"]]
    unexplained = [one for one in refused if not any(rule.match(one) for rule in RULES)]
    assert not unexplained, f"the schema allows what the API refuses: {unexplained}"


@schemathesis.hook
def map_query(ctx: schemathesis.HookContext, query: Any) -> Any:
    """Let no request wait for more than a second: the check of the response time knows no wait."""
    del ctx
    wait = query.get("wait") if isinstance(query, dict) else None
    if isinstance(wait, int | float) and 1 < wait <= LONGEST_WAIT_SEC:
        query["wait"] = wait / LONGEST_WAIT_SEC
    return query


@schemathesis.hook
def filter_body(ctx: schemathesis.HookContext, body: Any) -> bool:
    """Leave out forms with a field of no value: the program sends them without this field.

    So the API gets a good request, and the program expects a refusal.
    """
    operation = ctx.operation
    is_form = operation is not None and operation.path == UPLOADS and isinstance(body, dict)
    return not (is_form and any(_has_no_part(value) for value in body.values()))


def _has_no_part(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(one is None for one in value))


@schemathesis.hook
def map_body(ctx: schemathesis.HookContext, body: Any) -> Any:
    """Let half of the jobs have a type that a worker runs, so that the API accepts them."""
    del ctx
    for job in [body, *_jobs_in(body)]:
        if _is_a_job(job) and len(job["job_type"]) % 2:
            job |= {"job_type": KNOWN_TYPE, "parameters": {}}
    return body


def _jobs_in(body: Any) -> list[Any]:
    jobs = body.get("jobs") if isinstance(body, dict) else None
    return jobs if isinstance(jobs, list) else []


def _is_a_job(job: Any) -> bool:
    """Whether type and parameters fit their schema: a replacement makes no bad body good."""
    return (
        isinstance(job, dict)
        and isinstance(job.get("job_type"), str)
        and JOB_TYPE.fullmatch(job["job_type"]) is not None
        and isinstance(job.get("parameters", {}), dict)
    )
