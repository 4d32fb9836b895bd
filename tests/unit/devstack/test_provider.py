"""The fake provider accepts correct requests and reports wrong ones."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from support import pdf_samples

from secretary_devstack.provider import FakeProvider, Misbehaviour
from secretary_devstack.provider.answers import example, read_pdf
from secretary_devstack.provider.schema import CHAT, OCR, fault_of, strict_fault

CHAT_REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
OCR_REQUEST = {"model": "m", "document": {"type": "file", "file_id": "f"}}
STRICT = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


def post(fake: FakeProvider, body: dict[str, Any], key: str) -> int:
    request = urllib.request.Request(
        f"{fake.base_url}/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_it_answers_correct_requests_with_its_key(fake: FakeProvider) -> None:
    assert post(fake, CHAT_REQUEST, fake.key) == 200
    assert post(fake, CHAT_REQUEST, "another") == 401
    assert fake.violations == []


def test_it_refuses_and_records_requests_outside_the_interface(fake: FakeProvider) -> None:
    assert post(fake, {**CHAT_REQUEST, "temprature": 0}, fake.key) == 422
    assert "temprature" in fake.violations[0]


def test_it_misbehaves_once_for_each_misbehaviour(fake: FakeProvider) -> None:
    fake.misbehave("chat", Misbehaviour.failing(503), None, Misbehaviour.rate_limited())
    assert [post(fake, CHAT_REQUEST, fake.key) for _ in range(4)] == [503, 200, 429, 200]


@pytest.mark.parametrize(
    ("schema", "request_"),
    [
        (CHAT, {"model": "m"}),
        (CHAT, {**CHAT_REQUEST, "messages": []}),
        (CHAT, {**CHAT_REQUEST, "messages": [{"role": "user", "content": ""}]}),
        (CHAT, {**CHAT_REQUEST, "temperature": "0"}),
        (CHAT, {**CHAT_REQUEST, "response_format": {"type": "json_schema"}}),
        (OCR, {"model": "m"}),
        (OCR, {**OCR_REQUEST, "document": {"type": "file"}}),
        (OCR, {**OCR_REQUEST, "pages": [-1]}),
        (OCR, {**OCR_REQUEST, "include_blocks": "no"}),
    ],
)
def test_a_request_outside_the_interface_is_a_fault(
    schema: dict[str, Any], request_: dict[str, Any]
) -> None:
    assert fault_of(request_, schema) is not None


def test_a_request_within_the_interface_is_no_fault() -> None:
    assert fault_of(CHAT_REQUEST, CHAT) is None
    assert fault_of(OCR_REQUEST, OCR) is None


@pytest.mark.parametrize(
    "schema",
    [
        {**STRICT, "additionalProperties": True},
        {**STRICT, "required": []},
        {**STRICT, "properties": {"a": {"type": "object", "properties": {}}}},
    ],
)
def test_a_schema_that_is_not_strict_everywhere_is_a_fault(schema: dict[str, Any]) -> None:
    assert strict_fault(STRICT) is None
    assert strict_fault(schema) is not None


def test_its_examples_fit_the_schema() -> None:
    schema = {
        **STRICT,
        "properties": {
            "a": {"type": ["string", "null"]},
            "b": {"type": "array", "items": {"enum": ["x", "y"]}},
            "c": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["a", "b", "c"],
    }
    assert fault_of(example(schema), schema) is None


def test_it_reads_the_pages_of_a_pdf() -> None:
    assert read_pdf(pdf_samples.text_pdf(["one", "two"])) == ["one", "two"]
