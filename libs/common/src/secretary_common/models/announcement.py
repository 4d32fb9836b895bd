"""Job types and templates, as handler packages announce them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from secretary_common.models.value import JsonObject, Value

JOB_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def job_type_fault(name: str) -> str | None:
    """Return why *name* is not valid as the name of a job type; None if it is valid.

    The name is part of a queue's name and of URLs.
    """
    if JOB_TYPE.fullmatch(name):
        return None
    return (
        "must have 1 to 100 ASCII letters, digits, dots, hyphens and underscores, and begin with "
        "a letter or digit"
    )


@dataclass(frozen=True, slots=True)
class JobTypeInfo:
    """A job type that a worker or ``secretary-init`` has announced."""

    job_type: str
    parameter_schema: JsonObject | None = None
    paused: bool = False
    is_readable: bool = True
    """False: the stored announcement has a field of another type. The other fields are empty."""


class TemplateField(Value):
    """A field of a template: one question to the language model."""

    name: str
    type: str
    """The type's name in a template: text, list, int, number, bool or list<column:type, …>."""
    description: str


class TemplateInfo(Value):
    """A template that a worker or ``secretary-init`` has announced."""

    name: str
    """Without its language."""
    languages: list[str]
    """The codes of the languages (ISO 639-1), sorted; a template may have none."""
    fields: list[TemplateField]
    """The fields in the order of the English template, else of the first language's template."""
