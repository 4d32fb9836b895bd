"""Write docs/api.md from the API's OpenAPI description, and docs/errors.md from the error codes.

``make reference`` runs it. With ``--check`` it writes nothing, and ends with 1 if a page is stale.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from secretary_api.app import ROUTERS, VERSION
from secretary_api.description.document import completed
from secretary_api.http.errors import STATUS_OF
from secretary_api.routes.responses import COMMON
from secretary_common.errors import ErrorCode

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTE = "<!-- `make reference` writes this page. Change the code that it describes instead. -->"
TAGS = (
    *("jobs", "batches", "files", "webhooks", "job types", "templates", "statistics", "workers"),
    *("keys", "health"),
)
MEANINGS: Mapping[str, str] = {
    "UNAUTHORIZED": "The request has no valid API key.",
    "FORBIDDEN": "The API key lacks a scope that the request needs.",
    "NOT_FOUND": "There is no such thing, or it belongs to another API key.",
    "METHOD_NOT_ALLOWED": "The path does not know this method.",
    "INVALID_STATE": "The state of the job or webhook does not allow the action.",
    "BODY_TOO_LARGE": "The body is over `api.max_body_mb`, an upload over `files.max_upload_mb`.",
    "UNSUPPORTED_MEDIA_TYPE": "The body has another type than the path takes.",
    "VALIDATION_ERROR": "A field is wrong; `details.fields` names each one.",
    "NOT_STORABLE": "MongoDB cannot store a value: NaN, a number over 64 bit, more than 12 MB …",
    "UNKNOWN_JOB_TYPE": "No worker has announced this job type; the message names the known ones.",
    "URL_REFUSED": "The URL leads to an address, port or scheme that is not allowed.",
    "IDEMPOTENCY_KEY_REUSED": "The same `Idempotency-Key` came with another body.",
    "RATE_LIMITED": "A limit of the API key is reached. Repeat after `Retry-After`.",
    "STORE_UNAVAILABLE": "MongoDB does not answer. A write may have been made. Repeat it after "
    "`Retry-After`, with the same `Idempotency-Key`.",
    "REQUEST_TIMEOUT": "The body came too slowly.",
    "OVERLOADED": "The API has too many requests. Repeat after `Retry-After`.",
    "INTERNAL_ERROR": "An unexpected error of the API; its log has the reason.",
    "PROCESSING_ERROR": "The handler failed with an unexpected exception, or with its own error.",
    "JOB_TIMEOUT": "The attempt took longer than `timeout_sec`.",
    "WORKER_LOST": "The job lost its worker `worker.max_lost_leases` times in one run.",
    "POISONED": "The job's own code froze or ended two workers.",
    "UNREADABLE": "A stored field of the job has another type. Submit the job again.",
    "WORKER_UNFIT": "The worker lacked something, e.g. processes; another worker takes the job.",
    "NO_ROOM": "The worker's disk is full; another worker takes the job.",
    "FILE_OUTSIDE_ROOTS": "The file is in none of `files.roots`, or not in a folder of the key.",
    "FILE_NOT_FOUND": "There is no such file or upload.",
    "FILE_TOO_LARGE": "The file is larger than the job type takes.",
    "FETCH_FAILED": "A URL could not be fetched.",
    "URL_EXPIRED": "The URL is signed, and was valid until an earlier time.",
    "PAGE_INVALID": "The web page cannot be read.",
    "PAGE_EMPTY": "The web page has no text.",
    "CAPTIONS_INVALID": "The captions have no known format.",
    "SLIDES_NOT_READ": "The slides could not be read.",
    "S3_ADDRESS_INVALID": "The address of an object or a place of a store is malformed.",
    "S3_BUCKET_REFUSED": "Jobs of this API key may not name the bucket or the object.",
    "S3_OBJECT_NOT_FOUND": "The store has no such object or bucket.",
    "S3_ACCESS_DENIED": "The store refuses the key of the connection.",
    "S3_ENDPOINT_REFUSED": "The endpoint has a private address, or it answers with a redirect.",
    "S3_REFUSED": "The store refuses the request; `details.store_code` has the store's own code.",
    "S3_UNAVAILABLE": "The store does not answer, or asks for patience. The job is tried again.",
    "S3_OVERTAKEN": "A later attempt of the job has written the object.",
    "PDF_INVALID": "The file is no readable PDF.",
    "PDF_TOO_LARGE": "The PDF is larger than `pdf` allows.",
    "PDF_TOO_MANY_PAGES": "The PDF has more pages than `pdf` allows.",
    "UNSUPPORTED_MEDIA": "No reader reads this kind of file; the message says what it is.",
    "FORMAT_NOT_INSTALLED": "The worker lacks the package for this format; `details.extra` names "
    "the extra that installs it, or `details.program` a program that is missing.",
    "DOCUMENT_INVALID": "The file is damaged.",
    "DOCUMENT_ENCRYPTED": "The file needs a password, and is no PDF.",
    "DOCUMENT_TOO_LARGE": "The file exceeds a limit of `documents`, such as its unpacked size.",
    "PDF_PAGE_TOO_LARGE": "A page has more pixels than `pdf` allows.",
    "PDF_PASSWORD_REQUIRED": "The PDF needs a password.",
    "PDF_WRONG_PASSWORD": "The password does not open the PDF.",
    "PDF_CERTIFICATE_REQUIRED": (
        "The PDF is encrypted for the owner of a certificate: decrypt it first."
    ),
    "PARSE_TIMEOUT": "Reading took longer than its limit.",
    "PARSE_MEMORY_LIMIT": "Reading needed more memory than its limit.",
    "PARSER_CRASHED": "The child process that read the file has crashed.",
    "OCR_LANGUAGE_MISSING": (
        "A language of the job is not installed for OCR, or no language of the job is written in "
        "the script of the pages."
    ),
    "OCR_ENGINE_MISSING": "The OCR engine that the job names is not installed.",
    "TEMPLATES_NOT_CONFIGURED": "The worker has no templates.",
    "MEDIA_INVALID": "The file is no readable recording.",
    "MEDIA_TOO_LARGE": "The recording is larger or longer than allowed.",
    "MEDIA_TIMEOUT": "Reading the recording took longer than its limit.",
    "MEDIA_NO_AUDIO": "The recording has no sound.",
    "FFMPEG_MISSING": "The worker has no ffmpeg.",
    "YT_DLP_NOT_CONFIGURED": "yt-dlp is not configured.",
    "MISTRAL_NOT_CONFIGURED": "Mistral's OCR is not configured.",
    "VISION_NOT_CONFIGURED": "No model that sees is configured.",
    "LLM_NOT_CONFIGURED": "No language model is configured.",
    "TRANSCRIPTION_NOT_CONFIGURED": "No transcription is configured.",
    "PROVIDER_UNAUTHORIZED": "The provider refuses our API key.",
    "PROVIDER_REFUSED": "The provider refuses the request.",
    "PROVIDER_RATE_LIMITED": "The provider asks us to wait.",
    "PROVIDER_UNAVAILABLE": "The provider does not answer.",
    "PROVIDER_INVALID_ANSWER": "The provider's answer cannot be read.",
    "LLM_REFUSED": "The model refused to answer.",
    "LLM_OUTPUT_TRUNCATED": "The model's answer was cut off.",
    "LLM_INVALID_OUTPUT": "The model's answer does not fit its schema.",
    "TEMPLATE_NOT_FOUND": "There is no such template.",
    "TEMPLATE_INVALID": "The template cannot be read; the message names the line.",
    "FIELDS_INVALID": "The given JSON Schema of fields cannot be used.",
}


def openapi() -> dict[str, Any]:
    """Return the OpenAPI description of every route."""
    app = FastAPI(title="Secretary", version=VERSION)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    return completed(app.openapi())


def api_page(document: Mapping[str, Any]) -> str:
    """Return docs/api.md for an OpenAPI *document*."""
    lines = [
        "# The HTTP API",
        "",
        NOTE,
        "",
        "Every path needs `Authorization: Bearer <API key>`, except `/health/…`. An answer is",
        '`{"status": "success", "data": …}` or `{"status": "error", "error": {"code", "message",',
        '"details"}}`; [errors.md](errors.md) has the codes. A running system shows all fields at',
        "`/docs`. [jobs.md](jobs.md), [webhooks.md](webhooks.md) and [keys.md](keys.md) say what",
        "clients can rely on. Every path with a key may also answer:",
        "",
        *_answers_of_all(),
    ]
    for tag in TAGS:
        lines += ["", f"## {tag.capitalize()}", *_operations(document, tag)]
    return "\n".join(lines) + "\n"


def _answers_of_all() -> Iterator[str]:
    yield "| status | |"
    yield "|---|---|"
    yield from (f"| {status} | {answer['description']} |" for status, answer in COMMON.items())


def _operations(document: Mapping[str, Any], tag: str) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation.get("tags") == [tag]:
                yield from _operation(document, f"{method.upper()} {path}", operation)


def _operation(
    document: Mapping[str, Any], name: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    yield from ("", f"### `{name}`", "", operation["description"])
    if parameters := operation.get("parameters"):
        yield ""
        yield from (_parameter(document, one) for one in parameters)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        example = json.dumps(body["schema"].get("example", _fields(body["schema"])))
        yield from ("", f"Body: `{example}`")
    yield from ("", *_answers(document, operation["responses"]))


def _parameter(document: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    schema = one.get("schema", {})
    words = _choices(document, schema)
    text = " ".join(part for part in (one.get("description", ""), words) if part)
    return f"- `{one['name']}` ({one['in']})" + (f": {text}" if text else "")


def _choices(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the words that a parameter may have."""
    for part in (schema, *schema.get("anyOf", ())):
        known = document["components"]["schemas"].get(_last_of(part), part)
        if "enum" in known:
            return "One of " + ", ".join(f"`{word}`" for word in known["enum"]) + "."
    return ""


