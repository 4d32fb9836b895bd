"""Secrets are found at every place that a schema marks."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import BaseModel, SecretStr

from secretary_common.errors import InvalidRequest
from secretary_common.secrets.secret_field import redacted, sealed, secret_names


class Inner(BaseModel):
    secret: SecretStr
    plain: str


class Outer(BaseModel):
    direct: SecretStr
    optional: SecretStr | None = None
    nested: Inner | None = None
    listed: list[Inner] = []
    named: dict[str, SecretStr] = {}
    either: list[Inner | str] = []


def test_every_secret_of_a_model_is_sealed_and_no_other_value() -> None:
    inner = {"secret": "s", "plain": "p"}
    sealed_inner = {"secret": "<s>", "plain": "p"}
    value = {
        "direct": "d",
        "optional": None,
        "nested": inner,
        "listed": [inner],
        "named": {"a": "n"},
        "either": ["plain", inner],
        "unknown": "u",
    }
    assert sealed(value, Outer.model_json_schema(), lambda text: f"<{text}>") == {
        "direct": "<d>",
        "optional": None,
        "nested": sealed_inner,
        "listed": [sealed_inner],
        "named": {"a": "<n>"},
        "either": ["plain", sealed_inner],
        "unknown": "u",
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"writeOnly": True}}},
        {"properties": {"x": {"$ref": "#/properties/y"}, "y": {"writeOnly": True}}},
    ],
)
def test_a_secret_that_is_not_text_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"parameters\.x: a secret must be text"):
        sealed({"x": 1}, schema, str)


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}}
    assert sealed({"x": 1}, schema, str) == {"x": 1}


@pytest.mark.parametrize("reference", ["#/$defs/gone", "other.json", "#/$defs/A/B/C", "#"])
def test_a_broken_reference_marks_nothing(reference: str) -> None:
    assert sealed({"x": 1}, {"$ref": reference, "$defs": {"A": 1}}, str) == {"x": 1}


SECRET = {"type": "string", "writeOnly": True}


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({}, frozenset()),
        ({"properties": {"a": {"type": "string"}, "b": SECRET}}, {"b"}),
        ({"properties": {"a": {"anyOf": [{"type": "null"}, {"items": SECRET}]}}}, {"a"}),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": SECRET}}, None),
        ({"additionalProperties": SECRET}, None),
        ({"allOf": [{"properties": {"a": SECRET}}]}, None),
        ({"properties": [SECRET]}, None),
    ],
    ids=["nothing", "property", "deep", "definition", "others", "combined", "invalid"],
)
def test_the_names_of_possible_secrets_leave_none_out(schema: Any, names: Any) -> None:
    assert secret_names(schema) == names


def test_sealed_text_is_recognised_by_its_form() -> None:
    token = Fernet(Fernet.generate_key()).encrypt(b"").decode()
    value = {"a": [token, {"b": token}], "c": "gAAAAA no", "d": 1}
    assert redacted(value) == {
        "a": ["[redacted]", {"b": "[redacted]"}],
        "c": "gAAAAA no",
        "d": 1,
    }
