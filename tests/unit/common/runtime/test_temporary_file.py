"""Temporary files say what a full disk and missing descriptors mean."""

import errno
import os
import tempfile
from typing import Any

import pytest

from secretary_common.errors import ErrorCode, Lack, WorkerUnfit
from secretary_common.runtime.temporary_file import (
    RESERVED_FROM_BYTES,
    temporary_file,
    temporary_folder,
)


def failing(number: int) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "lack"),
    [
        (errno.EMFILE, Lack.DESCRIPTORS),
        (errno.ENFILE, Lack.DESCRIPTORS),
        (errno.ENOSPC, Lack.ROOM),
        (errno.EROFS, Lack.TEMPORARY_FILES),
        (errno.ENOENT, Lack.TEMPORARY_FILES),
    ],
)
def test_a_worker_that_cannot_open_a_temporary_file_is_unfit(
    monkeypatch: pytest.MonkeyPatch, number: int, lack: Lack
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", failing(number))
    monkeypatch.setattr(tempfile, "TemporaryDirectory", failing(number))
    for opening in (temporary_file(), temporary_folder("x")):
        with pytest.raises(WorkerUnfit) as caught, opening:
            pass
        assert caught.value.lack is lack


def test_a_disk_that_fills_up_is_no_room() -> None:
    with pytest.raises(WorkerUnfit) as caught, temporary_file():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.lack, caught.value.code) == (Lack.ROOM, ErrorCode.NO_ROOM)


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(PermissionError), temporary_file():
        raise PermissionError(errno.EACCES, "no")


def test_a_large_file_that_does_not_fit_fails_before_it_is_written() -> None:
    with pytest.raises(WorkerUnfit) as caught, temporary_file(2**60):
        pytest.fail("it was opened")
    assert caught.value.code == ErrorCode.NO_ROOM


def test_a_large_file_has_its_room() -> None:
    with temporary_file(RESERVED_FROM_BYTES) as file:
        assert os.fstat(file.fileno()).st_blocks * 512 >= RESERVED_FROM_BYTES
        assert file.tell() == 0
