"""``secretary listen``: the webhooks of all jobs, sent from this machine to a local server.

The events come over ``GET /api/stream``, so a machine that no notifier can reach gets them too. The
command makes the body that the notifier would send, and signs it with a secret of its own.
"""
