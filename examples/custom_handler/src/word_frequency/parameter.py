"""The parameters of a ``word_frequency`` job."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class WordFrequencyParameters(BaseModel):
    """The API refuses other parameters (422) and shows this schema at ``GET /api/job-types``."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(description="The text whose words are counted", min_length=1)
    top: int = Field(default=10, ge=1, le=1000, description="How many words the result names")
    ignore: list[Word] = Field(default=[], description="Words that do not count")
