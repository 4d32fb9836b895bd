"""The proxy forwards connections, and cuts, stalls or half-opens them on request."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from secretary_devstack.child_process import ChildProcess
from secretary_devstack.deadline import wait_until
from secretary_devstack.servers.mongod import ReplicaSet
from secretary_devstack.servers.port import HOST
from secretary_devstack.servers.proxy import Network, TcpProxy
from secretary_devstack.servers.socket_table import connections_of

pytestmark = pytest.mark.drill

SHORT_SEC = 0.3
LONG_SEC = 10.0
CONNECT = """
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""
USE_MONGODB = """
import contextlib, sys, time
from pymongo import MongoClient
from pymongo.errors import PyMongoError
collection = MongoClient(sys.argv[1], w="majority").test.kept
for number in range(10_000):
    with contextlib.suppress(PyMongoError):  # an election may take longer than the driver repeats
        collection.insert_one({"_id": number})
    time.sleep(0.05)
"""


class Pair:
    """A client and the server's end of its connection, through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        for side in (client, server):
            side.settimeout(LONG_SEC)

    @property
    def port(self) -> int:
        port: int = self.client.getsockname()[1]
        return port

    def talk(self) -> None:
        """Check that both directions work."""
        self.client.sendall(b"ping")
        assert self.server.recv(100) == b"ping"
        self.server.sendall(b"pong")
        assert self.client.recv(100) == b"pong"


Connect = Callable[[], Pair]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(LONG_SEC)
        yield server


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as running:
        yield running


@pytest.fixture
def proxy(network: Network, listener: socket.socket) -> TcpProxy:
    return network.proxy(listener.getsockname()[1])


@pytest.fixture
def connect(proxy: TcpProxy, listener: socket.socket) -> Iterator[Connect]:
    with ExitStack() as opened:

        def connect() -> Pair:
            client = opened.enter_context(socket.create_connection((HOST, proxy.port)))
            server = opened.enter_context(listener.accept()[0])
            return Pair(client, server)

        yield connect


def receives_nothing(side: socket.socket) -> bool:
    side.settimeout(SHORT_SEC)
    try:
        side.recv(100)
    except TimeoutError:
        return True
    finally:
        side.settimeout(LONG_SEC)
    return False


def test_a_connection_works_both_ways_and_ends_on_both_sides(connect: Connect) -> None:
    pair = connect()
    pair.talk()
    pair.server.close()
    assert pair.client.recv(100) == b""


def test_large_data_arrives_complete_at_a_slow_reader(connect: Connect) -> None:
    pair = connect()
    sent = os.urandom(4_000_000)
    sending = threading.Thread(target=pair.client.sendall, args=[sent])
    sending.start()
    received = b""
    while len(received) < len(sent) and (chunk := pair.server.recv(65536)):
        received += chunk
    sending.join()
    assert received == sent


def test_a_cut_resets_both_sides_and_lets_new_connections_in(
    connect: Connect, proxy: TcpProxy
) -> None:
    pair = connect()
    pair.talk()
    assert proxy.cut() == 1
    for side in (pair.client, pair.server):
        with pytest.raises(ConnectionResetError):
            side.recv(100)
    connect().talk()


def test_only_the_chosen_connections_are_cut(connect: Connect, proxy: TcpProxy) -> None:
    spared, chosen = connect(), connect()
    assert proxy.client_ports() == {spared.port, chosen.port}
    assert proxy.cut(lambda port: port == chosen.port) == 1
    with pytest.raises(ConnectionResetError):
        chosen.client.recv(100)
    spared.talk()


def test_a_stalled_connection_loses_nothing(connect: Connect, proxy: TcpProxy) -> None:
    pair = connect()
    pair.talk()
    assert proxy.stall() == 1
    pair.client.sendall(b"late")
    assert receives_nothing(pair.server)
    proxy.resume()
    assert pair.server.recv(100) == b"late"
    pair.talk()


def test_new_connections_are_stalled_too(connect: Connect, proxy: TcpProxy) -> None:
    proxy.stall()
    pair = connect()
    pair.client.sendall(b"late")
    assert receives_nothing(pair.server)
    proxy.resume()
    assert pair.server.recv(100) == b"late"


def test_no_peer_of_a_half_open_connection_notices(connect: Connect, proxy: TcpProxy) -> None:
    pair = connect()
    pair.talk()
    assert proxy.make_half_open() == 1
    pair.client.sendall(b"lost")
    assert receives_nothing(pair.server)
    proxy.resume()
    assert receives_nothing(pair.server)  # it stays half-open
    pair.server.close()
    assert receives_nothing(pair.client)
    connect().talk()


def test_refused_connections_are_reset_until_the_network_resumes(
    connect: Connect, proxy: TcpProxy, network: Network
) -> None:
    pair = connect()
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        pair.client.recv(100)
    with (
        socket.create_connection((HOST, proxy.port)) as refused,
        pytest.raises(ConnectionResetError),
    ):
        refused.recv(100)
    network.resume()
    connect().talk()


def test_without_a_server_the_client_is_reset(proxy: TcpProxy, listener: socket.socket) -> None:
    listener.close()
    with (
        socket.create_connection((HOST, proxy.port)) as client,
        pytest.raises(ConnectionResetError),
    ):
        client.recv(100)


def python(script: str, argument: object, folder: Path) -> ChildProcess:
    command = [sys.executable, "-c", script, str(argument)]
    return ChildProcess(command, log=folder / "log", env=dict(os.environ))


def remote_ports(child: ChildProcess) -> set[int]:
    return {one.remote_port for one in connections_of(child.pid)}


def test_the_connections_of_a_process_are_found(
    connect: Connect, proxy: TcpProxy, tmp_path: Path
) -> None:
    mine = connect()
    child = python(CONNECT, proxy.port, tmp_path)
    wait_until(lambda: len(proxy.client_ports()) == 2, timeout_sec=LONG_SEC, what="a connection")
    (its,) = connections_of(child.pid)
    assert {its.local_port, mine.port} == proxy.client_ports()
    assert its.remote_port == proxy.port
    child.kill()
    assert connections_of(child.pid) == []


def test_clients_of_a_replica_set_behind_proxies_go_through_them(
    tmp_path: Path, network: Network
) -> None:
    proxies: list[TcpProxy] = []

    def proxied(port: int) -> int:
        proxies.append(network.proxy(port))
        return proxies[-1].port

    with ReplicaSet(tmp_path, size=3, election_timeout_ms=2000, advertised_port=proxied) as mongo:
        user = python(USE_MONGODB, mongo.url, tmp_path)

        def count() -> int:
            with mongo.primary().client() as client:
                return int(client.test.kept.count_documents({}))

        def await_write() -> None:
            before = count()
            wait_until(lambda: count() > before, timeout_sec=30, what="a write by the user")

        await_write()
        assert len(remote_ports(user)) == 3  # it monitors all three members
        mongo.step_down(4)
        await_write()
        mongo.primary().kill()
        await_write()
        mongo.start()  # a node reaches itself through its proxy again
        await_write()
        assert user.running, user.tail()
        assert remote_ports(user) <= {proxy.port for proxy in proxies}
        user.kill()
