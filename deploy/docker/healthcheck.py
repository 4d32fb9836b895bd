"""Exits with 0 if the service in this container answers ``/health/live``; for ``HEALTHCHECK``.

It asks for ``live``, not ``ready``: orchestrators restart unhealthy containers, and a restart would
not bring MongoDB back. It connects directly, without a proxy that the environment may set.
"""

import http.client
import os
import sys

TIMEOUT_SEC = 4.0


def is_alive(port: int) -> bool:
    """Return whether the service on *port* of this container answers that it is live."""
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
