"""Ends a worker whose interpreter is frozen, and records which job's code froze or ended it.

The watchdog process belongs here, with the marks in shared memory that name the running jobs, and
the recorder of worker failures. ``engine/reclaim.py`` decides what a failure means for its job.
"""
