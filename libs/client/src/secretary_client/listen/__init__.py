"""The webhooks of all jobs, sent from this machine to a local server, for ``secretary listen``.

``feed`` reads the events of ``GET /api/stream``, so a machine that no notifier can reach gets them
too. ``body`` makes the webhook that the notifier would send. ``forwarder`` keeps the order of each
job's events, and ``sender`` sends them until the local server accepts them.
"""
