"""The code in docs/webhooks.md verifies the signatures of the notifier."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from secretary_devstack.processes.system_keys import SystemKeys
from secretary_notifier.sending.signing import signed_headers

DOCUMENT = Path(__file__).parents[3] / "docs" / "webhooks.md"
BODY = '{"message": "Grüße"}\n'.encode()


def snippet(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(found)


def test_the_documented_shell_lines_verify(tmp_path: Path) -> None:
    secret = SystemKeys.make().signing
    (tmp_path / "body.json").write_bytes(BODY)
    moment = 1_800_000_000
    environment = {"SECRET": secret, "WEBHOOK_ID": "msg_1", "WEBHOOK_TIMESTAMP": str(moment)}
    done = subprocess.run(
        ["sh", "-c", snippet("sh")],
        cwd=tmp_path,
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )
    expected = Webhook(secret).sign("msg_1", datetime.fromtimestamp(moment, UTC), BODY.decode())
    assert f"v1,{done.stdout.strip()}" == expected


def node_says(secret: str, headers: dict[str, str], body: bytes) -> bool:
    node = shutil.which("node")
    assert node, "the documented Node lines are run with node: install nodejs"
    call = f"isOurs({json.dumps(secret)}, {json.dumps(headers)}, Buffer.from({[*body]}))"
    done = subprocess.run(
        [node, "-e", f"{snippet('js')}\nconsole.log({call});"],
        capture_output=True,
        check=True,
        text=True,
    )
    return {"true\n": True, "false\n": False}[done.stdout]


def test_the_documented_node_lines_accept_only_our_signatures() -> None:
    mine, old, other = (SystemKeys.make().signing for _ in range(3))
    now = datetime.now(UTC)
    headers = signed_headers("msg_1", now, BODY, [mine, old])
    assert node_says(mine, headers, BODY)
    assert node_says(old, headers, BODY), "during a rotation either secret verifies"
    assert not node_says(other, headers, BODY)
    assert not node_says(mine, headers, BODY + b" ")
    assert not node_says(mine, {**headers, "webhook-signature": ""}, BODY)
    past = signed_headers("msg_1", datetime.fromtimestamp(now.timestamp() - 400, UTC), BODY, [mine])
    assert not node_says(mine, past, BODY)
    assert not node_says(mine, {**headers, "webhook-timestamp": "soon"}, BODY)


def test_the_documented_python_lines_verify() -> None:
    secret = SystemKeys.make().signing
    names = {
        "secret": secret,
        "body_bytes": BODY,
        "headers": signed_headers("msg_1", datetime.now(UTC), BODY, [secret]),
    }
    exec(snippet("python"), names)
    assert names["payload"] == json.loads(BODY)


@pytest.mark.parametrize("phase", ["processing", "completed", "failed", "cancelled", "test"])
def test_every_phase_is_documented(phase: str) -> None:
    assert f'{{"phase": "{phase}"' in DOCUMENT.read_text()
