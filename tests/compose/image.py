"""Builds the images and checks what they contain."""

from __future__ import annotations

import json
import time

from compose.project import BUILD_SEC, OURS, TAG, Project
from support.scenario_report import expect, say

USER = 10001
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
    """Check an image: own user, no pip, PyMuPDF and ffmpeg only in the worker's image."""
    image = f"localhost/secretary-{service}:{TAG}"
    user, has_pymupdf, has_pip, has_ffmpeg = json.loads(
        project.docker("run", "--rm", "--network", "none", image, "python", "-c", PROBE)
    )
    size = int(project.docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
    say(f"{image}: {size:.0f} MB, user {user}, PyMuPDF {'yes' if has_pymupdf else 'no'}")
    expect(user == USER, f"{image} runs as {user}")
    expect(has_pymupdf == (service == "worker"), f"{image}: PyMuPDF is {has_pymupdf}")
    expect(has_ffmpeg == (service == "worker"), f"{image}: ffmpeg is {has_ffmpeg}")
    expect(not has_pip, f"{image} has pip in its environment")
