"""The shell lines of docs/webhooks.md compute the signature the notifier sends."""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

from secretary_devstack.stack import Keys

DOCUMENT = Path(__file__).parents[3] / "docs" / "webhooks.md"


def test_the_documented_shell_lines_verify(tmp_path: Path) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    secret, body = Keys.make().signing, '{"message": "Grüße"}\n'
    (tmp_path / "body.json").write_text(body)
    moment = 1_800_000_000
    environment = {"SECRET": secret, "WEBHOOK_ID": "msg_1", "WEBHOOK_TIMESTAMP": str(moment)}
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )
    expected = Webhook(secret).sign("msg_1", datetime.fromtimestamp(moment, UTC), body)
    assert f"v1,{done.stdout.strip()}" == expected
