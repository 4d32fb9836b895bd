"""The object that a model shall answer with: the fields of a template, or any JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from secretary_common.models import JsonObject
from secretary_documents.templates.template import Field, faults, schema_of


class Wanted(Protocol):
    """An object that a model shall find in a text."""

    @property
    def repairs(self) -> int:
        """How often the model is asked again if its answer has problems."""
        ...

    def schema(self, *, partial: bool) -> JsonObject:
        """Return the schema of an answer. *partial*: an answer for a part may leave all unknown."""
        ...

    def problems(self, answer: JsonObject, *, partial: bool) -> list[str]:
        """Return the problems of *answer*. Each message names a field and contains no value."""
        ...

    def finished(self, answer: JsonObject) -> JsonObject:
        """Return the final *answer*, without what only the model needs."""
        ...


@dataclass(frozen=True, slots=True)
class TemplateFields:
    """The fields of a template. Any of them may be unknown."""

    fields: Sequence[Field]
    repairs: int = 0

    def schema(self, *, partial: bool) -> JsonObject:
        """See ``Wanted``."""
        del partial
        return schema_of(self.fields)

    def problems(self, answer: JsonObject, *, partial: bool) -> list[str]:
        """See ``Wanted``."""
        del partial
        return faults(self.fields, answer)

    def finished(self, answer: JsonObject) -> JsonObject:
        """See ``Wanted``."""
        return answer
