"""Uploads past the API in requests and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from secretary_api.schemas.envelope import WHOLE, Request, Timestamp, View
from secretary_common.models import MAX_NAME, name_fault

_ODD = r"/\\\x00-\x1f\x7f-\xa0"
_NAME_PATTERN = rf"^(?!\.{{1,2}}$)[^\s{_ODD}]([^{_ODD}]*[^\s{_ODD}])?$"
"""Nearly all that ``name_fault`` refuses: unprintable characters beyond Latin-1 are too many."""


def _check_name(value: str) -> str:
    if fault := name_fault(value):
        raise ValueError(fault)
    return value


FileName = Annotated[
    str,
    Field(
        min_length=1,
        strict=True,
        json_schema_extra={"maxLength": MAX_NAME, "pattern": _NAME_PATTERN},
    ),
    AfterValidator(_check_name),
]
_WORD = "[A-Za-z0-9_.+-]"
ContentType = Annotated[
    str,
    Field(
        max_length=200,
        pattern=rf"^{_WORD}{{1,60}}/{_WORD}{{1,100}}(; ?{_WORD}{{1,20}}={_WORD}{{1,40}})?$",
        strict=True,
    ),
]


class DirectUploadRequest(Request):
    """A file that the client will send to the store."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "filename": "talk.mp4",
                "size": 734003200,
                "content_type": "video/mp4",
            }
        }
    )

    filename: FileName
    size: Annotated[int, Field(ge=1, le=2**53, strict=True), WHOLE] = Field(description="In bytes.")
    content_type: ContentType = "application/octet-stream"


class DirectUpload(View):
    """The one request that the client sends to the store."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "method": "PUT",
                "url": "https://store.example/uploads/0123456789ab/…/talk.mp4?X-Amz-Signature=…",
                "headers": {"Content-Length": "734003200", "Content-Type": "video/mp4"},
                "source": "s3://uploads/0123456789ab/…/talk.mp4",
                "expires_at": "2026-01-01T01:00:00.000Z",
            }
        }
    )

    method: str
    url: str = Field(description="A client with this URL can send the file until the URL expires.")
    headers: dict[str, str] = Field(description="The client must send these headers as they are.")
    source: str = Field(description="The `url` for the parameters of jobs.")
    expires_at: Timestamp
