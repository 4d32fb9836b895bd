"""Marks which thread runs which job's code, in memory that another process can read.

The watchdog reads the marks when the worker is frozen or dead and cannot answer. A mark is
a few bytes in a shared memory file.

A thread is marked while it runs a step of a handler's task, or a call that a handler makes with
``asyncio.to_thread``. Threads that a handler starts itself have no marks.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import mmap
import os
import struct
import threading
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

from pydantic_core import to_json

P = ParamSpec("P")
T = TypeVar("T")
Work = Coroutine[Any, Any, T] | Generator[Any, None, T]
"""Code from which an event loop can make a task."""

RECORD_BYTES = 256
THREADS = 256
"""The most threads that can have marks. Further threads have no marks."""
_HEAD = struct.Struct("=q")  # the kernel's id of the thread; 0 if the thread runs no job's code
_TEXT_BYTES = RECORD_BYTES - _HEAD.size
_current: ContextVar[bytes | None] = ContextVar("secretary_marked_job", default=None)


@dataclass(frozen=True, slots=True)
class Mark:
    """Names the attempt whose code a thread runs."""

    job_id: str
    run: int
    attempt: int
    token: str
    """The token of the attempt's lease."""

    def to_bytes(self) -> bytes:
        """Return the mark as the shared memory has it."""
        return to_json({name: getattr(self, name) for name in self.__slots__})


class Marks:
    """The marks of one worker. Thread-safe: each thread writes its own record."""

    def __init__(self) -> None:
        self._file = os.memfd_create("secretary-marks")
        os.ftruncate(self._file, RECORD_BYTES * THREADS)
        weakref.finalize(self, os.close, self._file)
        self._memory = mmap.mmap(self._file, RECORD_BYTES * THREADS)
        self._offsets = itertools.count(0, RECORD_BYTES)
        self._mine = threading.local()

    def fileno(self) -> int:
        """Return the descriptor of the shared memory file, for the watchdog process."""
        return self._file

    @contextlib.contextmanager
    def job(self, mark: Mark) -> Iterator[None]:
        """Mark the code that runs inside, with its later steps and the tasks that it starts."""
        text = mark.to_bytes()
        known = _current.set(text if len(text) <= _TEXT_BYTES else None)
        self.enter()
        try:
            yield
        finally:
            self.leave()
            _current.reset(known)

    def enter(self) -> None:
        """Mark this thread with the job of the current context, if the context has a job."""
        text, offset = _current.get(), self._offset()
        if text is not None and offset is not None:
            start = offset + _HEAD.size
            self._memory[start : start + _TEXT_BYTES] = text.ljust(_TEXT_BYTES)
            _HEAD.pack_into(self._memory, offset, self._mine.thread_id)

    def leave(self) -> None:
        """Remove the mark of this thread."""
        offset = self._offset()
        if offset is not None:
            _HEAD.pack_into(self._memory, offset, 0)

    def make_task(
        self, loop: asyncio.AbstractEventLoop, work: Work[T], **how: Any
    ) -> asyncio.Task[T]:
        """Return a task that marks each step of *work*. This is a task factory for event loops."""
        return asyncio.Task(_MarkingCoroutine(work, self), loop=loop, **how)

    def _offset(self) -> int | None:
        try:
            found: int | None = self._mine.offset
        except AttributeError:
            offset = next(self._offsets)
            found = self._mine.offset = offset if offset < len(self._memory) else None
            self._mine.thread_id = threading.get_native_id()
        return found


class MarkedExecutor(ThreadPoolExecutor):
    """An executor that marks each call with its job."""

    def __init__(self, marks: Marks) -> None:
        super().__init__(thread_name_prefix="handlers")
        self._marks = marks

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call *fn* in a thread that is marked with the job of the caller's context."""
        return super().submit(self._marked, _current.get(), partial(fn, *args, **kwargs))

    def _marked(self, text: bytes | None, call: Callable[[], T]) -> T:
        known = _current.set(text)
        self._marks.enter()
        try:
            return call()
        finally:
            self._marks.leave()
            _current.reset(known)


class _MarkingCoroutine(Coroutine[Any, Any, T]):
    """Wraps a coroutine and marks the thread during each step of the coroutine."""

    def __init__(self, work: Work[T], marks: Marks) -> None:
        self._work = work
        self._marks = marks

    def send(self, value: Any) -> Any:
        """Run the next step."""
        self._marks.enter()
        try:
            return self._work.send(value)
        finally:
            self._marks.leave()

    def throw(self, *error: Any) -> Any:
        """Raise an exception in the coroutine as its next step."""
        self._marks.enter()
        try:
            return self._work.throw(*error)
        finally:
            self._marks.leave()

    def close(self) -> None:
        """Close the coroutine."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, T]:
        raise TypeError("only a task may run this coroutine")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)


def read(memory: bytes) -> dict[int, Mark]:
    """Return the marks in *memory*, by the kernel's id of the thread that runs the code."""
    found = {}
    for start in range(0, len(memory), RECORD_BYTES):
        (thread_id,) = _HEAD.unpack_from(memory, start)
        if thread_id:
            text = memory[start + _HEAD.size : start + RECORD_BYTES]
            found[thread_id] = Mark(**json.loads(text))
    return found
