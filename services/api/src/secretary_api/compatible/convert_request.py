"""The bodies of conversions, as docling-serve's clients send them: JSON, or a form with files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from secretary_api.access.principal import Principal
from secretary_api.compatible.convert_options import ConvertOptions
from secretary_api.files.uploads import UploadStore
from secretary_api.http.body import validated
from secretary_api.http.errors import refused_fields
from secretary_api.http.form_parts import FRAMING_BYTES, FormParts, PartHead, bad_filename
from secretary_common.models import JsonObject, StoredFile, name_fault

FILES = "files"
MOST_SOURCES = 100
_UNNAMED = "document"
_CALLBACKS = "callbacks"
_TARGET = "target_type"


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class FileSource(_Lenient):
    """A file in the body."""

    kind: Literal["file"] = "file"
    base64_string: str
    filename: str = _UNNAMED


class HttpSource(_Lenient):
    """A file that the worker fetches."""

    kind: Literal["http"] = "http"
    url: str
    headers: dict[str, Any] = {}


class Target(_Lenient):
    """Where the answer goes: into the answer's body, as JSON or as an archive."""

    kind: str = "inbody"


class ConvertRequest(_Lenient):
    """The body of a conversion of sources."""

    options: ConvertOptions = ConvertOptions()
    sources: list[Annotated[FileSource | HttpSource, Field(discriminator="kind")]] = Field(
        min_length=1, max_length=MOST_SOURCES
    )
    target: Target = Target()
    callbacks: list[Any] = []


@dataclass(frozen=True, slots=True)
class Source:
    """One file to convert: an upload, or a URL."""

    name: str
    upload: StoredFile | None = None
    url: str | None = None

    def parameters(self) -> JsonObject:
        """Return the parameter of a job that names the file."""
        return {"url": self.url} if self.upload is None else {"file_id": self.upload.file_id}

    def identity(self) -> list[str]:
        """Return the value by which a repeat of the same source is recognised."""
        return [self.name, self.upload.sha256 if self.upload else self.url or ""]


@dataclass(frozen=True, slots=True)
class Conversion:
    """A checked request."""

    sources: list[Source]
    options: ConvertOptions
    target: Literal["inbody", "zip"]


class GivenFile:
    """A file to store (``SentFile``) whose name and content do not come from a form of one file."""

    def __init__(self, name: str, content: AsyncIterator[bytes], field: str = FILES) -> None:
        self._name = name
        self._content = content
        self._field = field

    async def name(self) -> str:
        """Return the name, after a check."""
        if fault := name_fault(self._name):
            raise bad_filename(self._field, fault)
        return self._name

    async def content(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file in order."""
        given = 0
        async for piece in self._content:
            given += len(piece)
            yield piece
        if not given:
            raise refused_fields((self._field, "is empty"))


async def conversion_of_json(parsed: Any, uploads: UploadStore, caller: Principal) -> Conversion:
    """Return the conversion in a JSON body; its files are stored.

    Raises:
        InvalidRequest: naming what is wrong, or what is not supported.
        RateLimited, BodyTooLarge: a file cannot be stored.
    """
    request = validated(parsed, ConvertRequest)
    target = _target_of(request.target.kind, request.callbacks)
    contents = [_decoded(one) for one in request.sources]
    sources = [
        await _stored(one.filename, content, uploads, caller)
        if isinstance(one, FileSource)
        else _fetched(one)
        for one, content in zip(request.sources, contents, strict=True)
    ]
    return Conversion(sources, request.options, target)


async def conversion_of_form(
    content_type: str, body: AsyncIterator[bytes], uploads: UploadStore, caller: Principal
) -> Conversion:
    """Return the conversion in a form; each file is stored while it is read.

    Raises:
        InvalidRequest: naming what is wrong, or what is not supported.
        UnsupportedMediaType: the body is no form.
        RateLimited, BodyTooLarge, RequestTimeout: a file cannot be stored.
    """
    parts = FormParts(content_type, uploads.paced(body))
    fields: dict[str, list[str]] = {}
    sources: list[Source] = []
    room = FRAMING_BYTES
    while (head := await parts.head()) is not None:
        if head.filename is None:
            content = await _content(head, parts, room)
            room -= len(content)
            fields.setdefault(head.name, []).append(text := content.decode(errors="replace"))
            if head.name == _TARGET:  # refused before the files are read
                _target_of(text, [])
        elif head.name != FILES:
            raise refused_fields((head.name, f"there is no such file, only {FILES}"))
        elif len(sources) == MOST_SOURCES:
            raise refused_fields((FILES, f"has more than {MOST_SOURCES} files"))
        else:
            sent = GivenFile(base_name(head.filename.decode(errors="replace")), parts.content())
            upload = await uploads.keep(sent, caller)
            sources.append(Source(upload.name, upload))
    if not sources:
        raise refused_fields((FILES, "is required"))
    target = _target_of(fields.get(_TARGET, ["inbody"])[-1], fields.get(_CALLBACKS, []))
    options = validated(_options(fields), ConvertOptions)
    return Conversion(sources, options, target)


def base_name(name: str) -> str:
    """Return the last part of *name*, which clients send with the folders of their machine."""
    kept = "".join(one for one in name.replace("\\", "/") if one.isprintable())
    return PurePosixPath(kept).name.strip()[-200:].strip() or _UNNAMED


async def _content(head: PartHead, parts: FormParts, room: int) -> bytes:
    """Return the value of a field; all fields of a form share ``FRAMING_BYTES``."""
    content = bytearray()
    async for piece in parts.content():
        content += piece
        if len(content) > room:
            why = f"makes the fields of the form longer than {FRAMING_BYTES} bytes"
            raise refused_fields((head.name, why))
    return bytes(content)


def _options(fields: dict[str, list[str]]) -> JsonObject:
    """Return the fields of a form as options; a field without a value is left out."""
    given = {name: [one for one in values if one] for name, values in fields.items()}
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in given.items()
        if values and name not in (_TARGET, _CALLBACKS)
    }


def _target_of(kind: str, callbacks: Iterable[Any]) -> Literal["inbody", "zip"]:
    if any(callbacks):
        raise refused_fields((_CALLBACKS, "are not supported; poll the task, or use webhooks"))
    if kind == "inbody":
        return "inbody"
    if kind == "zip":
        return "zip"
    if kind == "presigned_url":
        # Docling's client asks for this first, and by these words it knows to ask for inbody.
        message = "presigned_url needs artifact storage to be configured; use inbody or zip"
        raise refused_fields(("target", message))
    raise refused_fields(("target", f"{kind[:50]} is not supported; use inbody or zip"))


def _decoded(source: FileSource | HttpSource) -> bytes:
    if isinstance(source, HttpSource):
        if source.headers:
            raise refused_fields(("sources.headers", "are not supported"))
        return b""
    try:
        return base64.b64decode(source.base64_string, validate=True)
    except (binascii.Error, ValueError):
        raise refused_fields(("sources.base64_string", "is not valid base64")) from None


def _fetched(source: HttpSource) -> Source:
    return Source(base_name(source.url.partition("?")[0]), url=source.url)


async def _stored(filename: str, content: bytes, uploads: UploadStore, caller: Principal) -> Source:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    sent = GivenFile(base_name(filename), pieces(), "sources.base64_string")
    upload = await uploads.keep(sent, caller)
    return Source(upload.name, upload)
