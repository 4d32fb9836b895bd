"""The rules of jobs: transitions, backoff, outbox, webhook bodies, storable values, usage.

Here belong decisions that several services or stores share. Queries and documents belong to
``mongo``; the rules of a running attempt belong to the worker.
"""
