"""The API's image has only the packages in its own requirements.lock."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[3] / "services/api/requirements.lock"
_PROGRAM = """
import sys
for name in {missing}:
    sys.modules[name] = None
import secretary_api.main
"""


def test_the_api_needs_no_client_for_outgoing_requests() -> None:
    locked = re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE)
    missing = sorted({"httpx", "aiohttp", "boto3", "moto"} - set(locked))
    assert missing == ["aiohttp", "boto3", "httpx", "moto"]
    program = _PROGRAM.format(missing=missing)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
