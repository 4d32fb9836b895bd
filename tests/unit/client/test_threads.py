"""Work in several threads: all of it is done, and an error is raised."""

from __future__ import annotations

import threading

import pytest

from secretary_client.cli.threads import in_threads


def test_every_item_is_worked_on_and_at_most_so_many_at_once() -> None:
    together = threading.Barrier(3, timeout=30)
    done: list[int] = []

    def work(item: int) -> None:
        together.wait()  # passes only if three threads work at the same time
        done.append(item)

    in_threads(work, range(6), 3)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]


def test_an_error_is_raised_and_the_rest_is_skipped() -> None:
    done: list[int] = []

    def work(item: int) -> None:
        done.append(item)
        raise ValueError(item)

    with pytest.raises(ValueError, match="0"):
        in_threads(work, range(3), 1)
    assert done == [0]
