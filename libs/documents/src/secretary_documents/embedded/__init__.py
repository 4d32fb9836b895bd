"""Reads documents without a server: ``secretary_documents.extract`` and ``extract_async``.

The same readers run in the same sandbox as in a ``document`` job, and the results are the same.
There is no job, no store and no cache.
"""
