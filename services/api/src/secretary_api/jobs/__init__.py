"""What clients do with jobs: submit, query, follow, cancel, retry and delete them.

Modules here decide and call the store; paths and status codes belong to ``routes``.
"""
