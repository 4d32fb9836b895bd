"""Exits 0 if the service in this container answers ``/health/live``; for ``HEALTHCHECK``.

Alive, not ready: orchestrators restart what is unhealthy, and no restart here brings MongoDB back.
Straight to the port, so that no proxy of the environment comes between.
"""

import http.client
import os
import sys

TIMEOUT_SEC = 4.0


def is_alive(port: int) -> bool:
    """Whether the service on *port* of this container says that it lives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SEC)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_alive(int(os.environ[sys.argv[1]])))
