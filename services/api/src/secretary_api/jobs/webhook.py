"""``parameters.webhook``: taken out of the parameters, checked, sealed, and shown redacted."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from secretary_api.http.errors import refused_fields, refused_model
from secretary_api.schemas.submission import LONGEST_URL, WebhookRequest
from secretary_common.errors import ErrorCode, UrlRefused
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.outbox import target_of
from secretary_common.models import JsonObject, Webhook
from secretary_common.secrets.cipher import Cipher
from secretary_common.secrets.secret_field import REDACTED

PATH = "parameters.webhook"


def taken_out(parameters: JsonObject) -> tuple[JsonObject, WebhookRequest | None]:
    """Return *parameters* without their webhook, and the webhook.

    Raises:
        InvalidRequest: naming what is wrong with the webhook.
    """
    rest = {name: value for name, value in parameters.items() if name != "webhook"}
    given = parameters.get("webhook")
    if given is None:
        return rest, None
    try:
        return rest, WebhookRequest.model_validate(given)
    except ValidationError as error:
        raise refused_model(
            [
                {**found, "loc": ("parameters", "webhook", *found["loc"])}
                for found in error.errors(include_input=False, include_url=False)
            ]
        ) from None


def sealed(request: WebhookRequest, cipher: Cipher) -> Webhook:
    """Return the webhook as it is stored."""
    return Webhook(
        url=request.url,
        client_job_id=request.client_job_id,
        progress=request.progress,
        token=cipher.seal(request.token) if request.token else None,
        secret=cipher.seal(request.secret) if request.secret else None,
    )


def shown(webhook: Webhook) -> JsonObject:
    """Return *webhook* as its owner sees it."""
    view: dict[str, Any] = {
        "url": webhook.url,
        "jobId": webhook.client_job_id,
        "progress": webhook.progress,
    }
    secrets = {"token": webhook.token, "secret": webhook.secret}
    return view | {name: REDACTED for name, value in secrets.items() if value}


def check_url(guard: UrlGuard, url: str, field: str) -> None:
    """Check *url* without a name look-up.

    Raises:
        InvalidRequest: with the code URL_REFUSED, naming *field*.
    """
    try:
        guard.check_url(url)
    except UrlRefused as error:
        raise refused_fields((field, error.message), code=ErrorCode.URL_REFUSED) from None


def check_target(url: str, client_id: str, field: str) -> None:
    """Check the length of *url* after ``{jobId}`` in it is replaced by *client_id*.

    Raises:
        InvalidRequest: naming *field*.
    """
    if len(target_of(url, client_id)) > LONGEST_URL:
        why = f"has more than {LONGEST_URL} characters after {{jobId}} in it is replaced"
        raise refused_fields((field, why))
