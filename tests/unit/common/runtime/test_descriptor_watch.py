"""A process without descriptors logs once a minute that it has none."""

import errno
import logging

import pytest

from secretary_common.runtime.descriptor_watch import LOG_AGAIN_SEC, DescriptorWatch
from secretary_common.runtime.metrics import DESCRIPTOR_SHORTAGES


def none_left() -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_shortage_is_logged_once_a_minute_and_each_check_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seconds = 0.0
    watch = DescriptorWatch(none_left, monotonic=lambda: seconds)
    before = DESCRIPTOR_SHORTAGES._value.get()
    for _ in range(5):
        watch.check()
    seconds = LOG_AGAIN_SEC
    watch.check()
    assert [record.message for record in caplog.records] == ["descriptors.exhausted"] * 2
    assert DESCRIPTOR_SHORTAGES._value.get() - before == 6
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


def test_a_process_with_descriptors_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    DescriptorWatch().check()
    assert not caplog.records
