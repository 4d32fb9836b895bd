"""MongoDB, the source of truth: the only package that talks to MongoDB.

Here belong the repositories that implement ``ports``, the indexes, the tolerant reading of
documents, and the driver (``mongo.driver``). Rules of jobs belong to ``jobs``; the repositories
only carry them out.
"""
