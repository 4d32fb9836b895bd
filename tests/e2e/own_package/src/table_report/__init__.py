"""A handler package of a user's own, written from docs/handlers.md alone.

It describes the columns of a CSV file and uses every service that the worker offers: settings,
cache, local files, uploads, child processes and templates.
"""
