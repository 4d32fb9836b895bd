"""The filter of system calls, as the kernel runs it, for both processors."""

from __future__ import annotations

import errno
import struct

import pytest

from secretary_worker.sandbox.seccomp import Freedom, program_of
from secretary_worker.sandbox.syscall_numbers import numbers

PID, PATH = 77, 0x7FFF_1234_5678
ALLOWED, KILLED = 0x7FFF0000, 0x80000000
REFUSED, ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

on_both = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def verdict(machine: str, call: int, *arguments: int, freedom: Freedom | None = None) -> int:
    """Return what the filter says, by the rules of classic BPF."""
    program = program_of(machine, PID, freedom or Freedom())
    given = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("<iIQ6Q", call, ARCHITECTURES[machine], 0, *given)
    loaded, at = 0, 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("<I", data, value)
        elif code == 0x54:
            loaded &= value
        elif code == 0x06:
            return value
        else:
            test = {0x15: loaded == value, 0x25: loaded > value, 0x45: bool(loaded & value)}[code]
            at += if_true if test else if_false


@on_both
@pytest.mark.parametrize(
    "name", ["socket", "connect", "execve", "execveat", "ptrace", "unshare", "bpf", "setsid"]
)
def test_a_parser_may_not_make_these_calls(machine: str, name: str) -> None:
    assert verdict(machine, numbers(machine)[name]) == REFUSED


@on_both
def test_a_parser_may_start_threads_but_no_processes(machine: str) -> None:
    clone, clone3 = numbers(machine)["clone"], numbers(machine)["clone3"]
    assert verdict(machine, clone, 0x003D0F00) == ALLOWED
    assert verdict(machine, clone, 17) == REFUSED
    assert verdict(machine, clone3) == ABSENT, "the C library then calls clone"


@on_both
def test_a_process_may_send_signals_only_to_itself(machine: str) -> None:
    for name in ("kill", "tgkill"):
        assert verdict(machine, numbers(machine)[name], PID) == ALLOWED
        assert verdict(machine, numbers(machine)[name], PID + 1) == REFUSED
        assert verdict(machine, numbers(machine)[name], 0) == REFUSED


@on_both
def test_only_the_path_of_the_program_may_be_executed(machine: str) -> None:
    execve, freedom = numbers(machine)["execve"], Freedom(exec_at=PATH)
    assert verdict(machine, execve, PATH, freedom=freedom) == ALLOWED
    assert verdict(machine, execve, PATH + 2**32, freedom=freedom) == REFUSED
    assert verdict(machine, execve, PATH + 1, freedom=freedom) == REFUSED


@on_both
def test_an_online_program_has_connections_and_processes_in_its_group(machine: str) -> None:
    freedom, number = Freedom(programs=True, network=True), numbers(machine)
    for name in ("connect", "execve", "clone", "kill"):
        assert verdict(machine, number[name], freedom=freedom) == ALLOWED
    for name in ("setsid", "setpgid", "ptrace", "listen", "unshare"):
        assert verdict(machine, number[name], freedom=freedom) == REFUSED


@on_both
@pytest.mark.parametrize(
    ("family", "kind", "protocol", "expected"),
    [
        (2, 1, 0, ALLOWED),
        (10, 1 | 0x80800, 6, ALLOWED),  # close-on-exec and non-blocking
        (2, 2, 0, REFUSED),  # UDP
        (2, 3, 6, REFUSED),  # raw
        (2, 1, 262, REFUSED),  # MPTCP, for which Landlock has no rules
        (1, 1, 0, REFUSED),  # the file system
        (16, 3, 0, REFUSED),  # the kernel's routes
        (40, 1, 0, REFUSED),  # the host of a virtual machine
    ],
)
def test_an_online_program_has_sockets_of_tcp_alone(
    machine: str, family: int, kind: int, protocol: int, expected: int
) -> None:
    call, freedom = numbers(machine)["socket"], Freedom(programs=True, network=True)
    assert verdict(machine, call, family, kind, protocol, freedom=freedom) == expected


@on_both
@pytest.mark.parametrize("network", [False, True])
def test_no_message_opens_a_connection(machine: str, *, network: bool) -> None:
    flags_at = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}
    for name, place in flags_at.items():
        before, call = [9] * place, numbers(machine)[name]
        freedom = Freedom(network=network)
        assert verdict(machine, call, *before, 0x20004000, freedom=freedom) == REFUSED
        assert verdict(machine, call, *before, 0x4000, freedom=freedom) == ALLOWED


@on_both
def test_calls_newer_than_the_list_are_absent(machine: str) -> None:
    assert verdict(machine, 463) == ABSENT
    assert verdict(machine, 0x40000000 + 59) == ABSENT, "a call of the x32 interface"
    assert verdict(machine, 0) == ALLOWED
