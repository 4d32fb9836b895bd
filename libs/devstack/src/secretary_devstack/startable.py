"""The base class of servers and systems that are started and stopped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Startable(ABC):
    """Runs between ``start`` and ``stop``, or inside a ``with`` statement."""

    @abstractmethod
    def start(self) -> None:
        """Start all parts that do not run; return when all parts are ready."""

    @abstractmethod
    def stop(self) -> None:
        """Stop all parts that run, cleanly."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()  # some parts may be running
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
