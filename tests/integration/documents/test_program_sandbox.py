"""A program such as ffmpeg or yt-dlp that has been taken over cannot break out of the sandbox."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.handler_harness import all_gone

from secretary_documents.media.program import Command, ProgramResult, run_program
from secretary_worker import ProcessLimits
from secretary_worker.sandbox import lockdown

pytestmark = pytest.mark.skipif(bool(lockdown.lacks()), reason="the kernel lacks a layer")

LIMITS = ProcessLimits(memory_bytes=2**30, cpu_sec=5, file_bytes=1000)
BEGIN = "import ctypes, os, signal, socket, subprocess\nfrom pathlib import Path\n"
OUTSIDE = {
    "read the environment": "Path('/proc/{worker}/environ').read_bytes()",
    "open the memory": "open('/proc/{worker}/mem', 'rb')",
    "signal the worker": "os.kill({worker}, 0)",
    "attach a debugger": "assert ctypes.CDLL(None).ptrace(16, {worker}, 0, 0) == 0",
    "leave the session": "os.setpgid(0, 0) if os.getpgrp() != os.getpid() else os.setsid()",
    "leave the group": "pid = os.fork()\nif pid == 0: os.setsid()\nassert os.wait()[1] == 0",
    "accept connections": "socket.create_server(('127.0.0.1', 0))",
    "read the users": "Path('/etc/passwd').read_bytes()",
    "read another file": "Path('{folder}/other').read_bytes()",
    "make a file elsewhere": "Path('{folder}/made').touch()",
    "use a local socket": "socket.socket(socket.AF_UNIX)",
    "connect to another port": "socket.create_connection(('127.0.0.1', {other}))",
    "send by UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "connect by MPTCP": "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)",
    "connect by a message": (
        "socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', {other}))"
    ),
}
ONLINE = {
    "connect to its proxy": "socket.create_connection(('127.0.0.1', {port}))",
    "run a program": "subprocess.run(['/bin/true'], check=True)",
}
OFFLINE = {
    "signal everybody": "os.kill(-1, signal.SIGCONT)",
    "run another program in its place": "os.execv('/bin/true', ['true'])",
    "run itself again": "os.execv('{program}', ['x'])",
    "fork": "os._exit(0) if os.fork() == 0 else os.wait()",
}
OWN = {
    "its folder": "Path('made').write_text('x'); assert Path('made').read_text() == 'x'",
    "a thread": "import threading; threading.Thread(target=int).start()",
    "a device": "open('/dev/null', 'w').write('x')",
}


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def run(folder: Path, port: int, code: str, *, online: bool) -> ProgramResult:
    own = folder / "own"
    own.mkdir()
    (folder / "other").write_text("secret")
    program = sys.executable
    proxy = f"http://program:password@127.0.0.1:{port}" if online else ""
    with socket.create_server(("127.0.0.1", 0)) as other:
        given = {
            "worker": os.getpid(),
            "folder": folder,
            "port": port,
            "program": program,
            "other": other.getsockname()[1],
        }
        arguments = ("-I", "-S", "-B", "-c", BEGIN + code.format(**given))
        return await run_program(Command(program, arguments, LIMITS, 30, folder=own, proxy=proxy))


@pytest.mark.parametrize("attack", [*OUTSIDE, *ONLINE, *OFFLINE])
async def test_every_attack_of_an_offline_program_fails(
    attack: str, tmp_path: Path, port: int
) -> None:
    code = {**OUTSIDE, **ONLINE, **OFFLINE}[attack]
    result = await run(tmp_path, port, code, online=False)
    assert "Error" in result.stderr
    assert result.returncode == 1


@pytest.mark.parametrize("attack", OUTSIDE)
async def test_every_attack_of_an_online_program_fails(
    attack: str, tmp_path: Path, port: int
) -> None:
    result = await run(tmp_path, port, OUTSIDE[attack], online=True)
    assert "Error" in result.stderr
    assert result.returncode == 1


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("use", OWN)
async def test_a_program_still_has_its_own(
    use: str, tmp_path: Path, port: int, *, online: bool
) -> None:
    result = await run(tmp_path, port, OWN[use], online=online)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("use", ONLINE)
async def test_an_online_program_has_its_proxy_and_programs(
    use: str, tmp_path: Path, port: int
) -> None:
    result = await run(tmp_path, port, ONLINE[use], online=True)
    assert (result.returncode, result.stderr) == (0, "")


DOUBLE_FORK = """
if os.fork() == 0:
    if os.fork() == 0:
        Path('group').write_text(str(os.getpgrp()))
        os.closerange(0, 3)
        signal.pause()
    os._exit(0)
os.wait()
while not Path('group').exists(): pass
"""


async def test_no_process_outlives_an_online_program(tmp_path: Path, port: int) -> None:
    result = await run(tmp_path, port, DOUBLE_FORK, online=True)
    assert result.returncode == 0
    await all_gone(int((tmp_path / "own" / "group").read_text()))
