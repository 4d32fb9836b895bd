"""What provisioning may do, decided before it does anything."""

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
    ids=["root", "with sudo", "nobody", "no Debian"],
)
def test_packages_are_installed_only_with_apt_and_the_right_to(
    *, is_root: bool, present: set[str], expected: list[str] | None
) -> None:
    def which(name: str) -> str | None:
        return name if name in present else None

    assert root_command(which, is_root=is_root) == expected
