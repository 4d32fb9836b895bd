"""``python -m secretary_devstack.provider``: runs the fake provider until Ctrl-C."""

from __future__ import annotations

import signal

from secretary_devstack.provider import FakeProvider


def main() -> None:
    """Serve until a signal, and print settings with which Secretary uses this provider."""
    with FakeProvider() as provider:
        settings = {
            f"{section}__{name}": value
            for section in ("MISTRAL", "VISION", "LLM", "TRANSCRIPTION")
            for name, value in (("BASE_URL", provider.base_url), ("API_KEY", provider.key))
        }
        settings |= dict.fromkeys(("VISION__MODEL", "LLM__MODEL"), "fake-model")
        lines = [f"export SECRETARY_{name}={value}" for name, value in settings.items()]
        print("\n".join(lines), flush=True)  # noqa: T201 - a shell evaluates it
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
