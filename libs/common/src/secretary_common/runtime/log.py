"""Structured logs: each line has an event name and fields; the job id is bound once.

``log = get_logger(__name__); log.info("job.claimed", attempt=2)`` also prints the fields
that ``bind(job_id=…)`` set for the running task.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

_NEEDS_QUOTES = re.compile(r'[ \n"=]')
_bound: ContextVar[dict[str, Any] | None] = ContextVar("secretary_log_fields", default=None)


@contextlib.contextmanager
def bind(**fields: Any) -> Iterator[None]:
    """Add *fields* to every line that this task, and tasks it starts, log in the block."""
    token = _bound.set({**(_bound.get() or {}), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


class EventLogger:
    """Logs events, named in the past tense, with fields."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: Any) -> None:
        """Log details for a developer."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log an expected event."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log a fault that the system handles by itself."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, *, exc: BaseException | None = None, **fields: Any) -> None:
        """Log a fault that an operator should examine."""
        self._log(logging.ERROR, event, fields, exc)

    def _log(
        self, level: int, event: str, fields: dict[str, Any], exc: BaseException | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            raised = (type(exc), exc, exc.__traceback__) if exc else None
            extra = {"fields": {**(_bound.get() or {}), **fields}}
            # Not ``Logger.log``: it finds the caller's line, which no line of ours shows.
            record = self._logger.makeRecord(
                self._logger.name, level, "", 0, event, (), raised, extra=extra
            )
            self._logger.handle(record)


def get_logger(name: str) -> EventLogger:
    """Return the event logger of a module."""
    return EventLogger(logging.getLogger(name))


class _Formatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service


def _time(created: float) -> str:
    """Return the time of a record, in milliseconds."""
    milliseconds = int(created * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    """Return the second of a record, which many records share."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a record; other libraries' records have none."""
    found: dict[str, Any] = getattr(record, "fields", {})
    return found


class JsonFormatter(_Formatter):
    """Prints one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render *record*."""
        line = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextFormatter(_Formatter):
    """Prints lines for people: time, level, service, event, then ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Render *record*."""
        level, event = record.levelname.lower(), record.getMessage()
        pairs = [f"{key}={_brief(value)}" for key, value in _fields(record).items()]
        text = " ".join([_time(record.created), level.ljust(7), self._service, event, *pairs])
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _brief(value: Any) -> str:
    text = str(value)
    is_plain = text and not _NEEDS_QUOTES.search(text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


class _StandardErrorHandler(logging.StreamHandler[Any]):
    """Writes to standard error, even after other code has closed ``sys.stderr``."""

    def flush(self) -> None:
        """Do nothing after a line: Python's standard error writes each line at once."""
        if not getattr(self.stream, "line_buffering", False):
            super().flush()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a name of logging
        """Write *record* to a new stream if the stream is closed. Never raise."""
        with contextlib.suppress(OSError, ValueError):  # also standard error itself may be closed
            if getattr(self.stream, "closed", False):
                self.stream = _standard_error()
                self.emit(record)
            else:
                super().handleError(record)


def _standard_error() -> TextIO:
    return open(2, "w", buffering=1, errors="backslashreplace", closefd=False)


def configure_logging(service: str, *, level: str = "info", style: str = "text") -> None:
    """Write events at *level* and above to standard error, in *style* text or json."""
    handler = _StandardErrorHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter(service))
    # No line of ours shows these, and each costs time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("aio_pika", "aiormq", "httpx", "pymongo", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # aiormq logs an outage of the broker as an error; Secretary already logs a warning.
    logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)
