"""Log lines have a fixed form. Logging survives code that closes standard error."""

import json
import logging
import subprocess
import sys

import pytest

from secretary_common.runtime.log import JsonFormatter, TextFormatter

NOON = 1_767_355_200.0  # 2026-01-02, in seconds since 1970

SCENE = """
import os, sys
from secretary_common.runtime.log import configure_logging, get_logger

configure_logging("worker")
log = get_logger("scene")
{closing}
log.info("first.logged")
log.info("second.logged")
print("alive")
"""


def run(closing: str) -> subprocess.CompletedProcess[str]:
    scene = [sys.executable, "-c", SCENE.format(closing=closing)]
    return subprocess.run(scene, capture_output=True, text=True, check=True)


def test_a_closed_stream_of_standard_error_loses_no_line() -> None:
    ran = run("sys.stderr.close()")
    assert [line.split()[3] for line in ran.stderr.splitlines()] == [
        "first.logged",
        "second.logged",
    ]
    assert ran.stdout == "alive\n"


@pytest.mark.parametrize("closing", ["os.close(2)", "sys.stderr.close(); os.close(2)"])
def test_a_closed_descriptor_of_standard_error_ends_no_service(closing: str) -> None:
    assert run(closing).stdout == "alive\n"


def record(created: float, **fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"levelname": "INFO", "msg": "job.claimed", "created": created})
    made.fields = fields
    return made


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "12:00:00.000"), (0.0417, "12:00:00.041"), (59.9996, "12:00:59.999")],
)
def test_a_line_of_text_has_the_time_in_milliseconds_and_its_fields(
    seconds: float, shown: str
) -> None:
    line = TextFormatter("worker").format(record(NOON + seconds, attempt=1, name="a b", error=None))
    assert line == f'2026-01-02T{shown}Z info    worker job.claimed attempt=1 name="a b" error=None'


def test_a_line_of_json_has_the_same_content() -> None:
    line = json.loads(JsonFormatter("api").format(record(NOON, attempt=1, name="a b")))
    assert line == {
        "time": "2026-01-02T12:00:00.000Z",
        "level": "info",
        "service": "api",
        "event": "job.claimed",
        "attempt": 1,
        "name": "a b",
    }


@pytest.mark.parametrize("formatter", [TextFormatter("api"), JsonFormatter("api")])
def test_a_line_about_an_exception_has_its_traceback(formatter: logging.Formatter) -> None:
    failed = record(NOON)
    try:
        raise ValueError("odd")
    except ValueError:
        failed.exc_info = sys.exc_info()
    assert "ValueError: odd" in formatter.format(failed)
    assert "Traceback" in formatter.format(failed)


def test_a_record_of_another_library_has_no_fields() -> None:
    other = logging.makeLogRecord({"levelname": "WARNING", "msg": "%s is slow", "args": ("It",)})
    other.created = NOON
    assert TextFormatter("api").format(other).endswith("Z warning api It is slow")
