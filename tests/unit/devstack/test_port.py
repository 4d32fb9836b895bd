"""A port is given out once, whether a server listens on it or not."""

import subprocess
import sys

import pytest

from secretary_devstack.servers.port import free_port

SCRIPT = (
    "import sys; from secretary_devstack.servers.port import free_port; "
    "print(free_port(int(sys.argv[1])))"
)


def port_of_another_process(preferred: int) -> int:
    command = [sys.executable, "-c", SCRIPT, str(preferred)]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


def test_a_port_is_given_out_once() -> None:
    port = free_port()
    assert free_port(port) != port


def test_a_port_is_not_given_to_another_process() -> None:
    port = free_port()
    assert port_of_another_process(port) != port


@pytest.mark.parametrize("impossible", [0, -1, 2**16])
def test_an_impossible_port_is_not_given_out(impossible: int) -> None:
    assert 0 < free_port(impossible) < 2**16


def test_the_port_of_a_process_that_ended_is_free_again() -> None:
    port = port_of_another_process(free_port())
    assert port_of_another_process(port) == port
