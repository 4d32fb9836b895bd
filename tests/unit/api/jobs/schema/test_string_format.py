"""The API refuses a text of another format, and never one that the worker's model accepts."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

import pytest
from pydantic import AnyUrl, BaseModel, HttpUrl, create_model
from support.cpu_time import cpu_time_below

from secretary_api.jobs.parameters import ParameterCheck
from secretary_common.errors import InvalidRequest
from secretary_common.models import JobTypeInfo


def refused(schema: dict[str, Any], value: object) -> list[tuple[str, str]]:
    try:
        ParameterCheck(JobTypeInfo("t", schema))({"x": value})
    except InvalidRequest as error:
        return [(one["field"], one["message"]) for one in (error.details or {})["fields"]]
    return []


def of_format(format_: str) -> dict[str, Any]:
    return {"properties": {"x": {"type": "string", "format": format_}}}


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("date", "2026-01-31", "notadate"),
        ("date", "2028-02-29", "2026-02-29"),
        ("date-time", "2026-01-31T08:00:00Z", "yesterday"),
        ("time", "08:00:00", "25:00:00"),
        ("duration", "PT90S", "a while"),
        ("email", "ada@example.com", "ada.example.com"),
        ("email", "ada@exämple.de", "ada @example.com"),
        ("hostname", "app-1.example.com", "app_1..example"),
        ("ipv4", "10.0.0.1", "10.0.0"),
        ("ipv6", "::1", "10.0.0.1"),
        ("uri", "https://example.com/a?b=c", "www.example.org"),
        ("uuid", "00000000-0000-4000-8000-000000000000", "0000"),
    ],
)
def test_a_text_of_another_format_is_refused(format_: str, good: str, bad: str) -> None:
    assert refused(of_format(format_), good) == []
    ((field, message),) = refused(of_format(format_), bad)
    assert field == "parameters.x"
    assert message.startswith("must be a")
    assert bad not in message


@pytest.mark.parametrize("value", ["notadate", "2026-02-30"])
def test_an_optional_date_of_a_model_is_checked(value: str) -> None:
    model = create_model("Dated", x=(date | None, None))
    message = "must be a date, e.g. 2026-01-31"
    assert refused(model.model_json_schema(), value) == [("parameters.x", message)]
    assert refused(model.model_json_schema(), None) == []


def test_an_unknown_format_is_not_checked() -> None:
    for format_ in ("upload", "file-root-path", "password", "colour"):
        assert refused(of_format(format_), "anything") == []


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (date, ["2026-01-31", "2026-01-31T00:00:00Z", "86400"]),
        (datetime, ["2026-01-31", "2026-01-31 08:00", "20260131T080000", "1700000000"]),
        (time, ["08:00", "08:00:00.5+01:00"]),
        (timedelta, ["P1DT2H", "1 days, 00:00:10", "1:00:00"]),
        (UUID, ["{00000000-0000-4000-8000-000000000000}", "0" * 32, "urn:uuid:" + "0" * 32]),
        (IPv4Address, ["8.8.8.8", "08.8.8.8"]),
        (IPv6Address, ["fe80::1%eth0", "::ffff:1.2.3.4"]),
        (AnyUrl, ["mailto:ada@example.com", "urn:isbn:1", "a"]),
        (HttpUrl, ["https://exämple.de", "https://example.com:0/"]),
    ],
)
def test_what_a_model_accepts_is_never_refused(kind: type, texts: list[str]) -> None:
    model: type[BaseModel] = create_model("Model", x=(kind, ...))
    for text in texts:
        try:
            model.model_validate({"x": text})
        except ValueError:
            continue
        assert refused(model.model_json_schema(), text) == []


@pytest.mark.parametrize("format_", ["email", "hostname", "uri", "date-time", "duration"])
@pytest.mark.parametrize("text", ["a" * 10**6, "a." * 10**6, "@" * 10**6, "https://" + "ä" * 10**5])
def test_a_long_text_costs_little(format_: str, text: str) -> None:
    with cpu_time_below(1.0):
        refused(of_format(format_), text)
