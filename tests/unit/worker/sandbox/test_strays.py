"""Processes that leave their group end too."""

import subprocess
import sys

ORPHAN = """
import os, signal, sys
from secretary_worker.sandbox.kernel import PR_SET_CHILD_SUBREAPER, prctl
from secretary_worker.sandbox.strays import end_strays
prctl(PR_SET_CHILD_SUBREAPER, 1)
reader, writer = os.pipe()
known = os.fork()
if known == 0:
    signal.pause()
child = os.fork()
if child == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.write(writer, b"%d" % os.getpid())
        signal.pause()
    os._exit(0)
orphan = int(os.read(reader, 20))
os.waitpid(child, 0)
end_strays(os.getpid(), [known])
alive = [os.path.exists(f"/proc/{pid}") for pid in (orphan, known)]
os.kill(known, signal.SIGKILL)
print(*alive)
"""


def test_an_orphan_in_a_session_of_its_own_is_killed_and_known_children_live() -> None:
    command = [sys.executable, "-c", ORPHAN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["False", "True"]
