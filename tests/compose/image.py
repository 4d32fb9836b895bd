"""Builds the images and checks what they contain."""

from __future__ import annotations

import json
import time

from compose.project import BUILD_SEC, OURS, TAG, Project
from support.scenario_report import expect, say

USER = 10001
BASE = "python:3.12-slim"
MOST_MB = {"api": 120, "notifier": 120, "worker": 250}
"""How large each image may be, above the size of its base."""
PROBE = """
import importlib.util, json, os, shutil
found = [importlib.util.find_spec(name) is not None for name in ("pymupdf", "pip")]
print(json.dumps([os.getuid(), *found, shutil.which("ffmpeg") is not None]))
"""


def build(project: Project) -> None:
    """Build the images, and check each image."""
    started = time.monotonic()
    project.compose("build", timeout_sec=BUILD_SEC)
    say(f"built in {time.monotonic() - started:.0f} s")
    for service in OURS:
        check_image(project, service)


def check_image(project: Project, service: str) -> None:
    """Check an image: its size, its user, no pip, no ffmpeg, PyMuPDF only in the worker's image."""
    image = f"localhost/secretary-{service}:{TAG}"
    user, has_pymupdf, has_pip, has_ffmpeg = json.loads(
        project.docker("run", "--rm", "--network", "none", image, "python", "-c", PROBE)
    )
    size = _megabytes(project, image)
    above = size - _megabytes(project, BASE)
    has = "yes" if has_pymupdf else "no"
    say(f"{image}: {size:.0f} MB, {above:.0f} above its base; user {user}, PyMuPDF {has}")
    expect(above < MOST_MB[service], f"{image} has {above:.0f} MB above its base")
    expect(user == USER, f"{image} runs as {user}")
    expect(has_pymupdf == (service == "worker"), f"{image}: PyMuPDF is {has_pymupdf}")
    expect(not has_ffmpeg, f"{image} has ffmpeg, which belongs into worker-media")
    expect(not has_pip, f"{image} has pip in its environment")


def _megabytes(project: Project, image: str) -> float:
    return int(project.docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
