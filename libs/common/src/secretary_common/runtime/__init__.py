"""Parts of a running process: clock, logs, metrics, health, lifecycle, group commit.

Here belongs code that knows nothing about jobs, stores or brokers.
"""
