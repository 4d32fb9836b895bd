"""The interface of everything that is started and stopped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Startable(ABC):
    """Runs between ``start`` and ``stop``, or inside a ``with`` statement; may be started again."""

    @abstractmethod
    def start(self) -> None:
        """Start the parts that do not run; return when all are ready."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the parts that run, cleanly; does nothing if none runs."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()  # some parts may run already
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
