"""Those parameters of a ``pdf`` job that are objects, and the outputs that a job can have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from secretary_common.models import JsonObject
from secretary_documents.handlers.parameter import FROZEN

Output = Literal["text", "markdown", "html", "json", "pdf"]
TextOutput = Literal["text", "markdown", "html", "json"]
MOST_OUTPUTS = 5
REMOTE_METHODS = ("mistral_ocr", "openai_vision")
REMOTE_OUTPUTS = ("text", "markdown")
"""The outputs of a list that a provider's text can have, because it has no blocks and boxes."""
LOCAL_ONLY = ("chunks", "pictures", "tables")
"""The parameters that need the blocks of pages, which providers do not return."""


def _unique(schema: JsonObject) -> None:
    schema["uniqueItems"] = True


Outputs = Annotated[
    list[Output],
    Field(min_length=1, max_length=MOST_OUTPUTS, json_schema_extra=_unique),
]


class ChunkOptions(BaseModel):
    """Chunks of the text, for retrieval."""

    model_config = FROZEN

    max_tokens: int = Field(
        default=512,
        ge=64,
        le=100_000,
        description=(
            "The most tokens of a chunk. A token is counted as 3 bytes of UTF-8, which is more "
            "than most models count."
        ),
    )


class PictureFileOptions(BaseModel):
    """Pictures of the pages as files of the job."""

    model_config = FROZEN

    min_points: float = Field(
        default=50,
        ge=1,
        le=10_000,
        description="The least width and height of a picture on the page; 72 points are an inch.",
    )
    max_count: int = Field(
        default=100,
        ge=1,
        le=900,
        description="The most pictures of the job. The first ones count.",
    )


class TableFileOptions(BaseModel):
    """Tables of the pages as CSV files of the job."""

    model_config = FROZEN

    max_count: int = Field(
        default=100,
        ge=1,
        le=900,
        description="The most tables of the job. The first ones count.",
    )


def remote_rule() -> JsonObject:
    """Return a JSON Schema that refuses a job which asks a provider for more than it can return."""
    plain_list: JsonObject = {"items": {"enum": list(REMOTE_OUTPUTS)}}
    other_output: JsonObject = {
        "anyOf": [{"const": "pdf"}, {"allOf": [{"type": "array"}, {"not": plain_list}]}]
    }
    output: JsonObject = {"required": ["output"], "properties": {"output": other_output}}
    return {
        "not": {
            "required": ["extraction_method"],
            "properties": {"extraction_method": {"enum": list(REMOTE_METHODS)}},
            "anyOf": [output, *({"required": [name]} for name in LOCAL_ONLY)],
        }
    }


def remote_fault(output: Any, given: set[str]) -> str | None:
    """Return what is wrong if a provider shall read the pages; None if nothing is.

    *output* is the output of the job, and *given* the names of those ``LOCAL_ONLY`` it has.
    """
    outputs = [output] if output == "pdf" else output if isinstance(output, list) else []
    if others := [one for one in outputs if one not in REMOTE_OUTPUTS]:
        return f"the output {others[0]} needs the method native, ocr or combined"
    if given:
        return f"{min(given)} needs the method native, ocr or combined"
    return None
