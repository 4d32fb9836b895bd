"""Sends operator events: to endpoints as signed webhooks, and to services that apprise knows."""
