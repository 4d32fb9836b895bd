"""Receivers inside: a private authority, client certificates, hosts by name, an egress proxy."""

from pathlib import Path

import pytest
from support.certificate import Authority
from support.egress_proxy import egress_proxy
from support.notifier_harness import NotifierHarness
from support.raw_server import raw_server

from secretary_common.errors import ConfigurationError
from secretary_common.http.tls import client_tls
from secretary_common.models import DeliveryState

DELIVERED, DEAD = DeliveryState.DELIVERED, DeliveryState.DEAD


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_receiver_of_a_private_authority_is_trusted_if_the_setting_names_it(
    harness: NotifierHarness, authority: Authority
) -> None:
    async with raw_server(tls=authority.server("localhost")) as server:
        url = f"https://localhost:{server.port}/"
        job = await harness.insert_job(url)
        async with harness.notifier(
            retry_schedule_sec=[0],
            security={"ca_file": authority.file, "allow_hosts": ["localhost"]},
        ):
            await harness.wait_for(job, DELIVERED)
        job = await harness.insert_job(url)
        async with harness.notifier(
            retry_schedule_sec=[0], security={"allow_hosts": ["localhost"]}
        ):
            delivery = await harness.wait_for(job, DEAD)
    assert "certificate" in (delivery.attempts[0].error or "").lower()


async def test_a_receiver_that_asks_for_a_certificate_gets_the_notifiers(
    harness: NotifierHarness, authority: Authority
) -> None:
    certificate, key = authority.issue("secretary.example")
    security = {"ca_file": authority.file, "allow_hosts": ["localhost"]}
    async with raw_server(tls=authority.server("localhost", asks=True)) as server:
        url = f"https://localhost:{server.port}/"
        job = await harness.insert_job(url)
        async with harness.notifier(
            retry_schedule_sec=[0], security=security, client_cert=certificate, client_key=key
        ):
            await harness.wait_for(job, DELIVERED)
        job = await harness.insert_job(url)
        async with harness.notifier(retry_schedule_sec=[0], security=security):
            await harness.wait_for(job, DEAD)
    assert len(server.requests) == 1


async def test_a_file_without_certificates_is_refused_by_the_name_of_its_setting(
    tmp_path: Path, authority: Authority
) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ConfigurationError, match=r"security\.ca_file"):
        client_tls(tmp_path / "empty.pem")
    with pytest.raises(ConfigurationError, match=r"security\.ca_file.*missing"):
        client_tls(tmp_path / "missing.pem")
    with pytest.raises(ConfigurationError, match=r"notifier\.client_cert"):
        client_tls(certificate=authority.file)


@pytest.mark.parametrize("entry", ["localhost", "localhost:{port}"])
async def test_an_allowed_host_is_reached_whatever_its_address_is(
    harness: NotifierHarness, entry: str
) -> None:
    async with raw_server() as server:
        job = await harness.insert_job(f"http://localhost:{server.port}/")
        hosts = [entry.format(port=server.port)]
        async with harness.notifier(reaches="", security={"allow_hosts": hosts}):
            await harness.wait_for(job, DELIVERED)


async def test_a_refused_address_is_named_with_the_settings_that_can_allow_it(
    harness: NotifierHarness,
) -> None:
    async with raw_server() as server:
        by_name = await harness.insert_job(f"http://localhost:{server.port}/")
        by_address = await harness.insert_job(f"http://127.0.0.1:{server.port}/")
        async with harness.notifier(reaches="10.0.0.0/8", retry_schedule_sec=[0]):
            named = await harness.wait_for(by_name, DEAD)
            literal = await harness.wait_for(by_address, DEAD)
    error = named.attempts[0].error or ""
    assert error.startswith("url_refused: localhost leads to ")
    assert "security.allow_networks" in error
    assert f"security.allow_hosts (localhost:{server.port})" in error
    assert literal.attempts[0].error == (
        "url_refused: 127.0.0.1 is not a public address; security.allow_networks can allow it"
    )
    assert server.requests == []


async def test_a_webhook_leaves_through_the_proxy(harness: NotifierHarness) -> None:
    async with raw_server() as server, egress_proxy() as proxy:
        job = await harness.insert_job(f"http://receiver.example:{server.port}/x%2Fy?")
        security = {"proxy_url": proxy.url, "proxy_resolves_names": True}
        async with harness.notifier(retry_schedule_sec=[0], security=security):
            await harness.wait_for(job, DELIVERED)
    assert proxy.lines == [f"POST http://receiver.example:{server.port}/x%2Fy? HTTP/1.1"]
    assert server.targets == ["/x%2Fy?"]
