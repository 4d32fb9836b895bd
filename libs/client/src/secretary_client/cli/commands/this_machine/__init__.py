"""Commands for this machine: profiles, webhooks for a local server, reading without the API."""
