"""Secrets at rest: encryption, and secret parameters of jobs.

Here belong sealing, opening and redaction. The signing of webhooks belongs to the notifier, the
digests of API keys belong to the API.
"""
