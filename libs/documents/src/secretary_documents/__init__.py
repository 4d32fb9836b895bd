"""The built-in job types ``pdf``, ``transformer`` and ``session``, as a handler package.

The code that reads documents belongs here: ``pdf``, ``web``, ``media``, ``templates``, and the
clients of remote ``providers``. ``handlers`` has one package for each job type, and ``wiring``
builds and registers the handlers. Like a user's handler package, this package uses only the
worker's public API. Claims, leases, the store and the broker do not belong here.
"""
