"""The console script ``secretary``.

Its commands need the packages of the extra ``cli``. Without them the script says how to install
them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

_NEEDED = ("rich", "typer")
_NOT_INSTALLED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in *arguments* (default: of this process); return its exit code."""
    try:
        from secretary_client.cli.app import run  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _NEEDED:
            raise
        sys.stderr.write(f'secretary: {package} is missing: pip install "secretary-client[cli]"\n')
        return _NOT_INSTALLED
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
