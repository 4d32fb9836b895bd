"""MongoDB, the source of truth: the only package that talks to MongoDB.

Here belong the driver, indexes and the repositories that implement ``ports``. Rules of jobs belong
to ``jobs``; the repositories only carry them out.
"""
