"""The actions of clients on jobs: submit, query, follow, cancel, retry, delete.

Modules here decide and call the store; paths and status codes belong to ``routes``.
"""
