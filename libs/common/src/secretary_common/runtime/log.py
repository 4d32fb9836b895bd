"""Structured logs: each line has an event name and fields; the job id is bound once.

``log = get_logger(__name__); log.info("job.claimed", attempt=2)`` also prints the fields
that ``bind(job_id=…)`` set for the running task.
"""

from __future__ import annotations

import contextlib
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

    def _record(self, record: logging.LogRecord) -> dict[str, Any]:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return line


class JsonFormatter(_Formatter):
    """Prints one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Render *record*."""
        return json.dumps(self._record(record), ensure_ascii=False, default=str)


class TextFormatter(_Formatter):
    """Prints lines for people: time, level, service, event, then ``key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Render *record*."""
        line = self._record(record)
        head = (line.pop("time"), line.pop("level"), line.pop("service"), line.pop("event"))
        trace = line.pop("traceback", None)
        pairs = (f"{key}={_brief(value)}" for key, value in line.items())
        text = " ".join([head[0], head[1].ljust(7), head[2], head[3], *pairs])
        return f"{text}\n{trace}" if trace else text


def _brief(value: Any) -> str:
    text = str(value)
    is_plain = text and not _NEEDS_QUOTES.search(text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


class _StandardErrorHandler(logging.StreamHandler[Any]):
    """Writes to standard error, even after other code has closed ``sys.stderr``."""

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
