"""A job may name files under the roots, and no others."""

import os
import tempfile
from functools import partial
from pathlib import Path

import pytest

from secretary_common.errors import ErrorCode, PermanentError, TransientError, WorkerUnfit
from secretary_worker import OpenFile, open_under_roots, private_copy
from secretary_worker.access.job_scope import JobScope, job_scope


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "secret.pdf").write_bytes(b"%PDF secret")
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "b.pdf").write_bytes(b"%PDF other")
    return root


def refusal(filename: object, *roots: Path, max_bytes: int = 1000) -> str:
    with pytest.raises(PermanentError) as caught, open_under_roots(str(filename), roots, max_bytes):
        pass
    return caught.value.code


def test_a_file_under_a_root_is_open_for_reading(root: Path) -> None:
    with open_under_roots(str(root / "a.pdf"), [root], 1000) as file:
        assert (file.name, file.size) == ("a.pdf", 8)
        assert Path(file.path).read_bytes() == b"%PDF-1.7"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file.fd)


async def copied(file: OpenFile, max_bytes: int) -> None:
    async with private_copy(file, max_bytes):
        pass


async def test_a_copy_does_not_change_with_the_file(root: Path) -> None:
    with open_under_roots("a.pdf", [root], 1000) as file:
        async with private_copy(file, 1000) as copy:
            (root / "a.pdf").write_bytes(b"%PDF-1.7 and more")
            assert (copy.name, copy.size) == ("a.pdf", 8)
            assert os.pread(copy.fd, 100, 0) == b"%PDF-1.7"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(copy.fd)


async def test_a_file_that_changes_while_it_is_copied_is_left_to_the_next_attempt(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(fd: int, size: int, offset: int) -> bytes:
        (root / "a.pdf").write_bytes(b"%PDF-1.8")
        return pread(fd, size, offset)

    pread = os.pread
    monkeypatch.setattr(os, "pread", read)
    with open_under_roots("a.pdf", [root], 1000) as file, pytest.raises(TransientError):
        await copied(file, 1000)


async def test_a_file_that_has_grown_too_large_is_refused(root: Path) -> None:
    with open_under_roots("a.pdf", [root], 8) as file:
        (root / "a.pdf").write_bytes(b"%PDF-1.7 and more")
        with pytest.raises(PermanentError) as caught:
            await copied(file, 8)
    assert caught.value.code == ErrorCode.FILE_TOO_LARGE


async def test_without_room_for_the_copy_the_worker_is_unfit(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = partial(Path("/dev/full").open, "wb", buffering=0)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with open_under_roots("a.pdf", [root], 1000) as file, pytest.raises(WorkerUnfit) as caught:
        await copied(file, 1000)
    assert caught.value.code == ErrorCode.NO_ROOM


def test_a_link_from_root_to_root_may_be_followed(root: Path, tmp_path: Path) -> None:
    (root / "link.pdf").symlink_to(tmp_path / "root-2" / "b.pdf")
    with open_under_roots("link.pdf", [root, tmp_path / "root-2"], 1000) as file:
        assert Path(file.path).read_bytes() == b"%PDF other"


def test_a_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    with open_under_roots(str(tmp_path / "alias" / "a.pdf"), [tmp_path / "alias"], 1000) as file:
        assert file.size == 8


def test_a_relative_name_means_the_first_root_that_has_the_file(root: Path, tmp_path: Path) -> None:
    with open_under_roots("b.pdf", [root, tmp_path / "root-2"], 1000) as file:
        assert file.size == 10


def test_no_name_leads_out_of_the_roots(root: Path, tmp_path: Path) -> None:
    (root / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    (root / "folder").symlink_to(tmp_path)
    for filename in (
        tmp_path / "secret.pdf",
        root / ".." / "secret.pdf",
        "../secret.pdf",
        root / "link.pdf",
        root / "folder" / "secret.pdf",
        tmp_path / "root-2" / "b.pdf",  # its name begins like the root's
        tmp_path / "no such file",  # the error must not reveal whether it exists
        "/etc/passwd",
    ):
        assert refusal(filename, root) == ErrorCode.FILE_OUTSIDE_ROOTS, filename
    assert refusal(root / "a.pdf") == ErrorCode.FILE_OUTSIDE_ROOTS, "no roots, no files"


def test_a_name_that_is_no_regular_file_is_not_found(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "circle").symlink_to(root / "circle")
    for name in ("missing.pdf", "", "pipe", "circle", "a.pdf/b.pdf", "x" * 300, "nul\0.pdf"):
        assert refusal(f"{root}/{name}", root) == ErrorCode.FILE_NOT_FOUND, name


def test_a_file_over_the_limit_is_too_large(root: Path) -> None:
    assert refusal(root / "a.pdf", root, max_bytes=7) == ErrorCode.FILE_TOO_LARGE


def test_a_folder_exchanged_after_the_check_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check and the opening a folder becomes a link: the race is lost on purpose."""
    (root / "inner").mkdir()
    (root / "inner" / "secret.pdf").write_bytes(b"%PDF")
    really_open = os.open

    def exchange_then_open(path: Path, flags: int) -> int:
        (root / "inner").rename(root / "was inner")
        (root / "inner").symlink_to(tmp_path)
        return really_open(path, flags)

    monkeypatch.setattr("secretary_worker.access.source.os.open", exchange_then_open)
    assert refusal(root / "inner" / "secret.pdf", root) == ErrorCode.FILE_OUTSIDE_ROOTS


def test_a_job_of_a_key_with_folders_names_only_files_in_them(root: Path, tmp_path: Path) -> None:
    (root / "mine").mkdir()
    (root / "mine" / "a.pdf").write_bytes(b"%PDF mine")
    (root / "mine" / "link.pdf").symlink_to(root / "a.pdf")
    with job_scope(JobScope("key-1", [str(root / "mine")])):
        for inside in (str(root / "mine" / "a.pdf"), "a.pdf"):
            with open_under_roots(inside, [root], 1000) as file:
                assert Path(file.path).read_bytes() == b"%PDF mine"
        for outside in (root / "a.pdf", "../a.pdf", "link.pdf", root / "missing.pdf"):
            assert refusal(outside, root) == ErrorCode.FILE_OUTSIDE_ROOTS
        assert refusal("missing.pdf", root) == ErrorCode.FILE_NOT_FOUND


@pytest.mark.parametrize("folders", [[], ["/etc"], ["outside"]])
def test_a_folder_of_a_key_outside_of_the_roots_allows_nothing(
    root: Path, tmp_path: Path, folders: list[str]
) -> None:
    (root / "outside").symlink_to(tmp_path)
    own = [str(root / folder) for folder in folders]  # an absolute one stays as it is
    with job_scope(JobScope("key-1", own)):
        for name in ("/etc/passwd", "secret.pdf", root / "a.pdf"):
            assert refusal(name, root) == ErrorCode.FILE_OUTSIDE_ROOTS
