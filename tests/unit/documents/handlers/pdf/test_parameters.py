"""The parameters of a pdf job, checked by the model and by its announced schema."""

from typing import Any

import pytest

from secretary_api.jobs.parameters import ParameterCheck
from secretary_common.errors import ErrorCode, InvalidRequest, PermanentError
from secretary_common.models import JobTypeInfo
from secretary_common.models.file import ROOT_PATH_FORMAT, UPLOAD_FORMAT, UPLOAD_PARAMETER
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.pdf.parameters import PdfParameters

SCHEMA = PdfParameters.model_json_schema()
CHECK = ParameterCheck(JobTypeInfo("pdf", SCHEMA))

ACCEPTED: list[dict[str, Any]] = [
    {"filename": "a.pdf", "output": "html"},
    {"filename": "a.pdf", "output": "json", "keep_headers": True},
    {"filename": "a.pdf", "output": ["markdown", "json", "pdf"]},
    {"filename": "a.pdf", "output": "pdf", "extraction_method": "combined"},
    {"filename": "a.pdf", "output": "json", "extraction_method": "mistral_ocr"},
    {"filename": "a.pdf", "output": ["markdown"], "extraction_method": "openai_vision"},
    {"filename": "a.pdf", "chunks": {}, "pictures": {}, "annotations": True},
    {"filename": "a.pdf", "chunks": {"max_tokens": 100}, "pictures": {"min_points": 7.5}},
    {"filename": "a.pdf", "tables": {}},
    {"filename": "a.pdf", "tables": {"max_count": 5}, "extraction_method": "combined"},
    {"filename": "a.pdf", "fields": {"type": "object", "properties": {"a": {}}}},
    {"filename": "/data/a.pdf"},
    {"filename": "/data/a.pdf", "extraction_method": "combined", "use_cache": False},
    {"url": "https://example.com/a.pdf", "page_start": 2, "page_end": 2},
    {"url": "https://example.com/a.pdf", "language": ["chi_sim"], "password": ""},
    {"filename": "a.pdf", "extraction_method": "mistral_ocr", "output": "markdown"},
    {"filename": "a.pdf", "include_images": True, "force_refresh": True},
    {"filename": "a.pdf", "template": "MeetingMinutes", "context": {"a": [1]}},
    {"filename": "a.pdf", "template_content": "{{a|b}}", "target_language": "de"},
    {"file_id": "file-1"},
]
REFUSED: list[dict[str, Any]] = [
    {},
    {"filename": "a.pdf", "url": "https://example.com/a.pdf"},
    {"filename": "a.pdf", "file_id": "file-1"},
    {"url": "https://example.com/a.pdf", "file_id": "file-1"},
    {"file_id": ""},
    {"file_id": None},
    {"filename": ""},
    {"filename": "a.pdf", "template": "../Session"},
    {"filename": "a.pdf", "template_content": ""},
    {"filename": "a.pdf", "target_language": "deutsch"},
    {"filename": "a.pdf", "context": []},
    {"filename": "a.pdf", "output": "docx"},
    {"filename": "a.pdf", "output": []},
    {"filename": "a.pdf", "output": ["text", "docx"]},
    {"filename": "a.pdf", "output": ["text", "text"]},
    {"filename": "a.pdf", "output": "pdf", "extraction_method": "mistral_ocr"},
    {"filename": "a.pdf", "output": ["text", "json"], "extraction_method": "openai_vision"},
    {"filename": "a.pdf", "chunks": {}, "extraction_method": "openai_vision"},
    {"filename": "a.pdf", "pictures": {}, "extraction_method": "mistral_ocr"},
    {"filename": "a.pdf", "chunks": {"max_tokens": 0}},
    {"filename": "a.pdf", "chunks": {"tokens": 100}},
    {"filename": "a.pdf", "chunks": True},
    {"filename": "a.pdf", "pictures": {"max_count": 901}},
    {"filename": "a.pdf", "tables": {"max_count": 0}},
    {"filename": "a.pdf", "tables": {}, "extraction_method": "mistral_ocr"},
    {"filename": "a.pdf", "fields": {"type": "array", "items": {}}},
    {"filename": "a.pdf", "fields": {"type": "object", "properties": {}}},
    {"filename": "a.pdf", "fields": {"type": "object", "properties": []}},
    {"filename": "a.pdf", "fields": []},
    {"filename": "a.pdf", "extraction_method": "tesseract"},
    {"filename": "a.pdf", "page_start": 0},
    {"filename": "a.pdf", "page_end": 0},
    {"filename": "a.pdf", "page_end": 1e308},
    {"filename": "a.pdf", "page_start": 1_000_001},
    {"filename": "a.pdf", "page_start": 3, "page_end": 2},
    {"filename": "a.pdf", "template": "A", "template_content": "b"},
    {"filename": "a.pdf", "password": 7},
    {"filename": "a.pdf", "language": []},
    {"filename": "a.pdf", "language": ["../eng"]},
    {"filename": "a.pdf", "language": ["eng+deu"]},
]


@pytest.mark.parametrize("parameters", ACCEPTED)
def test_model_and_schema_accept_the_same(parameters: dict[str, Any]) -> None:
    CHECK(parameters)
    parse_parameters(PdfParameters, parameters)


@pytest.mark.parametrize("parameters", REFUSED)
def test_model_and_schema_refuse_the_same(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        CHECK(parameters)
    with pytest.raises(PermanentError) as caught:
        parse_parameters(PdfParameters, parameters)
    assert caught.value.code == ErrorCode.VALIDATION_ERROR


def test_pages_that_end_before_they_start_are_refused() -> None:
    with pytest.raises(PermanentError, match="page_end is before page_start"):
        parse_parameters(PdfParameters, {"filename": "a.pdf", "page_start": 3, "page_end": 2})


def test_a_template_is_given_by_name_or_by_content() -> None:
    with pytest.raises(PermanentError, match="only one of template and template_content"):
        parse_parameters(
            PdfParameters, {"filename": "a.pdf", "template": "A", "template_content": "b"}
        )


def test_an_error_names_the_field_but_never_its_value() -> None:
    with pytest.raises(PermanentError, match=r"^password: ") as caught:
        parse_parameters(PdfParameters, {"filename": "a.pdf", "password": ["geheim"]})
    assert caught.value.details == {
        "errors": [{"field": "password", "message": "Input should be a valid string"}]
    }


def test_every_field_has_a_description_and_the_password_is_write_only() -> None:
    assert all(field["description"] for field in SCHEMA["properties"].values())
    assert SCHEMA["properties"]["password"]["writeOnly"] is True
    assert SCHEMA["properties"]["extraction_method"]["default"] == "native"


def test_the_schema_declares_the_upload_and_the_path_for_the_api() -> None:
    assert SCHEMA["properties"][UPLOAD_PARAMETER]["format"] == UPLOAD_FORMAT
    assert SCHEMA["properties"]["filename"]["format"] == ROOT_PATH_FORMAT
