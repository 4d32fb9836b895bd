"""A small disk of its own for a worker's temporary files, so that it can be filled.

The disk is a tmpfs in a mount namespace of this process, so it ends with this process, however it
ends. Only root may mount; for other users ``unshare`` maps the user to root inside the namespace.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from secretary_devstack.error import ServerMissing

MARK = "CHAOS_OWN_MOUNTS"
SIZE_BYTES = 16 * 2**20
WAYS = (
    ("unshare", "--mount"),
    ("unshare", "--user", "--map-root-user", "--mount"),
)


def enter_namespace(arguments: Sequence[str]) -> None:
    """Start this program again in a mount namespace of its own, unless it runs in one.

    Raises:
        ServerMissing: the kernel does not allow a mount namespace.
    """
    if MARK in os.environ:
        return
    for way in WAYS:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            probe = ["sh", "-c", "mount -t tmpfs tmpfs /mnt"]
            subprocess.run([*way, *probe], check=True, capture_output=True)
            os.environ[MARK] = "1"
            os.execvp(way[0], [*way, sys.executable, *arguments])
    raise ServerMissing("no mount namespace: run `make chaos` as root, or allow user namespaces")


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount an empty disk of SIZE_BYTES at *folder* inside the block.

    Raises:
        ServerMissing: the disk cannot be mounted.
    """
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerMissing(f"{' '.join(command)}: {done.stderr.strip()}")
