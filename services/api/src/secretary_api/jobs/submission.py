"""From what a client submits to the job that is stored: decided without any I/O."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from secretary_api.http.errors import refused_fields
from secretary_api.jobs import webhook
from secretary_api.schemas.submission import JobSubmission
from secretary_common.errors import ErrorCode
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import Job, JobTypeInfo, JsonObject, new_job_id
from secretary_common.runtime.clock import to_milliseconds
from secretary_common.secrets import secret_field
from secretary_common.secrets.cipher import Cipher

# Types whose parameter names a file on the server; others give ``filename`` their own meaning.
FILE_PARAMETERS = {"pdf": "filename"}
URL_PARAMETER = "url"


@dataclass(frozen=True, slots=True)
class Admission:
    """What decides whether a job is let in."""

    cipher: Cipher
    guard: UrlGuard
    file_roots: Sequence[Path]

    def admit(
        self,
        submission: JobSubmission,
        info: JobTypeInfo,
        check_parameters: Callable[[JsonObject], None],
        *,
        owner: str,
        now: datetime,
    ) -> Job:
        """The job to be stored for *submission*, a job of the type *info*, by the key *owner*.

        Raises:
            InvalidRequest: naming the field that keeps it out.
        """
        parameters, hook = webhook.taken_out(submission.parameters)
        job_id = new_job_id()
        if hook:
            webhook.check_url(self.guard, hook.url, f"{webhook.PATH}.url")
            webhook.check_target(hook.url, hook.client_job_id or job_id, f"{webhook.PATH}.url")
        check_parameters(parameters)
        schema = info.parameter_schema or {}
        self._check_targets(info.job_type, parameters, schema)
        return Job(
            **submission.model_dump(exclude={"parameters", "run_at", "delay_sec"}),
            job_id=job_id,
            parameters=secret_field.sealed(parameters, schema, self.cipher.seal),
            webhook=webhook.sealed(hook, self.cipher) if hook else None,
            owner=owner,
            run_at=start_of(submission, now),
            created_at=now,
            updated_at=now,
        )

    def _check_targets(self, job_type: str, parameters: JsonObject, schema: JsonObject) -> None:
        url = parameters.get(URL_PARAMETER)
        if isinstance(url, str) and URL_PARAMETER in schema.get("properties", {}):
            webhook.check_url(self.guard, url, f"parameters.{URL_PARAMETER}")
        name = FILE_PARAMETERS.get(job_type)
        if name and isinstance(given := parameters.get(name), str):
            check_inside(given, self.file_roots, f"parameters.{name}")


def start_of(submission: JobSubmission, now: datetime) -> datetime:
    """When the job may start. A time that is past is now: nobody jumps the queue with it."""
    if submission.delay_sec is not None:
        return to_milliseconds(now + timedelta(seconds=submission.delay_sec))
    return max(now, to_milliseconds(submission.run_at or now))


def check_inside(filename: str, roots: Sequence[Path], field: str) -> None:
    """Refuse a name that lexically leaves every root. What exists there is the worker's business.

    Raises:
        InvalidRequest: with the code FILE_OUTSIDE_ROOTS, naming *field*.
    """
    if "\0" in filename:
        raise refused_fields((field, "must not contain NUL"))
    if not any(_is_inside(filename, root.absolute()) for root in roots):
        why = "is outside the folders jobs may read (files.roots)"
        raise refused_fields((field, why), code=ErrorCode.FILE_OUTSIDE_ROOTS)


def _is_inside(filename: str, root: Path) -> bool:
    # An absolute name stands by itself. normpath() takes ".." away without asking the disk.
    return Path(os.path.normpath(root / filename)).is_relative_to(os.path.normpath(root))
