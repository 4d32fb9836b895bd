"""The webhook in a job's parameters: split off, checked, sealed, and shown redacted."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from secretary_api.http.errors import refused_fields, refused_model
from secretary_api.schemas.submission import LONGEST_URL, WebhookRequest
from secretary_common.errors import ErrorCode, UrlRefused
from secretary_common.http.exact_url import ascii_url
from secretary_common.http.url_guard import UrlGuard
from secretary_common.jobs.receivers import target_of
from secretary_common.models import JsonObject, Webhook
from secretary_common.secrets.cipher import Cipher
from secretary_common.secrets.secret_field import REDACTED

PATH = "parameters.webhook"


def split_webhook(parameters: JsonObject) -> tuple[JsonObject, WebhookRequest | None]:
    """Return *parameters* without their webhook, and the webhook.

    Raises:
        InvalidRequest: the error names each wrong field of the webhook.
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
        headers=sealed_headers(request.headers, cipher),
    )


def sealed_headers(headers: dict[str, str] | None, cipher: Cipher) -> dict[str, str] | None:
    """Return *headers* with their values sealed; None without any."""
    return headers and {name: cipher.seal(value) for name, value in headers.items()}


def shown(webhook: Webhook) -> JsonObject:
    """Return *webhook* as its owner sees it."""
    view: dict[str, Any] = {
        "url": webhook.url,
        "jobId": webhook.client_job_id,
        "progress": webhook.progress,
    }
    if webhook.headers:
        view["headers"] = dict.fromkeys(webhook.headers, REDACTED)
    secrets = {"token": webhook.token, "secret": webhook.secret}
    return view | {name: REDACTED for name, value in secrets.items() if value}


def accepted(request: WebhookRequest, guard: UrlGuard, client_id: str) -> WebhookRequest:
    """Return *request* with an encoded URL that was checked.

    ``{jobId}`` stays in the URL. The guard checks the URL after *client_id* has replaced it.

    Raises:
        InvalidRequest: the guard refuses the URL, or the URL is too long.
    """
    url = encoded_url(request.url, f"{PATH}.url")
    check_target(target_of(url, client_id), guard, f"{PATH}.url")
    return request.model_copy(update={"url": url})


def check_target(target: str, guard: UrlGuard, field: str) -> None:
    """Check that the guard allows the URL of a delivery, and that the URL is not too long.

    Raises:
        InvalidRequest: naming *field*.
    """
    check_url(guard, target, field)
    if len(target) > LONGEST_URL:
        why = f"has more than {LONGEST_URL} characters once it is encoded and {{jobId}} replaced"
        raise refused_fields((field, why))


def encoded_url(url: str, field: str) -> str:
    """Return *url* with the characters beyond ASCII encoded, so that this very text is sent.

    Raises:
        InvalidRequest: with the code URL_REFUSED, naming *field*.
    """
    try:
        return ascii_url(url)
    except UrlRefused as error:
        raise refused_fields((field, error.message), code=ErrorCode.URL_REFUSED) from None


def check_url(guard: UrlGuard, url: str, field: str) -> None:
    """Check *url* without a name look-up.

    Raises:
        InvalidRequest: with the code URL_REFUSED, naming *field*.
    """
    try:
        guard.check_url(url)
    except UrlRefused as error:
        raise refused_fields((field, error.message), code=ErrorCode.URL_REFUSED) from None
