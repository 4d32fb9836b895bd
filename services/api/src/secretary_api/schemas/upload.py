"""Uploads in answers."""

from __future__ import annotations

from pydantic import Field

from secretary_api.schemas.envelope import View


class Uploaded(View):
    """A stored upload."""

    file_id: str = Field(
        description="The id for the parameters of jobs.",
        examples=["file-019a0b5e-7c3d-7d2e-8f4a-1b2c3d4e5f60"],
    )
    filename: str
    size: int = Field(description="In bytes.")
    sha256: str = Field(description="Of the bytes, in hexadecimal.")
