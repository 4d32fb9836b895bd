"""A stack has the requested number of each service, each with its own port and settings."""

from __future__ import annotations

from pathlib import Path

from secretary_devstack.processes.stack import Stack


def test_each_service_has_a_name_and_a_port_of_its_own(tmp_path: Path) -> None:
    stack = Stack(tmp_path, mongo_url="", apis=2, notifiers=2, workers=2)
    assert [service.name for service in stack.services] == [
        "secretary-api-1",
        "secretary-api-2",
        "secretary-notifier-1",
        "secretary-notifier-2",
        "secretary-worker-1",
        "secretary-worker-2",
    ]
    assert len({service.port for service in stack.services}) == 6
    assert stack.url.endswith(f":{stack.api.port}")


def test_own_settings_are_requested_by_name(tmp_path: Path) -> None:
    names: list[str] = []

    def own(name: str) -> dict[str, object]:
        names.append(name)
        return {}

    stack = Stack(tmp_path, mongo_url="", own_settings=own)
    assert names == [service.name for service in stack.services]
