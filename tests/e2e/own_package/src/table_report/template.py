"""The templates of the report, in two languages."""

from __future__ import annotations

from string import Template

from secretary_common.errors import PermanentError
from secretary_common.models import TemplateField, TemplateInfo

NAME = "TableReport"
_TEXTS = {
    "de": Template("# Bericht: $title\n\n$columns\n"),
    "en": Template("# Report: $title\n\n$columns\n"),
}


def list_templates() -> list[TemplateInfo]:
    """List the templates, as clients see them at ``GET /api/templates``."""
    title = TemplateField(name="title", type="text", description="The name of the table")
    return [TemplateInfo(name=NAME, languages=sorted(_TEXTS), fields=[title])]


def render(name: str, language: str, title: str, columns: dict[str, int]) -> str:
    """Return the report in Markdown.

    Raises:
        PermanentError: TEMPLATE_NOT_FOUND.
    """
    text = _TEXTS.get(language)
    if name != NAME or text is None:
        raise PermanentError("there is no such template", code="TEMPLATE_NOT_FOUND")
    lines = "\n".join(f"- {column}: {values}" for column, values in columns.items())
    return text.substitute(title=title, columns=lines)
