"""The API over in-memory repositories, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from secretary_api.app import create_app
from secretary_api.files.upload_limits import UploadLimits
from secretary_api.jobs.admission import Admission
from secretary_api.wiring.api_dependencies import ApiDependencies
from secretary_common.errors import StoreUnavailable
from secretary_common.http.url_guard import UrlGuard
from secretary_common.models import JobTypeInfo
from secretary_common.runtime.clock import ManualClock
from secretary_common.runtime.lifecycle import Background
from secretary_common.runtime.metrics_token import MetricsToken
from secretary_common.s3.buckets import Buckets
from secretary_common.secrets.cipher import Cipher
from secretary_common.settings.s3 import S3Section
from secretary_common.settings.service import CompatibleSection
from secretary_common.testing.announcements import (
    InMemoryJobTypeRepository,
    InMemoryTemplateRepository,
)
from secretary_common.testing.api_keys import (
    InMemoryAuditRepository,
    InMemoryEndpointRepository,
    InMemoryKeyRepository,
)
from secretary_common.testing.deliveries import InMemoryDeliveryRepository
from secretary_common.testing.doorbell import RecordingDoorbell
from secretary_common.testing.files import InMemoryFileRepository
from secretary_common.testing.jobs import (
    InMemoryBatchRepository,
    InMemoryJobFeed,
    InMemoryJobRepository,
    InMemoryLogRepository,
)
from secretary_common.testing.processes import InMemoryNotifierRepository, InMemoryWorkerRepository

ADMIN_KEY = "the-bootstrap-key-of-all-tests"
PEPPER = "the-pepper-of-the-tests-of-the-api"
ROOT = Path("/srv/files")
METRICS_TOKEN = "a token of the monitoring system"
FILE = str(ROOT / "a.pdf")
SIGNING_SECRET = "whsec_" + "A" * 32
MAX_BODY_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 300 * 1024
UPLOAD_LIMITS = UploadLimits(max_bytes=MAX_UPLOAD_BYTES)
RETENTION = timedelta(days=30)


class Login(BaseModel):
    user: str
    secret: SecretStr


class PdfLikeParams(BaseModel):
    """Like the parameters of the pdf handler."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [{"required": [name]} for name in ("filename", "url", "file_id")]
        },
    )

    filename: str | None = Field(default=None, json_schema_extra={"format": "file-root-path"})
    url: str | None = Field(default=None, json_schema_extra={"format": "object-url"})
    model: str | None = Field(default=None, json_schema_extra={"format": "language-model"})
    file_id: str | None = Field(default=None, json_schema_extra={"format": "upload"})
    extraction_method: Literal["native", "ocr"] = "native"
    page_start: int | None = Field(default=None, ge=1)
    password: SecretStr | None = Field(default=None, max_length=20)
    logins: list[Login] = []


PDF = JobTypeInfo("pdf", PdfLikeParams.model_json_schema())
CUSTOM = JobTypeInfo("custom")


class Api:
    """The application, its repositories, and requests to it."""

    def __init__(
        self,
        *,
        models: Sequence[str] | None = None,
        clock: ManualClock | None = None,
        s3: S3Section | None = None,
        compatible: CompatibleSection | None = None,
    ) -> None:
        """*models*: those that jobs may name (``llm.models``); None: any."""
        self.jobs = InMemoryJobRepository()
        self.batches = InMemoryBatchRepository(self.jobs)
        self.background = Background()
        self.logs = InMemoryLogRepository()
        self.files = InMemoryFileRepository()
        self.endpoints = InMemoryEndpointRepository()
        self.deliveries = InMemoryDeliveryRepository(self.endpoints)
        self.notifiers = InMemoryNotifierRepository()
        self.job_types = InMemoryJobTypeRepository(PDF, CUSTOM)
        self.templates = InMemoryTemplateRepository()
        self.workers = InMemoryWorkerRepository()
        self.keys = InMemoryKeyRepository()
        self.audit = InMemoryAuditRepository()
        self.doorbell = RecordingDoorbell()
        self.clock = clock or ManualClock()
        self.cipher = Cipher([SecretStr(Fernet.generate_key().decode())])
        self.store_answers = True
        self.app = create_app(
            ApiDependencies(
                jobs=self.jobs,
                job_feed=InMemoryJobFeed(self.jobs),
                logs=self.logs,
                files=self.files,
                deliveries=self.deliveries,
                endpoints=self.endpoints,
                notifiers=self.notifiers,
                webhook_test_sec=0.2,
                job_types=self.job_types,
                templates=self.templates,
                workers=self.workers,
                keys=self.keys,
                audit=self.audit,
                doorbell=self.doorbell,
                clock=self.clock,
                admission=Admission(
                    cipher=self.cipher,
                    guard=UrlGuard(),
                    file_roots=[ROOT],
                    models=models,
                    buckets=Buckets(s3 or S3Section()),
                ),
                ping_store=self._ping,
                pepper=PEPPER,
                batches=self.batches,
                retention=RETENTION,
                public_url="http://api",
                in_background=self.background.start,
                bootstrap_key=ADMIN_KEY,
                max_body_mb=MAX_BODY_BYTES / 1024 / 1024,
                uploads=UPLOAD_LIMITS,
                s3=s3 or S3Section(),
                compatible=compatible or CompatibleSection(),
                metrics_token=MetricsToken(METRICS_TOKEN),
                store_has_answered=lambda: self.store_answers,
            )
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://api"
        )

    async def _ping(self) -> None:
        if not self.store_answers:
            raise StoreUnavailable

    async def request(
        self, method: str, path: str, *, key: str | None = ADMIN_KEY, **options: Any
    ) -> httpx.Response:
        """Send a request with *key*."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= options.pop("headers", {})
        answer = await self.client.request(method, path, headers=headers, **options)
        await self.background.finish()  # rings do not delay an answer
        return answer

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET."""
        return await self.request("GET", path, **options)

    async def submit(
        self,
        parameters: Any = None,
        *,
        job_type: str = "custom",
        key: str = ADMIN_KEY,
        **fields: Any,
    ) -> httpx.Response:
        """Submit a job."""
        body = {"job_type": job_type, "parameters": parameters or {}, **fields}
        return await self.request("POST", "/api/jobs/", key=key, json=body)

    async def submit_pdf(self, *, key: str = ADMIN_KEY, **parameters: Any) -> httpx.Response:
        """Submit a pdf job."""
        return await self.submit(parameters, job_type="pdf", key=key)

    async def new_key(self, name: str = "another", **fields: Any) -> str:
        """Create an API key."""
        answer = await self.request("POST", "/api/keys", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["key"])


@asynccontextmanager
async def running_api(*, compatible: CompatibleSection | None = None) -> AsyncIterator[Api]:
    """Yield the API over empty repositories."""
    api = Api(compatible=compatible)
    async with api.client:
        yield api


def data_of(answer: httpx.Response) -> Any:
    """Return the data of a success."""
    assert answer.is_success, answer.text
    body = answer.json()
    assert body["status"] == "success"
    return body["data"]


def error_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the error of a failure, after checking its status, code and envelope."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"status", "error"}
    assert body["status"] == "error"
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["code"] == code
    return error


def refused_field(answer: httpx.Response, field: str, code: str = "VALIDATION_ERROR") -> str:
    """Return the message about *field*, after checking that it is the first refused one."""
    error = error_of(answer, 422, code)
    first = error["details"]["fields"][0]
    assert first["field"] == field
    assert error["message"].startswith(field)
    return str(first["message"])
