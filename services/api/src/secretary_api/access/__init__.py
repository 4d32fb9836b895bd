"""The API keys of requests: their checks, their limits, and the record of their changes.

``principal`` says what a key may do. ``keyring`` verifies keys, ``sessions`` the cookies of the
dashboard. The rules about single jobs and uploads belong in ``jobs`` and ``files``.
"""
