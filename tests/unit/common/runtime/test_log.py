"""Logging survives code that closes standard error."""

import subprocess
import sys

import pytest

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
