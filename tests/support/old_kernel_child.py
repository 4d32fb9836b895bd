"""The child of ``probe_child`` on a simulated kernel that has neither Landlock nor seccomp.

The zygote imports this module, and its children are forks of the zygote.
"""

from __future__ import annotations

from support.probe_child import begin

from secretary_worker.sandbox import landlock, seccomp

__all__ = ["begin"]


def _absent() -> int:
    return 0


landlock.abi = _absent
seccomp.available = lambda: False
