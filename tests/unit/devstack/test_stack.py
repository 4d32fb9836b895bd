"""A system has as many of each service as asked for, each with a port and settings of its own."""

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


def test_own_settings_are_asked_for_by_name(tmp_path: Path) -> None:
    asked: list[str] = []

    def own(name: str) -> dict[str, object]:
        asked.append(name)
        return {}

    stack = Stack(tmp_path, mongo_url="", own_settings=own)
    assert asked == [service.name for service in stack.services]
