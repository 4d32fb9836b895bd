"""The signatures of requests to S3, compared with those of AWS's own library and documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from secretary_common.s3.signing import (
    EMPTY_SHA256,
    Credentials,
    Request,
    Signer,
    encoded_path,
)

NOW = datetime(2026, 11, 29, 4, 5, 6, tzinfo=UTC)
STAMP = "20261129T040506Z"
KEYS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda key: not {".", ".."} & set(key.split("/"))
)


def signer(token: str = "") -> Signer:
    return Signer(Credentials("AKIDEXAMPLE", "secret/key+1", token), "eu-central-1")


def of_botocore(request: Request, token: str = "") -> str:
    sent = AWSRequest(request.method, request.url, headers={"host": request.host})
    for name, value in request.headers.items():
        sent.headers[name] = value
    sent.headers["X-Amz-Content-SHA256"] = request.payload_sha256
    sent.headers["X-Amz-Date"] = STAMP
    if token:
        sent.headers["X-Amz-Security-Token"] = token
    sent.context["timestamp"] = STAMP
    auth = S3SigV4Auth(BotoCredentials("AKIDEXAMPLE", "secret/key+1", token), "s3", "eu-central-1")
    signed = auth.signature(auth.string_to_sign(sent, auth.canonical_request(sent)), sent)
    assert isinstance(sent.headers, HTTPHeaders)
    return str(signed)


@given(key=KEYS, query=st.dictionaries(st.sampled_from(["uploads", "partNumber", "a b"]), KEYS))
def test_each_key_is_signed_as_aws_signs_it(key: str, query: dict[str, str]) -> None:
    request = Request(
        *("PUT", "http", "127.0.0.1:9000", encoded_path("bucket", key)),
        query=query,
        headers={"Content-Type": "text/plain;  charset=utf-8", "If-None-Match": "*"},
    )
    header = signer().headers(request, NOW)["Authorization"]
    assert header.endswith(f"Signature={of_botocore(request)}")


def test_a_session_token_is_signed_and_sent() -> None:
    request = Request("GET", "https", "host", "/bucket/key")
    headers = signer("token").headers(request, NOW)
    assert headers["x-amz-security-token"] == "token"
    assert headers["Authorization"].endswith(f"Signature={of_botocore(request, 'token')}")


def test_the_example_of_the_documentation_has_the_documented_signature() -> None:
    # Authenticating Requests: Using the Authorization Header, example "GET Object".
    key = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    request = Request(
        *("GET", "https", "examplebucket.s3.amazonaws.com", "/test.txt"),
        headers={"Range": "bytes=0-9"},
    )
    assert request.payload_sha256 == EMPTY_SHA256
    headers = Signer(key, "us-east-1").headers(request, datetime(2013, 5, 24, tzinfo=UTC))
    expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert headers["Authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize("key", ["report.pdf", "ü/ä b+c.pdf", "100%/~x"])
def test_a_presigned_url_is_that_of_aws(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(
        *("PUT", "https", "host:9000", encoded_path("bucket", key)),
        headers={"content-length": "12", "content-type": "application/pdf"},
    )
    sent = AWSRequest("PUT", request.url, headers={**request.headers})
    credentials = BotoCredentials("AKIDEXAMPLE", "secret/key+1")
    auth = S3SigV4QueryAuth(credentials, "s3", "eu-central-1", expires=60)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
    auth.add_auth(sent)
    ours = urlsplit(signer().presigned(request, NOW, 60))
    theirs = urlsplit(sent.url)
    assert ours[:3] == theirs[:3]
    assert parse_qs(ours.query) == parse_qs(theirs.query)


def test_the_text_of_credentials_shows_no_secret() -> None:
    assert "secret/key" not in repr(signer())
