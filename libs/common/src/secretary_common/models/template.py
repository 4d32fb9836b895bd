"""What is told of templates: their names, languages and fields."""

from __future__ import annotations

from secretary_common.models.value import Value


class TemplateField(Value):
    """What a template asks a model for."""

    name: str
    type: str
    """As a template names it: text, list, int, number, bool or list<column:type, …>."""
    description: str


class TemplateInfo(Value):
    """A template somebody has announced."""

    name: str
    """Without its language."""
    languages: list[str]
    """ISO 639-1, sorted; a template may have none."""
    fields: list[TemplateField]
    """In the order of the template, as the English one has them, else the first language."""
