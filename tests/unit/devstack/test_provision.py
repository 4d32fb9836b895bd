"""Packages are installed only with apt-get and root."""

from __future__ import annotations

import pytest

from secretary_devstack.servers.provision import root_command


@pytest.mark.parametrize(
    ("is_root", "present", "expected"),
    [
        (True, {"apt-get"}, []),
        (False, {"apt-get", "sudo"}, ["sudo", "-n"]),
        (False, {"apt-get"}, None),
        (True, {"sudo"}, None),
    ],
    ids=["root", "with sudo", "neither", "no Debian"],
)
def test_the_prefix_for_apt_get_depends_on_the_user(
    *, is_root: bool, present: set[str], expected: list[str] | None
) -> None:
    def which(name: str) -> str | None:
        return name if name in present else None

    assert root_command(which, is_root=is_root) == expected
