"""What is started and stopped, in a ``with`` statement too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Startable(ABC):
    """Something that runs between ``start`` and ``stop``, as often as one likes."""

    @abstractmethod
    def start(self) -> None:
        """Start what is down; return when it is ready."""

    @abstractmethod
    def stop(self) -> None:
        """Stop what is up, cleanly; harmless when nothing is."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()  # what had come up already
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
