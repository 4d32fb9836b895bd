"""What a client sends for a ``table_report`` job."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TableReportParameters(BaseModel):
    """Exactly one of ``filename`` and ``file_id`` names the table."""

    model_config = ConfigDict(extra="forbid")

    filename: str | None = Field(default=None, description="A file under files.roots")
    file_id: str | None = Field(
        default=None, description="An upload", json_schema_extra={"format": "upload"}
    )
    template: str = Field(default="TableReport", description="The name of a template")
    language: str = Field(default="en", description="The language of the report")

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if (self.filename is None) == (self.file_id is None):
            raise ValueError("name either filename or file_id")
        return self
