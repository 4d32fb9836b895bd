"""Other job systems that do the same work with the same acknowledgements.

Each module has a FastAPI application, ``api``, and the tasks of one job system. They use the names
and defaults of their own documentation. They run in a Python environment of their own, with the
packages of ``requirements.txt``.

The work: the API inserts the job's document and enqueues the task. The worker claims the job,
stores one progress, then the result. A majority acknowledges each of these four writes, with its
journal, and the broker confirms each message.
"""
