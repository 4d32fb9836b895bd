"""Runs one bench, prints its tables, and writes its results and pictures.

python bench/run.py burst --turns 5 --workers 1 2 4
python bench/run.py report

With ``--out docs/performance`` the results become those of the documentation. Then ``report`` draws
the pictures and puts them with the tables into docs/performance.md, between the marks of a bench.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from harness import results
from harness.turns import say

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/performance.md"
DOCUMENTED = ROOT / "docs/performance"
BENCHES = (
    "burst",
    "idle",
    "soak",
    "growth",
    "queries",
    "webhooks",
    "sse",
    "restarts",
    "dashboard",
    "pdf",
    "sandbox",
    "ceilings",
    "hotspots",
    "objects",
    "tracing",
)
REPORT = "report"


def main(arguments: list[str]) -> int:
    """Run the bench that the first argument names."""
    name = arguments[0] if arguments else ""
    if name == REPORT:
        report()
        return 0
    if name not in BENCHES:
        say(f"name a bench: {', '.join(BENCHES)}; or {REPORT}")
        return 2
    bench = importlib.import_module(name)
    options = _parser(bench, name).parse_args(arguments[1:])
    where = results.machine()
    found = {"bench": name, "machine": where, "options": _shown(options), **bench.measure(options)}
    results.write(options.out / f"{options.name or name}.json", found)
    _draw(bench, found, options.out, options.name or name)
    print(bench.tables(found), flush=True)
    return 0


def report() -> None:
    """Draw the pictures of docs/performance.md and write its tables, from the results beside it."""
    text = DOCUMENT.read_text()
    for path in sorted(DOCUMENTED.glob("*.json")):
        found = results.read(path)
        bench = importlib.import_module(found["bench"])
        drawn = _draw(bench, found, DOCUMENTED, path.stem)
        images = "\n".join(f"![{name}]({DOCUMENTED.name}/{name}.svg)" for name in drawn)
        parts = (images, bench.tables(found), _where(found))
        text = results.with_tables(text, path.stem, "\n\n".join(parts))
    DOCUMENT.write_text(text)


def _where(found: results.Record) -> str:
    where = found["machine"]
    options = ", ".join(
        f"{name} {_text(value)}" for name, value in found["options"].items() if value
    )
    changed = " with changes" if where["changed"] else ""
    return (
        f"{where['at'][:10]}, commit {where['commit']}{changed}, {where['cpus']} CPUs, "
        f"load average before {where['load_average']:.1f}, Python {where['python']}. "
        f"Options: {options}."
    )


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _draw(bench: Any, found: results.Record, folder: Path, name: str) -> list[str]:
    """Draw the pictures of the results; return their names, which begin with *name*."""
    drawn = {
        picture.replace(found["bench"], name, 1): svg
        for picture, svg in bench.pictures(found).items()
    }
    for picture, svg in drawn.items():
        (folder / f"{picture}.svg").write_text(svg)
    return list(drawn)


def _parser(bench: Any, name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"bench {name}", description=bench.__doc__)
    parser.add_argument("--lock", type=Path, help="a file: only one bench measures at a time")
    parser.add_argument("--out", type=Path, default=ROOT / ".run/bench", help="for the results")
    parser.add_argument("--name", default="", help="of the results; the default is the bench's")
    bench.add_options(parser)
    return parser


def _shown(options: argparse.Namespace) -> results.Record:
    own = ("lock", "out", "name", "py_spy")
    return {name: value for name, value in vars(options).items() if name not in own}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
