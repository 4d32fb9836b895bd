"""Runs one bench, prints its tables, and writes its results and pictures.

python bench/run.py burst --turns 5 --workers 1 2 4
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from harness import results
from harness.turns import say

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs/performance"
BENCHES = ("burst", "idle", "soak", "growth", "webhooks", "sse", "pdf", "limits")


def _parser(bench: Any, name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"bench {name}", description=bench.__doc__)
    parser.add_argument("--lock", type=Path, help="a file: only one bench measures at a time")
    parser.add_argument("--out", type=Path, default=HERE.parent / ".run/bench")
    bench.add_options(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Run the bench that the first argument names."""
    if not arguments or arguments[0] not in BENCHES:
        say(f"name a bench: {', '.join(BENCHES)}")
        return 2
    name = arguments[0]
    bench = importlib.import_module(name)
    options = _parser(bench, name).parse_args(arguments[1:])
    where = results.machine()
    found = {"bench": name, "machine": where, "options": _shown(options), **bench.measure(options)}
    results.write(options.out / f"{name}.json", found)
    draw(bench, found, options.out)
    print(bench.tables(found), flush=True)
    return 0


def draw(bench: Any, found: results.Record, folder: Path) -> None:
    """Draw the pictures of the results."""
    for name, svg in bench.pictures(found).items():
        (folder / f"{name}.svg").write_text(svg)


def _shown(options: argparse.Namespace) -> results.Record:
    return {name: value for name, value in vars(options).items() if name not in ("lock", "out")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
