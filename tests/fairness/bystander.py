"""A client that does nothing wrong, in a process of its own: how long its requests take.

``python -m fairness.bystander PORT KEY SECONDS`` asks for a list of jobs twenty times a second,
each time at its own time, and prints the 95th percentile of the answers in milliseconds.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time

HOST = "127.0.0.1"
EVERY_SEC = 0.05


def main() -> None:
    """Ask and print."""
    port, key, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    started, answers_ms = time.monotonic(), []
    for number in range(int(seconds / EVERY_SEC)):
        due_at = started + number * EVERY_SEC
        time.sleep(max(due_at - time.monotonic(), 0.0))
        sent_at = time.monotonic()
        connection.request("GET", "/api/jobs/?limit=1", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"the bystander got {answer.status}")
        answers_ms.append((time.monotonic() - sent_at) * 1000)
    sys.stdout.write(f"{statistics.quantiles(answers_ms, n=20)[-1]:.2f}\n")


if __name__ == "__main__":
    main()
