"""``secretary-doctor``: examines the installation with the settings of the services."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence

from secretary_common.doctor.examination import examine, has_fault
from secretary_common.settings.settings import exit_if_misconfigured, load_settings

HEALTHY, FAULTY = 0, 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command: it exits with 0 if nothing is wrong, with 1 if there is a fault."""
    parser = argparse.ArgumentParser(
        prog="secretary-doctor",
        description="Say what is wrong with this installation, each fault in one line.",
        epilog="Exit codes: 0 no fault, 1 a fault, or a configuration that is wrong.",
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # the findings say it, each once
    with exit_if_misconfigured("secretary-doctor"):
        found = asyncio.run(examine(load_settings()))
    if given.json:
        sys.stdout.write(json.dumps([one.model_dump() for one in found], indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{one.line()}\n" for one in found)
    sys.exit(FAULTY if has_fault(found) else HEALTHY)


if __name__ == "__main__":
    main()
