"""What the worker does if its kernel lacks a layer of the sandbox."""

import pytest

from secretary_common.errors import ConfigurationError
from secretary_common.settings.settings import Settings
from secretary_worker.main import check_sandbox

LACKING = ["Landlock (Linux 5.13)"]


def test_a_strict_worker_refuses_to_start_and_names_what_is_missing() -> None:
    settings = Settings.model_validate({"worker": {"sandbox": "strict"}})
    with pytest.raises(ConfigurationError, match=r"worker\.sandbox is strict.*Landlock"):
        check_sandbox(settings, LACKING)
    check_sandbox(settings, [])


def test_otherwise_the_worker_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    check_sandbox(Settings(), LACKING)
    assert [record.message for record in caplog.records] == ["sandbox.incomplete"]
