"""The TLS settings of outgoing requests: trusted authorities, and the client's certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from secretary_common.errors import ConfigurationError


def client_tls(
    ca_file: Path | None = None,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
) -> ssl.SSLContext:
    """Return TLS settings that trust the public authorities. A call takes tens of milliseconds.

    Args:
        ca_file: PEM certificates of further authorities (``security.ca_file``).
        certificate: a PEM certificate, with its chain, for servers that ask for one
            (``notifier.client_cert``).
        key: its key in PEM, if the key is not in *certificate* (``notifier.client_key``).

    Raises:
        ConfigurationError: a file cannot be read or used; the message names its setting.
    """
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"security.ca_file: {ca_file} has no certificates that can be read ({error})"
            ) from None
    if certificate is not None:
        try:
            # With the empty password, OpenSSL refuses an encrypted key and does not ask a terminal.
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                "notifier.client_cert, notifier.client_key: "
                f"they do not hold a certificate and its key without a password ({error})"
            ) from None
    return context
