"""``python -m secretary_devstack.provider``: the fake provider, until Ctrl-C."""

from __future__ import annotations

import signal

from secretary_devstack.provider import FakeProvider


def main() -> None:
    """Serve, and print what to set."""
    with FakeProvider() as provider:
        for section in ("MISTRAL", "VISION", "LLM", "TRANSCRIPTION"):
            print(f"export SECRETARY_{section}__BASE_URL={provider.base_url}")  # noqa: T201
            print(f"export SECRETARY_{section}__API_KEY={provider.key}")  # noqa: T201
        for section in ("VISION", "LLM"):
            print(f"export SECRETARY_{section}__MODEL=fake-model", flush=True)  # noqa: T201
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