def _fields(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the fields of a body, each with its kind."""
    return {name: str(one.get("type", "…")) for name, one in schema["properties"].items()}


def _answers(document: Mapping[str, Any], responses: Mapping[str, Any]) -> Iterator[str]:
    yield "| status | |"
    yield "|---|---|"
    for status, answer in sorted(responses.items()):
        common = COMMON.get(int(status), {}).get("description")
        if answer["description"] != common:
            yield f"| {status} | {_data_of(document, answer) or answer['description']} |"


def _data_of(document: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the names of the fields in the ``data`` of an answer; empty for other answers."""
    schemas = document["components"]["schemas"]
    envelope = schemas.get(_name_in(answer), {})
    data = schemas.get(_last_of(envelope.get("properties", {}).get("data", {})), {})
    names = ", ".join(f"`{name}`" for name in data.get("properties", ()))
    return f"`data`: {names}" if names else ""


def _name_in(answer: Mapping[str, Any]) -> str:
    return _last_of(answer.get("content", {}).get("application/json", {}).get("schema", {}))


def _last_of(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def errors_page() -> str:
    """Return docs/errors.md."""
    lines = [
        "# Error codes",
        "",
        NOTE,
        "",
        "`error.code` of an answer, of a job and of a webhook is one of these; codes are stable.",
        "A code without a status is only in jobs and their webhooks. Handlers of your own may have",
        "codes of their own.",
        "",
        "| code | status | meaning |",
        "|---|---|---|",
    ]
    for code in ErrorCode:
        status = 500 if code is ErrorCode.INTERNAL_ERROR else STATUS_OF.get(code, "")
        lines.append(f"| `{code}` | {status} | {MEANINGS[code]} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return the pages by their names."""
    return {"api.md": api_page(openapi()), "errors.md": errors_page()}


def main() -> int:
    """Write or check the pages; return the exit code."""
    stale = [name for name, text in pages().items() if not _is_current(name, text)]
    if "--check" in sys.argv[1:]:
        sys.stdout.write(
            "".join(f"docs/{name} is not up to date: make reference\n" for name in stale)
        )
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(pages()[name], encoding="utf-8")
    return 0


def _is_current(name: str, text: str) -> bool:
    path = DOCS / name
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
