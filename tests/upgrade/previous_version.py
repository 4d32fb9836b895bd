"""An earlier commit of this repository, installed in an environment of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from support.scenario_report import say

from secretary_devstack.error import ServerMissing

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    *("libs/client", "libs/common", "libs/documents"),
    *("services/api", "services/worker", "services/notifier"),
)
LOCK = "requirements.lock"


def previous_commit(name: str | None) -> str:
    """Return the commit *name*; None: that of the latest tag before HEAD, else HEAD's parent.

    Raises:
        ServerMissing: git knows no such commit, as in a shallow clone.
    """
    if name is None:
        with contextlib.suppress(ServerMissing):
            name = _git("describe", "--tags", "--abbrev=0", "HEAD^")
    return _git("rev-parse", "--verify", f"{name or 'HEAD^'}^{{commit}}")


@contextlib.contextmanager
def installed(commit: str, folder: Path) -> Iterator[Path]:
    """Install *commit* below *folder*; yield the folder of its console scripts.

    Raises:
        ServerMissing: it cannot be checked out or installed.
    """
    tree, environment = folder / "tree", folder / "venv"
    _git("worktree", "add", "--force", "--detach", str(tree), commit)
    try:
        say(f"upgrade: installing {commit[:10]}")
        _run(str(ROOT / "deploy/local/venv.sh"), sys.executable, str(environment))
        _install(tree, environment)
        yield environment / "bin"
    finally:
        _git("worktree", "remove", "--force", str(tree))
        shutil.rmtree(environment, ignore_errors=True)


def _install(tree: Path, environment: Path) -> None:
    pip = [str(environment / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if (tree / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        # The same packages of others: the environment looks into ours for them. Our own packages
        # are not found there, because Python reads no .pth file of such a folder.
        site = next((environment / "lib").glob("python*/site-packages"))
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    else:
        _run(*pip, "install", "--require-hashes", "-r", str(tree / LOCK))
    editable = [word for name in PACKAGES for word in ("-e", str(tree / name))]
    _run(*pip, "install", "--no-deps", "--no-build-isolation", *editable)


def _git(*arguments: str) -> str:
    return _run("git", "-C", str(ROOT), *arguments).strip()


def _run(*command: str) -> str:
    """Run *command*; return its output.

    Raises:
        ServerMissing: it failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerMissing(f"{' '.join(command[:6])}: {done.stderr.strip()[-500:]}")
    return done.stdout
