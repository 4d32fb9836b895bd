"""Makes the requests, signed and to vetted addresses, and removes secrets from the answers."""
