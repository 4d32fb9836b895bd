"""Makes a virtual environment that lacks some of the packages of this one.

It links to all others. Links need no index, and a worker runs there as it is installed, with no
import hook or setting that hides something.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path


def environment_without(folder: Path, *packages: str) -> Path:
    """Return the interpreter of an environment in *folder*, beside which is ``secretary-worker``.

    *packages*: parts of the names of the folders of packages that it lacks.
    """
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    target = Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    for installed in Path(sysconfig.get_path("purelib")).iterdir():
        is_left_out = any(name in installed.name for name in packages)
        if not is_left_out and not (target / installed.name).exists():
            (target / installed.name).symlink_to(installed)
    _, _, code = Path(sys.executable).with_name("secretary-worker").read_text().partition("\n")
    script = python.with_name("secretary-worker")
    script.write_text(f"#!{python}\n{code}")
    script.chmod(0o755)
    return python


def output(program: Path, *arguments: str) -> str:
    """Return what *program* prints; it must end with 0."""
    ended = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
