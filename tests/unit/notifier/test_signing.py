"""Signatures that the receivers' library accepts."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from secretary_notifier.sending.signing import signed_headers

BODY = '{"phase":"completed","data":{"text":"Grüße"}}'.encode()


def secret(fill: bytes) -> str:
    return f"whsec_{base64.b64encode(fill * 32).decode()}"


def headers(*secrets: str, at: datetime | None = None) -> dict[str, str]:
    return signed_headers("msg_job-1_7", at or datetime.now(UTC), BODY, secrets)


def test_the_reference_library_verifies_what_was_sent() -> None:
    verified = Webhook(secret(b"a")).verify(BODY, headers(secret(b"a")))
    assert verified["phase"] == "completed"


@pytest.mark.parametrize("known", [b"a", b"b"])
def test_during_a_rotation_both_secrets_verify(known: bytes) -> None:
    Webhook(secret(known)).verify(BODY, headers(secret(b"a"), secret(b"b")))


def test_another_secret_or_body_does_not_verify() -> None:
    for other, body in ((secret(b"x"), BODY), (secret(b"a"), BODY + b" ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(body, headers(secret(b"a")))


def test_each_attempt_has_its_own_timestamp_under_the_same_id() -> None:
    now = datetime.now(UTC)
    first = headers(secret(b"a"), at=now)
    second = headers(secret(b"a"), at=now + timedelta(seconds=5))
    assert first["webhook-id"] == second["webhook-id"] == "msg_job-1_7"
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 5
    assert first["webhook-signature"] != second["webhook-signature"]


def test_without_a_secret_there_is_no_signature() -> None:
    assert set(headers()) == {"webhook-id", "webhook-timestamp"}
