"""Received webhooks are verified as Standard Webhooks does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from secretary_client import InvalidWebhook, verify_webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "B" * 32
BODY = b'{"phase": "completed"}'
NOW = 1_767_225_600


def headers(secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    moment = datetime.fromtimestamp(at, UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": Webhook(secret).sign("msg_1", moment, BODY.decode()),
    }


@pytest.mark.parametrize("secret", [SECRET, [OTHER, SECRET]])
def test_a_webhook_that_one_of_the_secrets_signed_is_read(secret: str | list[str]) -> None:
    assert verify_webhook(secret, headers(), BODY, now=NOW + 299) == {"phase": "completed"}


def test_one_of_several_signatures_is_enough() -> None:
    given = headers() | {"Webhook-Signature": f"v1,AAAA {headers()['Webhook-Signature']} v9,x"}
    assert verify_webhook(SECRET, given, BODY.decode(), now=NOW)["phase"] == "completed"


@pytest.mark.parametrize(
    ("given", "body", "now"),
    [
        (headers(OTHER), BODY, NOW),
        (headers(), BODY + b" ", NOW),
        (headers(), BODY, NOW + 301),
        (headers(), BODY, NOW - 301),
        (headers() | {"Webhook-Timestamp": "soon"}, BODY, NOW),
        (headers() | {"Webhook-Signature": "ä"}, BODY, NOW),
        (headers() | {"Webhook-Signature": "v1,\udcff"}, BODY, NOW),
        (headers() | {"Webhook-Id": "msg_\udcff"}, BODY, NOW),
        (headers(), BODY.decode() + "\udcff", NOW),
        ({}, BODY, NOW),
    ],
)
def test_any_other_webhook_is_refused(given: dict[str, str], body: bytes | str, now: int) -> None:
    with pytest.raises(InvalidWebhook):
        verify_webhook(SECRET, given, body, now=now)


@pytest.mark.parametrize("secret", ["whsec_!", "whsec_\u00fc", "whsec_", "", [SECRET, ""]])
def test_a_secret_in_another_form_is_an_error_of_the_program(secret: str | list[str]) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64") as refused:
        verify_webhook(secret, headers(), BODY, now=NOW)
    assert not isinstance(refused.value, InvalidWebhook)
