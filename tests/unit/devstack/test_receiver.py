"""The receiver's signature check, against the specification's example and the reference library."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from secretary_devstack.servers.receiver import signature_fault

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_674_087_231
BODY = b'{"event_type":"ping","data":{"success":true}}'


def signed(body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    moment = datetime.fromtimestamp(NOW, UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": Webhook(secret).sign("msg_1", moment, body.decode()),
    }


def test_a_signature_of_the_reference_library_is_valid() -> None:
    assert signature_fault(SECRET, signed(), BODY, now=NOW) is None


def test_one_matching_signature_of_several_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,bm90IGl0 {headers['webhook-signature']}"
    assert signature_fault(SECRET, headers, BODY, now=NOW) is None


def test_a_changed_body_is_refused() -> None:
    assert signature_fault(SECRET, signed(), BODY + b" ", now=NOW) == "no signature matches"


def test_another_secret_is_refused() -> None:
    other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    assert signature_fault(other, signed(), BODY, now=NOW) == "no signature matches"


@pytest.mark.parametrize("apart", [-301, 301])
def test_an_old_or_future_timestamp_is_refused(apart: int) -> None:
    fault = signature_fault(SECRET, signed(), BODY, now=NOW + apart)
    assert fault == "the timestamp is too far from now"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = signed()
    del headers[name]
    assert signature_fault(SECRET, headers, BODY, now=NOW) == f"no {name}"
