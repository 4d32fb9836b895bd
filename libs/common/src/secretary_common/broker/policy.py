"""Sets a policy: RabbitMQ keeps a doorbell however often workers give it back.

RabbitMQ 4 drops a message of a quorum queue after 20 deliveries. A worker without a free slot gives
doorbells back, so the policy switches the limit off. AMQP cannot set a policy, so the management
API is used.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit

from secretary_common.runtime.log import get_logger

log = get_logger(__name__)

TIMEOUT_SEC = 10.0
POLICY = {
    "pattern": r"^secretary\.",
    "definition": {"delivery-limit": -1},
    "apply-to": "quorum_queues",
    "priority": 0,
}


def set_policy(management_url: str, virtual_host: str = "/") -> bool:
    """Switch the delivery limit off; return False if the broker is unreachable or refuses.

    RabbitMQ before 4.0 refuses, because it has no such limit.

    Args:
        management_url: ``http://user:password@host:15672``.
        virtual_host: the virtual host of the queues.
    """
    parts = urlsplit(management_url)
    address = f"{parts.scheme}://{parts.hostname}:{parts.port or 15672}"
    request = urllib.request.Request(  # noqa: S310 - the operator's own URL
        f"{address}/api/policies/{quote(virtual_host, safe='')}/secretary",
        data=json.dumps(POLICY).encode(),
        method="PUT",
        headers={"Content-Type": "application/json"},
    )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SEC):  # noqa: S310 - as above
            return True
    except HTTPError as error:
        log.warning("broker.policy_refused", status=error.code)
    except (URLError, OSError) as error:
        log.warning("broker.policy_not_set", reason=str(error))
    return False
