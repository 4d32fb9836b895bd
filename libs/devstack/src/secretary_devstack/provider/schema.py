"""The requests that the published interfaces allow, as JSON Schema, written by us.

The schemas follow the types of ``mistralai`` 3.7.0 (``OCRRequest``, ``MultiPartBodyParams``) and of
``openai`` 3.54.0 (``CompletionCreateParams``, ``TranscriptionCreateParams``). Parts that Secretary
does not use are left out, so a request with such a part is refused. A form is checked as an object
whose values are lists of strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

JsonObject = dict[str, Any]


def _object(required: JsonObject, **optional: Any) -> JsonObject:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def _one_of(*values: str) -> JsonObject:
    return {"type": "string", "enum": list(values)}


def _field(item: JsonObject) -> JsonObject:
    """Return the schema of a form field that must occur exactly once."""
    return {"type": "array", "items": item, "minItems": 1, "maxItems": 1}


_TEXT: JsonObject = {"type": "string"}
_NAME: JsonObject = {"type": "string", "minLength": 1}
_FLAG: JsonObject = {"type": "boolean"}
_SCHEMA_NAME: JsonObject = {"type": "string", "pattern": r"^[A-Za-z0-9_-]{1,64}$"}

OCR = _object(
    {
        "model": {"type": ["string", "null"]},
        "document": {
            "oneOf": [
                _object({"type": {"const": "file"}, "file_id": _NAME}),
                _object(
                    {"type": {"const": "document_url"}, "document_url": _NAME},
                    document_name={"type": ["string", "null"]},
                ),
                _object(
                    {"type": {"const": "image_url"}, "image_url": {"type": ["string", "object"]}}
                ),
            ]
        },
    },
    pages={"type": ["array", "string", "null"], "items": {"type": "integer", "minimum": 0}},
    include_image_base64={"type": ["boolean", "null"]},
    image_limit={"type": ["integer", "null"]},
    image_min_size={"type": ["integer", "null"]},
    table_format={"enum": ["markdown", "html", None]},
    extract_header=_FLAG,
    extract_footer=_FLAG,
    include_blocks=_FLAG,
    confidence_scores_granularity={"enum": ["page", "word", "block", None]},
)

UPLOAD = _object(
    {"file": _field(_NAME)},
    purpose=_field(_one_of("fine-tune", "batch", "ocr", "playground")),
    visibility=_field(_one_of("workspace", "user")),
)

_PART = {
    "oneOf": [
        _object({"type": {"const": "text"}, "text": _TEXT}),
        _object(
            {
                "type": {"const": "image_url"},
                "image_url": _object(
                    {"url": {"type": "string", "pattern": "^(https://|data:image/[a-z]+;base64,)"}},
                    detail=_one_of("auto", "low", "high", "original"),
                ),
            }
        ),
    ]
}

CHAT = _object(
    {
        "model": _NAME,
        "messages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "oneOf": [
                    _object(
                        {
                            "role": _one_of("system", "developer", "assistant"),
                            "content": {"type": "string", "minLength": 1},
                        }
                    ),
                    _object(
                        {
                            "role": {"const": "user"},
                            "content": {
                                "oneOf": [
                                    {"type": "string", "minLength": 1},
                                    {"type": "array", "minItems": 1, "items": _PART},
                                ]
                            },
                        }
                    ),
                ]
            },
        },
    },
    temperature={"type": "number", "minimum": 0, "maximum": 2},
    max_completion_tokens={"type": "integer", "minimum": 1},
    response_format={
        "oneOf": [
            _object({"type": _one_of("text", "json_object")}),
            _object(
                {
                    "type": {"const": "json_schema"},
                    "json_schema": _object(
                        {"name": _SCHEMA_NAME, "schema": {"type": "object"}},
                        strict={"type": ["boolean", "null"]},
                        description=_TEXT,
                    ),
                }
            ),
        ]
    },
)

TRANSCRIPTION = _object(
    {
        "file": _field(
            {"type": "string", "pattern": r"\.(flac|mp3|mp4|mpeg|mpga|m4a|ogg|wav|webm)$"}
        ),
        "model": _field(_NAME),
    },
    language=_field({"type": "string", "pattern": "^[a-z]{2}$"}),
    prompt=_field(_TEXT),
    chunking_strategy=_field(_TEXT),
    response_format=_field(_one_of("json", "text", "srt", "verbose_json", "vtt", "diarized_json")),
    temperature=_field({"type": "string", "pattern": r"^[0-9.]+$"}),
    **{"timestamp_granularities[]": {"type": "array", "items": _one_of("word", "segment")}},
)


def fault_of(request: JsonObject, schema: JsonObject) -> str | None:
    """Return the place and the reason why *request* does not fit *schema*; None if it fits."""
    for error in Draft202012Validator(schema).iter_errors(request):
        return f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message[:300]}"
    return None


def chat_fault(body: JsonObject) -> str | None:
    """Return the fault for which OpenAI refuses a chat request that fits the schema, or None."""
    wanted = body.get("response_format", {"type": "text"})
    if wanted["type"] == "json_schema" and wanted["json_schema"].get("strict"):
        fault = strict_fault(wanted["json_schema"]["schema"])
        return fault and f"Invalid schema for response_format: {fault}"
    # OpenAI requires this because the model may otherwise write endless white space.
    if wanted["type"] == "json_object" and "json" not in str(body["messages"]).lower():
        return "'messages' must contain the word 'json' to use 'response_format'"
    return None


def strict_fault(schema: JsonObject) -> str | None:
    """Return the fault for which OpenAI refuses *schema* as strict, or None.

    Each object must have ``additionalProperties: false`` and must require all its properties.
    """
    for place, node in _objects("schema", schema):
        properties = set(node.get("properties", {}))
        if node.get("additionalProperties") is not False:
            return f"{place}: 'additionalProperties' is required to be supplied and to be false"
        if properties != set(node.get("required", [])):
            return f"{place}: 'required' is required to be an array including every key"
    return None


def _objects(place: str, node: Any) -> Iterator[tuple[str, JsonObject]]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _objects(f"{place}.{index}", item)
    if not isinstance(node, dict):
        return
    if node.get("type") == "object":
        yield place, node
    for key, value in node.items():
        yield from _objects(f"{place}.{key}", value)
