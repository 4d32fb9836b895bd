"""The parameters that name the file of a job: one of ``SOURCES``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from secretary_common.models import JsonObject
from secretary_common.models.file import (
    OBJECT_URL_FORMAT,
    REFUSED_CONTENT,
    ROOT_PATH_FORMAT,
    UPLOAD_FORMAT,
    ContentMark,
)
from secretary_documents.handlers.parameter import checked_as, optional
from secretary_documents.handlers.source import SOURCES

ONE_SOURCE: list[Any] = [{"required": [name]} for name in SOURCES]
"""The ``oneOf`` of a schema whose job has exactly one source."""


def filename_parameter() -> Any:
    """Return the field for a file in one of the allowed folders."""
    return optional(
        "A file in one of the service's allowed folders (files.roots); give this, url or file_id.",
        min_length=1,
        max_length=4096,
        json_schema_extra=checked_as(ROOT_PATH_FORMAT),
    )


def url_parameter(description: str) -> Any:
    """Return the field for the URL or the ``s3`` address of a file."""
    return optional(
        f"{description}; give this, filename or file_id.",
        min_length=1,
        max_length=8192,
        json_schema_extra=checked_as(OBJECT_URL_FORMAT),
    )


def upload_parameter(refused: Sequence[ContentMark] = ()) -> Any:
    """Return the field for the id of an upload. The API checks it, and refuses *refused*."""

    def extend(schema: JsonObject) -> None:
        checked_as(UPLOAD_FORMAT)(schema)
        if refused:
            schema[REFUSED_CONTENT] = [mark.model_dump() for mark in refused]

    return optional(
        "The id of an upload, from POST /api/files; give this, filename or url.",
        min_length=1,
        max_length=100,
        json_schema_extra=extend,
    )


def check_one_source(parameters: BaseModel) -> None:
    """Check that *parameters* name one file.

    Raises:
        ValueError: there is no source, or more than one.
    """
    if sum(getattr(parameters, name) is not None for name in SOURCES) != 1:
        raise ValueError(f"exactly one of {', '.join(SOURCES)} is needed")
