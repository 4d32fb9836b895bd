"""The errors that several packages raise on purpose, each with a stable code.

The first line of a class's docstring is its default message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """The complete list of codes that clients may see, from the API and from handlers."""

    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    INVALID_STATE = "INVALID_STATE"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    NOT_STORABLE = "NOT_STORABLE"
    UNKNOWN_JOB_TYPE = "UNKNOWN_JOB_TYPE"
    URL_REFUSED = "URL_REFUSED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    RATE_LIMITED = "RATE_LIMITED"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    OVERLOADED = "OVERLOADED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    # of the engine
    PROCESSING_ERROR = "PROCESSING_ERROR"
    JOB_TIMEOUT = "JOB_TIMEOUT"
    WORKER_LOST = "WORKER_LOST"
    POISONED = "POISONED"
    UNREADABLE = "UNREADABLE"
    WORKER_UNFIT = "WORKER_UNFIT"
    NO_ROOM = "NO_ROOM"
    # of fetching and of files
    FILE_OUTSIDE_ROOTS = "FILE_OUTSIDE_ROOTS"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    FETCH_FAILED = "FETCH_FAILED"
    URL_EXPIRED = "URL_EXPIRED"
    PAGE_INVALID = "PAGE_INVALID"
    PAGE_EMPTY = "PAGE_EMPTY"
    CAPTIONS_INVALID = "CAPTIONS_INVALID"
    SLIDES_NOT_READ = "SLIDES_NOT_READ"
    # of S3 and compatible stores
    S3_ADDRESS_INVALID = "S3_ADDRESS_INVALID"
    S3_BUCKET_REFUSED = "S3_BUCKET_REFUSED"
    S3_OBJECT_NOT_FOUND = "S3_OBJECT_NOT_FOUND"
    S3_ACCESS_DENIED = "S3_ACCESS_DENIED"
    S3_ENDPOINT_REFUSED = "S3_ENDPOINT_REFUSED"
    S3_REFUSED = "S3_REFUSED"
    S3_UNAVAILABLE = "S3_UNAVAILABLE"
    S3_OVERTAKEN = "S3_OVERTAKEN"
    # of pdf
    PDF_INVALID = "PDF_INVALID"
    PDF_TOO_LARGE = "PDF_TOO_LARGE"
    PDF_TOO_MANY_PAGES = "PDF_TOO_MANY_PAGES"
    PDF_PAGE_TOO_LARGE = "PDF_PAGE_TOO_LARGE"
    PDF_PASSWORD_REQUIRED = "PDF_PASSWORD_REQUIRED"
    PDF_WRONG_PASSWORD = "PDF_WRONG_PASSWORD"
    PDF_CERTIFICATE_REQUIRED = "PDF_CERTIFICATE_REQUIRED"
    PARSE_TIMEOUT = "PARSE_TIMEOUT"
    PARSE_MEMORY_LIMIT = "PARSE_MEMORY_LIMIT"
    PARSER_CRASHED = "PARSER_CRASHED"
    OCR_LANGUAGE_MISSING = "OCR_LANGUAGE_MISSING"
    OCR_ENGINE_MISSING = "OCR_ENGINE_MISSING"
    TEMPLATES_NOT_CONFIGURED = "TEMPLATES_NOT_CONFIGURED"
    # of other documents
    UNSUPPORTED_MEDIA = "UNSUPPORTED_MEDIA"
    FORMAT_NOT_INSTALLED = "FORMAT_NOT_INSTALLED"
    DOCUMENT_INVALID = "DOCUMENT_INVALID"
    DOCUMENT_ENCRYPTED = "DOCUMENT_ENCRYPTED"
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
    # of recordings
    MEDIA_INVALID = "MEDIA_INVALID"
    MEDIA_TOO_LARGE = "MEDIA_TOO_LARGE"
    MEDIA_TIMEOUT = "MEDIA_TIMEOUT"
    MEDIA_NO_AUDIO = "MEDIA_NO_AUDIO"
    FFMPEG_MISSING = "FFMPEG_MISSING"
    YT_DLP_NOT_CONFIGURED = "YT_DLP_NOT_CONFIGURED"
    # of providers
    MISTRAL_NOT_CONFIGURED = "MISTRAL_NOT_CONFIGURED"
    VISION_NOT_CONFIGURED = "VISION_NOT_CONFIGURED"
    LLM_NOT_CONFIGURED = "LLM_NOT_CONFIGURED"
    TRANSCRIPTION_NOT_CONFIGURED = "TRANSCRIPTION_NOT_CONFIGURED"
    PROVIDER_UNAUTHORIZED = "PROVIDER_UNAUTHORIZED"
    PROVIDER_REFUSED = "PROVIDER_REFUSED"
    PROVIDER_RATE_LIMITED = "PROVIDER_RATE_LIMITED"
    PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
    PROVIDER_INVALID_ANSWER = "PROVIDER_INVALID_ANSWER"
    LLM_REFUSED = "LLM_REFUSED"
    LLM_OUTPUT_TRUNCATED = "LLM_OUTPUT_TRUNCATED"
    LLM_INVALID_OUTPUT = "LLM_INVALID_OUTPUT"
    # of templates
    TEMPLATE_NOT_FOUND = "TEMPLATE_NOT_FOUND"
    TEMPLATE_INVALID = "TEMPLATE_INVALID"
    FIELDS_INVALID = "FIELDS_INVALID"


class SecretaryError(Exception):
    """Something went wrong in Secretary."""

    code: str = ErrorCode.INTERNAL_ERROR

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.code = str(code or self.code)
        self.details = details
        super().__init__(self.message)


class PermanentError(SecretaryError):
    """The job cannot succeed, however often it is retried."""

    code = ErrorCode.PROCESSING_ERROR


class TransientError(SecretaryError):
    """The job may succeed when it is retried."""

    code = ErrorCode.PROCESSING_ERROR

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        """*retry_after*: seconds until the next attempt; None: the backoff decides."""
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after


class Lack(StrEnum):
    """The things that a worker may lack to do its jobs."""

    PROCESSES = "processes"
    DESCRIPTORS = "descriptors"
    TEMPORARY_FILES = "temporary_files"
    ROOM = "room"
    """Room on the disk that holds temporary files."""
    FILE_ROOTS = "file_roots"
    LANGUAGE_DATA = "language_data"
    ENCRYPTION_KEY = "encryption_key"


class WorkerUnfit(SecretaryError):
    """This worker lacks something that the job needs; another worker may have it.

    The error is neither permanent nor transient. Code that goes on without a faulty part of its
    input must not treat this error as such a fault.
    """

    code = ErrorCode.WORKER_UNFIT

    def __init__(
        self,
        lack: Lack,
        message: str | None = None,
        *,
        code: str | None = None,
        otherwise: SecretaryError | None = None,
    ) -> None:
        """Say what is lacking.

        Args:
            lack: what this worker lacks.
            message: for the owner of the job, and for operators.
            code: the stable code.
            otherwise: the error of the job if several workers lack the same thing. None: the job
                waits for a worker that has it.
        """
        super().__init__(message, code=code)
        self.lack = lack
        self.otherwise = otherwise


class StaleClaim(SecretaryError):
    """This attempt no longer holds the job; its write was refused."""

    code = ErrorCode.INVALID_STATE


class FeedLost(SecretaryError):
    """The store does not have all changes of jobs from this place on."""

    code = ErrorCode.NOT_FOUND


class NotFound(SecretaryError):
    """The requested item does not exist."""

    code = ErrorCode.NOT_FOUND


class Unauthorized(SecretaryError):
    """A valid API key is required: Authorization: Bearer <key>."""

    code = ErrorCode.UNAUTHORIZED


class Forbidden(SecretaryError):
    """This API key does not allow the action."""

    code = ErrorCode.FORBIDDEN


class InvalidState(SecretaryError):
    """The state of the job does not allow the action."""

    code = ErrorCode.INVALID_STATE


class KeyInUse(SecretaryError):
    """The owner already has a submission under the same idempotency key."""

    code = ErrorCode.IDEMPOTENCY_KEY_REUSED


class IdempotencyKeyReused(SecretaryError):
    """This Idempotency-Key was used with another body; a new submission needs a new key."""

    code = ErrorCode.IDEMPOTENCY_KEY_REUSED


class InvalidRequest(SecretaryError):
    """The request is not valid."""

    code = ErrorCode.VALIDATION_ERROR


class NotStorable(SecretaryError):
    """This value cannot be stored."""

    code = ErrorCode.NOT_STORABLE


class UrlRefused(SecretaryError):
    """The URL leads to an address that is not allowed."""

    code = ErrorCode.URL_REFUSED


class BodyTooLarge(SecretaryError):
    """The request body is too large."""

    code = ErrorCode.BODY_TOO_LARGE


class FileTooLarge(SecretaryError):
    """The file is too large."""

    code = ErrorCode.BODY_TOO_LARGE


class RateLimited(SecretaryError):
    """This API key has reached one of its limits; try again later."""

    code = ErrorCode.RATE_LIMITED

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: float,
        details: dict[str, Any] | None = None,
    ) -> None:
        """*retry_after*: seconds that a client should wait before it repeats the request."""
        super().__init__(message, details=details)
        self.retry_after = retry_after


class StoreUnavailable(SecretaryError):
    """MongoDB did not answer in time."""

    code = ErrorCode.STORE_UNAVAILABLE

    def __init__(self, message: str | None = None, *, retry_after: float = 5.0) -> None:
        """*retry_after*: seconds that a client should wait before it repeats the request."""
        super().__init__(message)
        self.retry_after = retry_after


class RequestTimeout(SecretaryError):
    """The request did not arrive in time."""

    code = ErrorCode.REQUEST_TIMEOUT


class Overloaded(SecretaryError):
    """The service has too many requests under way (api.limit_concurrency)."""

    code = ErrorCode.OVERLOADED

    def __init__(self, message: str | None = None, *, retry_after: float = 2.0) -> None:
        """*retry_after*: seconds that a client should wait before it repeats the request."""
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(SecretaryError):
    """The configuration is not valid; the service does not start."""
