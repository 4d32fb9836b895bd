"""The actions of clients on jobs: submit, query, follow, cancel, retry, delete.

Modules here decide and call the store; paths belong to ``routes``, status codes to ``http``.
"""
