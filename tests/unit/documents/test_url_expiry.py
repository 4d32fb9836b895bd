"""The time until which a signed URL is valid."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secretary_documents.web.url_expiry import expiry_of

UNTIL = datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-Signature=x",
        "a=b&x-amz-date=20260102T030405Z&x-amz-expires=60",
        "X-Goog-Date=20260102T030405Z&X-Goog-Expires=60",
        f"AWSAccessKeyId=k&Expires={int(UNTIL.timestamp())}&Signature=x",
        "sv=2024-01-01&se=2026-01-02T03%3A05%3A05Z&sig=x",
    ],
)
def test_the_time_is_read_from_the_query(query: str) -> None:
    assert expiry_of(f"https://host/file?{query}") == UNTIL


@pytest.mark.parametrize(
    "query",
    [
        *("", "Expires=1", "X-Amz-Date=20260102T030405Z", "X-Amz-Date=x&X-Amz-Expires=60"),
        *("Signature=x&Expires=soon", f"Signature=x&Expires={'9' * 400}", "sig=x&se=soon"),
    ],
)
def test_other_urls_have_no_such_time(query: str) -> None:
    assert expiry_of(f"https://host/file?{query}") is None
