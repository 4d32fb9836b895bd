"""Uploads: files that jobs name by their id."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from secretary_api.dependencies import (
    PrincipalDep,
    ServicesDep,
    add_log_fields,
    body_of,
    described_body,
)
from secretary_api.files.direct_uploads import METHOD
from secretary_api.http.errors import UnsupportedMediaType
from secretary_api.http.form_parts import MEDIA_TYPE
from secretary_api.http.multipart import FILE
from secretary_api.routes.responses import COMMON, WITH_FILE_BODY, WITH_JSON_BODY
from secretary_api.schemas.direct_upload import DirectUpload, DirectUploadRequest
from secretary_api.schemas.envelope import Success
from secretary_api.schemas.job import Uploaded

PATH = "/api/files"

router = APIRouter(prefix=PATH, tags=["files"], responses=COMMON)

BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": [FILE],
                    "properties": {FILE: {"type": "string", "format": "binary"}},
                    "additionalProperties": False,
                }
            }
        },
    }
}


@router.post("", status_code=201, responses=WITH_FILE_BODY, openapi_extra=BODY)
async def upload_file(
    request: Request, caller: PrincipalDep, services: ServicesDep
) -> Success[Uploaded]:
    """Store a file that jobs can name; a file that no job names is removed after a day."""
    headers = request.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("the body must not be compressed as a whole")
    stored = await services.uploads.store(headers.get("content-type", ""), request.stream(), caller)
    add_log_fields(request, file_id=stored.file_id)
    return Success(
        data=Uploaded(
            file_id=stored.file_id, filename=stored.name, size=stored.size, sha256=stored.sha256
        )
    )


@router.post(
    "/presign",
    status_code=201,
    responses=WITH_JSON_BODY,
    openapi_extra=described_body(DirectUploadRequest),
)
async def presign_upload(
    caller: PrincipalDep,
    wanted: Annotated[DirectUploadRequest, Depends(body_of(DirectUploadRequest))],
    services: ServicesDep,
) -> Success[DirectUpload]:
    """Get a URL to which you send a file past the API; jobs name the file by its `source`.

    The operator names the store in `s3.uploads`. The URL accepts a file of this size and type only,
    until it expires.
    """
    made = services.direct_uploads.presign(
        wanted.filename, wanted.size, wanted.content_type, caller
    )
    return Success(
        data=DirectUpload(
            method=METHOD,
            url=made.url,
            headers=made.headers,
            source=made.source,
            expires_at=made.expires_at,
        )
    )
