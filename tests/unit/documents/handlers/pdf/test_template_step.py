"""The parts of a result that a template gives, and jobs that a worker without templates refuses."""

import pytest

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.pdf.template_step import TemplateStep, template_parts
from secretary_documents.templates.transformer import TransformResult

FIELDS = {"type": "object", "properties": {"title": {"type": "string"}}}


def test_the_filled_template_has_its_name_its_model_and_its_warnings() -> None:
    fields = {"title": "Minutes"}
    template = {"name": "M", "sha256": "cd"}
    made = TransformResult("# Minutes", fields, fields, template, {"model": "m"}, ("short",))
    assert template_parts(made) == {
        "template": {
            "name": "M",
            "sha256": "cd",
            "llm": {"model": "m"},
            "warnings": ["short"],
            "text": "# Minutes",
        },
        "template_fields": {"title": "Minutes"},
    }


@pytest.mark.parametrize(
    "wanted", [{"template": "M"}, {"template_content": "{{a}}"}, {"fields": FIELDS}]
)
def test_a_worker_without_templates_refuses_a_job_that_needs_them(
    wanted: dict[str, object],
) -> None:
    parameters = PdfParameters.model_validate({"filename": "a.pdf", **wanted})
    with pytest.raises(PermanentError) as caught:
        TemplateStep().check(parameters)
    assert caught.value.code == ErrorCode.TEMPLATES_NOT_CONFIGURED


def test_a_worker_without_templates_takes_other_jobs() -> None:
    TemplateStep().check(PdfParameters.model_validate({"filename": "a.pdf"}))
