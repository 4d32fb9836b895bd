"""Commands on webhooks, their receivers and endpoints."""
