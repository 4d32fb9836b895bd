"""Ends a worker whose interpreter is frozen, and records which job's code froze or ended it.

Here belong the process that watches, the marks in shared memory that name the running jobs, and the
record of a failure. What a failure means for a job is decided in ``engine/reclaim.py``.
"""
