"""Ends a worker whose interpreter is frozen, and records which job's code froze or ended it.

Here belong the process that watches, the marks in shared memory that name the running jobs, and the
record of a silence. What a silence means for a job is decided in ``engine/reclaim.py``.
"""
