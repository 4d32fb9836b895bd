"""Turns a client's submission into the job to store: checks and decisions without I/O."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from secretary_api.access.principal import Principal
from secretary_api.http.errors import refused_fields
from secretary_api.jobs import webhook
from secretary_api.jobs.job_types import KnownJobType
from secretary_api.schemas.submission import JobSubmission
from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.http.object_address import is_object_url
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import (
    MODEL_FORMAT,
    Idempotency,
    Job,
    JsonObject,
    KeyLimits,
    new_job_id,
)
from secretary_common.models.file import OBJECT_URL_FORMAT, ROOT_PATH_FORMAT
from secretary_common.observing.tracing import current_header, separate_header
from secretary_common.runtime.clock import to_milliseconds
from secretary_common.s3.buckets import Buckets, parse_object, parse_place
from secretary_common.secrets import secret_field
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.s3 import S3Section

URL_PARAMETER = "url"


@dataclass(frozen=True, slots=True)
class Admission:
    """Decides whether a submission becomes a job."""

    cipher: Cipher
    guard: UrlGuard
    file_roots: Sequence[Path]
    models: Sequence[str] | None = None
    """The models that jobs may name (``llm.models``); None: any."""
    buckets: Buckets = field(default_factory=lambda: Buckets(S3Section()))
    """The buckets whose objects jobs may name, and to which jobs may write their results."""

    def admit(
        self,
        submission: JobSubmission,
        job_type: KnownJobType,
        caller: Principal,
        *,
        now: datetime,
        idempotency: Idempotency | None = None,
        batch_id: str | None = None,
    ) -> Job:
        """Return the job to store for *submission*.

        Args:
            submission: a job of the type *job_type*.
            job_type: the announced job type.
            caller: the API key that submits the job.
            now: the time.
            idempotency: the mark of the request, if it has one.
            batch_id: the batch that the job belongs to.

        Raises:
            InvalidRequest: naming the field that is refused.
        """
        parameters, hook = webhook.split_webhook(submission.parameters)
        job_id = new_job_id()
        if hook:
            hook = webhook.accepted(hook, self.guard, hook.client_job_id or job_id)
        return Job(
            job_id=job_id,
            job_type=submission.job_type,
            job_name=submission.job_name,
            parameters=self._accepted(parameters, job_type, caller),
            webhook=webhook.sealed(hook, self.cipher) if hook else None,
            owner=caller.key_id,
            file_roots=caller.limits.file_roots,
            s3_places=caller.limits.s3_places,
            target=self._target(submission, caller),
            tags=submission.tags,
            user_id=submission.user_id,
            max_attempts=submission.max_attempts,
            timeout_sec=submission.timeout_sec,
            priority=allowed_priority(submission, caller.limits),
            run_at=start_of(submission, now),
            created_at=now,
            updated_at=now,
            idempotency=idempotency,
            batch_id=batch_id,
            trace=current_header() if batch_id is None else separate_header("job of a batch"),
        )

    def check_places(self, limits: KeyLimits) -> None:
        """Check the places of an API key, judged by their text alone.

        Its folders must lie in ``files.roots``, and its places of stores in ``s3.connections``.

        Raises:
            InvalidRequest: naming the first folder or place that does not.
        """
        for number, folder in enumerate(limits.file_roots or []):
            if not self._has_folder(folder):
                name = f"limits.file_roots.{number}"
                raise refused_fields((name, "is in none of the folders files.roots"))
        for number, place in enumerate(limits.s3_places or []):
            with _naming(f"limits.s3_places.{number}"):
                self.buckets.connection(parse_place(place), "", None)

    def _accepted(
        self, parameters: JsonObject, job_type: KnownJobType, caller: Principal
    ) -> JsonObject:
        """Check *parameters*; return them as they are stored, with their secrets encrypted."""
        schema = job_type.info.parameter_schema or {}
        encoded = _with_encoded_url(parameters, schema)
        job_type.check(encoded)
        self._check_addresses(encoded, schema, caller)
        self._check_models(encoded, schema, caller.limits)
        if not job_type.may_be_secret(encoded):
            return encoded
        sealed: JsonObject = secret_field.sealed(encoded, schema, self.cipher.seal)
        return sealed

    def _target(self, submission: JobSubmission, caller: Principal) -> str | None:
        """Return the place to which the job writes its results, as it is stored."""
        if submission.target is None:
            return None
        with _naming("target"):
            place = parse_place(submission.target)
            self.buckets.connection(place, caller.key_id, caller.limits.s3_places)
        return str(place)

    def _roots_of(self, limits: KeyLimits) -> Sequence[Path]:
        if limits.file_roots is None:
            return self.file_roots
        return [Path(folder) for folder in limits.file_roots if self._has_folder(folder)]

    def _has_folder(self, folder: str) -> bool:
        return any(_is_inside(folder, root.absolute()) for root in self.file_roots)

    def _check_addresses(
        self, parameters: JsonObject, schema: JsonObject, caller: Principal
    ) -> None:
        """Check the URL, the paths and the objects of stores that *parameters* name."""
        declared = schema.get("properties", {})
        if url := _url_in(parameters, schema):
            webhook.check_url(self.guard, url, f"parameters.{URL_PARAMETER}")
        for name, given in parameters.items():
            if not isinstance(given, str):
                continue
            if _has_format(declared.get(name), ROOT_PATH_FORMAT):
                check_inside(given, self._roots_of(caller.limits), f"parameters.{name}")
            elif _has_format(declared.get(name), OBJECT_URL_FORMAT) and is_object_url(given):
                with _naming(f"parameters.{name}"):
                    address = parse_object(given)
                    self.buckets.connection(address, caller.key_id, caller.limits.s3_places)

    def _check_models(self, parameters: JsonObject, schema: JsonObject, limits: KeyLimits) -> None:
        declared = schema.get("properties", {})
        for name, given in parameters.items():
            if isinstance(given, str) and _has_format(declared.get(name), MODEL_FORMAT):
                check_model(given, self.models, "llm.models", f"parameters.{name}")
                check_model(given, limits.models, "this API key", f"parameters.{name}")


def allowed_priority(submission: JobSubmission, limits: KeyLimits) -> int:
    """Return the priority of the job: the given one, or the default as far as the key may use it.

    Raises:
        InvalidRequest: the given priority is higher than the key allows.
    """
    most = limits.max_priority
    if most is None or submission.priority <= most:
        return submission.priority
    if "priority" in submission.model_fields_set:
        raise refused_fields(("priority", f"must be at most {most} for this API key"))
    return most


def _url_in(parameters: JsonObject, schema: JsonObject) -> str | None:
    """Return the URL that the job fetches; None if it has none, or has the address of an object."""
    url = parameters.get(URL_PARAMETER)
    declared = schema.get("properties", {}).get(URL_PARAMETER)
    if not isinstance(url, str) or declared is None:
        return None
    return None if is_object_url(url) and _has_format(declared, OBJECT_URL_FORMAT) else url


@contextmanager
def _naming(field_name: str) -> Iterator[None]:
    """Name *field_name* in the refusal of an address of a store.

    Raises:
        InvalidRequest: with the code of the refusal.
    """
    try:
        yield
    except PermanentError as error:
        raise refused_fields((field_name, error.message), code=error.code) from None


def _with_encoded_url(parameters: JsonObject, schema: JsonObject) -> JsonObject:
    """Return *parameters* with their URL as it will be sent."""
    url = _url_in(parameters, schema)
    if url is None or url.isascii():
        return parameters
    encoded = webhook.encoded_url(url, f"parameters.{URL_PARAMETER}")
    return {**parameters, URL_PARAMETER: encoded}


def start_of(submission: JobSubmission, now: datetime) -> datetime:
    """Return the earliest start of the job; a past time counts as now and gives no advantage."""
    if submission.delay_sec is not None:
        return to_milliseconds(now + timedelta(seconds=submission.delay_sec))
    if submission.run_at is None:
        return now
    return max(now, to_milliseconds(submission.run_at))


def check_inside(filename: str, roots: Sequence[Path], field: str) -> None:
    """Refuse a path that lies outside of every root, judged by its text alone.

    The worker checks the file itself, because the API need not see the same disk.

    Raises:
        InvalidRequest: with the code FILE_OUTSIDE_ROOTS, naming *field*.
    """
    if "\0" in filename:
        raise refused_fields((field, "must not contain NUL"))
    if not any(_is_inside(filename, root.absolute()) for root in roots):
        why = "is outside the folders that jobs of this API key may read (files.roots)"
        raise refused_fields((field, why), code=ErrorCode.FILE_OUTSIDE_ROOTS)


def check_model(named: str, allowed: Sequence[str] | None, place: str, field: str) -> None:
    """Refuse a language model that *place* does not allow; None allows every model.

    Raises:
        InvalidRequest: naming *field* and the allowed models.
    """
    if allowed is not None and named not in allowed:
        known = ", ".join(allowed) or "none"
        raise refused_fields((field, f"is not a model that {place} allows; allowed are: {known}"))


def _has_format(declared: object, wanted: str) -> bool:
    return isinstance(declared, dict) and declared.get("format") == wanted


def _is_inside(filename: str, root: Path) -> bool:
    # An absolute name replaces the root. normpath() resolves ".." without access to the disk.
    return Path(os.path.normpath(root / filename)).is_relative_to(os.path.normpath(root))
