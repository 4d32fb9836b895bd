"""Work in several threads that Ctrl-C ends at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
_JOIN_SEC = 0.1


def in_threads(work: Callable[[T], object], items: Iterable[T], most: int) -> None:
    """Call *work* for each item in at most so many threads; return when all calls have returned.

    After Ctrl-C it does not wait for the threads, unlike an executor: they end with the process.

    Raises:
        Exception: the first error of *work*; the rest of the items is skipped.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    errors: list[Exception] = []
    threads = [
        threading.Thread(target=_work_on, args=(work, waiting, errors), daemon=True)
        for _ in range(most)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(_JOIN_SEC)
    if errors:
        raise errors[0]


def _work_on(
    work: Callable[[T], object], waiting: queue.SimpleQueue[T], errors: list[Exception]
) -> None:
    """Work on the items that wait, until none is left or *errors* has one."""
    while not errors:
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            work(item)
        except Exception as error:  # noqa: BLE001 - raised in the thread of the caller
            errors.append(error)
