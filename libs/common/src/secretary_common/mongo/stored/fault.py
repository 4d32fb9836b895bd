"""What a document has that its model does not take."""

from __future__ import annotations

from dataclasses import dataclass


class Mismatch(Exception):
    """A value at *path* that the model does not take."""

    def __init__(self, problem: str, *path: str, word: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
        self.word = word

    def below(self, name: str) -> Mismatch:
        """Return this mismatch as it is seen one level higher."""
        return Mismatch(self.problem, name, *self.path, word=self.word)


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that this version cannot read. ``problem`` names types, never values."""

    path: tuple[str, ...]
    problem: str
    word: str | None = None
    """A word that only a newer version knows."""

    @property
    def top(self) -> str:
        """The top-level field."""
        return self.path[0]

    @property
    def field(self) -> str:
        """The path of the field, with dots."""
        return ".".join(self.path)

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"
