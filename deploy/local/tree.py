"""Print the layout: each package of ``libs`` and ``services``, its module count and purpose.

The purpose is the first line of the package's docstring. Run it with any Python 3.11:
``python3 deploy/local/tree.py``, or as ``make tree``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH_WIDTH = 34


@dataclass(frozen=True)
class Package:
    """One package of the repository."""

    name: str
    """Its path without ``src`` and the import name, e.g. ``services/worker/engine``."""
    modules: int
    """How many modules lie in its folder, ``__init__.py`` not counted."""
    docstring: str

    @property
    def depth(self) -> int:
        """0 for a distribution, 1 for its packages, and so on."""
        return self.name.count("/") - 1

    @property
    def purpose(self) -> str:
        """The first line of its docstring."""
        return self.docstring.partition("\n")[0]


def packages(root: Path = ROOT) -> Iterator[Package]:
    """Yield every package of ``libs`` and ``services``, each before the packages inside it."""
    for source in sorted(root.glob("libs/*/src/*/")) + sorted(root.glob("services/*/src/*/")):
        distribution = source.parents[1].relative_to(root)
        for file in sorted(source.rglob("__init__.py"), key=lambda file: file.parent):
            folder = file.parent
            modules = [one for one in folder.glob("*.py") if one != file]
            docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            name = (distribution / folder.relative_to(source)).as_posix()
            yield Package(name, len(modules), docstring)


def main() -> None:
    """Print one line a package."""
    for package in packages():
        label = package.name if package.depth == 0 else package.name.rpartition("/")[2]
        path = "  " * package.depth + label
        print(f"{path:{PATH_WIDTH}}{package.modules:3}  {package.purpose}")


if __name__ == "__main__":
    main()
